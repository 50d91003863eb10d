/* SPDX-License-Identifier: MIT
 *
 * Files that are written through memory. The kernel changes such a file's time only now and then, and that of one
 * on tmpfs never, so who keeps copies of the private folder has to know that its times do not tell what has changed.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/probe.h"

/* A file of the private folder, which can be written: also later, by mprotect(). */
static bool is_private_file(int fd)
{
    struct stat st, folder;
    long flags = arch_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    return flags >= 0 && (flags & O_ACCMODE) == O_RDWR && arch_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) == 0 &&
           S_ISREG(st.st_mode) && arch_syscall(SYS_fstat, MOTH_PRIVATE_FD, (long)&folder, 0, 0, 0, 0) == 0 &&
           st.st_dev == folder.st_dev;
}

static void *map(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    long at = arch_syscall(SYS_mmap, (long)address, (long)size, protection, flags, fd, offset);
    if (at < 0 && at > -4096) {
        errno = (int)-at;
        return MAP_FAILED;
    }
    if (fd >= 0 && (flags & MAP_SHARED) && moth_active() && is_private_file(fd))
        moth_channel->maps_files = 1;
    return (void *)at;
}

MOTH_HOOK void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
    return map(address, size, protection, flags, fd, offset);
}

MOTH_HOOK void *mmap64(void *address, size_t size, int protection, int flags, int fd, off64_t offset)
{
    return map(address, size, protection, flags, fd, offset);
}
