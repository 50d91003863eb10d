/* SPDX-License-Identifier: MIT
 *
 * Playing one instance with one agent: launch, let the agent play, record the trace, judge, keep what
 * was found. Runs in a worker, or in `moth replay` for findings that only their script can meet again.
 */
#ifndef MOTH_FLEET_PLAY_H
#define MOTH_FLEET_PLAY_H

#include "bus/port.h"
#include "findings/reproduce.h"
#include "fleet/fleet.h"
#include "fleet/message.h"

#define MOTH_PLAY_FINDINGS_MAX 32u /* of one instance; more of them say nothing new */
#define MOTH_PLAY_SCRIPTED_SNAPSHOT_BYTES (256ULL << 20) /* of an agent that is played again */

/* Where a worker plays. */
struct moth_play_place {
    const struct moth_fleet_config *config;
    const char *run; /* token of the run */
    struct moth_bus_seat seat; /* where the bus hears of what is played */
    struct moth_places *cells; /* places that were told of */
    struct moth_watches *watches; /* what was read of the game's debug information; NULL: not at all */
    /* Asked before each step: is the run to end? */
    bool (*stopped)(void *context);
    void (*progress)(void *context, uint32_t index, uint32_t frames, uint32_t places);
    void (*found)(void *context, const struct moth_message_found *found);
    void *context;
};

/* Play one instance of the run. Everything that happened is in *done, which the caller releases with
 * moth_message_done_fini. */
void moth_play_job(const struct moth_play_place *place, const struct moth_plan_job *job,
                   struct moth_message_done *done);

/* Play a scripted finding's trace again, by its agent, for `frames` and a little more: those that it had run, for it
 * may have gone back on the way (moth_finding's `played`; where that is not known, its frame). *met: the agent
 * reported `fingerprint` again. *killed: it did not, but was killed from outside. 0, or -1 with err. */
int moth_play_scripted(const struct moth_trace_header *header, const struct moth_agent *agent, uint32_t pads,
                       uint32_t frames, const struct moth_replay_config *config, const char *fingerprint,
                       bool *met, bool *killed, struct moth_err *err);
/* Controllers that were plugged in before the agent of a trace began. */
uint32_t moth_play_pads_of(const struct moth_trace *trace);

#endif
