/* SPDX-License-Identifier: MIT
 *
 * A trace replayed before a person's eyes: moth replay --headed. At the game's speed, with pause, single steps, fast
 * forward, ways to the next mark and to the finding, and back; below it the timeline and the inputs. The game is
 * replayed as it always is, and judged as it always is, where its end tells. One call, one thread; the caller has a
 * reaper.
 */
#ifndef MOTH_HEADED_SHOW_H
#define MOTH_HEADED_SHOW_H

#include "findings/reproduce.h"
#include "headed/told.h"

struct moth_show_config {
    struct moth_replay_config how; /* limits, and who may interrupt */
    double speed;                  /* times the game's own; 0: as fast as it goes */
    bool exit_at_end;              /* close the window there; else it stays until it is closed */
    uint64_t memory_bytes;         /* of places to go back to */
    struct moth_told *told;        /* who follows it, or NULL */
};

/* As moth_replay; a window that is closed before the end interrupts. */
int moth_show(const struct moth_trace *trace, const struct moth_show_config *config, struct moth_replay_outcome *outcome,
              struct moth_err *err);

#endif
