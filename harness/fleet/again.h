/* SPDX-License-Identifier: MIT
 *
 * Playing a trace of the corpus with this run's game.
 */
#ifndef MOTH_FLEET_AGAIN_H
#define MOTH_FLEET_AGAIN_H

#include "fleet/play.h"

#define MOTH_AGAIN_NAME "replay" /* who plays it, in reports */

/* X(name, text in files): how it went; message_done's `how` */
#define MOTH_AGAIN_RESULTS(X)            \
    X(HAPPENED, "happened again")        \
    X(GONE, "did not happen again")      \
    X(CLEAN, "played to its end")        \
    X(OTHER, "something else happened")

/* As moth_play_job, for a job with `replay`. A finding is stored and told of; one whose trace leads nowhere any
 * more is put into the output folder as fixed. */
void moth_again_play(const struct moth_play_place *place, const struct moth_plan_job *job, struct moth_message_done *done);
/* Was the trace played to its end or to a finding that says whether its own is there? By `how`. */
bool moth_again_tells(const char *how);
bool moth_again_happened(const char *how);

#endif
