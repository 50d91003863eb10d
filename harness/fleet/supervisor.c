/* SPDX-License-Identifier: MIT */
#include "fleet/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fleet/disk.h"
#include "fleet/signals.h"
#include "fleet/tell.h"

#define TICK_MS 250
#define GRACE_NS (15 * MOTH_NS_PER_S) /* after a signal, until workers that do not end are killed */
#define NO_FRAME_MAX 2u               /* instances without a first frame until the run gives up */
#define FAULTS_MAX 5u                 /* faults in a row, likewise */
#define AGENT_FAULTS_MAX 20u          /* in a row */
#define NO_FRAME_LATE 20u             /* instances without a first frame in a row, when others had one */
#define NOTE_TIME_NS (2 * MOTH_NS_PER_S)
#define REPORT_NS (10 * MOTH_NS_PER_S)
#define REPORT_SHARE 20u /* writing reports takes at most this part of the time, tidying up too */
#define TIDY_NS (2 * MOTH_NS_PER_S)

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
    supervisor->kill_ns = supervisor->interrupted ? supervisor->awake_ns : supervisor->awake_ns + GRACE_NS;
    supervisor->interrupted = true;
    supervisor->playing = false;
    supervisor->again.n = supervisor->verify.n = supervisor->minimize.n = 0;
    moth_workers_signal(&supervisor->workers, SIGTERM);
}

/* What --duration is held against. */
static uint64_t spent_ms(const struct moth_supervisor *supervisor)
{
    return moth_supervisor_wall_ms(supervisor) - supervisor->before_ms;
}

/* Hardly anything runs any more, though it did: going on all night would only look like a pass. */
static bool gives_up(struct moth_supervisor *supervisor)
{
    struct moth_tally *tally = supervisor->tally;
    bool faults = tally->consecutive_faults >= FAULTS_MAX,
         no_frame = tally->consecutive_no_frame >= NO_FRAME_LATE;
    if (!supervisor->playing || !(faults || no_frame))
        return false;
    tally->gave_up = true;
    moth_tally_warn(tally, "the run ends early: %u instances in a row %s",
                    faults ? tally->consecutive_faults : tally->consecutive_no_frame,
                    faults ? "could not be played" : "never reached a frame, though others did");
    return true;
}

/* Reasons to begin no more instances. */
static void check_limits(struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    const struct moth_tally *tally = supervisor->tally;
    size_t findings = moth_tally_unknown(tally) - supervisor->findings_before;
    bool nothing_runs = tally->started == 0 && (tally->no_frame >= NO_FRAME_MAX || tally->faults > 0);
    bool only_agent_faults =
        tally->agent_faulty >= NO_FRAME_MAX && tally->consecutive_agent_faults == tally->finished;
    only_agent_faults = only_agent_faults || tally->consecutive_agent_faults >= AGENT_FAULTS_MAX;
    if (config->duration_ms > 0 && spent_ms(supervisor) >= config->duration_ms)
        stop_minimizing(supervisor);
    bool enough = config->max_findings > 0 && findings >= config->max_findings;
    if (enough && supervisor->playing && !supervisor->late) {
        supervisor->enough = true;
        supervisor->tally->cut_short = supervisor->again.n > 0;
    }
    if (supervisor->late || enough || nothing_runs || only_agent_faults || supervisor->cannot_store ||
        gives_up(supervisor))
        stop_playing(supervisor);
}

/* Did --max-findings keep anything from being played? Not where it was reached by the last instance. */
static void note_cut(struct moth_supervisor *supervisor)
{
    struct moth_tally *tally = supervisor->tally;
    struct moth_plan_job job;
    if (supervisor->enough)
        tally->cut_short = tally->cut_short || tally->stopped > 0 ||
                           moth_plan_next(&supervisor->plan, &job) == MOTH_PLAN_JOB;
}

/* ---- what is kept on disk ---- */

void moth_supervisor_note(struct moth_supervisor *supervisor, enum moth_journal_type type,
                          const struct moth_buf *body)
{
    struct moth_err err;
    int result = moth_journal_append(supervisor->journal, type, body, &err);
    if (result != 0 && moth_disk_is_full(&err) && moth_disk_make_room(supervisor->config->out))
        result = moth_journal_append(supervisor->journal, type, body, &err);
    if (result == 0 || supervisor->journal_warned)
        return;
    supervisor->journal_warned = true;
    moth_tally_warn(supervisor->tally, "%s; the run cannot be gone on with from here by --resume",
                    err.message);
}

uint64_t moth_supervisor_wall_ms(const struct moth_supervisor *supervisor)
{
    return supervisor->past_ms + (moth_clock_monotonic_ns() - supervisor->begin_ns) / MOTH_NS_PER_MS;
}

static void note_time(struct moth_supervisor *supervisor)
{
    if (supervisor->awake_ns - supervisor->noted_ns < NOTE_TIME_NS)
        return;
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u64(&body, moth_supervisor_wall_ms(supervisor));
    moth_supervisor_note(supervisor, MOTH_JOURNAL_TIME, &body);
    moth_buf_fini(&body);
    supervisor->noted_ns = supervisor->awake_ns;
}

/* The quota of the output folder. */
static void tidy(struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    if (supervisor->awake_ns < supervisor->tidy_ns)
        return;
    uint64_t begin_ns = moth_clock_monotonic_ns();
    uint64_t bytes = moth_disk_tidy(config->out, config->traces, config->disk_bytes);
    if (config->disk_bytes > 0 && bytes > config->disk_bytes)
        moth_tally_warn(supervisor->tally,
                        "findings and what else is never dropped take more than the %llu MB of --disk-mb",
                        (unsigned long long)(config->disk_bytes >> 20));
    supervisor->tidy_ns =
        supervisor->awake_ns + TIDY_NS + (moth_clock_monotonic_ns() - begin_ns) * REPORT_SHARE;
}

/* At once after a finding, else now and then; never so often that it takes much of the time. */
static void report(struct moth_supervisor *supervisor)
{
    uint64_t now = supervisor->awake_ns;
    if (!supervisor->config->report || now < supervisor->report_ns ||
        !(supervisor->report_wanted || now >= supervisor->report_due_ns))
        return;
    uint64_t begin_ns = moth_clock_monotonic_ns();
    supervisor->report_wanted = false;
    moth_supervisor_report(supervisor);
    supervisor->report_ns = now + (moth_clock_monotonic_ns() - begin_ns) * REPORT_SHARE;
    supervisor->report_due_ns = now + REPORT_NS;
}

/* ---- the loop ---- */

static int wait_ms(const struct moth_supervisor *supervisor)
{
    uint64_t duration_ms = supervisor->config->duration_ms, spent = spent_ms(supervisor);
    uint64_t left_ms = duration_ms > spent ? duration_ms - spent : TICK_MS;
    return (int)(supervisor->playing && left_ms < TICK_MS ? left_ms + 1 : TICK_MS);
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

static void tell_progress(struct moth_supervisor *supervisor)
{
    const struct moth_fleet_config *config = supervisor->config;
    if (!config->progress && !supervisor->bus)
        return;
    struct moth_run_progress progress = {
        .instances_done = supervisor->tally->finished,
        .frames = supervisor->tally->frames,
        .frames_budget = config->frames,
        .wall_s = (double)moth_supervisor_wall_ms(supervisor) / 1000,
        .wall_budget_s = (double)config->duration_ms / 1000.0,
        .findings = supervisor->tally->n_findings,
        .replaying = (uint32_t)supervisor->verify.n,
    };
    progress.shrinking = (uint32_t)supervisor->minimize.n;
    progress.places = supervisor->tally->places.n;
    progress.virtual_s = (double)supervisor->tally->virtual_ns / (double)MOTH_NS_PER_S;
    progress.workers = supervisor->workers.n;
    progress.agents = moth_tally_agents(supervisor->tally);
    progress.n_agents = config->n_agents;
    uint32_t unsettled = 0;
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        const struct moth_worker *worker = &supervisor->workers.at[i];
        progress.instances_running += worker->does == MOTH_WORKER_PLAYS;
        progress.replaying += worker->does == MOTH_WORKER_VERIFIES;
        progress.shrinking += worker->does == MOTH_WORKER_MINIMIZES;
        progress.frames += worker->frames;
        unsettled = worker->places > unsettled ? worker->places : unsettled; /* others see the same ones */
        progress.virtual_s += (double)worker->frames / (config->channel.hz ? config->channel.hz : 60);
        progress.workers_alive += worker->pid > 0;
    }
    progress.places += unsettled;
    if (config->progress)
        config->progress(config->context, &progress);
    moth_tell_progress(supervisor, &progress);
}

/* Is there something to do that only waits for somebody to do it? */
static bool waits(const struct moth_supervisor *supervisor)
{
    return supervisor->verify.n > 0 || supervisor->minimize.n > 0 ||
           (supervisor->held_back > 0 && supervisor->playing);
}

int moth_supervise(struct moth_supervisor *supervisor, struct moth_err *err)
{
    struct pollfd *polled = calloc(supervisor->workers.n + 1, sizeof *polled);
    if (!polled)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u workers", supervisor->workers.n);
    int result = 0;
    for (;;) {
        supervisor->awake_ns = moth_awake_ns(&supervisor->awake);
        check_limits(supervisor);
        moth_hear_silence(supervisor);
        result = moth_give_all(supervisor, err);
        if (result == 0 && moth_workers_busy(&supervisor->workers) == 0 && !waits(supervisor)) {
            moth_give_outdated(supervisor);
            if (supervisor->verify.n == 0)
                break;
            continue;
        }
        if (result != 0 || (supervisor->kill_ns && supervisor->awake_ns >= supervisor->kill_ns))
            break;
        wait_for_something(supervisor, polled);
        moth_reaper_look(&supervisor->reaper);
        note_time(supervisor);
        tidy(supervisor);
        report(supervisor);
        tell_progress(supervisor);
    }
    if (supervisor->interrupted)
        moth_hear_rest_lost(supervisor);
    note_cut(supervisor);
    supervisor->tidy_ns = 0; /* what is left is within the quota, however short the run was */
    tidy(supervisor);
    free(polled);
    return result;
}
