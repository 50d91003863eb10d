/* SPDX-License-Identifier: MIT */
#include "fleet/supervisor.h"

#include <stdio.h>
#include <string.h>

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
    if (supervisor->interrupted || supervisor->late || supervisor->config->minimize_frames == 0 ||
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

static bool next_play(struct moth_supervisor *supervisor, struct moth_task *task)
{
    if (!supervisor->playing)
        return false;
    if (moth_queue_pop(&supervisor->again, task))
        return true;
    *task = (struct moth_task){0};
    return moth_plan_next(&supervisor->plan, &task->job) == MOTH_PLAN_JOB;
}

static int give(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_err *err)
{
    struct moth_task task;
    bool verify = moth_queue_pop(&supervisor->verify, &task);
    bool minimize = !verify && moth_queue_pop(&supervisor->minimize, &task);
    if (!verify && !minimize && !next_play(supervisor, &task))
        return 0;
    if (worker->pid == 0 && moth_worker_start(&supervisor->workers, worker, err) != 0)
        return -1;
    task.tries++;
    int sent = verify     ? moth_worker_verify(worker, &task)
               : minimize ? moth_worker_minimize(worker, &task)
                          : moth_worker_play(worker, &task);
    if (sent != 0)
        moth_hear_lost(supervisor, worker);
    return 0;
}

int moth_give_all(struct moth_supervisor *supervisor, struct moth_err *err)
{
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        struct moth_worker *worker = &supervisor->workers.at[i];
        if (worker->does == MOTH_WORKER_IDLE && give(supervisor, worker, err) != 0)
            return -1;
    }
    return 0;
}
