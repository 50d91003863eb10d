/* SPDX-License-Identifier: MIT
 *
 * Files: devices that are not what they were, and times that would tell when the run was.
 */
#include "hooks/files.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "core/overlay.h"
#include "core/probe.h"
#include "core/real.h"

enum verdict { PATH_PLAIN, PATH_RANDOM, PATH_UUID, PATH_HIDDEN };

static bool starts(const char *path, const char *prefix)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

/* Real devices differ from machine to machine: no pads, sticks, cards but our own. */
static enum verdict judge(const char *path)
{
    if (!moth_active() || path == NULL || path[0] != '/')
        return PATH_PLAIN;
    if (starts(path, "/proc/sys/kernel/random/") &&
        (strcmp(path + 24, "uuid") == 0 || strcmp(path + 24, "boot_id") == 0))
        return PATH_UUID;
    if (strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0)
        return PATH_RANDOM;
    if (starts(path, "/dev/input") || starts(path, "/dev/hidraw") || starts(path, "/dev/snd") ||
        starts(path, "/dev/dsp") || starts(path, "/dev/dri"))
        return PATH_HIDDEN;
    return PATH_PLAIN;
}

static bool writes(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
}

/* The descriptor to return instead, or -2 to go on with the path. */
static int instead(const char *path)
{
    int fd = -2;
    switch (judge(path)) {
    case PATH_RANDOM:
        fd = moth_entropy_open();
        break;
    case PATH_UUID:
        fd = moth_entropy_open_uuid();
        break;
    case PATH_HIDDEN:
        fd = -ENOENT;
        break;
    case PATH_PLAIN:
        return -2;
    }
    if (fd >= 0)
        return fd;
    errno = -fd;
    return -1;
}

/* /proc/<the pid we told> is ours. */
static const char *own_proc(const char *path, char *buffer, size_t size)
{
    static const char told[] = "/proc/5000000/", self[] = "/proc/self/";
    if (!moth_active() || path == NULL || !starts(path, told) || strlen(path) >= size)
        return path;
    memcpy(buffer, self, sizeof self - 1);
    memcpy(buffer + sizeof self - 1, path + sizeof told - 1, strlen(path) - sizeof told + 2);
    return buffer;
}

static int open_as(int folder, const char *path, int flags, mode_t mode)
{
    char buffer[512];
    struct moth_overlaid overlaid;
    int fd = instead(path);
    if (fd != -2)
        return fd;
    path = own_proc(path, buffer, sizeof buffer);
    if (writes(flags) && !(flags & O_PATH))
        path = moth_overlay_write(folder, path, (flags & O_TRUNC) != 0,
                                  (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL), &overlaid);
    else
        path = moth_overlay_read(folder, path, &overlaid);
    return path != NULL ? moth_real.openat(folder, path, flags, mode) : -1;
}

#define OPEN_HOOK(name, leading, folder)                                                           \
    MOTH_HOOK int name(leading const char *path, int flags, ...)                                   \
    {                                                                                              \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0;                  \
        va_end(list);                                                                              \
        moth_real_init();                                                                          \
        return open_as(folder, path, flags, mode);                                                 \
    }

#define NOTHING
#define FOLDER int at,
OPEN_HOOK(open, NOTHING, AT_FDCWD)
OPEN_HOOK(open64, NOTHING, AT_FDCWD)
OPEN_HOOK(openat, FOLDER, at)
OPEN_HOOK(openat64, FOLDER, at)

/* What open becomes under _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

MOTH_HOOK int __open_2(const char *path, int flags)
{
    return open(path, flags & ~O_CREAT);
}

MOTH_HOOK int __open64_2(const char *path, int flags)
{
    return open(path, flags & ~O_CREAT);
}

MOTH_HOOK int __openat_2(int at, const char *path, int flags)
{
    return openat(at, path, flags & ~O_CREAT);
}

MOTH_HOOK int __openat64_2(int at, const char *path, int flags)
{
    return openat(at, path, flags & ~O_CREAT);
}

MOTH_HOOK int creat(const char *path, mode_t mode)
{
    return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static FILE *fopen_as(FILE *(*original)(const char *, const char *), const char *path, const char *mode)
{
    char buffer[512];
    struct moth_overlaid overlaid;
    int fd = instead(path);
    if (fd == -1)
        return NULL;
    if (fd >= 0)
        return fdopen(fd, "r");
    path = own_proc(path, buffer, sizeof buffer);
    if (mode != NULL && (mode[0] != 'r' || strchr(mode, '+') != NULL))
        path = moth_overlay_write(AT_FDCWD, path, mode[0] == 'w', strchr(mode, 'x') != NULL, &overlaid);
    else
        path = moth_overlay_read(AT_FDCWD, path, &overlaid);
    return path != NULL ? original(path, mode) : NULL;
}

MOTH_HOOK FILE *fopen(const char *restrict path, const char *restrict mode)
{
    moth_real_init();
    return fopen_as(moth_real.fopen, path, mode);
}

MOTH_HOOK FILE *fopen64(const char *restrict path, const char *restrict mode)
{
    moth_real_init();
    return fopen_as(moth_real.fopen64, path, mode);
}

MOTH_HOOK ssize_t readlink(const char *restrict path, char *restrict out, size_t size)
{
    char buffer[512];
    moth_real_init();
    return moth_real.readlink(own_proc(path, buffer, sizeof buffer), out, size);
}

MOTH_HOOK int access(const char *path, int mode)
{
    moth_real_init();
    if (judge(path) == PATH_HIDDEN) {
        errno = ENOENT;
        return -1;
    }
    struct moth_overlaid overlaid;
    path = moth_overlay_read(AT_FDCWD, path, &overlaid);
    return path != NULL ? moth_real.access(path, mode) : -1;
}

/* ---- changes to the tree of files ---- */

static int answered(long result)
{
    if (result >= 0)
        return 0;
    errno = (int)-result;
    return -1;
}

static int delete_at(int at, const char *path, int flags)
{
    int result = moth_overlay_delete(at, path, (flags & AT_REMOVEDIR) != 0);
    return result <= 0 ? result : answered(arch_syscall(SYS_unlinkat, at, (long)path, flags, 0, 0, 0));
}

MOTH_HOOK int unlink(const char *path)
{
    return delete_at(AT_FDCWD, path, 0);
}

MOTH_HOOK int unlinkat(int at, const char *path, int flags)
{
    return delete_at(at, path, flags);
}

MOTH_HOOK int rmdir(const char *path)
{
    return delete_at(AT_FDCWD, path, AT_REMOVEDIR);
}

MOTH_HOOK int remove(const char *path)
{
    int result = delete_at(AT_FDCWD, path, 0);
    return result != 0 && (errno == EISDIR || errno == EPERM) ? delete_at(AT_FDCWD, path, AT_REMOVEDIR) : result;
}

static int mkdir_at(int at, const char *path, mode_t mode)
{
    struct moth_overlaid overlaid;
    path = moth_overlay_write(at, path, true, true, &overlaid);
    return path != NULL ? answered(arch_syscall(SYS_mkdirat, at, (long)path, mode, 0, 0, 0)) : -1;
}

MOTH_HOOK int mkdir(const char *path, mode_t mode)
{
    return mkdir_at(AT_FDCWD, path, mode);
}

MOTH_HOOK int mkdirat(int at, const char *path, mode_t mode)
{
    return mkdir_at(at, path, mode);
}

/* Both ends as the overlay has them; what lies below the old name is deleted from view. */
static int rename_at(int from_at, const char *from, int to_at, const char *to)
{
    struct moth_overlaid old, fresh;
    const char *source = moth_overlay_write(from_at, from, false, false, &old);
    const char *target = moth_overlay_write(to_at, to, true, false, &fresh);
    if (source == NULL || target == NULL)
        return -1;
    if (answered(arch_syscall(SYS_renameat2, from_at, (long)source, to_at, (long)target, 0, 0)) != 0)
        return -1;
    if (source == old.path)
        moth_overlay_delete(from_at, from, false);
    return 0;
}

MOTH_HOOK int rename(const char *from, const char *to)
{
    return rename_at(AT_FDCWD, from, AT_FDCWD, to);
}

MOTH_HOOK int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return rename_at(from_at, from, to_at, to);
}

MOTH_HOOK int truncate(const char *path, off_t size)
{
    struct moth_overlaid overlaid;
    path = moth_overlay_write(AT_FDCWD, path, false, false, &overlaid);
    return path != NULL ? answered(arch_syscall(SYS_truncate, (long)path, size, 0, 0, 0, 0)) : -1;
}

MOTH_HOOK int chmod(const char *path, mode_t mode)
{
    struct moth_overlaid overlaid;
    path = moth_overlay_write(AT_FDCWD, path, false, false, &overlaid);
    return path != NULL ? answered(arch_syscall(SYS_fchmodat, AT_FDCWD, (long)path, mode, 0, 0, 0)) : -1;
}

/* ---- times of files ---- */

/* A file made in this run has the run's time, which is virtual; when a file was last read is nobody's
 * business. */
static void settle_times(struct timespec *read, struct timespec *modified, struct timespec *changed)
{
    if ((uint64_t)modified->tv_sec >= moth_channel->config.launch_s)
        *modified = (struct timespec){(time_t)(MOTH_REALTIME_EPOCH_NS / MOTH_NS_PER_S), 0};
    *read = *changed = *modified;
}

static int stat_at(int folder, const char *path, struct stat *st, int flags)
{
    char buffer[512];
    if (judge(path) == PATH_HIDDEN) {
        errno = ENOENT;
        return -1;
    }
    struct moth_overlaid overlaid;
    path = moth_overlay_read(folder, own_proc(path, buffer, sizeof buffer), &overlaid);
    if (path == NULL)
        return -1;
    long result = arch_syscall(SYS_newfstatat, folder, (long)path, (long)st, flags, 0, 0);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    if (moth_active())
        settle_times(&st->st_atim, &st->st_mtim, &st->st_ctim);
    return 0;
}

/* On both architectures struct stat and struct stat64 are one. */
#define STAT_HOOKS(suffix)                                                                         \
    MOTH_HOOK int stat##suffix(const char *restrict path, struct stat##suffix *restrict st)        \
    {                                                                                              \
        return stat_at(AT_FDCWD, path, (struct stat *)st, 0);                                      \
    }                                                                                              \
    MOTH_HOOK int lstat##suffix(const char *restrict path, struct stat##suffix *restrict st)       \
    {                                                                                              \
        return stat_at(AT_FDCWD, path, (struct stat *)st, AT_SYMLINK_NOFOLLOW);                    \
    }                                                                                              \
    MOTH_HOOK int fstat##suffix(int fd, struct stat##suffix *st)                                   \
    {                                                                                              \
        return stat_at(fd, "", (struct stat *)st, AT_EMPTY_PATH);                                  \
    }                                                                                              \
    MOTH_HOOK int fstatat##suffix(int at, const char *restrict path, struct stat##suffix *restrict st, \
                                  int flags)                                                       \
    {                                                                                              \
        return stat_at(at, path, (struct stat *)st, flags);                                        \
    }                                                                                              \
    int __xstat##suffix(int version, const char *path, struct stat##suffix *st);                   \
    MOTH_HOOK int __xstat##suffix(int version, const char *path, struct stat##suffix *st)          \
    {                                                                                              \
        (void)version;                                                                             \
        return stat_at(AT_FDCWD, path, (struct stat *)st, 0);                                      \
    }                                                                                              \
    int __lxstat##suffix(int version, const char *path, struct stat##suffix *st);                  \
    MOTH_HOOK int __lxstat##suffix(int version, const char *path, struct stat##suffix *st)         \
    {                                                                                              \
        (void)version;                                                                             \
        return stat_at(AT_FDCWD, path, (struct stat *)st, AT_SYMLINK_NOFOLLOW);                    \
    }                                                                                              \
    int __fxstat##suffix(int version, int fd, struct stat##suffix *st);                            \
    MOTH_HOOK int __fxstat##suffix(int version, int fd, struct stat##suffix *st)                   \
    {                                                                                              \
        (void)version;                                                                             \
        return stat_at(fd, "", (struct stat *)st, AT_EMPTY_PATH);                                  \
    }

STAT_HOOKS()
STAT_HOOKS(64)

MOTH_HOOK int statx(int at, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
    moth_real_init();
    struct moth_overlaid overlaid;
    const char *found = moth_overlay_read(at, path, &overlaid);
    if (found == NULL)
        return -1;
    int result = moth_real.statx(at, found, flags, mask, st);
    if (result == 0 && moth_active()) {
        if ((uint64_t)st->stx_mtime.tv_sec >= moth_channel->config.launch_s)
            st->stx_mtime =
                (struct statx_timestamp){.tv_sec = (int64_t)(MOTH_REALTIME_EPOCH_NS / MOTH_NS_PER_S)};
        st->stx_atime = st->stx_ctime = st->stx_btime = st->stx_mtime;
    }
    return result;
}
