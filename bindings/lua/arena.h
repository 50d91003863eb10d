/* SPDX-License-Identifier: MIT
 *
 * Memory of one Lua state: bounded, and with addresses that repeat.
 *
 * Lua hashes objects by the low 32 bits of their address, so the order of pairs() over a table keyed by
 * objects is an accident of the allocator and of ASLR. An arena starts at a multiple of 4 GiB and hands
 * out its memory by a rule that depends on nothing but the calls made: the same calls give the same low
 * 32 bits in every process. Closing it gives everything back at once, so a state need not be closed.
 */
#ifndef MOTH_BINDINGS_LUA_ARENA_H
#define MOTH_BINDINGS_LUA_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOTH_ARENA_CLASSES 160

struct moth_arena {
    uint8_t *base; /* multiple of 4 GiB */
    size_t reserved_bytes, committed_bytes, top_bytes;
    size_t used_bytes, limit_bytes;             /* as asked for by the caller, without rounding */
    uint64_t allocations, fail_from;            /* fail_from: this and all later ones fail; 0: none */
    bool hit_limit;                             /* an allocation failed because of limit_bytes */
    uint32_t free_lists[MOTH_ARENA_CLASSES];    /* offsets of the first free block, 0: none */
};

/* limit_bytes at most 1 GiB. 0, or -1 when address space is out. */
int moth_arena_open(struct moth_arena *arena, size_t limit_bytes);
void moth_arena_close(struct moth_arena *arena);

/* A lua_Alloc; `arena` is its user data. Never fails when it shrinks a block. */
void *moth_arena_alloc(void *arena, void *block, size_t old_bytes, size_t new_bytes);

static inline bool moth_arena_owns(const struct moth_arena *arena, const void *address)
{
    uintptr_t at = (uintptr_t)address, base = (uintptr_t)arena->base;
    return at >= base && at < base + arena->reserved_bytes;
}

#endif
