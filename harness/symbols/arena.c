/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/inside.h"

#define BLOCK_BYTES (64u << 10)
#define ALIGNMENT 16u

struct moth_arena_block {
    struct moth_arena_block *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

void *moth_arena_take(struct moth_arena *arena, size_t size)
{
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct moth_arena_block *block = arena->blocks;
    if (!block || block->size - block->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        block = calloc(1, sizeof *block + room);
        if (!block)
            abort();
        block->size = room;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *taken = block->bytes + block->used;
    block->used += size;
    return taken;
}

char *moth_arena_text(struct moth_arena *arena, const char *format, ...)
{
    char text[2 * MOTH_SYMBOLS_NAME_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = strlen(text) + 1;
    return memcpy(moth_arena_take(arena, size), text, size);
}

void moth_arena_fini(struct moth_arena *arena)
{
    while (arena->blocks) {
        struct moth_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}
