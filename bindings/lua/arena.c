/* SPDX-License-Identifier: MIT
 *
 * Segregated free lists over a bump pointer. Blocks are never joined: a state lives for one play, and
 * size classes waste at most a quarter of a block.
 */
#include "bindings/lua/arena.h"

#include <string.h>
#include <sys/mman.h>

#define ALIGN_BYTES ((size_t)1 << 32)
#define GRANULE 16u
#define SMALL_CLASSES 64u /* up to 1 KiB in steps of GRANULE; above, four classes a doubling */
#define COMMIT_STEP ((size_t)1 << 20)
#define RESERVE_MAX (ALIGN_BYTES - 4096)

/* Class of a size > 0, and the size its blocks have. */
static unsigned class_of(size_t bytes, size_t *block_bytes)
{
    if (bytes <= SMALL_CLASSES * GRANULE) {
        unsigned class = (unsigned)((bytes - 1) / GRANULE);
        *block_bytes = (class + 1) * GRANULE;
        return class;
    }
    unsigned log2 = 63u - (unsigned)__builtin_clzll(bytes - 1); /* 2^log2 <= bytes - 1 */
    size_t quarter = (size_t)1 << (log2 - 2);
    size_t steps = (bytes - 1 - ((size_t)1 << log2)) / quarter + 1; /* 1..4 */
    *block_bytes = ((size_t)1 << log2) + steps * quarter;
    return SMALL_CLASSES + (log2 - 10) * 4 + (unsigned)steps - 1;
}

int moth_arena_open(struct moth_arena *arena, size_t limit_bytes)
{
    memset(arena, 0, sizeof *arena);
    /* Room for what rounding and blocks that are free, but of another size, take. */
    size_t reserve = limit_bytes * 4 + (COMMIT_STEP << 4);
    reserve = reserve > RESERVE_MAX ? RESERVE_MAX : reserve;
    reserve &= ~(COMMIT_STEP - 1);
    uint8_t *raw = mmap(NULL, reserve + ALIGN_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                        -1, 0);
    if (raw == MAP_FAILED)
        return -1;
    uintptr_t start = ((uintptr_t)raw + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
    size_t before = start - (uintptr_t)raw;
    if (before)
        munmap(raw, before);
    munmap((void *)(start + reserve), ALIGN_BYTES - before);
    arena->base = (uint8_t *)start;
    arena->reserved_bytes = reserve;
    arena->top_bytes = 4096; /* offset 0 means "none" in the free lists */
    arena->limit_bytes = limit_bytes;
    return 0;
}

void moth_arena_close(struct moth_arena *arena)
{
    if (arena->base)
        munmap(arena->base, arena->reserved_bytes);
    arena->base = NULL;
}

static void *take(struct moth_arena *arena, size_t bytes)
{
    size_t block;
    unsigned class = class_of(bytes, &block);
    uint32_t offset = arena->free_lists[class];
    if (offset) {
        memcpy(&arena->free_lists[class], arena->base + offset, sizeof offset);
        return arena->base + offset;
    }
    if (block > arena->reserved_bytes - arena->top_bytes)
        return NULL;
    size_t end = arena->top_bytes + block;
    if (end > arena->committed_bytes) {
        size_t commit = (end + COMMIT_STEP - 1) & ~(COMMIT_STEP - 1);
        if (commit > arena->reserved_bytes)
            return NULL;
        if (mprotect(arena->base + arena->committed_bytes, commit - arena->committed_bytes,
                     PROT_READ | PROT_WRITE) != 0)
            return NULL;
        arena->committed_bytes = commit;
    }
    void *taken = arena->base + arena->top_bytes;
    arena->top_bytes = end;
    return taken;
}

static void give(struct moth_arena *arena, void *block, size_t bytes)
{
    size_t unused;
    unsigned class = class_of(bytes, &unused);
    memcpy(block, &arena->free_lists[class], sizeof arena->free_lists[class]);
    arena->free_lists[class] = (uint32_t)((uint8_t *)block - arena->base);
}

static void *grow(struct moth_arena *arena, void *block, size_t old_bytes, size_t new_bytes)
{
    arena->allocations++;
    if (arena->fail_from && arena->allocations >= arena->fail_from)
        return NULL;
    if (new_bytes - old_bytes > arena->limit_bytes - arena->used_bytes) {
        arena->hit_limit = true;
        return NULL;
    }
    size_t old_block = 0, new_block;
    if (block && class_of(old_bytes, &old_block) == class_of(new_bytes, &new_block)) {
        arena->used_bytes += new_bytes - old_bytes;
        return block;
    }
    void *fresh = take(arena, new_bytes);
    if (!fresh) {
        arena->hit_limit = true;
        return NULL;
    }
    if (block) {
        memcpy(fresh, block, old_bytes);
        give(arena, block, old_bytes);
    }
    arena->used_bytes += new_bytes - old_bytes;
    return fresh;
}

static void *shrink(struct moth_arena *arena, void *block, size_t old_bytes, size_t new_bytes)
{
    arena->used_bytes -= old_bytes - new_bytes;
    size_t old_block, new_block;
    if (class_of(old_bytes, &old_block) == class_of(new_bytes, &new_block))
        return block;
    void *fresh = take(arena, new_bytes);
    if (!fresh)
        return block; /* a block that is too large: goes to the smaller class when it is freed */
    memcpy(fresh, block, new_bytes);
    give(arena, block, old_bytes);
    return fresh;
}

void *moth_arena_alloc(void *user, void *block, size_t old_bytes, size_t new_bytes)
{
    struct moth_arena *arena = user;
    if (!block)
        old_bytes = 0; /* Lua passes the kind of object there */
    if (new_bytes == 0) {
        if (block && old_bytes) {
            arena->used_bytes -= old_bytes;
            give(arena, block, old_bytes);
        }
        return NULL;
    }
    if (new_bytes > old_bytes)
        return grow(arena, block, old_bytes, new_bytes);
    if (new_bytes == old_bytes)
        return block;
    return shrink(arena, block, old_bytes, new_bytes);
}
