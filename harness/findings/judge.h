/* SPDX-License-Identifier: MIT
 *
 * Judging a game that lives on: is it stuck where it stands, does its memory only grow?
 *
 * The same judgement for a play and for its replays: it depends on the way to where the game stands, on the
 * run's seed and on nothing else, so a finding that was proved is proved again.
 */
#ifndef MOTH_FINDINGS_JUDGE_H
#define MOTH_FINDINGS_JUDGE_H

#include "branch/laps.h"
#include "branch/prove.h"
#include "findings/reproduce.h"

#define MOTH_SOFTLOCK_SECONDS 45u

struct moth_judge_config {
    uint64_t seed; /* of the run */
    uint32_t hz;
    uint32_t softlock_s; /* 0: MOTH_SOFTLOCK_SECONDS */
    /* As moth_prove's. May be NULL. */
    bool (*interrupted)(void *context);
    void (*died)(void *context);
    void *context;
};

uint32_t moth_judge_window_frames(const struct moth_judge_config *config);
/* `line` is what was seen at the checkpoints on the way. *finding: with fingerprint, or NULL when it is not
 * stuck. 0 with the tree where it stood, or -1 with err as moth_prove. */
int moth_judge_stuck(struct moth_tree *tree, const struct moth_views *line,
                     const struct moth_judge_config *config, struct moth_proof *proof,
                     struct moth_finding **finding, struct moth_err *err);
/* The finding of identical laps that were played, with fingerprint; NULL when memory does not only grow. */
struct moth_finding *moth_judge_laps(const struct moth_laps *laps, uint32_t frame);

#endif
