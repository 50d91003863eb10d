/* SPDX-License-Identifier: MIT
 *
 * The allocator's one secret. glibc draws a random word at the first malloc, from inside itself, and
 * writes it into every small block that is freed, to notice a block that is freed twice. The game finds
 * it there when it reads memory it has not written, so it has to be the same word in every run.
 */
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "core/probe.h"

struct words {
    uint64_t *at;
    size_t n;
};

static size_t replace(struct words in, uint64_t from, uint64_t to)
{
    size_t found = 0;
    for (size_t i = 0; i < in.n; i++)
        if (in.at[i] == from) {
            in.at[i] = to;
            found++;
        }
    return found;
}

static size_t count(struct words in, uint64_t word)
{
    return replace(in, word, word);
}

/* The writable part of the library that `data` lies in. */
static int find_writable(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct words *out = data;
    bool here = false;
    struct words writable = {0};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uint64_t low = info->dlpi_addr + part->p_vaddr, high = low + part->p_memsz;
        if (part->p_type != PT_LOAD)
            continue;
        here |= (uint64_t)out->at >= low && (uint64_t)out->at < high;
        if ((part->p_flags & PF_W) != 0)
            writable = (struct words){(uint64_t *)((low + 7) & ~7ULL), (high - ((low + 7) & ~7ULL)) / 8};
    }
    if (here)
        *out = writable;
    return here;
}

void moth_allocator_count(void)
{
    struct mallinfo2 heap = mallinfo2();
    moth_channel->heap_bytes = heap.uordblks + heap.hblkhd;
}

void moth_allocator_init(void)
{
    /* By these names, because a sanitizer or another allocator may stand in front of the usual ones. */
    void *(*allocate)(size_t) = (void *(*)(size_t))dlsym(RTLD_NEXT, "__libc_malloc");
    void (*release)(void *) = (void (*)(void *))dlsym(RTLD_NEXT, "__libc_free");
    struct words library = {(uint64_t *)(uintptr_t)allocate, 0};
    if (allocate == NULL || release == NULL || dl_iterate_phdr(find_writable, &library) == 0)
        return;
    uint64_t *block = allocate(24);
    if (block == NULL)
        return;
    uint64_t *volatile freed = block; /* what is read below is freed memory, on purpose */
    release(block);
    uint64_t key = freed[1], seeded = 0;
    if (key == 0 || count(library, key) != 1)
        return; /* an allocator without it */
    moth_entropy_fill(&seeded, sizeof seeded);
    struct mallinfo2 arena = mallinfo2();
    uint64_t end = (uint64_t)sbrk(0);
    replace((struct words){(uint64_t *)(end - arena.arena), arena.arena / 8}, key, seeded);
    replace(library, key, seeded);
}
