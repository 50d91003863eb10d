/* SPDX-License-Identifier: MIT
 *
 * A trace as an agent that a person can read, change and keep as a regression test: the same inputs at
 * the same frames, in Lua. Pure functions.
 */
#ifndef MOTH_MINIMIZE_REPRO_H
#define MOTH_MINIMIZE_REPRO_H

#include <stdint.h>

#include "wire/trace.h"

/* `run_seed`: what `moth run --seed` must be for the first instance to have the trace's seed; 1, the
 * default, is not named. `grace`: frames played on after the last input beyond those it took. The trace
 * has an end record. Caller frees; NULL when memory is out. */
char *moth_repro_text(const struct moth_trace *trace, uint64_t run_seed, uint32_t grace);

#endif
