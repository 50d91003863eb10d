/* SPDX-License-Identifier: MIT */
#include "fleet/fleet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "findings/store.h"
#include "fleet/explore.h"
#include "fleet/reaper.h"
#include "fleet/signals.h"
#include "fleet/tally.h"
#include "fleet/workers.h"
#include "runner/cookie.h"

#define TICK_MS 250
#define GRACE_NS (15 * MOTH_NS_PER_S) /* after a signal, until workers that do not end are killed */
#define NO_FRAME_MAX 2u               /* instances without a first frame until the run gives up */
#define FAULTS_MAX 5u                 /* faults in a row, likewise */

struct task_queue {
    struct moth_task *at;
    size_t n;
};

struct supervisor {
    const struct moth_fleet_config *config;
    struct moth_plan plan;
    struct moth_workers workers;
    struct moth_tally *tally;
    struct moth_reaper reaper;
    char run[MOTH_COOKIE_MAX];       /* token of this run: the cookie before workers mark theirs */
    struct task_queue again, verify; /* instances to be played again; findings to be replayed */
    struct task_queue minimize;      /* findings to be shrunk */
    int out_fd;                      /* holds the output folder's lock */
    uint64_t begin_ns, kill_ns;      /* kill_ns: when patience ends, 0: not yet */
    bool playing;                    /* new instances may begin */
    bool interrupted;
    bool late; /* the duration is over */
};

static void forget_in_child(void *context)
{
    struct supervisor *supervisor = context;
    moth_signals_forget();
    moth_reaper_forget(&supervisor->reaper);
}

/* ---- queues ---- */

static void push(struct task_queue *queue, const struct moth_task *task)
{
    struct moth_task *grown = realloc(queue->at, (queue->n + 1) * sizeof *grown);
    if (!grown)
        return;
    queue->at = grown;
    grown[queue->n++] = *task;
}

static bool pop(struct task_queue *queue, struct moth_task *task)
{
    if (queue->n == 0)
        return false;
    *task = queue->at[0];
    memmove(queue->at, queue->at + 1, --queue->n * sizeof *queue->at);
    return true;
}

static void queue_verify(struct supervisor *supervisor, struct moth_tally_finding *entry)
{
    if (entry->queued || !entry->stored || supervisor->config->replays == 0)
        return;
    struct moth_task task = {0};
    memcpy(task.fingerprint, entry->fingerprint, sizeof task.fingerprint);
    entry->queued = true;
    entry->outdated = false;
    push(&supervisor->verify, &task);
}

/* What came back each time is worth shrinking; what a worker finds to be of another kind it leaves alone. */
static void queue_minimize(struct supervisor *supervisor, const struct moth_message_verified *verified)
{
    struct moth_task task = {0};
    if (supervisor->interrupted || supervisor->late || supervisor->config->minimize_frames == 0 ||
        verified->tried == 0 || verified->met < verified->tried)
        return;
    snprintf(task.fingerprint, sizeof task.fingerprint, "%s", verified->fingerprint);
    push(&supervisor->minimize, &task);
}

/* ---- ending ---- */

static void stop_playing(struct supervisor *supervisor)
{
    if (!supervisor->playing)
        return;
    supervisor->playing = false;
    supervisor->again.n = 0;
    moth_workers_signal(&supervisor->workers, SIGUSR1);
}

static void stop_minimizing(struct supervisor *supervisor)
{
    if (supervisor->late)
        return;
    supervisor->late = true;
    supervisor->minimize.n = 0;
    moth_workers_signal(&supervisor->workers, SIGUSR2);
}

static void interrupt(struct supervisor *supervisor)
{
    uint64_t now = moth_clock_monotonic_ns();
    supervisor->kill_ns = supervisor->interrupted ? now : now + GRACE_NS;
    supervisor->interrupted = true;
    supervisor->playing = false;
    supervisor->again.n = supervisor->verify.n = supervisor->minimize.n = 0;
    moth_workers_signal(&supervisor->workers, SIGTERM);
}

/* Reasons to begin no more instances. */
static void check_limits(struct supervisor *supervisor)
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

/* ---- handing out ---- */

static bool next_play(struct supervisor *supervisor, struct moth_task *task)
{
    if (!supervisor->playing)
        return false;
    if (pop(&supervisor->again, task))
        return true;
    *task = (struct moth_task){0};
    return moth_plan_next(&supervisor->plan, &task->job) == MOTH_PLAN_JOB;
}

static void lose_worker(struct supervisor *supervisor, struct moth_worker *worker);

static int give(struct supervisor *supervisor, struct moth_worker *worker, struct moth_err *err)
{
    struct moth_task task;
    bool verify = pop(&supervisor->verify, &task);
    bool minimize = !verify && pop(&supervisor->minimize, &task);
    if (!verify && !minimize && !next_play(supervisor, &task))
        return 0;
    if (worker->pid == 0 && moth_worker_start(&supervisor->workers, worker, err) != 0)
        return -1;
    task.tries++;
    int sent = verify     ? moth_worker_verify(worker, &task)
               : minimize ? moth_worker_minimize(worker, &task)
                          : moth_worker_play(worker, &task);
    if (sent != 0)
        lose_worker(supervisor, worker);
    return 0;
}

static int give_all(struct supervisor *supervisor, struct moth_err *err)
{
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        struct moth_worker *worker = &supervisor->workers.at[i];
        if (worker->does == MOTH_WORKER_IDLE && give(supervisor, worker, err) != 0)
            return -1;
    }
    return 0;
}

/* Findings whose trace was replaced after its replays are replayed once more, at the end. */
static void queue_outdated(struct supervisor *supervisor)
{
    for (size_t i = 0; !supervisor->interrupted && i < supervisor->tally->n_findings; i++) {
        if (supervisor->tally->findings[i].outdated)
            queue_verify(supervisor, &supervisor->tally->findings[i]);
    }
}

/* ---- what workers say ---- */

static void settle(struct supervisor *supervisor, const struct moth_task *task,
                   struct moth_message_done *done)
{
    bool killed = done->ending == MOTH_ENDING_KILLED;
    if (killed && supervisor->playing && task->tries < MOTH_TRIES_MAX) {
        push(&supervisor->again, task);
        return;
    }
    if (killed && !done->fault)
        done->fault = strdup("the game was killed from outside");
    moth_plan_settle(&supervisor->plan, &task->job, done->frames);
    moth_tally_done(supervisor->tally, &task->job, done);
}

static int take_done(struct supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
{
    struct moth_message_done done = {0};
    bool valid = moth_message_get_done(body, &done) && worker->does == MOTH_WORKER_PLAYS;
    if (valid) {
        worker->does = MOTH_WORKER_IDLE;
        worker->frames = 0;
        settle(supervisor, &worker->task, &done);
    }
    moth_message_done_fini(&done);
    return valid ? 0 : -1;
}

static int take_found(struct supervisor *supervisor, struct moth_cursor *body)
{
    const struct moth_fleet_config *config = supervisor->config;
    struct moth_message_found found = {0};
    bool valid = moth_message_get_found(body, &found), is_new = false;
    struct moth_tally_finding *entry = valid ? moth_tally_found(supervisor->tally, &found, &is_new) : NULL;
    if (entry && is_new) {
        if (config->found)
            config->found(config->context, moth_finding_kind_name(entry->finding->kind), found.title,
                          found.fingerprint);
        if (!supervisor->interrupted)
            queue_verify(supervisor, entry);
    }
    moth_message_found_fini(&found);
    return valid ? 0 : -1;
}

static int take_verified(struct supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
{
    struct moth_message_verified verified = {0};
    bool valid = moth_message_get_verified(body, &verified) && worker->does == MOTH_WORKER_VERIFIES;
    if (valid) {
        worker->does = MOTH_WORKER_IDLE;
        moth_tally_verified(supervisor->tally, &verified);
        queue_minimize(supervisor, &verified);
    }
    moth_message_verified_fini(&verified);
    return valid ? 0 : -1;
}

static int take_minimized(struct supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
{
    struct moth_message_minimized minimized = {0};
    bool valid = moth_message_get_minimized(body, &minimized) && worker->does == MOTH_WORKER_MINIMIZES;
    if (valid) {
        worker->does = MOTH_WORKER_IDLE;
        if (minimized.warning[0])
            moth_tally_warn(supervisor->tally, "%s", minimized.warning);
    }
    moth_message_minimized_fini(&minimized);
    return valid ? 0 : -1;
}

static int take(struct supervisor *supervisor, struct moth_worker *worker, enum moth_message_type type,
                struct moth_cursor *body)
{
    switch (type) {
    case MOTH_MESSAGE_PROGRESS:
        worker->frames = moth_cursor_u32(body);
        return 0;
    case MOTH_MESSAGE_FOUND:
        return take_found(supervisor, body);
    case MOTH_MESSAGE_DONE:
        return take_done(supervisor, worker, body);
    case MOTH_MESSAGE_VERIFIED:
        return take_verified(supervisor, worker, body);
    case MOTH_MESSAGE_MINIMIZED:
        return take_minimized(supervisor, worker, body);
    case MOTH_MESSAGE_PLAY:
    case MOTH_MESSAGE_VERIFY:
    case MOTH_MESSAGE_MINIMIZE:
        break;
    }
    return -1;
}

/* A worker is gone or talks nonsense. What it was at is begun again by another, a few times. */
static void lose_worker(struct supervisor *supervisor, struct moth_worker *worker)
{
    moth_worker_end(worker);
    enum moth_worker_task did = worker->does;
    struct moth_task task = worker->task;
    uint32_t frames = worker->frames;
    *worker = (struct moth_worker){0};
    if (did == MOTH_WORKER_IDLE)
        return;
    if (!supervisor->interrupted)
        moth_tally_warn(supervisor->tally, "a worker process died; what it was at is done again");
    if (did == MOTH_WORKER_MINIMIZES) {
        if (task.tries < MOTH_TRIES_MAX && !supervisor->interrupted && !supervisor->late)
            push(&supervisor->minimize, &task);
        return;
    }
    if (did == MOTH_WORKER_VERIFIES) {
        struct moth_tally_finding *entry = moth_tally_find(supervisor->tally, task.fingerprint);
        if (task.tries < MOTH_TRIES_MAX && !supervisor->interrupted)
            push(&supervisor->verify, &task);
        else if (entry)
            entry->queued = false;
        return;
    }
    if (task.tries < MOTH_TRIES_MAX && supervisor->playing) {
        push(&supervisor->again, &task);
        return;
    }
    struct moth_message_done done = {
        .index = task.job.index, .ending = MOTH_ENDING_STOPPED, .frames = supervisor->playing ? 0 : frames};
    if (supervisor->playing) {
        done.ending = MOTH_ENDING_FAULT;
        done.err_code = MOTH_ERR_INTERNAL;
        done.fault =
            moth_fs_path("instance %u was given up: its worker died %u times", task.job.index, task.tries);
    }
    settle(supervisor, &task, &done);
    moth_message_done_fini(&done);
}

static void listen_to(struct supervisor *supervisor, struct moth_worker *worker)
{
    int result = moth_inbox_fill(&worker->inbox, worker->fd);
    enum moth_message_type type;
    struct moth_cursor body;
    int got = 0;
    while (result == 0 && (got = moth_inbox_next(&worker->inbox, &type, &body)) == 1)
        result = take(supervisor, worker, type, &body);
    if (result != 0 || got < 0)
        lose_worker(supervisor, worker);
}

/* Workers that did not end when they were told to: what they had played counts. */
static void lose_rest(struct supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        if (supervisor->workers.at[i].pid > 0 && supervisor->workers.at[i].does == MOTH_WORKER_PLAYS)
            lose_worker(supervisor, &supervisor->workers.at[i]);
    }
}

/* ---- the loop ---- */

static int wait_ms(const struct supervisor *supervisor)
{
    uint64_t now = moth_clock_monotonic_ns(), until = now + TICK_MS * MOTH_NS_PER_MS;
    uint64_t deadline = supervisor->config->duration_ms
                            ? supervisor->begin_ns + supervisor->config->duration_ms * MOTH_NS_PER_MS
                            : 0;
    if (supervisor->playing && deadline > now && deadline < until)
        until = deadline;
    return (int)((until - now + MOTH_NS_PER_MS - 1) / MOTH_NS_PER_MS);
}

static void wait_for_something(struct supervisor *supervisor, struct pollfd *polled)
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
            listen_to(supervisor, &supervisor->workers.at[i]);
    }
    for (unsigned i = polled[n].revents ? moth_signals_take() : 0; i > 0; i--)
        interrupt(supervisor);
}

static void tell_progress(const struct supervisor *supervisor)
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

static int supervise(struct supervisor *supervisor, struct moth_err *err)
{
    struct pollfd *polled = calloc(supervisor->workers.n + 1, sizeof *polled);
    if (!polled)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u workers", supervisor->workers.n);
    int result = 0;
    for (;;) {
        check_limits(supervisor);
        result = give_all(supervisor, err);
        if (result == 0 && moth_workers_busy(&supervisor->workers) == 0 && supervisor->verify.n == 0 &&
            supervisor->minimize.n == 0) {
            queue_outdated(supervisor);
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
        lose_rest(supervisor);
    free(polled);
    return result;
}

/* ---- begin and end ---- */

/* One run at a time in an output folder. The lock goes with the process. */
static int open_out(struct supervisor *supervisor, struct moth_err *err)
{
    const char *out = supervisor->config->out;
    char *work = moth_fs_path("%s/.work", out);
    int result = moth_fs_make_dirs(out, err);
    if (result == 0) {
        supervisor->out_fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (supervisor->out_fd < 0)
            result = moth_err_sys(err, MOTH_ERR_IO, "cannot open %s", out);
        else if (flock(supervisor->out_fd, LOCK_EX | LOCK_NB) != 0)
            result = errno == EWOULDBLOCK
                         ? moth_err_set(err, MOTH_ERR_IO,
                                        "another run is writing to %s; give this one another -o", out)
                         : moth_err_sys(err, MOTH_ERR_IO, "cannot lock %s", out);
    }
    if (result == 0 && (moth_fs_remove_tree(work, err) != 0 || moth_fs_make_dirs(work, err) != 0))
        result = -1;
    if (result == 0)
        moth_store_clean(out);
    free(work);
    return result;
}

static void close_out(struct supervisor *supervisor)
{
    char *work = moth_fs_path("%s/.work", supervisor->config->out);
    moth_fs_remove_tree(work, NULL);
    free(work);
    close(supervisor->out_fd);
}

struct moth_fleet_result {
    struct moth_fleet_config config; /* the caller's, with the world's seed */
    struct moth_tally tally;
    struct moth_run_summary summary;
    struct moth_finding **findings; /* the summary's; the findings themselves are the tally's */
};

static void warn(void *context, const char *sentence)
{
    moth_tally_warn(context, "%s", sentence);
}

static void sum_up_archive(const struct moth_fleet_config *config, struct moth_coverage *coverage)
{
    struct moth_explore_summary summary;
    char *path = moth_fleet_archive_path(config->out);
    if (moth_fleet_explores(config) && moth_explore_summarise(path, &summary, NULL) == 0)
        *coverage = (struct moth_coverage){.known = true,
                                           .cells = summary.cells,
                                           .reference = summary.reference,
                                           .rollouts = summary.rollouts,
                                           .deepest_frame = summary.deepest_frame,
                                           .restores = summary.counts.restores,
                                           .rebuilds = summary.counts.rebuilds,
                                           .frames_rebuilt = summary.counts.frames_rebuilt};
    free(path);
}

static int run(struct supervisor *supervisor, struct moth_err *err)
{
    if (moth_plan_init(&supervisor->plan, supervisor->config) != 0 ||
        moth_workers_init(&supervisor->workers, supervisor->config, supervisor->run) != 0)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u workers", supervisor->config->workers);
    supervisor->workers.in_child = forget_in_child;
    supervisor->workers.context = supervisor;
    supervisor->begin_ns = moth_clock_monotonic_ns();
    supervisor->playing = true;
    return supervise(supervisor, err);
}

int moth_fleet_run(const struct moth_fleet_config *wanted, struct moth_fleet_result **result,
                   struct moth_err *err)
{
    *result = calloc(1, sizeof **result);
    if (!*result)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a run");
    struct moth_fleet_config *config = &(*result)->config;
    *config = *wanted;
    struct supervisor supervisor = {.config = config, .out_fd = -1};
    moth_tally_init(&(*result)->tally, config);
    snprintf(supervisor.run, sizeof supervisor.run, "%s", moth_cookie());
    supervisor.tally = &(*result)->tally;
    int failed = moth_reaper_start(&supervisor.reaper, err);
    if (failed == 0 && (failed = open_out(&supervisor, err)) == 0 &&
        (failed = moth_fleet_open_archive(config, &config->world_seed, warn, supervisor.tally, err)) == 0 &&
        (failed = moth_signals_catch(err)) == 0) {
        moth_reaper_adopt();
        failed = run(&supervisor, err);
        moth_workers_fini(&supervisor.workers);
        moth_plan_fini(&supervisor.plan);
        moth_signals_release();
        double wall_s = (double)(moth_clock_monotonic_ns() - supervisor.begin_ns) / (double)MOTH_NS_PER_S;
        moth_tally_summarise(supervisor.tally, supervisor.interrupted, wall_s, &(*result)->summary,
                             &(*result)->findings);
        sum_up_archive(config, &(*result)->summary.coverage);
    }
    if (supervisor.out_fd >= 0)
        close_out(&supervisor);
    moth_reaper_stop(&supervisor.reaper);
    free(supervisor.again.at);
    free(supervisor.verify.at);
    free(supervisor.minimize.at);
    if (failed != 0) {
        moth_fleet_result_free(*result);
        *result = NULL;
    }
    return failed;
}

const struct moth_run_summary *moth_fleet_summary(const struct moth_fleet_result *result)
{
    return &result->summary;
}

void moth_fleet_result_free(struct moth_fleet_result *result)
{
    if (!result)
        return;
    moth_tally_fini(&result->tally);
    free(result->findings);
    free(result);
}
