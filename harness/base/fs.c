/* SPDX-License-Identifier: MIT */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t n = write(fd, bytes, size_bytes);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        bytes += n;
        size_bytes -= (size_t)n;
    }
    return 0;
}

/* A new file beside `path`. Not mkstemp: the file is to have the mode that the umask gives it. */
static int open_temporary(const char *path, char **temporary)
{
    static atomic_uint serial;
    *temporary = moth_fs_path("%s.tmp-%d-%u", path, (int)getpid(), atomic_fetch_add(&serial, 1));
    (void)unlink(*temporary); /* of a process that died with our pid */
    return open(*temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

int moth_fs_write_atomic(const char *path, const void *bytes, size_t size_bytes, struct moth_err *err)
{
    char *temporary;
    int fd = open_temporary(path, &temporary);
    if (fd < 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", path);
        free(temporary);
        return -1;
    }
    bool failed = write_all(fd, bytes, size_bytes) != 0 || fsync(fd) != 0;
    int kept_errno = errno;
    if (close(fd) != 0 && !failed) {
        failed = true;
        kept_errno = errno;
    }
    if (!failed && rename(temporary, path) != 0) {
        failed = true;
        kept_errno = errno;
    }
    if (failed) {
        (void)unlink(temporary);
        errno = kept_errno;
        moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", path);
    }
    free(temporary);
    return failed ? -1 : 0;
}

/* The whole of fd into memory that grows by what is really there, never by what a size field says. */
static char *read_to_end(int fd, const char *path, size_t limit_bytes, size_t *size_bytes,
                         struct moth_err *err)
{
    size_t capacity = 0, used = 0;
    char *bytes = NULL;
    for (;;) {
        if (used + 1 >= capacity) {
            size_t wanted = capacity ? capacity * 2 : 16384;
            char *grown = realloc(bytes, wanted);
            if (!grown) {
                moth_err_set(err, MOTH_ERR_MEMORY, "%s: out of memory after %zu bytes", path, used);
                break;
            }
            bytes = grown;
            capacity = wanted;
        }
        ssize_t n = read(fd, bytes + used, capacity - used - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            moth_err_sys(err, MOTH_ERR_IO, "cannot read %s", path);
            break;
        }
        if (n == 0) {
            bytes[used] = '\0';
            if (size_bytes)
                *size_bytes = used;
            return bytes;
        }
        used += (size_t)n;
        if (used > limit_bytes) {
            moth_err_set(err, MOTH_ERR_IO, "%s is larger than %zu bytes", path, limit_bytes);
            break;
        }
    }
    free(bytes);
    return NULL;
}

char *moth_fs_read(const char *path, size_t limit_bytes, size_t *size_bytes, struct moth_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot read %s", path);
        return NULL;
    }
    char *bytes = read_to_end(fd, path, limit_bytes, size_bytes, err);
    close(fd);
    return bytes;
}

int moth_fs_make_dirs(const char *path, struct moth_err *err)
{
    char *part = moth_fs_path("%s", path);
    int result = 0;
    for (char *at = part + strspn(part, "/"); result == 0; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        struct stat st;
        if (*part && mkdir(part, 0777) != 0 && errno != EEXIST)
            result = moth_err_sys(err, MOTH_ERR_IO, "cannot make the folder %s", part);
        else if (*part && stat(part, &st) == 0 && !S_ISDIR(st.st_mode))
            result = moth_err_set(err, MOTH_ERR_IO, "cannot make the folder %s: %s is a file", path, part);
        *at = kept;
        if (kept == '\0')
            break;
    }
    free(part);
    return result;
}

static int remove_entry(int folder_fd, const char *name);

static int remove_contents(int folder_fd)
{
    /* fdopendir takes the descriptor over, and ours is the caller's. */
    int own_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own_fd < 0 ? NULL : fdopendir(own_fd);
    if (!folder) {
        if (own_fd >= 0)
            close(own_fd);
        return -1;
    }
    int result = 0;
    struct dirent *entry;
    while ((errno = 0, entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (remove_entry(folder_fd, entry->d_name) != 0)
            result = -1;
    }
    int kept_errno = errno;
    closedir(folder);
    errno = kept_errno;
    return result;
}

static int remove_entry(int folder_fd, const char *name)
{
    if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == EACCES && fchmodat(folder_fd, name, 0700, 0) == 0)
        fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    (void)fchmod(fd, 0700); /* a folder made read-only by the game would keep its files */
    int result = remove_contents(fd);
    close(fd);
    if (result == 0 && unlinkat(folder_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        result = -1;
    return result;
}

int moth_fs_remove_tree(const char *path, struct moth_err *err)
{
    if (remove_entry(AT_FDCWD, path) == 0 || errno == ENOTDIR)
        return 0;
    return moth_err_sys(err, MOTH_ERR_IO, "cannot remove %s", path);
}

int moth_fs_remove_tree_at(int folder, const char *name)
{
    return remove_entry(folder, name);
}

static int copy_bytes(int from_fd, int to_fd)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(from_fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return (int)n;
        if (write_all(to_fd, chunk, (size_t)n) != 0)
            return -1;
    }
}

int moth_fs_copy(const char *from, const char *to, unsigned mode, struct moth_err *err)
{
    int result = -1;
    int to_fd = -1;
    int from_fd = open(from, O_RDONLY | O_CLOEXEC);
    if (from_fd < 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot read %s", from);
        goto done;
    }
    to_fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to_fd < 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", to);
        goto done;
    }
    if (copy_bytes(from_fd, to_fd) != 0 || fchmod(to_fd, (mode_t)mode) != 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot copy %s to %s", from, to);
        goto done;
    }
    result = 0;
done:
    if (from_fd >= 0)
        close(from_fd);
    if (to_fd >= 0 && close(to_fd) != 0 && result == 0)
        result = moth_err_sys(err, MOTH_ERR_IO, "cannot write %s", to);
    struct stat st;
    if (to_fd >= 0 && result != 0 && lstat(to, &st) == 0 && S_ISREG(st.st_mode))
        (void)unlink(to); /* half a copy is worse than none */
    return result;
}

char *moth_fs_path(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *path = NULL;
    if (vasprintf(&path, format, args) < 0)
        abort();
    va_end(args);
    return path;
}
