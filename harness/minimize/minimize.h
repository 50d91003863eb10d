/* SPDX-License-Identifier: MIT
 *
 * A finding's inputs made as few and as short as they can be while the finding still happens.
 *
 * Life cycle: one call. It replays the trace first: what does not happen, or not each time, is not worked
 * on. Then it searches (shrink.h) with the game itself as the oracle (oracle.h). Whenever the best so far
 * is written, it has just been met in a fresh process, so what lies in the folder is always good. Where a
 * game's branches turn out not to be like straight runs, it goes on without them and says so. With a
 * folder for progress a search that was interrupted, or killed, goes on where it was, to the end it would
 * have come to. One thread; the caller has a reaper. Nothing is printed.
 */
#ifndef MOTH_MINIMIZE_MINIMIZE_H
#define MOTH_MINIMIZE_MINIMIZE_H

#include "findings/reproduce.h"

#define MOTH_MINIMIZED_TRACE "minimized.moth"
#define MOTH_MINIMIZED_SCRIPT "repro.lua"

/* Where a search is. */
struct moth_minimize_progress {
    uint32_t inputs_before, inputs;
    uint32_t frame_before, frame;
    uint64_t asked, frames; /* candidates tried; boundaries played */
};

struct moth_minimize_config {
    const char *out;      /* folder for MOTH_MINIMIZED_TRACE and _SCRIPT; made if missing */
    const char *progress; /* folder for what was tried, or NULL; removed when nothing is left to try */
    struct moth_replay_config replay; /* limits, and who may interrupt */
    uint64_t memory_bytes;            /* of kept branches; 0: none */
    uint64_t frames_most;             /* played in the search; 0: no limit */
    uint64_t duration_ms;             /* of the search; 0: no limit */
    uint32_t replays;                 /* of the result, in fresh processes */
    bool checked;                     /* it has been replayed already and was met each time */
    /* `moth run --seed` for an instance's seed (fleet/plan.h). */
    uint64_t (*run_seed)(uint64_t instance_seed);
    void (*tell)(void *context, const struct moth_minimize_progress *progress); /* may be NULL */
    void (*warn)(void *context, const char *sentence);                          /* may be NULL */
    void *context;                                                              /* of tell and warn */
};

struct moth_minimize_outcome {
    bool happened;    /* false: the trace's finding did not happen, and nothing else here counts */
    bool written;     /* the folder has a result */
    bool minimal;     /* nothing that is tried makes it smaller */
    bool interrupted; /* config->replay.interrupted ended it */
    bool resumed;     /* it went on from what an earlier search left */
    bool branches;    /* candidates started from kept places */
    uint32_t inputs_before, inputs;
    uint32_t frame_before, frame;
    uint32_t met, tried;           /* replays of the result */
    uint64_t asked, remembered;    /* candidates; answered from what was tried before */
    uint64_t frames, frames_whole; /* played; had each been played from the launch */
};

/* 0 with *outcome; -1 with err: MOTH_ERR_NONDETERMINISTIC when it happens only sometimes, MOTH_ERR_USAGE for
 * a trace without a finding or of a kind that inputs alone do not make happen. `trace` is borrowed. */
int moth_minimize(const struct moth_trace *trace, const struct moth_minimize_config *config,
                  struct moth_minimize_outcome *outcome, struct moth_err *err);

#endif
