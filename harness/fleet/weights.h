/* SPDX-License-Identifier: MIT
 *
 * Weights of agents that follow what they find.
 *
 * Each agent has a rate: new cells and new findings a frame, where what is longer ago counts less and an
 * agent of which little is known counts as well as the best one. After each block of instances the agents'
 * shares are set in proportion to the user's weight times the rate, and each keeps a fixed part of its own
 * share, so that none starves and each can show that the game's state has come to suit it. A pure function
 * of the instances' ends in the order in which they are told. No clock, no random numbers.
 */
#ifndef MOTH_FLEET_WEIGHTS_H
#define MOTH_FLEET_WEIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOTH_WEIGHTS_KEPT 0.3     /* part of an agent's own share that nothing takes away */
#define MOTH_WEIGHTS_FADE 0.8     /* what a block's figures are worth one block later */
#define MOTH_WEIGHTS_FINDING 50.0 /* a new finding is worth so many new cells */

struct moth_weights_arm {
    double base;                                     /* the user's weight, as a share of 1 */
    double share;                                    /* now, likewise */
    double reward;                                   /* faded */
    double frames;                                   /* faded */
    uint64_t instances, frames_all, cells, findings; /* of the whole run */
};

struct moth_weights {
    struct moth_weights_arm *arms; /* one an agent */
    size_t n;
    uint32_t block, in_block; /* instances until the shares change; how many of them are over */
};

/* `base`: n weights above 0. 0, or -1 when memory is out. */
int moth_weights_init(struct moth_weights *weights, const double *base, size_t n, uint32_t block);
void moth_weights_fini(struct moth_weights *weights);
/* The shares as they are, one an agent. Caller frees; NULL when memory is out. */
double *moth_weights_shares(const struct moth_weights *weights);
/* An instance of agent `arm` is over. True when the block is: the shares are new. */
bool moth_weights_done(struct moth_weights *weights, uint32_t arm, uint32_t frames, uint32_t cells,
                       uint32_t findings);

#endif
