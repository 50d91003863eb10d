/* SPDX-License-Identifier: MIT
 *
 * Ways to an address that hold in the next process, too: from a module's own data through pointers. For harness/scan
 * only.
 */
#ifndef MOTH_SCAN_CHAIN_H
#define MOTH_SCAN_CHAIN_H

#include "scan/regions.h"
#include "scan/scan.h"

#define MOTH_CHAIN_POINTERS_MAX 4u    /* followed one after the other */
#define MOTH_CHAIN_OFFSET_MAX 4096u   /* from where a pointer leads to what is wanted */

struct moth_chains; /* opaque */

/* Read all pointers of the game; `regions` is borrowed. NULL when memory is out. */
struct moth_chains *moth_chains_create(const struct moth_regions *regions, pid_t pid);
void moth_chains_destroy(struct moth_chains *chains); /* NULL is ignored */
/* Fill hit->ways: those with the fewest pointers first, and of these the ones with the smallest offsets. */
void moth_chains_find(const struct moth_chains *chains, const char *type, struct moth_scan_hit *hit);

#endif
