/* SPDX-License-Identifier: MIT
 *
 * Places kept along the way of the best so far, from which candidates start. Rungs come in the order of
 * their frames; the first one is the game's first boundary and is always there.
 */
#ifndef MOTH_MINIMIZE_LADDER_H
#define MOTH_MINIMIZE_LADDER_H

#include "branch/tree.h"

struct moth_rung {
    uint32_t frame;
    struct moth_node *node;
};

struct moth_ladder {
    struct moth_tree *tree; /* borrowed */
    struct moth_rung *at;
    size_t n;
    struct moth_input_event *events; /* of the way the rungs stand on; owned */
    size_t n_events;
    uint32_t frames; /* its length */
};

/* The way is this one from now on: rungs behind its first difference to the one before are let go. */
void moth_ladder_follow(struct moth_ladder *ladder, const struct moth_input_event *events, size_t n_events,
                        uint32_t frames);
/* The first frame at which these inputs are not the way's; UINT32_MAX when there is none. */
uint32_t moth_ladder_common(const struct moth_ladder *ladder, const struct moth_input_event *events,
                            size_t n_events);
/* The last rung at or before a frame. */
const struct moth_rung *moth_ladder_below(const struct moth_ladder *ladder, uint32_t frame);
/* Where the next rung belongs after one at `frame`. */
uint32_t moth_ladder_next(const struct moth_ladder *ladder, uint32_t frame);
/* The game stands on the way, and leaves it here when `leaves`: keep the place if that is worth while. */
int moth_ladder_offer(struct moth_ladder *ladder, bool leaves, struct moth_err *err);
/* Let all rungs go; the tree may be closed then. The way stays. */
void moth_ladder_clear(struct moth_ladder *ladder);
void moth_ladder_fini(struct moth_ladder *ladder);

#endif
