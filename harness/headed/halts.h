/* SPDX-License-Identifier: MIT
 *
 * Places on the way that a session can go back to: snapshots every few seconds, each with what was held down there.
 * Life cycle: moth_halts_init → moth_halts_pass at each frame → moth_halts_fini, before the tree is closed.
 */
#ifndef MOTH_HEADED_HALTS_H
#define MOTH_HEADED_HALTS_H

#include "branch/tree.h"
#include "headed/pressed.h"

#define MOTH_HALTS_MAX 64u

struct moth_halt {
    struct moth_node *node;
    uint32_t frame;
    struct moth_pressed held;
};

struct moth_halts {
    struct moth_tree *tree; /* borrowed */
    uint32_t every;         /* frames between two */
    struct moth_halt at[MOTH_HALTS_MAX];
    size_t n;
};

/* The first halt is where the game stands. */
void moth_halts_init(struct moth_halts *halts, struct moth_tree *tree, uint32_t every, const struct moth_pressed *held);
void moth_halts_fini(struct moth_halts *halts);
/* Keep this place if it is time for one. When there are too many, every second one of the older ones goes. */
void moth_halts_pass(struct moth_halts *halts, const struct moth_pressed *held);
/* Return to the last halt at or before `frame`; with `forget`, those behind it are gone. What was held there is in
 * *held. 0 or -1. */
int moth_halts_return(struct moth_halts *halts, uint32_t frame, bool forget, struct moth_pressed *held,
                      struct moth_err *err);

#endif
