/* SPDX-License-Identifier: MIT
 *
 * A recording on disk: the trace, written as the game is played, so that whatever ends moth leaves a trace up to
 * the last input; and at the end the whole trace in its final form, and the scenario.
 *
 * Life cycle: moth_recording_begin → for each frame moth_recording_inputs before it is played, moth_recording_observed
 * after → moth_recording_finish. The game's tree has all inputs and marks as well; where it went back, moth_recording_again
 * writes the file anew from there. One thread.
 */
#ifndef MOTH_HEADED_RECORDING_H
#define MOTH_HEADED_RECORDING_H

#include "branch/tree.h"
#include "findings/finding.h"
#include "script/scenario.h"
#include "wire/trace.h"

#define MOTH_RECORDING_TRACE "trace.moth"
#define MOTH_RECORDING_SCENARIO "scenario.lua"

struct moth_recording {
    const char *out;
    const struct moth_trace_header *header; /* borrowed */
    struct moth_trace_writer *writer;
    struct moth_state_log state;
    bool failed; /* the file could not be written on: said once, kept for the end */
};

/* The folder is made if it is not there. */
int moth_recording_begin(struct moth_recording *recording, const char *out, const struct moth_trace_header *header,
                         struct moth_err *err);
/* Inputs that the game is about to get at `frame`; their own frame is not looked at. */
void moth_recording_inputs(struct moth_recording *recording, uint32_t frame, const struct moth_input_event *events,
                           size_t n);
void moth_recording_observed(struct moth_recording *recording, const struct moth_observation *observation);
/* What the game publishes where it stands. */
void moth_recording_state(struct moth_recording *recording, uint32_t frame, const struct moth_watch_value *values,
                          uint32_t n);
void moth_recording_mark(struct moth_recording *recording, uint32_t frame, const char *text);
/* The game went back: this is its way now. */
void moth_recording_again(struct moth_recording *recording, const struct moth_tree *tree);
/* Write trace and scenario in their final form. `finding` may be NULL. *trace (may be NULL) gets what was
 * recorded: free with moth_trace_free. 0 or -1. */
int moth_recording_finish(struct moth_recording *recording, const struct moth_tree *tree,
                          const struct moth_finding *finding, const struct moth_scenario *how, struct moth_trace **trace,
                          struct moth_err *err);
/* Let go of everything; the file stays as it is. */
void moth_recording_fini(struct moth_recording *recording);

#endif
