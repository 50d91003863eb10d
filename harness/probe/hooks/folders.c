/* SPDX-License-Identifier: MIT
 *
 * Reading folders: in the order of names, because the file system's own order is its history.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/overlay.h"
#include "core/probe.h"
#include "core/real.h"

#define FOLDERS_MAX 64
#define LISTING_BYTES_MAX (64u << 20)

struct listing {
    DIR *handle;
    struct dirent **entries; /* sorted, into the same mapping */
    size_t n, at, size_bytes;
};

static struct listing listings[FOLDERS_MAX];

static struct listing *listing_of(const DIR *handle)
{
    for (int i = 0; i < FOLDERS_MAX; i++)
        if (handle != NULL && listings[i].handle == handle)
            return &listings[i];
    return NULL;
}

static void sort(struct dirent **entries, size_t n)
{
    /* Heapsort: in place, no allocation, no bad case. */
    for (size_t start = n / 2, end = n; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            end--;
            struct dirent *swap = entries[end];
            entries[end] = entries[0];
            entries[0] = swap;
        }
        for (size_t root = start; root * 2 + 1 < end;) {
            size_t child = root * 2 + 1;
            if (child + 1 < end && strcmp(entries[child]->d_name, entries[child + 1]->d_name) < 0)
                child++;
            if (strcmp(entries[root]->d_name, entries[child]->d_name) >= 0)
                break;
            struct dirent *swap = entries[root];
            entries[root] = entries[child];
            entries[child] = swap;
            root = child;
        }
    }
}

static void *map(size_t size)
{
    long at =
        arch_syscall(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at < 0 && at > -4096 ? NULL : (void *)at;
}

static void unmap(void *at, size_t size)
{
    if (at != NULL)
        arch_syscall(SYS_munmap, (long)at, (long)size, 0, 0, 0, 0);
}

/* The kernel's entries, as they come, into a mapping that grows as they need it. */
static uint8_t *gather(int fd, size_t *bytes, size_t *size)
{
    *bytes = 0;
    *size = 32u << 10;
    uint8_t *all = map(*size);
    arch_syscall(SYS_lseek, fd, 0, SEEK_SET, 0, 0, 0);
    while (all != NULL && *bytes < LISTING_BYTES_MAX) {
        long got = arch_syscall(SYS_getdents64, fd, (long)(all + *bytes), (long)(*size - *bytes), 0, 0, 0);
        if (got == 0 || (got < 0 && got != -EINVAL))
            break;
        *bytes += got > 0 ? (size_t)got : 0;
        if (got > 0 && *size - *bytes > sizeof(struct dirent))
            continue;
        long more = arch_syscall(SYS_mremap, (long)all, (long)*size, (long)(*size * 2), MREMAP_MAYMOVE, 0, 0);
        if (more < 0 && more > -4096)
            break;
        all = (uint8_t *)more;
        *size *= 2;
    }
    return all;
}

/* The number of an inode is the file system's history too, and a private folder's another one in each run. */
static ino_t number_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    return (ino_t)(hash >> 1 | 1);
}

/*
 * Read past the library, whose own buffer stays empty: it would go back to the game's heap with the
 * file system's order and numbers in it, for the next uninitialized variable to read.
 */
static void fill(struct listing *listing)
{
    listing->n = listing->at = 0;
    size_t bytes, gathered;
    uint8_t *all = gather(dirfd(listing->handle), &bytes, &gathered);
    if (all == NULL)
        return;
    size_t n = 0;
    for (size_t at = 0; at < bytes; at += ((struct dirent *)(all + at))->d_reclen)
        n++;
    size_t size = bytes + n * sizeof(struct dirent *) + sizeof(struct dirent);
    struct dirent **entries = map(size);
    if (entries != NULL) {
        uint8_t *copy = memcpy(entries + n, all, bytes);
        for (size_t i = 0; i < n; copy += entries[i++]->d_reclen)
            entries[i] = (struct dirent *)copy;
        sort(entries, n);
        for (size_t i = 0; i < n; i++) {
            entries[i]->d_off = (off_t)i + 1;
            entries[i]->d_ino = number_of(entries[i]->d_name);
        }
        *listing = (struct listing){listing->handle, entries, n, 0, size};
    }
    unmap(all, gathered);
}

static void drop(struct listing *listing)
{
    unmap(listing->entries, listing->size_bytes);
    *listing = (struct listing){.handle = NULL};
}

/* What the overlay adds to a folder, and takes from it: the listing is made anew of both. */
static void merge(struct listing *listing, const char *path)
{
    struct moth_overlaid overlaid;
    const char *folder = moth_overlay_folder(path, &overlaid);
    for (size_t i = 0; i < listing->n;)
        if (moth_overlay_is_gone(path, listing->entries[i]->d_name))
            memmove(&listing->entries[i], &listing->entries[i + 1],
                    (--listing->n - i) * sizeof *listing->entries);
        else
            i++;
    struct listing more = {.handle = folder != NULL ? moth_real.opendir(folder) : NULL};
    if (more.handle == NULL)
        return;
    fill(&more);
    size_t added = 0, pointers = (listing->n + more.n) * sizeof(struct dirent *), bytes = 0;
    for (size_t i = 0; i < listing->n; i++)
        bytes += listing->entries[i]->d_reclen;
    for (size_t i = 0; i < more.n; i++)
        bytes += more.entries[i]->d_reclen;
    struct dirent **entries = map(pointers + bytes + 16);
    uint8_t *copy = (uint8_t *)entries + pointers;
    for (size_t i = 0; entries != NULL && i < listing->n + more.n; i++) {
        struct dirent *entry = i < listing->n ? listing->entries[i] : more.entries[i - listing->n];
        bool twice = false;
        for (size_t k = 0; i >= listing->n && k < listing->n; k++)
            twice |= strcmp(listing->entries[k]->d_name, entry->d_name) == 0;
        if (twice)
            continue;
        memcpy(copy, entry, entry->d_reclen);
        entries[added++] = (struct dirent *)copy;
        copy += entry->d_reclen;
    }
    DIR *handle = listing->handle;
    moth_real.closedir(more.handle);
    drop(&more);
    if (entries == NULL)
        return;
    drop(listing);
    sort(entries, added);
    *listing = (struct listing){handle, entries, added, 0, pointers + bytes + 16};
}

static DIR *listed(DIR *handle, const char *path)
{
    if (handle == NULL || !moth_active())
        return handle;
    int saved = errno;
    for (int i = 0; i < FOLDERS_MAX; i++)
        if (listings[i].handle == NULL) {
            listings[i].handle = handle;
            fill(&listings[i]);
            if (path != NULL)
                merge(&listings[i], path);
            errno = saved;
            return handle;
        }
    moth_warn("more folders are open than moth can sort", NULL);
    errno = saved;
    return handle;
}

static bool hidden(const char *path)
{
    return moth_active() && path != NULL &&
           (strncmp(path, "/dev/input", 10) == 0 || strncmp(path, "/dev/snd", 8) == 0 ||
            strncmp(path, "/dev/dri", 8) == 0);
}

MOTH_HOOK DIR *opendir(const char *path)
{
    moth_real_init();
    if (hidden(path)) {
        errno = ENOENT;
        return NULL;
    }
    struct moth_overlaid overlaid;
    const char *found = moth_overlay_read(AT_FDCWD, path, &overlaid);
    return found != NULL ? listed(moth_real.opendir(found), found == path ? path : NULL) : NULL;
}

MOTH_HOOK DIR *fdopendir(int fd)
{
    moth_real_init();
    return listed(moth_real.fdopendir(fd), NULL);
}

static struct dirent *next_entry(struct listing *listing)
{
    return listing->at < listing->n ? listing->entries[listing->at++] : NULL;
}

MOTH_HOOK struct dirent *readdir(DIR *handle)
{
    moth_real_init();
    struct listing *listing = listing_of(handle);
    return listing != NULL ? next_entry(listing) : moth_real.readdir(handle);
}

MOTH_HOOK struct dirent64 *readdir64(DIR *handle)
{
    return (struct dirent64 *)readdir(handle); /* one struct on both architectures */
}

MOTH_HOOK void rewinddir(DIR *handle)
{
    moth_real_init();
    moth_real.rewinddir(handle);
    struct listing *listing = listing_of(handle);
    if (listing != NULL) {
        drop(listing);
        listing->handle = handle;
        fill(listing);
    }
}

MOTH_HOOK void seekdir(DIR *handle, long position)
{
    moth_real_init();
    struct listing *listing = listing_of(handle);
    if (listing != NULL)
        listing->at = (size_t)position;
    else
        moth_real.seekdir(handle, position);
}

MOTH_HOOK long telldir(DIR *handle)
{
    moth_real_init();
    struct listing *listing = listing_of(handle);
    return listing != NULL ? (long)listing->at : moth_real.telldir(handle);
}

MOTH_HOOK int closedir(DIR *handle)
{
    moth_real_init();
    struct listing *listing = listing_of(handle);
    if (listing != NULL)
        drop(listing);
    return moth_real.closedir(handle);
}

/* Made of the hooks above: the library's own would read the folder inside itself. */
static int scanned(DIR *folder, struct dirent ***list, int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **))
{
    if (folder == NULL)
        return -1;
    struct dirent **entries = NULL, *entry;
    size_t n = 0, room = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (filter != NULL && filter(entry) == 0)
            continue;
        if (n == room) {
            room = room == 0 ? 16 : room * 2;
            struct dirent **more = realloc(entries, room * sizeof *more);
            if (more == NULL)
                break;
            entries = more;
        }
        entries[n] = malloc(entry->d_reclen);
        if (entries[n] == NULL)
            break;
        memcpy(entries[n++], entry, entry->d_reclen);
    }
    closedir(folder);
    if (entry != NULL) { /* no memory: nothing is given */
        while (n > 0)
            free(entries[--n]);
        free(entries);
        errno = ENOMEM;
        return -1;
    }
    if (compare != NULL && n > 1)
        qsort(entries, n, sizeof *entries, (int (*)(const void *, const void *))compare);
    *list = entries;
    return (int)n;
}

MOTH_HOOK int scandir(const char *restrict path, struct dirent ***restrict list,
                      int (*filter)(const struct dirent *),
                      int (*compare)(const struct dirent **, const struct dirent **))
{
    moth_real_init();
    if (!moth_active())
        return moth_real.scandir(path, list, filter, compare);
    return scanned(opendir(path), list, filter, compare);
}

MOTH_HOOK int scandir64(const char *restrict path, struct dirent64 ***restrict list,
                        int (*filter)(const struct dirent64 *),
                        int (*compare)(const struct dirent64 **, const struct dirent64 **))
{
    /* One struct on both architectures. */
    return scandir(path, (struct dirent ***)list, (int (*)(const struct dirent *))filter,
                   (int (*)(const struct dirent **, const struct dirent **))compare);
}

static void close_globbed(void *folder)
{
    closedir(folder);
}

/* glob(3) reads folders inside the library too, unless it is given other functions to read with. */
MOTH_HOOK int glob(const char *restrict pattern, int flags, int (*failed)(const char *, int),
                   glob_t *restrict found)
{
    moth_real_init();
    if (!moth_active() || (flags & GLOB_ALTDIRFUNC) != 0)
        return moth_real.glob(pattern, flags, failed, found);
    found->gl_closedir = close_globbed;
    found->gl_readdir = (struct dirent * (*)(void *)) readdir;
    found->gl_opendir = (void *(*)(const char *))opendir;
    found->gl_lstat = lstat;
    found->gl_stat = stat;
    int result = moth_real.glob(pattern, flags | GLOB_ALTDIRFUNC, failed, found);
    found->gl_flags &= ~GLOB_ALTDIRFUNC;
    return result;
}

MOTH_HOOK int glob64(const char *restrict pattern, int flags, int (*failed)(const char *, int),
                     glob64_t *restrict found)
{
    return glob(pattern, flags, failed, (glob_t *)found);
}
