/* SPDX-License-Identifier: MIT
 *
 * Samples of one frame: call stacks, each with the work time that it stands for. Says who took the time, and
 * writes them down folded, a line a stack ("thread;main;update;load 81234", outermost first, microseconds),
 * which is what flame graph programs read.
 */
#ifndef MOTH_FINDINGS_SAMPLED_H
#define MOTH_FINDINGS_SAMPLED_H

#include "findings/finding.h"
#include "unwind/unwind.h"

struct moth_sampled_item {
    uint64_t ns;
    char *fiber;   /* its name */
    char **frames; /* moth_frame_text, innermost first */
    size_t n;
};

struct moth_sampled {
    struct moth_sampled_item *items;
    size_t n;
    uint64_t ns; /* of all */
};

/* What to call a thread: a new one has the name of who made it, and only the first is the main one. */
void moth_sampled_thread(uint32_t fiber, const char *name, char thread[16]);
void moth_sampled_add(struct moth_sampled *sampled, uint64_t ns, const struct moth_fiber_stack *stack);
/* Forget all but the first n. */
void moth_sampled_cut(struct moth_sampled *sampled, size_t n);
void moth_sampled_fini(struct moth_sampled *sampled);
/* NULL when there is none. Caller frees. */
char *moth_sampled_folded(const struct moth_sampled *sampled);
/* Put the culprit's stack into finding->stack, who called it below it. It is the innermost function of the
 * game's own that half of the time was spent in and that is in no sample of the frames before (`usual`),
 * where there is one: a helper that every frame calls is not what was unusual about this one. `wanted` (may
 * be NULL) goes before it, if half of the time was spent in there. *share: its part of the time. False when
 * there are no samples. */
bool moth_sampled_blame(const struct moth_sampled *sampled, const struct moth_sampled *usual,
                        const char *wanted, struct moth_finding *finding, double *share);
/* The culprit's name: of finding->stack's first frame, as moth_frame_key has it. Caller frees. */
char *moth_sampled_culprit(const struct moth_finding *finding);

#endif
