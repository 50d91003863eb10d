/* SPDX-License-Identifier: MIT
 *
 * The command line of `moth run` that launches a game as a trace says it was launched. Pure functions.
 */
#ifndef MOTH_SCRIPT_WORLD_H
#define MOTH_SCRIPT_WORLD_H

#include <stdint.h>
#include <stdio.h>

#include "wire/trace.h"

/* Options for the seeds, the rate, the way it is drawn, the environment and the group; those that are the
 * default are left out. `run_seed`: what --seed must be for the first instance to have the trace's. */
void moth_script_put_world(FILE *out, const struct moth_trace_header *header, uint64_t run_seed);
/* " --option VALUE", unless the value is 0 or the default. */
void moth_script_put_limit(FILE *out, const char *option, uint32_t value, uint32_t fallback);
/* Budgets under which one instance gets so many frames; nothing where it gets them anyway. */
void moth_script_put_budget(FILE *out, uint32_t frames);
/* " -- GAME ARG…" */
void moth_script_put_game(FILE *out, const struct moth_trace_header *header);

#endif
