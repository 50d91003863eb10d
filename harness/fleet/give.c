/* SPDX-License-Identifier: MIT */
#include "fleet/tell.h"

#include <stdio.h>
#include <string.h>

#define START_FAILURES_MAX 10u /* in a row, with nobody at work, until the run gives up */

void moth_give_verify(struct moth_supervisor *supervisor, struct moth_tally_finding *entry)
{
    if (entry->queued || !entry->stored || supervisor->config->replays == 0)
        return;
    struct moth_task task = {0};
    memcpy(task.fingerprint, entry->fingerprint, sizeof task.fingerprint);
    entry->queued = true;
    entry->outdated = false;
    moth_queue_push(&supervisor->verify, &task);
}

/* What came back each time is worth shrinking; what a worker finds to be of another kind it leaves alone. */
void moth_give_minimize(struct moth_supervisor *supervisor, const struct moth_message_verified *verified)
{
    struct moth_task task = {0};
    const struct moth_baseline *baseline = supervisor->config->baseline;
    bool known = baseline && moth_baseline_find(baseline, verified->fingerprint); /* its turn was when it was new */
    if (known || supervisor->interrupted || supervisor->late || supervisor->config->minimize_frames == 0 ||
        verified->tried == 0 || verified->met < verified->tried)
        return;
    snprintf(task.fingerprint, sizeof task.fingerprint, "%s", verified->fingerprint);
    moth_queue_push(&supervisor->minimize, &task);
}

void moth_give_outdated(struct moth_supervisor *supervisor)
{
    for (size_t i = 0; !supervisor->interrupted && i < supervisor->tally->n_findings; i++) {
        if (supervisor->tally->findings[i].outdated)
            moth_give_verify(supervisor, &supervisor->tally->findings[i]);
    }
}

/* An instance begins. `again`: not for the first time. */
static void note_play(struct moth_supervisor *supervisor, const struct moth_plan_job *job, bool again)
{
    struct moth_buf body;
    moth_buf_init(&body);
    if (again)
        moth_buf_put_u32(&body, job->index);
    else
        moth_message_put_job(&body, job);
    moth_supervisor_note(supervisor, again ? MOTH_JOURNAL_AGAIN : MOTH_JOURNAL_JOB, &body);
    moth_buf_fini(&body);
    moth_tally_begin(supervisor->tally, job->index);
    moth_tell_job(supervisor, job);
}

static bool next_play(struct moth_supervisor *supervisor, struct moth_task *task)
{
    if (!supervisor->playing)
        return false;
    bool again = moth_queue_pop(&supervisor->again, task);
    if (!again) {
        *task = (struct moth_task){0};
        if (moth_plan_next(&supervisor->plan, &task->job) != MOTH_PLAN_JOB)
            return false;
    }
    note_play(supervisor, &task->job, again);
    return true;
}

static enum moth_worker_task next_task(struct moth_supervisor *supervisor, struct moth_task *task)
{
    if (moth_queue_pop(&supervisor->verify, task))
        return MOTH_WORKER_VERIFIES;
    if (moth_queue_pop(&supervisor->minimize, task))
        return MOTH_WORKER_MINIMIZES;
    return next_play(supervisor, task) ? MOTH_WORKER_PLAYS : MOTH_WORKER_IDLE;
}

/* There is nobody to do it now. */
static void put_back(struct moth_supervisor *supervisor, enum moth_worker_task what,
                     const struct moth_task *task)
{
    moth_queue_push(what == MOTH_WORKER_VERIFIES    ? &supervisor->verify
                    : what == MOTH_WORKER_MINIMIZES ? &supervisor->minimize
                                                    : &supervisor->again,
                    task);
}

/* A machine that is out of processes or memory may have some again; one where no worker can be started at
 * all has not. */
static int start(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_err *err)
{
    if (moth_worker_start(&supervisor->workers, worker, err) == 0) {
        supervisor->start_failures = 0;
        return 0;
    }
    moth_worker_hold_back(worker, supervisor->awake_ns);
    moth_tally_warn(supervisor->tally, "%s; it is tried again", err->message);
    bool hopeless =
        ++supervisor->start_failures >= START_FAILURES_MAX && moth_workers_busy(&supervisor->workers) == 0;
    return hopeless ? -1 : 1;
}

static int give(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_err *err)
{
    struct moth_task task;
    enum moth_worker_task what = next_task(supervisor, &task);
    if (what == MOTH_WORKER_IDLE)
        return 0;
    int started = worker->pid == 0 ? start(supervisor, worker, err) : 0;
    if (started != 0) {
        put_back(supervisor, what, &task);
        supervisor->held_back++;
        return started < 0 ? -1 : 0;
    }
    task.tries++;
    int sent = what == MOTH_WORKER_VERIFIES    ? moth_worker_verify(worker, &task)
               : what == MOTH_WORKER_MINIMIZES ? moth_worker_minimize(worker, &task)
                                               : moth_worker_play(worker, &task);
    if (sent != 0)
        moth_hear_lost(supervisor, worker);
    return 0;
}

int moth_give_all(struct moth_supervisor *supervisor, struct moth_err *err)
{
    supervisor->held_back = 0;
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        struct moth_worker *worker = &supervisor->workers.at[i];
        if (worker->does != MOTH_WORKER_IDLE)
            continue;
        if (worker->pid == 0 && supervisor->awake_ns < worker->not_before_ns)
            supervisor->held_back++;
        else if (give(supervisor, worker, err) != 0)
            return -1;
    }
    return 0;
}
