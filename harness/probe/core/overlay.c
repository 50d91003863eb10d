/* SPDX-License-Identifier: MIT */
#include "core/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/probe.h"

#define PRIVATE "/proc/self/fd/901"
#define OVERLAY PRIVATE "/overlay"
#define GONE PRIVATE "/gone"

static bool used; /* nothing was written yet: reads need not look */

static bool begins(const char *path, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(path, prefix, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Append the parts of `path` to the absolute `out`, taking "." and ".." out. False: too long. */
static bool append_parts(char *out, size_t size, const char *path)
{
    size_t used_bytes = strlen(out);
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (used_bytes > 0 && out[--used_bytes] != '/')
                continue;
            out[used_bytes] = '\0';
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            if (used_bytes + n + 2 > size)
                return false;
            out[used_bytes++] = '/';
            memcpy(out + used_bytes, path, n);
            used_bytes += n;
            out[used_bytes] = '\0';
        }
        path += n + (path[n] == '/');
    }
    return true;
}

/* Reached by its true path, as from a working folder in HOME. */
static bool is_private(const char *absolute)
{
    char folder[MOTH_OVERLAY_PATH_MAX];
    long n = arch_syscall(SYS_readlinkat, AT_FDCWD, (long)PRIVATE, (long)folder, sizeof folder - 1, 0, 0);
    folder[n > 0 ? n : 0] = '\0';
    return n > 0 && begins(absolute, folder);
}

/* The absolute path, if it is one the overlay cares for. */
static bool resolve(int at, const char *path, char *absolute, size_t size)
{
    if (!moth_active() || !moth_have_runner || path == NULL || path[0] == '\0')
        return false;
    absolute[0] = '\0';
    if (path[0] != '/') {
        char folder[MOTH_OVERLAY_PATH_MAX];
        if (at != AT_FDCWD || arch_syscall(SYS_getcwd, (long)folder, sizeof folder, 0, 0, 0, 0) <= 0 ||
            !append_parts(absolute, size, folder))
            return false;
    }
    if (!append_parts(absolute, size, path))
        return false;
    return !begins(absolute, "/proc") && !begins(absolute, "/dev") && !begins(absolute, "/sys") &&
           absolute[0] == '/' && !is_private(absolute);
}

static bool join(char *out, const char *root, const char *absolute)
{
    size_t n = strlen(root), m = strlen(absolute);
    if (n + m + 1 > MOTH_OVERLAY_PATH_MAX)
        return false;
    memcpy(out, root, n);
    memcpy(out + n, absolute, m + 1);
    return true;
}

static long kind_of(const char *path)
{
    struct stat st;
    if (arch_syscall(SYS_newfstatat, AT_FDCWD, (long)path, (long)&st, 0, 0, 0) != 0)
        return -1;
    return (long)(st.st_mode & S_IFMT);
}

static bool exists(const char *root, const char *absolute)
{
    char path[MOTH_OVERLAY_PATH_MAX];
    return join(path, root, absolute) && kind_of(path) >= 0;
}

/* The folders above `absolute`, under `root`. */
static void make_parents(const char *root, const char *absolute)
{
    char path[MOTH_OVERLAY_PATH_MAX];
    if (!join(path, root, absolute))
        return;
    for (char *slash = path + strlen(PRIVATE) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        arch_syscall(SYS_mkdirat, AT_FDCWD, (long)path, 0700, 0, 0, 0);
        *slash = '/';
    }
}

static void set_gone(const char *absolute, bool gone)
{
    char path[MOTH_OVERLAY_PATH_MAX];
    if (!join(path, GONE, absolute) || strlen(path) + 3 > sizeof path)
        return;
    strcat(path, "\1"); /* so that a deleted folder's marker does not stand in the way of its files' */
    if (!gone) {
        arch_syscall(SYS_unlinkat, AT_FDCWD, (long)path, 0, 0, 0, 0);
        return;
    }
    make_parents(GONE, absolute);
    long fd = arch_syscall(SYS_openat, AT_FDCWD, (long)path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600, 0, 0);
    if (fd >= 0)
        arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    used = true;
}

static bool is_gone(const char *absolute)
{
    char path[MOTH_OVERLAY_PATH_MAX];
    if (!used || !join(path, GONE, absolute) || strlen(path) + 3 > sizeof path)
        return false;
    strcat(path, "\1");
    return kind_of(path) >= 0;
}

const char *moth_overlay_read(int at, const char *path, struct moth_overlaid *out)
{
    char absolute[MOTH_OVERLAY_PATH_MAX];
    if (!used || !resolve(at, path, absolute, sizeof absolute))
        return path;
    if (join(out->path, OVERLAY, absolute) && kind_of(out->path) >= 0 && kind_of(out->path) != S_IFDIR)
        return out->path;
    if (is_gone(absolute)) {
        errno = ENOENT;
        return NULL;
    }
    if (kind_of(out->path) == S_IFDIR && kind_of(absolute) < 0)
        return out->path; /* a folder the game made */
    return path;
}

static void copy_contents(const char *from, const char *to)
{
    struct stat st;
    long in = arch_syscall(SYS_openat, AT_FDCWD, (long)from, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (in < 0 || arch_syscall(SYS_fstat, in, (long)&st, 0, 0, 0, 0) != 0)
        return;
    long fd = arch_syscall(SYS_openat, AT_FDCWD, (long)to, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC,
                           (long)(st.st_mode & 0777) | 0200, 0, 0);
    while (fd >= 0 && arch_syscall(SYS_sendfile, fd, in, 0, 1 << 20, 0, 0) > 0)
        continue;
    if (fd >= 0)
        arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    arch_syscall(SYS_close, in, 0, 0, 0, 0, 0);
}

/* Could the game write there if moth were not here? If not, it shall hear so from the kernel. */
static bool permitted(const char *absolute, bool there)
{
    char folder[MOTH_OVERLAY_PATH_MAX];
    size_t n = (size_t)(strrchr(absolute, '/') - absolute);
    if (there)
        return arch_syscall(SYS_faccessat, AT_FDCWD, (long)absolute, 2 /* W_OK */, 0, 0, 0) == 0;
    memcpy(folder, absolute, n);
    folder[n] = '\0';
    if (exists(OVERLAY, folder))
        return true;
    return arch_syscall(SYS_faccessat, AT_FDCWD, (long)(n == 0 ? "/" : folder), 2, 0, 0, 0) == 0;
}

const char *moth_overlay_write(int at, const char *path, bool fresh, bool exclusive, struct moth_overlaid *out)
{
    char absolute[MOTH_OVERLAY_PATH_MAX];
    if (!resolve(at, path, absolute, sizeof absolute) || !join(out->path, OVERLAY, absolute))
        return path;
    bool mine = kind_of(out->path) >= 0;
    long below = is_gone(absolute) ? -1 : kind_of(absolute);
    if (below >= 0 && below != S_IFREG && below != S_IFDIR)
        return path; /* a device, a pipe */
    if (!mine && !permitted(absolute, below >= 0))
        return path;
    if (exclusive && (mine || below >= 0)) {
        errno = EEXIST;
        return NULL;
    }
    used = true;
    make_parents(OVERLAY, absolute);
    if (!mine && below == S_IFREG && !fresh)
        copy_contents(absolute, out->path);
    set_gone(absolute, false);
    return out->path;
}

int moth_overlay_delete(int at, const char *path, bool folder)
{
    char absolute[MOTH_OVERLAY_PATH_MAX], mine[MOTH_OVERLAY_PATH_MAX];
    if (!resolve(at, path, absolute, sizeof absolute) || !join(mine, OVERLAY, absolute))
        return 1;
    bool below = !is_gone(absolute) && kind_of(absolute) >= 0, here = used && kind_of(mine) >= 0;
    if (!here && (!below || !permitted(absolute, false)))
        return 1;
    if (here) {
        long result = arch_syscall(SYS_unlinkat, AT_FDCWD, (long)mine, folder ? AT_REMOVEDIR : 0, 0, 0, 0);
        if (result != 0) {
            errno = (int)-result;
            return -1;
        }
    }
    if (below)
        set_gone(absolute, true);
    return 0;
}

const char *moth_overlay_folder(const char *path, struct moth_overlaid *out)
{
    char absolute[MOTH_OVERLAY_PATH_MAX];
    if (!used || !resolve(AT_FDCWD, path, absolute, sizeof absolute) || !join(out->path, OVERLAY, absolute))
        return NULL;
    return kind_of(out->path) == S_IFDIR ? out->path : NULL;
}

bool moth_overlay_is_gone(const char *folder, const char *name)
{
    char absolute[MOTH_OVERLAY_PATH_MAX];
    if (!used || !resolve(AT_FDCWD, folder, absolute, sizeof absolute) ||
        !append_parts(absolute, sizeof absolute, name))
        return false;
    return is_gone(absolute);
}
