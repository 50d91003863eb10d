/* SPDX-License-Identifier: MIT
 *
 * The stack of a deadlock is the two innermost frames that are the game's own of each thread in its
 * cycle (each waits for one which waits … for it): who locks, and who wanted it locked. They come in the
 * order of the threads' numbers, so that the same deadlock has the same stack whoever closed the circle. All
 * stacks stand in `stacks`.
 */
#include "detect/detectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/frames.h"

#define CYCLE_MAX 8u
#define FRAMES_OF_EACH 2u

static const struct moth_fiber_stack *find_fiber(const struct moth_stacks *stacks, int64_t fiber)
{
    for (size_t i = 0; stacks && i < stacks->n_fibers; i++) {
        if (stacks->fibers[i].fiber == fiber)
            return &stacks->fibers[i];
    }
    return NULL;
}

/* The cycle that `start` is part of: its fibers, or 0. */
static size_t find_cycle(const struct moth_stacks *stacks, const struct moth_fiber_stack *start,
                         const struct moth_fiber_stack *cycle[CYCLE_MAX])
{
    size_t n = 0;
    for (const struct moth_fiber_stack *at = start; at && n < CYCLE_MAX;) {
        cycle[n++] = at;
        at = at->owner >= 0 ? find_fiber(stacks, at->owner) : NULL;
        if (at == start)
            return n;
    }
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct moth_fiber_stack *left = *(const struct moth_fiber_stack *const *)a;
    const struct moth_fiber_stack *right = *(const struct moth_fiber_stack *const *)b;
    return (left->fiber > right->fiber) - (left->fiber < right->fiber);
}

static void add_own_frames(struct moth_finding *finding, const struct moth_fiber_stack *fiber)
{
    struct moth_finding one = {0};
    moth_finding_add_frames(&one, fiber);
    size_t at = 0;
    for (size_t n = 0; n < FRAMES_OF_EACH && at < one.n_stack; n++, at++) {
        size_t own = at + moth_frames_first_own(one.stack + at, one.n_stack - at);
        if (own == one.n_stack && n > 0)
            break;
        at = own < one.n_stack ? own : at;
        moth_finding_add_frame(finding, strdup(one.stack[at]));
    }
    for (size_t i = 0; i < one.n_stack; i++)
        free(one.stack[i]);
    free(one.stack);
}

static void add_cycle(struct moth_finding *finding, const struct moth_stacks *stacks)
{
    const struct moth_fiber_stack *cycle[CYCLE_MAX];
    size_t n = 0;
    for (size_t i = 0; stacks && i < stacks->n_fibers && n == 0; i++)
        n = find_cycle(stacks, &stacks->fibers[i], cycle);
    if (n == 0) {
        const struct moth_fiber_stack *main_fiber = find_fiber(stacks, 0);
        if (main_fiber)
            moth_finding_add_frames(finding, main_fiber);
        return;
    }
    qsort(cycle, n, sizeof *cycle, by_number);
    for (size_t i = 0; i < n; i++)
        add_own_frames(finding, cycle[i]);
}

struct moth_finding *moth_detect_deadlock(const struct moth_evidence *evidence)
{
    if (evidence->death->how != MOTH_STEP_DEADLOCK)
        return NULL;
    struct moth_finding *finding = moth_finding_from_death(MOTH_FINDING_DEADLOCK, evidence, NULL);
    if (!finding)
        return NULL;
    add_cycle(finding, evidence->death->unwound);
    char *line = moth_first_line(evidence->death->detail);
    finding->title = moth_fs_path("deadlock: %s", line && *line ? line : "every thread waits");
    free(line);
    return finding;
}
