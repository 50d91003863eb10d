/* SPDX-License-Identifier: MIT */
#include "scan/regions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define PIECE_BYTES ((size_t)1 << 20)
#define PAGE_BYTES ((size_t)4096)
#define REGION_BYTES_MAX (512ULL << 20)

struct mapping {
    uint64_t low, high;
    bool writable, readable;
    char name[512];
};

static bool read_line(FILE *maps, struct mapping *mapping)
{
    char line[1024], rights[8];
    unsigned long long low, high;
    int at = 0;
    if (!fgets(line, sizeof line, maps))
        return false;
    if (sscanf(line, "%llx-%llx %7s %*s %*s %*s %n", &low, &high, rights, &at) < 3) {
        memset(mapping, 0, sizeof *mapping);
        return true;
    }
    line[strcspn(line, "\n")] = '\0';
    *mapping = (struct mapping){.low = low, .high = high, .readable = rights[0] == 'r', .writable = rights[1] == 'w'};
    snprintf(mapping->name, sizeof mapping->name, "%.511s", at > 0 ? line + at : "");
    return true;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static bool is_games(const struct mapping *mapping)
{
    const char *name = mapping->name;
    if (!mapping->writable || !mapping->readable || mapping->high - mapping->low > REGION_BYTES_MAX)
        return false;
    if (name[0] == '[')
        return strcmp(name, "[heap]") == 0;
    return strncmp(name, "/memfd:moth", 11) != 0 && strncmp(name, "/dev/", 5) != 0 && !strstr(name, "libmoth_probe.so") &&
           !strstr(name, "/ld-linux");
}

static void add(struct moth_regions *regions, const struct moth_region *region)
{
    struct moth_region *grown = realloc(regions->items, (regions->n + 1) * sizeof *grown);
    if (!grown)
        abort();
    regions->items = grown;
    grown[regions->n++] = *region;
}

int moth_regions_read(struct moth_regions *regions, pid_t pid)
{
    char path[64], module[512] = "";
    struct mapping mapping;
    uint64_t base = 0, end = 0; /* of the module that is being listed; where its last mapping ended */
    bool own = false;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    *regions = (struct moth_regions){0};
    FILE *maps = fopen(path, "r");
    if (!maps)
        return -1;
    while (read_line(maps, &mapping)) {
        bool file = mapping.name[0] == '/' && strncmp(mapping.name, "/memfd:", 7) != 0 && strncmp(mapping.name, "/dev/", 5) != 0;
        if (file && strcmp(mapping.name, module) != 0) {
            snprintf(module, sizeof module, "%s", mapping.name);
            base = mapping.low;
            own = strstr(mapping.name, "libmoth_probe.so") != NULL;
        }
        /* A module's bss is anonymous memory right behind its data. */
        bool bss = !mapping.name[0] && module[0] && mapping.low == end && mapping.writable;
        if (file || bss)
            end = mapping.high;
        else
            end = 0;
        if (!is_games(&mapping) || (bss && own))
            continue;
        struct moth_region region = {.low = mapping.low, .high = mapping.high, .is_static = file || bss};
        if (region.is_static) {
            region.base = base;
            region.is_system = strstr(module, "-linux-gnu/") || strncmp(module, "/lib/", 5) == 0;
            snprintf(region.module, sizeof region.module, "%.127s", base_name(module));
        }
        add(regions, &region);
    }
    fclose(maps);
    return regions->n > 0 ? 0 : -1;
}

void moth_regions_fini(struct moth_regions *regions)
{
    free(regions->items);
    *regions = (struct moth_regions){0};
}

const struct moth_region *moth_regions_at(const struct moth_regions *regions, uint64_t address)
{
    for (size_t i = 0; i < regions->n; i++)
        if (address >= regions->items[i].low && address < regions->items[i].high)
            return &regions->items[i];
    return NULL;
}

static ssize_t read_piece(pid_t pid, uint64_t address, uint8_t *to, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)(uintptr_t)address, size};
    return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

bool moth_region_copy(pid_t pid, uint64_t address, uint8_t *to, size_t size)
{
    bool any = false;
    for (size_t at = 0; at < size;) {
        size_t piece = size - at < PIECE_BYTES ? size - at : PIECE_BYTES;
        ssize_t got = read_piece(pid, address + at, to + at, piece);
        any = any || got > 0;
        if (got <= 0) { /* this page is not there */
            got = (ssize_t)(PAGE_BYTES - (address + at) % PAGE_BYTES);
            got = (size_t)got < piece ? got : (ssize_t)piece;
            memset(to + at, 0, (size_t)got);
        }
        at += (size_t)got;
    }
    return any;
}
