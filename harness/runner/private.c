/* SPDX-License-Identifier: MIT */
#include "runner/private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "runner/cookie.h"

#define REPORT_BYTES_MAX (4u << 20)
#define COPY_BYTES (1u << 30)
#define LOG_KEPT_BYTES (256 << 10) /* of a log that a branch takes along */
#define DEPTH_MAX 64

static const char *const folders[] = {"home", "home/.config", "home/.local", "home/.local/share",
                                      "home/.local/state", "home/.cache", "tmp", "run"};

int moth_private_make(struct moth_private *folder, struct moth_err *err)
{
    *folder = (struct moth_private){.fd = -1, .log_fd = -1};
    folder->path = moth_cookie_make_folder(err);
    if (folder->path == NULL)
        return -1;
    folder->fd = open(folder->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    bool made = folder->fd >= 0;
    for (size_t i = 0; made && i < sizeof folders / sizeof *folders; i++)
        made = mkdirat(folder->fd, folders[i], 0700) == 0;
    if (made)
        folder->log_fd = openat(folder->fd, "log", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    if (made && folder->log_fd >= 0)
        return 0;
    moth_err_sys(err, MOTH_ERR_IO, "cannot fill the private folder '%s'", folder->path);
    moth_private_remove(folder);
    return -1;
}

/* ---- copies ---- */

/* By reference where the file system can, else the bytes; from `offset` on. */
static bool copy_bytes(int from, int to, off_t offset)
{
    if (offset == 0 && ioctl(to, FICLONE, from) == 0)
        return true;
    ssize_t n;
    off_t at = offset;
    while ((n = copy_file_range(from, &at, to, NULL, COPY_BYTES, 0)) > 0)
        continue;
    if (n == 0)
        return true;
    while ((n = sendfile(to, from, &at, COPY_BYTES)) > 0) /* across file systems that do not know it */
        continue;
    return n == 0;
}

static bool copy_file(int from_folder, int to_folder, const char *name, const struct stat *st, off_t offset)
{
    int from = openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to = openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    bool copied = from >= 0 && to >= 0 && (st->st_size == 0 || copy_bytes(from, to, offset)) &&
                  fchmod(to, st->st_mode & 07777) == 0 && futimens(to, times) == 0;
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return copied;
}

static bool copy_link(int from_folder, int to_folder, const char *name)
{
    char target[4096];
    ssize_t n = readlinkat(from_folder, name, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    return n > 0 && symlinkat(target, to_folder, name) == 0;
}

static bool copy_folder(int from, int to, unsigned depth);

static bool copy_entry(int from, int to, const char *name, unsigned depth)
{
    struct stat st;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISREG(st.st_mode)) {
        bool log = depth == 0 && strcmp(name, "log") == 0 && st.st_size > LOG_KEPT_BYTES;
        return copy_file(from, to, name, &st, log ? st.st_size - LOG_KEPT_BYTES : 0);
    }
    if (S_ISLNK(st.st_mode))
        return copy_link(from, to, name);
    if (S_ISFIFO(st.st_mode))
        return mkfifoat(to, name, st.st_mode & 07777) == 0;
    if (!S_ISDIR(st.st_mode))
        return true; /* a socket: who listens there is in another branch */
    int below = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool made = below >= 0 && mkdirat(to, name, 0700) == 0;
    int there = made ? openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    const struct timespec times[2] = {st.st_atim, st.st_mtim};
    bool copied = there >= 0 && copy_folder(below, there, depth + 1) && fchmod(there, st.st_mode & 07777) == 0 &&
                  futimens(there, times) == 0;
    if (there >= 0)
        close(there);
    else if (below >= 0)
        close(below);
    return copied;
}

/* Closes `from`. */
static bool copy_folder(int from, int to, unsigned depth)
{
    DIR *folder = depth < DEPTH_MAX ? fdopendir(from) : NULL;
    if (folder == NULL) {
        close(from);
        return false;
    }
    bool copied = true;
    struct dirent *entry;
    while (copied && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            copied = copy_entry(from, to, entry->d_name, depth);
    closedir(folder);
    return copied;
}

int moth_private_copy(const struct moth_private *from, struct moth_private *to, struct moth_err *err)
{
    *to = (struct moth_private){.fd = -1, .log_fd = -1};
    to->path = moth_cookie_make_folder(err);
    if (to->path == NULL)
        return -1;
    int source = open(from->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    to->fd = open(to->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    bool copied = source >= 0 && to->fd >= 0 && copy_folder(source, to->fd, 0);
    if (copied)
        to->log_fd = openat(to->fd, "log", O_RDWR | O_APPEND | O_CLOEXEC);
    if (copied && to->log_fd >= 0)
        return 0;
    moth_err_sys(err, MOTH_ERR_IO, "cannot copy the private folder '%s'", from->path);
    moth_private_remove(to);
    return -1;
}

void moth_private_remove(struct moth_private *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    if (folder->log_fd >= 0)
        close(folder->log_fd);
    if (folder->path != NULL)
        moth_fs_remove_tree(folder->path, NULL);
    free(folder->path);
    *folder = (struct moth_private){.fd = -1, .log_fd = -1};
}

char *moth_private_sanitizer_report(const struct moth_private *folder)
{
    char *report = NULL;
    DIR *dir = folder->path != NULL ? opendir(folder->path) : NULL;
    struct dirent *entry;
    while (dir != NULL && report == NULL && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "sanitizer.", 10) != 0)
            continue;
        char *path = moth_fs_path("%s/%s", folder->path, entry->d_name);
        struct stat st;
        if (stat(path, &st) == 0 && st.st_size > 0)
            report = moth_fs_read(path, REPORT_BYTES_MAX, NULL, NULL);
        free(path);
    }
    if (dir != NULL)
        closedir(dir);
    return report;
}
