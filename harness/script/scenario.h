/* SPDX-License-Identifier: MIT
 *
 * A recording as a scenario: a Lua file that plays the same inputs at the same frames, made to be read and changed.
 *
 * Keys are taps and holds, runs of the mouse one block, and marks divide it into sections. Where the game published
 * something that changed while the player waited, the script waits for that and not for so many frames: it goes
 * on to work when the game has become slower or a wait in it is changed. Played unchanged, it is the recording, frame
 * by frame. Pure functions.
 */
#ifndef MOTH_SCRIPT_SCENARIO_H
#define MOTH_SCRIPT_SCENARIO_H

#include "script/state.h"
#include "wire/trace.h"

struct moth_scenario {
    const struct moth_trace *trace; /* its events, its marks, and how many frames there are */
    struct moth_state_log *state;   /* judged here; may be NULL: nothing is waited for */
    uint64_t run_seed;              /* what `moth run --seed` must be */
    const char *file;               /* how the command in its head calls it */
    const char *const *watches;     /* "NAME=EXPRESSION" that the script watches, too; may be NULL */
    bool key_repeat;                /* keys that repeat by themselves, which the script need not press */
};

/* The text; NULL when memory is out. Caller frees. */
char *moth_scenario_text(const struct moth_scenario *scenario);

#endif
