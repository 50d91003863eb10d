/* SPDX-License-Identifier: MIT */
#include "fleet/supervisor.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "fleet/tell.h"

static void note_done(struct moth_supervisor *supervisor, const struct moth_message_done *done)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_message_put_done(&body, done);
    moth_supervisor_note(supervisor, MOTH_JOURNAL_DONE, &body);
    moth_buf_fini(&body);
}

/* What the agents found is known anew: from now on they are shared out by it. */
static void weigh(struct moth_supervisor *supervisor)
{
    double *shares = supervisor->config->adaptive ? moth_weights_shares(&supervisor->tally->weights) : NULL;
    if (shares)
        moth_plan_weigh(&supervisor->plan, shares);
    free(shares);
}

/* Is it to be begun again, after it ended so? */
static bool once_more(struct moth_task *task, bool killed)
{
    task->kills += killed;
    return task->kills < MOTH_KILLS_MAX && task->tries - task->kills < MOTH_TRIES_MAX;
}

static void settle(struct moth_supervisor *supervisor, struct moth_task *task, struct moth_message_done *done)
{
    bool killed = done->ending == MOTH_ENDING_KILLED;
    if (killed && supervisor->playing && once_more(task, true)) {
        moth_queue_push(&supervisor->again, task);
        return;
    }
    if (killed && (!done->fault || !*done->fault)) { /* as a message has it, nothing is "" */
        free(done->fault);
        done->fault = strdup("the game was killed (SIGKILL), by itself or from outside");
    }
    note_done(supervisor, done);
    moth_tell_done(supervisor, &task->job, done);
    moth_plan_settle(&supervisor->plan, &task->job, done->frames);
    if (moth_tally_done(supervisor->tally, &task->job, done))
        weigh(supervisor);
    moth_tally_note_growth(supervisor->tally, (double)moth_supervisor_wall_ms(supervisor) / 1000);
}

/* ---- workers that are gone ---- */

void moth_hear_lost(struct moth_supervisor *supervisor, struct moth_worker *worker)
{
    bool killed = moth_worker_end(worker);
    enum moth_worker_task did = worker->does;
    struct moth_task task = worker->task;
    bool again = once_more(&task, killed);
    uint32_t frames = worker->frames;
    *worker = (struct moth_worker){.failures = worker->failures, .not_before_ns = worker->not_before_ns};
    moth_worker_hold_back(worker, supervisor->awake_ns);
    if (did == MOTH_WORKER_IDLE)
        return;
    if (!supervisor->interrupted)
        moth_tally_warn(supervisor->tally, "a worker process died; what it was at is done again");
    if (did == MOTH_WORKER_MINIMIZES) {
        if (again && !supervisor->interrupted && !supervisor->late)
            moth_queue_push(&supervisor->minimize, &task);
        return;
    }
    if (did == MOTH_WORKER_VERIFIES) {
        struct moth_tally_finding *entry = moth_tally_find(supervisor->tally, task.fingerprint);
        if (again && !supervisor->interrupted)
            moth_queue_push(&supervisor->verify, &task);
        else if (entry)
            entry->queued = false;
        return;
    }
    if (again && supervisor->playing) {
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

void moth_hear_silence(struct moth_supervisor *supervisor)
{
    uint64_t patience_ns = supervisor->config->stuck_s * MOTH_NS_PER_S;
    for (uint32_t i = 0; i < supervisor->workers.n; i++) {
        struct moth_worker *worker = &supervisor->workers.at[i];
        if (!moth_worker_is_stuck(&supervisor->workers, worker, supervisor->awake_ns, patience_ns))
            continue;
        moth_tally_warn(supervisor->tally, "a worker gave no sign of life for %u s and was replaced",
                        supervisor->config->stuck_s);
        moth_hear_lost(supervisor, worker);
    }
}

/* ---- what workers say ---- */

static void is_done(struct moth_worker *worker)
{
    worker->does = MOTH_WORKER_IDLE;
    worker->failures = 0;
}

static int take_done(struct moth_supervisor *supervisor, struct moth_worker *worker, struct moth_cursor *body)
{
    struct moth_message_done done = {0};
    bool valid = moth_message_get_done(body, &done) && worker->does == MOTH_WORKER_PLAYS;
    if (valid) {
        is_done(worker);
        worker->frames = worker->places = 0;
        settle(supervisor, &worker->task, &done);
    }
    moth_message_done_fini(&done);
    return valid ? 0 : -1;
}

static int take_found(struct moth_supervisor *supervisor, struct moth_cursor *body)
{
    const struct moth_fleet_config *config = supervisor->config;
    struct moth_message_found found = {0};
    struct moth_buf note;
    moth_buf_init(&note);
    moth_buf_put(&note, body->at, moth_cursor_left(body));
    bool valid = moth_message_get_found(body, &found), is_new = false;
    if (valid)
        moth_supervisor_note(supervisor, MOTH_JOURNAL_FOUND, &note);
    moth_buf_fini(&note);
    struct moth_tally_finding *entry = valid ? moth_tally_found(supervisor->tally, &found, &is_new) : NULL;
    supervisor->report_wanted = supervisor->report_wanted || is_new;
    if (valid && !found.stored && !supervisor->cannot_store) {
        supervisor->cannot_store = true;
        moth_tally_warn(supervisor->tally, "the run ends early: findings can no longer be stored");
    }
    if (entry && is_new) {
        moth_journal_sync(supervisor->journal);
        if (config->found)
            config->found(config->context, moth_finding_kind_name(entry->finding->kind), found.title,
                          found.fingerprint);
        if (!supervisor->interrupted)
            moth_give_verify(supervisor, entry);
    }
    if (entry)
        moth_tell_found(supervisor, &found, is_new);
    moth_message_found_fini(&found);
    return valid ? 0 : -1;
}

static int take_verified(struct moth_supervisor *supervisor, struct moth_worker *worker,
                         struct moth_cursor *body)
{
    struct moth_message_verified verified = {0};
    bool valid = moth_message_get_verified(body, &verified) && worker->does == MOTH_WORKER_VERIFIES;
    if (valid) {
        is_done(worker);
        moth_tally_verified(supervisor->tally, &verified);
        moth_tell_verified(supervisor, &verified);
        moth_give_minimize(supervisor, &verified);
    }
    moth_message_verified_fini(&verified);
    return valid ? 0 : -1;
}

static int take_minimized(struct moth_supervisor *supervisor, struct moth_worker *worker,
                          struct moth_cursor *body)
{
    struct moth_message_minimized minimized = {0};
    bool valid = moth_message_get_minimized(body, &minimized) && worker->does == MOTH_WORKER_MINIMIZES;
    if (valid) {
        is_done(worker);
        if (minimized.warning[0])
            moth_tally_warn(supervisor->tally, "%s", minimized.warning);
    }
    moth_message_minimized_fini(&minimized);
    return valid ? 0 : -1;
}

/* It is no more than a picture of the run: one that cannot be read is nobody's death. */
static int take_survey(struct moth_supervisor *supervisor, struct moth_cursor *body)
{
    struct moth_survey *survey = moth_message_get_survey(body);
    if (survey)
        moth_survey_merge(supervisor->tally->survey, survey);
    moth_survey_free(survey);
    return 0;
}

static int take(struct moth_supervisor *supervisor, struct moth_worker *worker, enum moth_message_type type,
                struct moth_cursor *body)
{
    switch (type) {
    case MOTH_MESSAGE_PROGRESS:
        worker->frames = moth_cursor_u32(body);
        worker->places = moth_cursor_u32(body);
        return 0;
    case MOTH_MESSAGE_FOUND:
        return take_found(supervisor, body);
    case MOTH_MESSAGE_DONE:
        return take_done(supervisor, worker, body);
    case MOTH_MESSAGE_SURVEY:
        return take_survey(supervisor, body);
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
