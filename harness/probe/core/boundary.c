/* SPDX-License-Identifier: MIT
 *
 * Boundaries: the points at which the game stands still, is looked at, and gets its input.
 *
 * A shown picture is one. While none is shown, virtual time that passes while the main fiber waits or
 * asks for the time makes them: after PATIENCE ticks the first time, then each tick, so that a game
 * that shows pictures slowly is not cut between two of them. A boundary of this second kind runs on
 * the main fiber, where the game reads its events.
 */
#include "core/probe.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "core/real.h"
#include "net/net.h"
#include "sdl/sdl.h"

#define PATIENCE_TICKS 6

bool moth_in_boundary;

static bool enabled, program_running;
static uint64_t last_boundary_ns; /* virtual */
static bool last_was_present;
static uint32_t presents_since;
static void *presenter_now;
static uint64_t presenter_seen_ns;
static uint32_t next_event, program_frame;
static uint8_t cell_at_start[sizeof moth_channel->cell];

static uint64_t tick_ns(void)
{
    uint32_t hz = moth_channel->config.hz;
    return MOTH_NS_PER_S / (hz != 0 ? hz : 60);
}

/* The tick after `ns`, without the drift of adding rounded periods. */
static uint64_t next_tick(uint64_t ns)
{
    uint64_t hz = moth_channel->config.hz != 0 ? moth_channel->config.hz : 60;
    uint64_t n = (uint64_t)((unsigned __int128)ns * hz / MOTH_NS_PER_S) + 1;
    uint64_t at = (uint64_t)((unsigned __int128)n * MOTH_NS_PER_S / hz);
    if (at <= ns)
        at = (uint64_t)((unsigned __int128)(n + 1) * MOTH_NS_PER_S / hz);
    return at;
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value)
{
    return arch_syscall(SYS_futex, (long)word, op, (long)value, 0, 0, 0);
}

static void hand_over(uint32_t state)
{
    struct moth_channel *c = moth_channel;
    c->state = state;
    atomic_store(&c->turn, MOTH_TURN_RUNNER);
    futex(&c->turn, FUTEX_WAKE, 1);
}

void moth_give_turn(uint32_t state)
{
    if (!moth_have_runner)
        return;
    hand_over(state);
    while (atomic_load(&moth_channel->turn) != MOTH_TURN_GAME)
        futex(&moth_channel->turn, FUTEX_WAIT, MOTH_TURN_RUNNER);
}

_Noreturn void moth_give_turn_for_good(uint32_t state)
{
    hand_over(state);
    for (;;)
        futex(&moth_channel->turn, FUTEX_WAIT, atomic_load(&moth_channel->turn));
}

void moth_boundary_enable(void)
{
    if (enabled || !moth_have_runner || !moth_claim())
        return;
    enabled = true;
    last_boundary_ns = moth_now_ns;
}

void moth_boundary_disable(void)
{
    enabled = false;
}

uint64_t moth_boundary_due(void)
{
    if (!enabled || moth_in_boundary || moth_in_call)
        return MOTH_FOREVER;
    return last_boundary_ns + tick_ns() * (last_was_present ? PATIENCE_TICKS : 1);
}

static void observe(struct moth_observation *o, bool last)
{
    struct moth_channel *c = moth_channel;
    memset(o, 0, sizeof *o);
    moth_work_end(o); /* first: nothing from here on is the game's */
    o->drawn = moth_gl_paced();
    o->frame = c->frame;
    o->presented = presents_since;
    o->time_ns = moth_now_ns;
    o->audio_chain = moth_chain_audio;
    o->random_chain = moth_chain_random;
    o->call_chain = moth_chain_calls;
    uint32_t want = program_running ? c->program.want : 0;
    moth_video_observe(o, want, last);
    if (last && (want & MOTH_WANT_HEAP) != 0)
        moth_allocator_count();
}

static bool stop_early(void)
{
    struct moth_channel *c = moth_channel;
    if ((c->program.stop & MOTH_STOP_EVENT) && moth_events_announced())
        return true;
    if (c->program.stop & MOTH_STOP_WATCH) {
        moth_watches_sample();
        if (moth_peeks_changed())
            return true;
    }
    return (c->program.stop & MOTH_STOP_CELL) && c->cell_ok &&
           memcmp(c->cell, cell_at_start, sizeof c->cell) != 0;
}

static uint32_t bounded(uint32_t value, uint32_t limit)
{
    return value < limit ? value : limit;
}

/* The inputs of the frame that begins. */
static void apply_inputs(void)
{
    struct moth_channel *c = moth_channel;
    uint32_t n = bounded(c->program.n_events, MOTH_PROGRAM_EVENTS_MAX);
    while (next_event < n && c->program.events[next_event].frame <= program_frame)
        moth_input_apply(&c->program.events[next_event++]);
}

/* Turn to the runner and back; a new program stands in the channel then. */
static void next_program(void)
{
    struct moth_channel *c = moth_channel;
    moth_watches_sample();
    moth_properties_tell();
    moth_net_collect();
    for (;;) {
        moth_give_turn(MOTH_STATE_BOUNDARY);
        if (c->program.frames != 0)
            break;
        if (c->program.want & MOTH_WANT_WATCHES)
            moth_peeks_sample(); /* others than before */
        if (c->branch.wanted) {
            moth_branch();
        } else if (c->call.wanted) {
            moth_call();
            moth_watches_sample();
            moth_peeks_sample();
            moth_net_collect();
        } else if (c->entries.wanted) {
            moth_entries_arm();
        } else
            moth_video_observe(&c->observations[0], c->program.want, true); /* only a look */
    }
    moth_call_over();
    moth_net_deliver();
    c->n_observations = 0;
    next_event = 0;
    program_frame = 0;
    program_running = true;
    memcpy(cell_at_start, c->cell, sizeof cell_at_start);
    if (c->program.stop & MOTH_STOP_WATCH)
        moth_peeks_begin();
}

static void stand(void)
{
    struct moth_channel *c = moth_channel;
    if (moth_in_boundary || moth_in_call)
        return;
    moth_in_boundary = true;
    moth_crash_forget();
    uint32_t frames = program_running ? bounded(c->program.frames, MOTH_PROGRAM_FRAMES_MAX) : 1;
    c->frame++;
    bool last = program_frame + 1 >= frames;
    observe(&c->observations[bounded(c->n_observations, MOTH_PROGRAM_FRAMES_MAX - 1)], last);
    c->n_observations++;
    moth_peeks_sample();
    if (c->entries.n != 0 && c->entries.objects_opened != c->objects_opened)
        moth_entries_arm();
    program_frame++;
    presents_since = 0;
    last_boundary_ns = moth_now_ns;
    for (uint32_t i = 0; i < bounded(c->n_fibers, MOTH_FIBERS_MAX); i++)
        moth_fibers[i].queries = 0;
    if (moth_have_runner && (last || stop_early()))
        next_program();
    moth_input_begin_frame();
    if (program_running)
        apply_inputs();
    /* The last picture of a program may be asked for once it stands. */
    frames = program_running ? bounded(c->program.frames, MOTH_PROGRAM_FRAMES_MAX) : 1;
    bool looked_at = program_frame + 1 >= frames && !(c->program.want & MOTH_WANT_NOTHING);
    moth_gl_pace(looked_at || (c->program.want & MOTH_WANT_PICTURE) != 0);
    moth_in_boundary = false;
    moth_work_begin(program_running ? c->program.want : 0);
}

void moth_boundary_poll(void)
{
    if (moth_now_ns < moth_boundary_due())
        return;
    last_was_present = false;
    moth_channel->synthetic_boundaries++;
    stand();
}

/* Real time drives a game with real threads. */
void moth_native_poll(void)
{
    static uint64_t began_ns;
    struct timespec t;
    arch_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
    uint64_t now = (uint64_t)t.tv_sec * MOTH_NS_PER_S + (uint64_t)t.tv_nsec;
    if (began_ns == 0)
        began_ns = now;
    moth_now_ns = now - began_ns;
    moth_channel->vtime_ns = moth_now_ns;
    moth_boundary_poll();
}

/* A picture that a called function shows takes its tick of time and is no boundary: the frame's input is for the
 * game that goes on after the call. */
static void present_in_call(void *presenter)
{
    moth_channel->present_calls++;
    moth_video_presented(presenter, true);
    if (moth_active())
        moth_sleep_until(next_tick(moth_now_ns));
}

void moth_boundary_present(void *presenter)
{
    if (moth_in_boundary || moth_mode == MOTH_DORMANT)
        return;
    moth_boundary_enable();
    if (!enabled)
        return;
    if (moth_in_call) {
        present_in_call(presenter);
        return;
    }
    moth_channel->present_calls++;
    presents_since++;
    /* With several windows, one of them sets the pace. */
    if (presenter != presenter_now && presenter_now != NULL &&
        moth_now_ns - presenter_seen_ns < PATIENCE_TICKS * tick_ns()) {
        moth_video_presented(presenter, false);
        return;
    }
    presenter_now = presenter;
    moth_work_pause();
    moth_video_presented(presenter, true);
    if (moth_active())
        moth_sleep_until(next_tick(moth_now_ns));
    else
        moth_native_poll();
    presenter_seen_ns = moth_now_ns;
    last_was_present = true;
    stand();
}

void moth_boundary_presenter_gone(void *presenter)
{
    if (presenter_now == presenter)
        presenter_now = NULL;
}
