/* SPDX-License-Identifier: MIT
 *
 * A trace as an agent that a person can read, change and keep as a regression test: the same inputs at
 * the same frames, in Lua. Pure functions.
 */
#ifndef MOTH_MINIMIZE_REPRO_H
#define MOTH_MINIMIZE_REPRO_H

#include <stdint.h>

#include "findings/reproduce.h"

/* `run_seed`: what `moth run --seed` must be for the first instance to have the trace's seed; 1, the
 * default, is not named. `how`: the limits under which it happens; those that are defaults are not named
 * either. The trace has an end record. Caller frees; NULL when memory is out. */
char *moth_repro_text(const struct moth_trace *trace, uint64_t run_seed,
                      const struct moth_replay_config *how);

#endif
