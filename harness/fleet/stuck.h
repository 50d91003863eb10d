/* SPDX-License-Identifier: MIT
 *
 * The watch for softlocks over one instance's play: tells detect/softlock what is pressed and seen, and
 * when it is time lets findings/judge prove, on the play's own tree. The play goes on where it was.
 */
#ifndef MOTH_FLEET_STUCK_H
#define MOTH_FLEET_STUCK_H

#include "detect/softlock.h"
#include "findings/judge.h"

struct moth_stuck {
    struct moth_softlock *watch; /* NULL: nothing is watched for */
    struct moth_tree *tree;      /* borrowed */
    bool proving;                /* what the tree plays now is not the play's */
    bool waiting;                /* the script says so */
};

/* `seconds` 0: nothing is watched for. */
void moth_stuck_init(struct moth_stuck *stuck, struct moth_tree *tree, uint32_t seconds, uint32_t hz);
void moth_stuck_fini(struct moth_stuck *stuck);
void moth_stuck_input(struct moth_stuck *stuck, const struct moth_input_event *events, size_t n_events);
/* Each boundary of the play, as the tree tells of it. */
void moth_stuck_observed(struct moth_stuck *stuck, const struct moth_observation *observation);
/* Where the play stands, to be returned to together with a node. */
size_t moth_stuck_tip(const struct moth_stuck *stuck);
void moth_stuck_return(struct moth_stuck *stuck, size_t tip);

/* Look whether it is stuck, if it is time to. *finding: new, or NULL. 0, or -1 with err when the play cannot
 * go on: the game could not be returned to where it was. */
int moth_stuck_look(struct moth_stuck *stuck, const struct moth_trace_header *header,
                    const struct moth_replay_config *config, struct moth_finding **finding, struct moth_err *err);

#endif
