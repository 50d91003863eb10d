/* SPDX-License-Identifier: MIT
 *
 * Virtual time: a discrete-event clock. It stands still while the game computes. It moves when nothing
 * can run (to the next deadline), when a picture was shown (to the next tick), and a little when the
 * game only ever asks for it.
 */
#include "core/probe.h"
#include "core/real.h"
#include "sdl/sdl.h"

uint64_t moth_now_ns;

static struct moth_timer *timers; /* armed, by due time */

#define QUERIES_PER_STEP 64
#define QUERY_STEP_NS (MOTH_NS_PER_MS / 10)

void moth_clock_advance(uint64_t to_ns)
{
    if (to_ns > moth_now_ns)
        moth_now_ns = to_ns;
    moth_channel->vtime_ns = moth_now_ns;
    moth_timers_fire(moth_now_ns);
    moth_waiters_expire(moth_now_ns);
}

void moth_clock_query(void)
{
    struct moth_fiber *self = moth_current;
    if (moth_sdl_pending) /* every SDL asks for the time when it starts */
        moth_sdl_patch_pending();
    if (moth_in_boundary || ++self->queries < QUERIES_PER_STEP)
        return;
    self->queries = 0;
    moth_clock_advance(moth_now_ns + QUERY_STEP_NS);
    moth_yield();
    if (self == &moth_fibers[0])
        moth_boundary_poll();
}

uint64_t moth_clock_value(int clock_id)
{
    switch (clock_id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        return MOTH_REALTIME_EPOCH_NS + moth_now_ns;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        return MOTH_MONOTONIC_EPOCH_NS + moth_now_ns;
    default:
        return moth_now_ns; /* CPU clocks: as if the game had run all the time */
    }
}

uint64_t moth_deadline_of(int clock_id, const struct timespec *at, bool absolute)
{
    if (at == NULL)
        return MOTH_FOREVER;
    if (at->tv_sec < 0)
        return moth_now_ns;
    if ((uint64_t)at->tv_sec > UINT64_MAX / MOTH_NS_PER_S / 4)
        return MOTH_FOREVER - 1;
    uint64_t ns = (uint64_t)at->tv_sec * MOTH_NS_PER_S + (uint64_t)at->tv_nsec;
    if (!absolute)
        return moth_now_ns + ns;
    uint64_t zero = moth_clock_value(clock_id) - moth_now_ns;
    return ns > zero ? ns - zero : 0;
}

bool moth_time_valid(const struct timespec *at)
{
    return at == NULL || (at->tv_nsec >= 0 && at->tv_nsec < (long)MOTH_NS_PER_S);
}

bool moth_sleep_until(uint64_t deadline_ns)
{
    if (deadline_ns <= moth_now_ns) {
        moth_clock_query(); /* sleep(0) in a loop must let time pass, too */
        moth_yield();
        return true;
    }
    return moth_wait(MOTH_WAIT_SLEEP, NULL, deadline_ns) != MOTH_WAKE_INTERRUPTED;
}

/* ---- timers ---- */

void moth_timer_disarm(struct moth_timer *timer)
{
    for (struct moth_timer **at = &timers; *at != NULL; at = &(*at)->next)
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    timer->armed = 0;
}

void moth_timer_arm(struct moth_timer *timer, uint64_t due_ns, uint64_t interval_ns)
{
    moth_timer_disarm(timer);
    timer->due_ns = due_ns;
    timer->interval_ns = interval_ns;
    timer->armed = 1;
    struct moth_timer **at = &timers;
    while (*at != NULL && (*at)->due_ns <= due_ns)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
}

uint64_t moth_timers_next(void)
{
    return timers != NULL ? timers->due_ns : MOTH_FOREVER;
}

void moth_timers_fire(uint64_t now_ns)
{
    while (timers != NULL && timers->due_ns <= now_ns) {
        struct moth_timer *timer = timers;
        timers = timer->next;
        timer->armed = 0;
        if (timer->interval_ns > 0)
            moth_timer_arm(timer, timer->due_ns + timer->interval_ns, timer->interval_ns);
        timer->fire(timer);
    }
}
