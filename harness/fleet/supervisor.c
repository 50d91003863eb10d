/* SPDX-License-Identifier: MIT */
#include "fleet/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleet/signals.h"

#define TICK_MS 250
#define GRACE_NS (15 * MOTH_NS_PER_S) /* after a signal, until workers that do not end are killed */
#define NO_FRAME_MAX 2u               /* instances without a first frame until the run gives up */
#define FAULTS_MAX 5u                 /* faults in a row, likewise */

/* ---- ending ---- */

static void stop_playing(struct moth_supervisor *supervisor)
{
    if (!supervisor->playing)
        return;
    supervisor->playing = false;
    supervisor->again.n = 0;
    moth_workers_signal(&supervisor->workers, SIGUSR1);
}

static void stop_minimizing(struct moth_supervisor *supervisor)
{
    if (supervisor->late)
        return;
    supervisor->late = true;
    supervisor->minimize.n = 0;
    moth_workers_signal(&supervisor->workers, SIGUSR2);
}

static void interrupt(struct moth_supervisor *supervisor)
{
    uint64_t now = moth_clock_monotonic_ns();
    supervisor->kill_ns = supervisor->interrupted ? now : now + GRACE_NS;
    supervisor->interrupted = true;
    supervisor->playing = false;
    supervisor->again.n = supervisor->verify.n = supervisor->minimize.n = 0;
    moth_workers_signal(&supervisor->workers, SIGTERM);
}

/* Reasons to begin no more instances. */
static void check_limits(struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    const struct moth_tally *tally = supervisor->tally;
    uint64_t elapsed_ns = moth_clock_monotonic_ns() - supervisor->begin_ns;
    bool nothing_runs = tally->started == 0 && (tally->no_frame >= NO_FRAME_MAX || tally->faults > 0);
    bool only_agent_faults = tally->agent_faulty >= NO_FRAME_MAX && tally->agent_faulty == tally->finished;
    if (config->duration_ms > 0 && elapsed_ns >= config->duration_ms * MOTH_NS_PER_MS)
        stop_minimizing(supervisor);
    if (supervisor->late || (config->max_findings > 0 && tally->n_findings >= config->max_findings) || nothing_runs ||
        only_agent_faults || tally->consecutive_faults >= FAULTS_MAX)
        stop_playing(supervisor);
}

/* ---- the loop ---- */

static int wait_ms(const struct moth_supervisor *supervisor)
{
    uint64_t now = moth_clock_monotonic_ns(), until = now + TICK_MS * MOTH_NS_PER_MS;
    uint64_t deadline = supervisor->config->duration_ms
                            ? supervisor->begin_ns + supervisor->config->duration_ms * MOTH_NS_PER_MS
                            : 0;
    if (supervisor->playing && deadline > now && deadline < until)
        until = deadline;
    return (int)((until - now + MOTH_NS_PER_MS - 1) / MOTH_NS_PER_MS);
}

static void wait_for_something(struct moth_supervisor *supervisor, struct pollfd *polled)
{
    uint32_t n = supervisor->workers.n;
    for (uint32_t i = 0; i < n; i++) {
        const struct moth_worker *worker = &supervisor->workers.at[i];
        polled[i] = (struct pollfd){.fd = worker->pid > 0 ? worker->fd : -1, .events = POLLIN};
    }
    polled[n] = (struct pollfd){.fd = moth_signals_fd(), .events = POLLIN};
    if (poll(polled, n + 1, wait_ms(supervisor)) <= 0)
        return;
    for (uint32_t i = 0; i < n; i++) {
        if (polled[i].revents)
            moth_hear(supervisor, &supervisor->workers.at[i]);
    }
    for (unsigned i = polled[n].revents ? moth_signals_take() : 0; i > 0; i--)
        interrupt(supervisor);
}

static void tell_progress(const struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    if (!config->progress)
        return;
    struct moth_run_progress progress = {
        .instances_done = supervisor->tally->finished,
        .frames = supervisor->tally->frames,
        .frames_budget = config->frames,
        .wall_s = (double)(moth_clock_monotonic_ns() - supervisor->begin_ns) / (double)MOTH_NS_PER_S,
        .wall_budget_s = (double)config->duration_ms / 1000.0,
        .findings = supervisor->tally->n_findings,
        .replaying = (uint32_t)supervisor->verify.n,
    };
    progress.shrinking = (uint32_t)supervisor->minimize.n;
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        const struct moth_worker *worker = &supervisor->workers.at[i];
        progress.instances_running += worker->does == MOTH_WORKER_PLAYS;
        progress.replaying += worker->does == MOTH_WORKER_VERIFIES;
        progress.shrinking += worker->does == MOTH_WORKER_MINIMIZES;
        progress.frames += worker->frames;
    }
    config->progress(config->context, &progress);
}

int moth_supervise(struct moth_supervisor *supervisor, struct moth_err *err)
{
    struct pollfd *polled = calloc(supervisor->workers.n + 1, sizeof *polled);
    if (!polled)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u workers", supervisor->workers.n);
    int result = 0;
    for (;;) {
        check_limits(supervisor);
        result = moth_give_all(supervisor, err);
        if (result == 0 && moth_workers_busy(&supervisor->workers) == 0 && supervisor->verify.n == 0 &&
            supervisor->minimize.n == 0) {
            moth_give_outdated(supervisor);
            if (supervisor->verify.n == 0)
                break;
            continue;
        }
        if (result != 0 || (supervisor->kill_ns && moth_clock_monotonic_ns() >= supervisor->kill_ns))
            break;
        wait_for_something(supervisor, polled);
        tell_progress(supervisor);
    }
    if (supervisor->interrupted)
        moth_hear_rest_lost(supervisor);
    free(polled);
    return result;
}
