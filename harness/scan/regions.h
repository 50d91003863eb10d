/* SPDX-License-Identifier: MIT
 *
 * The writable memory of a game: what it is made of, and reading it from outside. For harness/scan only.
 */
#ifndef MOTH_SCAN_REGIONS_H
#define MOTH_SCAN_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct moth_region {
    uint64_t low, high;
    bool is_static;   /* a module's data or bss */
    bool is_system;   /* … of a library of the system */
    uint64_t base;    /* … where the module begins */
    char module[128]; /* … and its file's name */
};

struct moth_regions {
    struct moth_region *items;
    size_t n;
};

/* All that is writable and may hold state of the game's: not stacks, not moth's own. 0 or -1. */
int moth_regions_read(struct moth_regions *regions, pid_t pid);
void moth_regions_fini(struct moth_regions *regions);
const struct moth_region *moth_regions_at(const struct moth_regions *regions, uint64_t address);
/* Read what is there: pages that cannot be read are zero. False when nothing could be. */
bool moth_region_copy(pid_t pid, uint64_t address, uint8_t *to, size_t size);

#endif
