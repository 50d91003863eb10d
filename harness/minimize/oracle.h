/* SPDX-License-Identifier: MIT
 *
 * Does the finding happen with these inputs? Asked of the game itself.
 *
 * Candidates of one search have long beginnings in common with the best so far. The game is played on a
 * tree of branches (branch/tree.h): places along the way of the best are kept, and a candidate starts at
 * the last of them that lies before its first difference. What cannot be seen in the game's death alone (a
 * softlock) is asked of moth_replay, from the launch on. Answers are remembered (memo.h). One thread.
 */
#ifndef MOTH_MINIMIZE_ORACLE_H
#define MOTH_MINIMIZE_ORACLE_H

#include "branch/tree.h"
#include "findings/reproduce.h"
#include "minimize/memo.h"

struct moth_oracle_config {
    const struct moth_trace *trace; /* with an end record: what is to happen, and how the game is launched */
    struct moth_replay_config replay; /* limits, and who may interrupt */
    bool full_limits;                 /* for candidates too: a hang is never given up sooner */
    uint64_t memory_bytes;            /* of kept places; 0: each candidate is played from the launch */
    uint64_t frames_most;             /* played, over all candidates; 0: no limit */
    uint64_t duration_ms;             /* of asking, after moth_oracle_learn; 0: no limit */
    struct moth_memo *memo;
};

enum moth_oracle_stop {
    MOTH_ORACLE_GOES_ON,
    MOTH_ORACLE_BUDGET,
    MOTH_ORACLE_INTERRUPTED,
    MOTH_ORACLE_FAULT /* err says which */
};

struct moth_oracle_counts {
    uint64_t asked, remembered; /* candidates; of them answered by the memo */
    uint64_t frames;            /* boundaries played, with those that rebuilt a place */
    uint64_t frames_whole;      /* what it would have been from the launch on each time */
    bool branches;              /* candidates start from kept places */
};

struct moth_oracle; /* opaque */

/* Launches nothing yet. */
struct moth_oracle *moth_oracle_create(const struct moth_oracle_config *config);
void moth_oracle_destroy(struct moth_oracle *oracle);

/* As moth_shrink_oracle.test. */
int moth_oracle_test(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                     uint32_t until, uint32_t *frame);
/* These inputs are what the next candidates are made from. */
void moth_oracle_follow(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                        uint32_t frame);
/* Learn from the original what its candidates need: can its finding be seen in its death, and how long do
 * its frames take (a candidate that hangs is given up sooner then, though never before eight times its
 * longest frame). As moth_oracle_test. */
int moth_oracle_learn(struct moth_oracle *oracle, uint32_t *frame);

/* In a fresh process, from the launch, under the full limits: NULL when it does not happen or could not be
 * tried (err->code OK: it did not). Else the whole trace, with checkpoints and end record. */
struct moth_trace *moth_oracle_record(struct moth_oracle *oracle, const struct moth_input_event *events,
                                      size_t n_events, uint32_t until, struct moth_err *err);

enum moth_oracle_stop moth_oracle_stopped(const struct moth_oracle *oracle, struct moth_err *err);
void moth_oracle_counts(struct moth_oracle *oracle, struct moth_oracle_counts *counts);

#endif
