/* SPDX-License-Identifier: MIT
 *
 * Shared memory in a branch. A fork shares what is mapped MAP_SHARED; what the game can write through
 * it is copied into memory of the branch's own, mapped at the same place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "branch/branch.h"

#define MAPS_BYTES (1u << 20)
#define OBJECTS_MAX 64

struct mapping {
    uint64_t low, high, offset, device, inode;
    int protection;
    const char *path;
};

/* Shared memory that has no descriptor: its copy, so that two mappings of one object stay one. */
static struct {
    uint64_t device, inode;
    int fd;
} objects[OBJECTS_MAX];
static unsigned n_objects;

static uint64_t number(const char **text, unsigned base)
{
    uint64_t value = 0;
    for (;; ++*text) {
        char c = **text;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                                : 99;
        if (digit >= base)
            return value;
        value = value * base + digit;
    }
}

/* "low-high rwxs offset major:minor inode path": false when it is none of ours to copy. */
static bool parse(const char *line, struct mapping *out)
{
    out->low = number(&line, 16);
    line += *line == '-';
    out->high = number(&line, 16);
    line += *line == ' ';
    bool read = line[0] == 'r', write = line[1] == 'w', run = line[2] == 'x', shared = line[3] == 's';
    if (!shared || !write)
        return false;
    out->protection = (read ? PROT_READ : 0) | PROT_WRITE | (run ? PROT_EXEC : 0);
    line += 5;
    out->offset = number(&line, 16);
    line += *line == ' ';
    uint64_t major = number(&line, 16);
    line += *line == ':';
    out->device = major << 8 | number(&line, 16);
    line += *line == ' ';
    out->inode = number(&line, 10);
    out->path = line + strspn(line, " ");
    return true;
}

/* The channels, this one's and the one it was born with. */
static bool ours(const struct mapping *mapping)
{
    return strncmp(mapping->path, "/memfd:moth-channel", 19) == 0;
}

static int object_of(const struct mapping *mapping)
{
    int fd = moth_branch_copy_of(mapping->device, mapping->inode);
    for (unsigned i = 0; fd < 0 && i < n_objects; i++)
        if (objects[i].device == mapping->device && objects[i].inode == mapping->inode)
            fd = objects[i].fd;
    return fd;
}

static int make_object(const struct mapping *mapping)
{
    long fd = arch_syscall(SYS_memfd_create, (long)"branch", MFD_CLOEXEC, 0, 0, 0, 0);
    if (fd >= 0 && n_objects < OBJECTS_MAX) {
        objects[n_objects].device = mapping->device;
        objects[n_objects].inode = mapping->inode;
        objects[n_objects++].fd = (int)fd;
    }
    return (int)fd;
}

static bool write_all(int fd, const struct mapping *mapping)
{
    uint64_t size = mapping->high - mapping->low;
    for (uint64_t done = 0; done < size;) {
        long n = arch_syscall(SYS_pwrite64, fd, (long)(mapping->low + done), (long)(size - done),
                              (long)(mapping->offset + done), 0, 0);
        if (n <= 0)
            return false;
        done += (uint64_t)n;
    }
    return true;
}

/* A file in the private folder has a copy already. */
static int open_private(const struct mapping *mapping, const struct moth_branch_folders *folders)
{
    char there[MOTH_BRANCH_PATH_MAX];
    return moth_branch_moved(folders, mapping->path, there)
               ? (int)arch_syscall(SYS_openat, AT_FDCWD, (long)there, O_RDWR | O_CLOEXEC, 0, 0, 0)
               : -1;
}

static void copy(const struct mapping *mapping, const struct moth_branch_folders *folders)
{
    bool mine = false;
    int fd = open_private(mapping, folders);
    if (fd >= 0) {
        mine = true;
    } else if ((fd = object_of(mapping)) < 0) {
        if (mapping->path[0] == '/' && strncmp(mapping->path, "/dev/", 5) == 0 &&
            strncmp(mapping->path, "/dev/zero", 9) != 0 && strncmp(mapping->path, "/dev/shm/", 9) != 0)
            return; /* a device's memory is the device */
        fd = make_object(mapping);
        mine = n_objects == OBJECTS_MAX;
    }
    if (fd < 0 || !write_all(fd, mapping) ||
        arch_syscall(SYS_mmap, (long)mapping->low, (long)(mapping->high - mapping->low), mapping->protection,
                     MAP_SHARED | MAP_FIXED, fd, (long)mapping->offset) != (long)mapping->low)
        moth_branch_problem("shared memory");
    if (mine && fd >= 0)
        arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
}

static void copy_all_of(char *maps, const struct moth_branch_folders *folders)
{
    for (char *line = maps, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        struct mapping mapping;
        *end = '\0';
        if (parse(line, &mapping) && !ours(&mapping))
            copy(&mapping, folders);
    }
}

/* ---- asking for those that are shared, and no others ----
 *
 * A game of any size has hundreds of mappings, nearly always none of them shared, and the kernel takes a fifth
 * of the time of a fork to write their list. Linux 6.11 can be asked for the next one that is shared. Source: PROCMAP_QUERY in
 * linux/fs.h, which is younger than the headers this is built with. */
struct mapping_query {
    uint64_t size, flags, address;
    uint64_t low, high, vma_flags, page_size, offset, inode;
    uint32_t major, minor, name_size, build_id_size;
    uint64_t name, build_id;
};

#define QUERY _IOWR('f', 17, struct mapping_query)

enum {
    QUERY_READABLE = 1,
    QUERY_WRITABLE = 2,
    QUERY_EXECUTABLE = 4,
    QUERY_SHARED = 8,
    QUERY_NEXT = 16 /* the one at the address or the first after it */
};

/* 1, 0 when there are no more, -1 when this kernel cannot be asked. */
static int next_shared(long fd, uint64_t from, char *path, struct mapping *out)
{
    struct mapping_query query = {.size = sizeof query,
                                  .flags = QUERY_SHARED | QUERY_WRITABLE | QUERY_NEXT,
                                  .address = from,
                                  .name_size = MOTH_BRANCH_PATH_MAX,
                                  .name = (uint64_t)path};
    path[0] = '\0';
    long result = arch_syscall(SYS_ioctl, fd, (long)QUERY, (long)&query, 0, 0, 0);
    if (result != 0)
        return result == -ENOENT ? 0 : -1;
    if (query.name_size == 0)
        path[0] = '\0';
    *out = (struct mapping){.low = query.low,
                            .high = query.high,
                            .offset = query.offset,
                            .device = (uint64_t)query.major << 8 | query.minor,
                            .inode = query.inode,
                            .protection = ((query.vma_flags & QUERY_READABLE) ? PROT_READ : 0) | PROT_WRITE |
                                          ((query.vma_flags & QUERY_EXECUTABLE) ? PROT_EXEC : 0),
                            .path = path};
    return 1;
}

/* Whether it could be asked. */
static bool copy_by_asking(const struct moth_branch_folders *folders)
{
    static char path[MOTH_BRANCH_PATH_MAX];
    struct mapping mapping;
    long fd = arch_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0);
    int found = fd >= 0 ? next_shared(fd, 0, path, &mapping) : -1;
    bool could = found >= 0;
    for (; found > 0; found = next_shared(fd, mapping.high, path, &mapping))
        if (!ours(&mapping))
            copy(&mapping, folders);
    if (fd >= 0)
        arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return could;
}

static void copy_by_list(const struct moth_branch_folders *folders)
{
    char *maps = moth_branch_room(MAPS_BYTES);
    if (maps == NULL || moth_branch_read("/proc/self/maps", maps, MAPS_BYTES) + 1 == MAPS_BYTES) {
        moth_branch_problem("shared memory (too many mappings)");
        return;
    }
    copy_all_of(maps, folders);
    moth_branch_room_end(maps, MAPS_BYTES);
}

void moth_branch_mappings(const struct moth_branch_folders *folders)
{
    n_objects = 0;
    if (!copy_by_asking(folders))
        copy_by_list(folders);
    for (unsigned i = 0; i < n_objects; i++)
        arch_syscall(SYS_close, objects[i].fd, 0, 0, 0, 0, 0);
}
