/* SPDX-License-Identifier: MIT
 *
 * pthread_once and call_once. Compiled with -fexceptions: a C++ exception or a cancellation that
 * leaves the routine must make the control fresh again.
 */
#include "core/probe.h"
#include "core/real.h"

enum { ONCE_FRESH = 0, ONCE_RUNS = 1, ONCE_DONE = 2 }; /* glibc's values */

struct attempt {
    int *control;
    bool done;
};

static void settle_attempt(struct attempt *attempt)
{
    __atomic_store_n(attempt->control, attempt->done ? ONCE_DONE : ONCE_FRESH, __ATOMIC_RELEASE);
    moth_wake(attempt->control, INT32_MAX);
}

static void once(int *control, void (*routine)(void))
{
    while (__atomic_load_n(control, __ATOMIC_ACQUIRE) == ONCE_RUNS)
        moth_wait(MOTH_WAIT_ONCE, control, MOTH_FOREVER);
    if (*control == ONCE_DONE)
        return;
    *control = ONCE_RUNS;
    struct attempt attempt __attribute__((cleanup(settle_attempt))) = {control, false};
    routine();
    attempt.done = true;
}

MOTH_HOOK int pthread_once(pthread_once_t *control, void (*routine)(void))
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_once(control, routine);
    }
    once(control, routine);
    return 0;
}

MOTH_HOOK void call_once(once_flag *flag, void (*routine)(void))
{
    if (!moth_active()) {
        moth_real_init();
        moth_real.call_once(flag, routine);
        return;
    }
    once((int *)flag, routine);
}
