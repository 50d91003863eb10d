/* SPDX-License-Identifier: MIT
 *
 * The watch over one instance's play for what a game that lives on may do wrong, softlocks and leaks: tells
 * detect/softlock what is pressed and seen, and when it is time lets findings/judge prove, on the play's own
 * tree. The play goes on where it was. A play whose memory grew has identical laps put behind its end.
 *
 * Where the way to the game's place is too short to show that it goes round and round, as in a play that
 * branches or one that is at its end, and the scene brings nothing new, a stretch of random play is put
 * behind it first. It is part of the finding's trace then, and not of the play.
 */
#ifndef MOTH_FLEET_STUCK_H
#define MOTH_FLEET_STUCK_H

#include "detect/leak.h"
#include "detect/softlock.h"
#include "findings/judge.h"

struct moth_stuck {
    struct moth_softlock *watch; /* NULL: nothing is watched for */
    struct moth_leak leak;
    uint32_t frames;        /* of the play, over all branches */
    struct moth_tree *tree; /* borrowed */
    struct moth_judge_config how;
    /* A finding, taken over, while the tree stands where it was proved. */
    void (*found)(void *context, struct moth_finding *finding);
    /* What the play looked like at a checkpoint; may be NULL. */
    void (*viewed)(void *context, const struct moth_view *view);
    void *context;
    bool aside;   /* what the tree plays now is not the play's */
    bool proving; /* … nor of interest to the watch */
    bool waiting; /* the script says so */
};

/* The rest is filled by the caller. `how.softlock_s` 0: nothing is watched for. */
void moth_stuck_begin(struct moth_stuck *stuck);
void moth_stuck_end(struct moth_stuck *stuck);
void moth_stuck_input(struct moth_stuck *stuck, const struct moth_input_event *events, size_t n_events);
/* Each boundary that the tree tells of. */
void moth_stuck_observed(struct moth_stuck *stuck, const struct moth_observation *observation);
/* Where the play stands, to be returned to together with a node. */
size_t moth_stuck_tip(const struct moth_stuck *stuck);
void moth_stuck_return(struct moth_stuck *stuck, size_t tip);

/* Look whether it is stuck, if it is time to. `branching`: the play keeps places to return to; `last`: it is
 * at its end. 0, or -1 with err when the play cannot go on: interrupted, or the game could not be returned
 * to where it was. */
int moth_stuck_look(struct moth_stuck *stuck, bool branching, bool last, struct moth_err *err);
/* At the end of a play: look whether its memory only grows. As above. */
int moth_stuck_look_for_leak(struct moth_stuck *stuck, struct moth_err *err);

#endif
