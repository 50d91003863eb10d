/* SPDX-License-Identifier: MIT
 *
 * What a frame works: CPU time of the one kernel thread, read from the kernel's own account of it. Time spent
 * standing at a boundary and waiting for the next tick is taken out, and so is what the reading costs.
 *
 * A reading is a system call (0.4 µs where this was written), two a frame; so it is not read at each switch
 * of fibers as well, but in one frame of 16, by which their shares are known over a run, and in each frame of
 * replays that look for who took the time. The time-stamp counter would be cheaper, but it traps for the game
 * (core/trap.c), hence for us, and to open it for a moment costs ten system calls' time.
 *
 * A frame that is looked into (MOTH_WANT_SAMPLES) is stopped on its way by a timer, and the runner reads its
 * stack. Each sample weighs what was worked since the one before, so a timer that comes late, on a busy
 * machine, does no harm.
 */
#include "core/probe.h"

#include <errno.h>
#include <string.h>

#define TOUCHED_MAX 32u
#define CALIBRATIONS 16
#define SAMPLE_PERIOD_NS (500 * 1000)

static bool paused, exact, sampling, counting;
static uint64_t since_ns, total_ns, unsampled_ns, reading_ns;
static struct moth_work_part touched[TOUCHED_MAX];
static uint32_t n_touched;
static int sample_timer = -1;

static uint64_t clock_ns(void)
{
    struct timespec t;
    int clock = moth_mode == MOTH_NATIVE ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
    arch_syscall(SYS_clock_gettime, clock, (long)&t, 0, 0, 0, 0);
    return (uint64_t)t.tv_sec * MOTH_NS_PER_S + (uint64_t)t.tv_nsec;
}

static void calibrate(void)
{
    reading_ns = UINT64_MAX;
    for (int i = 0; i < CALIBRATIONS; i++) {
        uint64_t a = clock_ns(), b = clock_ns();
        if (b - a < reading_ns)
            reading_ns = b - a;
    }
}

static void add_part(const struct moth_fiber *fiber, uint64_t ns)
{
    uint32_t at = 0;
    while (at < n_touched && touched[at].fiber != fiber->index)
        at++;
    if (at == TOUCHED_MAX)
        return;
    if (at == n_touched) {
        touched[n_touched++] = (struct moth_work_part){.fiber = fiber->index};
        memcpy(touched[at].name, fiber->record->name, sizeof touched[at].name);
    }
    uint64_t sum = touched[at].ns + ns;
    touched[at].ns = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

/* Close the span that ends now; what comes next is another one. */
static void take(const struct moth_fiber *fiber)
{
    uint64_t now = clock_ns(), span = now - since_ns;
    span = span > reading_ns ? span - reading_ns : 0;
    since_ns = now;
    total_ns += span;
    unsampled_ns += span;
    if (exact)
        add_part(fiber, span);
}

void moth_work_pause(void)
{
    if (!paused)
        take(moth_current);
    paused = true;
}

void moth_work_switch(const struct moth_fiber *from)
{
    if (paused)
        since_ns = clock_ns();
    else if (exact)
        take(from);
    paused = false;
}

void moth_work_waits(uint32_t kind)
{
    if (sampling && (kind == MOTH_WAIT_MUTEX || kind == MOTH_WAIT_RWLOCK || kind == MOTH_WAIT_COND ||
                     kind == MOTH_WAIT_SEM))
        moth_channel->sample.lock_waits++;
}

/* ---- the frame's end and beginning ---- */

static void most_first(struct moth_observation *o)
{
    while (o->n_parts < MOTH_WORK_PARTS_MAX) {
        struct moth_work_part *most = NULL;
        for (uint32_t i = 0; i < n_touched; i++)
            if (touched[i].ns > 0 && (most == NULL || touched[i].ns > most->ns))
                most = &touched[i];
        if (most == NULL)
            return;
        o->parts[o->n_parts++] = *most;
        most->ns = 0;
    }
}

static void set_timer(uint64_t ns)
{
    struct itimerspec once = {
        .it_value = {.tv_sec = (long)(ns / MOTH_NS_PER_S), .tv_nsec = (long)(ns % MOTH_NS_PER_S)}};
    if (sample_timer >= 0)
        arch_syscall(SYS_timer_settime, sample_timer, 0, (long)&once, 0, 0, 0);
}

/* Up to `most`, by chance: a timer that keeps step with what each frame does would see it always at the same
 * places, and whatever one function takes longer would be said of those that come after it. */
static uint64_t by_chance(uint64_t most)
{
    static uint64_t state;
    state = (state ^ since_ns) + 0x9e3779b97f4a7c15u;
    uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    return (z ^ (z >> 31)) % most + 1;
}

static uint64_t period_ns(void)
{
    uint64_t ns = moth_channel->sample.period_ns;
    return ns != 0 ? ns : SAMPLE_PERIOD_NS;
}

static uint64_t next_ns(void)
{
    return period_ns() / 2 + by_chance(period_ns());
}

void moth_work_end(struct moth_observation *o)
{
    if (!paused)
        take(moth_current);
    if (sampling)
        set_timer(0);
    if (counting)
        moth_count_stop();
    sampling = counting = false;
    o->cpu_ns = total_ns;
    if (exact)
        most_first(o);
}

static void sample_from_now_on(void)
{
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = moth_preempt_signal();
    event.sigev_value.sival_int = MOTH_WORK_SAMPLE;
    event._sigev_un._tid = (int)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    if (sample_timer < 0 &&
        arch_syscall(SYS_timer_create, CLOCK_MONOTONIC, (long)&event, (long)&sample_timer, 0, 0, 0) != 0)
        sample_timer = -1;
    struct moth_work_sample *sample = &moth_channel->sample;
    sample->allocations = sample->allocated_bytes = sample->lock_waits = 0;
    moth_count_start();
    sampling = true;
    set_timer(by_chance(period_ns()));
}

/* One frame of 16, but not each 16th: a game may do something each 16th. */
static bool is_chosen(uint32_t frame)
{
    return (frame * 0x9e3779b1u) >> 28 == 0;
}

void moth_work_begin(uint32_t want)
{
    if (reading_ns == 0)
        calibrate();
    total_ns = unsampled_ns = 0;
    n_touched = 0;
    exact = (want & MOTH_WANT_WORK) != 0 || is_chosen(moth_channel->frame);
    if ((want & MOTH_WANT_SAMPLES) && moth_active() && moth_have_runner)
        sample_from_now_on();
    counting = sampling && (want & MOTH_WANT_COUNTS) != 0;
    if (counting)
        moth_count_start();
    paused = false;
    since_ns = clock_ns();
}

/* ---- samples ---- */

void moth_work_sample(const void *opaque)
{
    if (!sampling)
        return;
    if (paused || moth_in_boundary) {
        set_timer(next_ns());
        return;
    }
    int saved = errno;
    struct moth_work_sample *sample = &moth_channel->sample;
    take(moth_current);
    arch_context_regs(opaque, sample->regs, MOTH_CRASH_REGS);
    sample->ns = unsampled_ns;
    unsampled_ns = 0;
    moth_give_turn(MOTH_STATE_SAMPLE);
    set_timer(next_ns());
    since_ns = clock_ns();
    errno = saved;
}
