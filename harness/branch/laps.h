/* SPDX-License-Identifier: MIT
 *
 * Identical laps: a stretch of a play's own inputs that led back to where it began, played again and again
 * from one place, and the game's memory at the end of each.
 *
 * Memory is what the game has of anonymous pages (heap, stacks, mapped memory) in its page table, whoever
 * shares them: a branch's first write to a page copies it, but does not add one, so that branching is never
 * taken for growth. The first lap begins wherever the game stands and is not counted; each later one must end
 * in the state the first one ended in, else the laps are not alike and say nothing.
 *
 * Each lap's beginning is marked in the trace, so a replay can count again.
 */
#ifndef MOTH_BRANCH_LAPS_H
#define MOTH_BRANCH_LAPS_H

#include "branch/tree.h"
#include "branch/view.h"

#define MOTH_LAPS 12u /* played, if the memory does not settle before */
#define MOTH_LAP_MARK "moth: a lap begins"

/* A stretch of the way up to here; `from` equal to `to`: nothing is pressed for two seconds. */
struct moth_lap {
    uint32_t from, to;
};

struct moth_laps {
    uint32_t frames;         /* of one */
    struct moth_views views; /* at each beginning, and at the end of the last */
    uint64_t bytes[MOTH_LAPS + 1];
    size_t n; /* of bytes: laps played + 1 */
};

/* Anonymous memory of the game in bytes; 0 when it cannot be read. Source: /proc/PID/smaps_rollup. */
uint64_t moth_laps_memory(const struct moth_instance *instance);
/* Virtual size of the game's data in bytes, cheap to read and the same in each run; 0 when it cannot be read.
 */
uint64_t moth_laps_data(const struct moth_instance *instance);
/* Note where a lap begins or the last one ends: where the game stands. */
void moth_laps_note(struct moth_laps *laps, struct moth_instance *instance);
void moth_laps_fini(struct moth_laps *laps);

/* Play `lap` again and again from where the tree stands, and leave it there. Ends early when the memory
 * settles or the laps are not alike. 0 with *laps, or -1 with err. */
int moth_laps_play(struct moth_tree *tree, const struct moth_lap *lap, struct moth_laps *laps,
                   struct moth_err *err);
/* Did memory grow by a real amount in every lap that counts, to the last? *per_lap: the least of them. Asks
 * for enough laps, all alike. */
bool moth_laps_grow(const struct moth_laps *laps, uint64_t *per_lap);

#endif
