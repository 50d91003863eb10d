/* SPDX-License-Identifier: MIT */
#include "runner/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "runner/cookie.h"

#define REPORT_BYTES_MAX (4u << 20)
#define COPY_BYTES (1u << 30)
#define LOG_KEPT_BYTES (256 << 10) /* of a log that a branch takes along */
#define DEPTH_MAX 64
#define SPARES_MAX 8
#define LINKED_MAX 64

static const char *const folders[] = {
    "home",        "home/.config", "home/.local", "home/.local/share", "home/.local/state",
    "home/.cache", "tmp",          "run"};

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

/*
 * A branch needs a copy of the folder, and making folders is the dearest part of a branch. So the folders
 * of branches that ended are kept and made alike again: mostly nothing was written, and there is nothing
 * to do but to look. A file counts as alike by size and time of change. Where that could deceive (it
 * changed in the very tick of the copy, or its time has no fraction, as when somebody set it, or files are written
 * through memory) it is copied.
 */
static struct moth_private spare[SPARES_MAX];
static unsigned n_spare;
static bool times_tell; /* in the copy that is being made */

/* Without the folder itself and the one above. */
static struct dirent *next_entry(DIR *dir)
{
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry;
    return NULL;
}

static bool removed(int folder, const char *name)
{
    return moth_fs_remove_tree_at(folder, name) == 0 || errno == ENOENT;
}

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
    struct timespec times[2] = {st->st_atim, st->st_mtim}, now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == times[1].tv_sec && now.tv_nsec <= times[1].tv_nsec)
        times[1].tv_nsec = 0; /* what is written to the copy now would look alike */
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

/* Files with several names, as far as they were copied in this copy: the other names are made of the first.
 */
static struct {
    dev_t device;
    ino_t inode;
    int fd; /* of the copy */
} linked[LINKED_MAX];
static unsigned n_linked;

static bool copy_name(int from_folder, int to_folder, const char *name, const struct stat *st)
{
    char path[32];
    for (unsigned i = 0; i < n_linked; i++)
        if (linked[i].device == st->st_dev && linked[i].inode == st->st_ino) {
            snprintf(path, sizeof path, "/proc/self/fd/%d", linked[i].fd);
            return linkat(AT_FDCWD, path, to_folder, name, AT_SYMLINK_FOLLOW) == 0;
        }
    if (!copy_file(from_folder, to_folder, name, st, 0))
        return false;
    int fd = n_linked < LINKED_MAX ? openat(to_folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd >= 0) {
        linked[n_linked].device = st->st_dev;
        linked[n_linked].inode = st->st_ino;
        linked[n_linked++].fd = fd;
    }
    return true;
}

static void forget_names(void)
{
    while (n_linked > 0)
        close(linked[--n_linked].fd);
}

static bool alike(const struct stat *a, const struct stat *b)
{
    return times_tell && S_ISREG(a->st_mode) && a->st_nlink == 1 && b->st_nlink == 1 && a->st_mode == b->st_mode &&
           a->st_size == b->st_size && a->st_mtim.tv_nsec != 0 && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool make_alike(int from, int to, unsigned depth);

/* `old`: what is there; NULL: nothing. */
static bool folder_alike(int from, int to, const char *name, const struct stat *st, const struct stat *old,
                         unsigned depth)
{
    int source = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0 || (old == NULL && mkdirat(to, name, 0700) != 0)) {
        if (source >= 0)
            close(source);
        return false;
    }
    int copy = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (copy < 0)
        close(source);
    return copy >= 0 && make_alike(source, copy, depth + 1) &&
           ((old != NULL && old->st_mode == st->st_mode) ||
            fchmodat(to, name, st->st_mode & 07777, 0) == 0);
}

static bool entry_alike(int from, int to, const char *name, unsigned depth)
{
    struct stat st, old;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    bool there = fstatat(to, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
    bool log = depth == 0 && strcmp(name, "log") == 0;
    if (there && alike(&st, &old))
        return true;
    if (there && !(S_ISDIR(st.st_mode) && S_ISDIR(old.st_mode)) && !removed(to, name))
        return false;
    if (S_ISREG(st.st_mode) && st.st_nlink > 1)
        return copy_name(from, to, name, &st);
    if (S_ISREG(st.st_mode))
        return copy_file(from, to, name, &st,
                         log && st.st_size > LOG_KEPT_BYTES ? st.st_size - LOG_KEPT_BYTES : 0);
    if (S_ISDIR(st.st_mode))
        return folder_alike(from, to, name, &st, there && S_ISDIR(old.st_mode) ? &old : NULL, depth);
    if (S_ISLNK(st.st_mode))
        return copy_link(from, to, name);
    if (S_ISFIFO(st.st_mode))
        return mkfifoat(to, name, st.st_mode & 07777) == 0;
    return true; /* a socket: who listens there is in another branch */
}

/* Remove from `to` what is not in `from`. */
static bool remove_others(int from, DIR *to)
{
    struct dirent *entry;
    struct stat st;
    bool fine = true;
    while (fine && (entry = next_entry(to)) != NULL)
        if (fstatat(from, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            fine = removed(dirfd(to), entry->d_name);
    return fine;
}

/* Closes both. */
static bool make_alike(int from, int to, unsigned depth)
{
    DIR *source = depth < DEPTH_MAX ? fdopendir(from) : NULL, *copy = source != NULL ? fdopendir(to) : NULL;
    bool fine = copy != NULL && remove_others(from, copy);
    struct dirent *entry;
    while (fine && (entry = next_entry(source)) != NULL)
        fine = entry_alike(from, to, entry->d_name, depth);
    if (source != NULL)
        closedir(source);
    else
        close(from);
    if (copy != NULL)
        closedir(copy);
    else
        close(to);
    return fine;
}

static int take_folder(struct moth_private *folder, struct moth_err *err)
{
    *folder = (struct moth_private){.fd = -1, .log_fd = -1};
    if (n_spare > 0) {
        *folder = spare[--n_spare];
        return 0;
    }
    folder->path = moth_cookie_make_folder(err);
    if (folder->path == NULL)
        return -1;
    folder->fd = open(folder->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    return folder->fd >= 0 ? 0 : moth_err_sys(err, MOTH_ERR_IO, "cannot open '%s'", folder->path);
}

int moth_private_copy(const struct moth_private *from, struct moth_private *to, struct moth_err *err)
{
    if (take_folder(to, err) != 0) {
        moth_private_remove(to);
        return -1;
    }
    times_tell = !from->mapped && !to->mapped;
    to->mapped = false;
    int source = openat(from->fd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    int copy = openat(to->fd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (source >= 0 && copy >= 0 && make_alike(source, copy, 0))
        to->log_fd = openat(to->fd, "log", O_RDWR | O_APPEND | O_CLOEXEC);
    forget_names();
    if (to->log_fd >= 0)
        return 0;
    moth_err_sys(err, MOTH_ERR_IO, "cannot copy the private folder '%s'", from->path);
    moth_private_remove(to);
    return -1;
}

/* ---- images ---- */

static struct moth_private newest; /* holds a reference of its own */

static bool same_link(int a, int b, const char *name)
{
    char one[4096], other[4096];
    ssize_t n = readlinkat(a, name, one, sizeof one), m = readlinkat(b, name, other, sizeof other);
    return n >= 0 && n == m && memcmp(one, other, (size_t)n) == 0;
}

static bool same_tree(int a, int b, unsigned depth);

static bool same_entry(int a, int b, const char *name, unsigned depth)
{
    struct stat st, other;
    if (fstatat(a, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISSOCK(st.st_mode))
        return true; /* not copied */
    if (fstatat(b, name, &other, AT_SYMLINK_NOFOLLOW) != 0 || st.st_mode != other.st_mode)
        return false;
    if (S_ISLNK(st.st_mode))
        return same_link(a, b, name);
    return S_ISDIR(st.st_mode) ? same_tree(openat(a, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                           openat(b, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), depth + 1)
                               : alike(&st, &other);
}

/* Closes both. */
static bool same_tree(int a, int b, unsigned depth)
{
    DIR *one = a >= 0 && depth < DEPTH_MAX ? fdopendir(a) : NULL;
    struct dirent *entry;
    struct stat st;
    bool same = one != NULL && b >= 0;
    while (same && (entry = next_entry(one)) != NULL)
        same = same_entry(a, b, entry->d_name, depth);
    DIR *other = same ? fdopendir(b) : NULL;
    while (other != NULL && same && (entry = next_entry(other)) != NULL)
        same = fstatat(a, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    same = same && other != NULL;
    if (other != NULL)
        closedir(other);
    else if (b >= 0)
        close(b);
    if (one != NULL)
        closedir(one);
    else if (a >= 0)
        close(a);
    return same;
}

/* True: it is still somebody else's. */
static bool dereference(struct moth_private *folder)
{
    if (folder->references == NULL)
        return false;
    bool others = --*folder->references > 0;
    if (!others)
        free(folder->references);
    folder->references = NULL;
    if (others)
        *folder = (struct moth_private){.fd = -1, .log_fd = -1};
    return others;
}

int moth_private_freeze(const struct moth_private *from, struct moth_private *to, struct moth_err *err)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    times_tell = !from->mapped;
    if (newest.path != NULL && same_tree(openat(from->fd, ".", flags), openat(newest.fd, ".", flags), 0)) {
        ++*newest.references;
        *to = newest;
        return 0;
    }
    if (moth_private_copy(from, to, err) != 0)
        return -1;
    to->references = calloc(1, sizeof *to->references);
    if (to->references == NULL)
        abort();
    *to->references = 2;
    if (newest.path != NULL)
        moth_private_spare(&newest);
    newest = *to;
    return 0;
}

/* ---- ends ---- */

void moth_private_spare(struct moth_private *folder)
{
    if (dereference(folder))
        return;
    if (n_spare == SPARES_MAX || folder->path == NULL) {
        moth_private_remove(folder);
        return;
    }
    if (folder->log_fd >= 0)
        close(folder->log_fd);
    folder->log_fd = -1;
    spare[n_spare++] = *folder;
    *folder = (struct moth_private){.fd = -1, .log_fd = -1};
}

void moth_private_clear_spares(void)
{
    if (newest.path != NULL)
        moth_private_remove(&newest);
    while (n_spare > 0)
        moth_private_remove(&spare[--n_spare]);
}

void moth_private_remove(struct moth_private *folder)
{
    if (dereference(folder))
        return;
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
