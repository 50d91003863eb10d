/* SPDX-License-Identifier: MIT */
#include "unwind/walk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

#define CODE_RANGES_MAX 8192u

void moth_memory_init(struct moth_memory *memory, int fd)
{
    memory->fd = fd;
    for (size_t i = 0; i < MOTH_MEMORY_PAGES; i++)
        memory->pages[i].address = 1;
}

/* A stack is read word by word, a page's worth of words in a row: one read a page. */
static const uint8_t *page_of(struct moth_memory *memory, uint64_t address)
{
    uint64_t base = address & ~(uint64_t)(MOTH_MEMORY_PAGE - 1);
    size_t slot = (base / MOTH_MEMORY_PAGE) % MOTH_MEMORY_PAGES;
    if (memory->pages[slot].address != base) {
        memory->pages[slot].address = base;
        memory->pages[slot].readable =
            base <= INT64_MAX &&
            pread(memory->fd, memory->pages[slot].bytes, MOTH_MEMORY_PAGE, (off_t)base) == MOTH_MEMORY_PAGE;
    }
    return memory->pages[slot].readable ? memory->pages[slot].bytes : NULL;
}

bool moth_memory_read(struct moth_memory *memory, uint64_t address, void *bytes, size_t size)
{
    uint8_t *to = bytes;
    while (size > 0) {
        size_t offset = address % MOTH_MEMORY_PAGE;
        size_t part = MOTH_MEMORY_PAGE - offset < size ? MOTH_MEMORY_PAGE - offset : size;
        const uint8_t *page = page_of(memory, address);
        if (!page)
            return false;
        memcpy(to, page + offset, part);
        to += part;
        address += part;
        size -= part;
    }
    return true;
}

int moth_code_map_read(struct moth_code_map *map, pid_t pid)
{
    char *path = moth_fs_path("/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "re");
    free(path);
    if (!maps)
        return -1;
    map->n = 0;
    map->ranges = calloc(CODE_RANGES_MAX, sizeof *map->ranges);
    char line[512];
    bool whole = true; /* a line longer than the buffer comes in parts; only its head counts */
    while (map->ranges && map->n < CODE_RANGES_MAX && fgets(line, sizeof line, maps)) {
        struct moth_code_range range;
        char rights[5];
        if (whole && sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &range.start, &range.end, rights) == 3 &&
            rights[2] == 'x')
            map->ranges[map->n++] = range;
        whole = strchr(line, '\n') != NULL;
    }
    fclose(maps);
    return map->ranges ? 0 : -1;
}

bool moth_code_map_has(const struct moth_code_map *map, uint64_t address)
{
    for (size_t i = 0; i < map->n; i++) {
        if (address >= map->ranges[i].start && address < map->ranges[i].end)
            return true;
    }
    return false;
}
