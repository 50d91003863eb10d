/* SPDX-License-Identifier: MIT
 *
 * A stack of a game that runs: what several looks at it have in common.
 */
#include "unwind/unwind.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "unwind/walk.h"

#define LOOKS 8u
#define NAPS 20u /* between two looks, at most */
#define COMMON_BUDGET_NS (8 * MOTH_NS_PER_S)

/* Not all the same, so that a loop of one length is met at different places. */
static const long pauses_ns[LOOKS] = {1300000, 3100000, 700000, 4700000, 2300000, 5900000, 1900000, 3700000};

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Frames of one call: the same function, or without symbols the same place it will return to. */
static bool same_call(const struct moth_frame *a, const struct moth_frame *b)
{
    if (!same_text(a->module, b->module) || a->inlined != b->inlined)
        return false;
    return a->symbol || b->symbol ? same_text(a->symbol, b->symbol) : a->module_offset == b->module_offset;
}

static void drop_inner(struct moth_fiber_stack *stack, size_t n)
{
    struct moth_fiber_stack inner = {.frames = stack->frames, .n_frames = n};
    size_t left = stack->n_frames - n;
    struct moth_frame *kept = calloc(left ? left : 1, sizeof *kept);
    if (!kept)
        return;
    memcpy(kept, stack->frames + n, left * sizeof *kept);
    moth_fiber_stack_fini(&inner);
    stack->frames = kept;
    stack->n_frames = left;
    stack->omitted_at -= stack->omitted_at < n ? stack->omitted_at : n;
}

/* Cut `stack` to the outer calls that it shares with `other`, unless they share none. */
static void keep_common(struct moth_fiber_stack *stack, const struct moth_fiber_stack *other)
{
    size_t common = 0;
    while (
        common < stack->n_frames && common < other->n_frames &&
        same_call(&stack->frames[stack->n_frames - 1 - common], &other->frames[other->n_frames - 1 - common]))
        common++;
    if (common > 0 && common < stack->n_frames)
        drop_inner(stack, stack->n_frames - common);
}

static struct moth_stacks *look(pid_t pid, const struct moth_channel *channel, bool all, struct moth_err *err)
{
    struct moth_unwind_regs regs;
    if (moth_unwind_hold(pid, &regs, err) != 0)
        return NULL;
    struct moth_stacks *stacks =
        all ? moth_unwind(pid, channel, &regs, err) : moth_unwind_culprit(pid, channel, &regs, err);
    moth_unwind_let_go(pid);
    return stacks;
}

static uint64_t cpu_ns_of(pid_t pid)
{
    clockid_t clock;
    struct timespec t = {0};
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * MOTH_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Let it go on for so long of its own time: on a busy machine it may not have moved when ours has passed. One that
 * only waits does not either. */
static void let_run(pid_t pid, long pause_ns)
{
    uint64_t began_ns = cpu_ns_of(pid);
    for (unsigned naps = 0; naps < NAPS; naps++) {
        nanosleep(&(struct timespec){.tv_nsec = pause_ns}, NULL);
        if (cpu_ns_of(pid) - began_ns >= (uint64_t)pause_ns / 2)
            return;
    }
}

struct moth_stacks *moth_unwind_running(pid_t pid, const struct moth_channel *channel, struct moth_err *err)
{
    uint64_t deadline_ns = moth_clock_monotonic_ns() + COMMON_BUDGET_NS;
    struct moth_stacks *stacks = look(pid, channel, true, err);
    for (unsigned i = 0; stacks && i < LOOKS && moth_clock_monotonic_ns() < deadline_ns; i++) {
        let_run(pid, pauses_ns[i]);
        struct moth_stacks *again = look(pid, channel, false, NULL);
        if (again && again->fibers[0].fiber == stacks->fibers[0].fiber && !again->cut)
            keep_common(&stacks->fibers[0], &again->fibers[0]);
        moth_stacks_free(again);
    }
    return stacks;
}
