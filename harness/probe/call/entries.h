/* SPDX-License-Identifier: MIT
 *
 * Entrances in front of the game's functions: which function each belongs to. Filled where the game stands
 * (entries.c), read wherever it calls (entered.c); a branch has them too.
 */
#ifndef MOTH_PROBE_CALL_ENTRIES_H
#define MOTH_PROBE_CALL_ENTRIES_H

#include <stdint.h>

struct moth_entrance {
    uint64_t original; /* where the function lies; 0: not in use */
    uint32_t entry;    /* index in channel.entries */
};

extern struct moth_entrance moth_entrances[];

#endif
