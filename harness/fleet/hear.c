/* SPDX-License-Identifier: MIT */
#include "fleet/supervisor.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static void settle(struct moth_supervisor *supervisor, const struct moth_task *task,
                   struct moth_message_done *done)
{
    bool killed = done->ending == MOTH_ENDING_KILLED;
    if (killed && supervisor->playing && task->tries < MOTH_TRIES_MAX) {
        moth_queue_push(&supervisor->again, task);
        return;
    }
    if (killed && !done->fault)
        done->fault = strdup("the game was killed from outside");
    moth_plan_settle(&supervisor->plan, &task->job, done->frames);
    moth_tally_done(supervisor->tally, &task->job, done);
}

/* ---- workers that are gone ---- */

void moth_hear_lost(struct moth_supervisor *supervisor, struct moth_worker *worker)
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
            moth_queue_push(&supervisor->minimize, &task);
        return;
    }
    if (did == MOTH_WORKER_VERIFIES) {
        struct moth_tally_finding *entry = moth_tally_find(supervisor->tally, task.fingerprint);
        if (task.tries < MOTH_TRIES_MAX && !supervisor->interrupted)
            moth_queue_push(&supervisor->verify, &task);
        else if (entry)
            entry->queued = false;
        return;
    }
    if (task.tries < MOTH_TRIES_MAX && supervisor->playing) {
        moth_queue_push(&supervisor->again, &task);
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

void moth_hear_rest_lost(struct moth_supervisor *supervisor)
{
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        if (supervisor->workers.at[i].pid > 0 && supervisor->workers.at[i].does == MOTH_WORKER_PLAYS)
            moth_hear_lost(supervisor, &supervisor->workers.at[i]);
    }
}

/* ---- what workers say ---- */

static int take_done(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
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

static int take_found(struct moth_supervisor *supervisor, struct moth_cursor *body)
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
            moth_give_verify(supervisor, entry);
    }
    moth_message_found_fini(&found);
    return valid ? 0 : -1;
}

static int take_verified(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
{
    struct moth_message_verified verified = {0};
    bool valid = moth_message_get_verified(body, &verified) && worker->does == MOTH_WORKER_VERIFIES;
    if (valid) {
        worker->does = MOTH_WORKER_IDLE;
        moth_tally_verified(supervisor->tally, &verified);
        moth_give_minimize(supervisor, &verified);
    }
    moth_message_verified_fini(&verified);
    return valid ? 0 : -1;
}

static int take_minimized(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
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

static int take(struct moth_supervisor *supervisor, struct moth_worker *worker, enum moth_message_type type,
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

void moth_hear(struct moth_supervisor *supervisor, struct moth_worker *worker)
{
    int result = moth_inbox_fill(&worker->inbox, worker->fd);
    enum moth_message_type type;
    struct moth_cursor body;
    int got = 0;
    while (result == 0 && (got = moth_inbox_next(&worker->inbox, &type, &body)) == 1)
        result = take(supervisor, worker, type, &body);
    if (result != 0 || got < 0)
        moth_hear_lost(supervisor, worker);
}
