/* SPDX-License-Identifier: MIT */
#include "fleet/resume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "findings/store.h"
#include "fleet/corpus.h"
#include "fleet/explore.h"
#include "fleet/identity.h"

#define SHARD_STEP                                                                          \
    (1u << 20) /* instance numbers of shards begin anew at a multiple, the same one for all \
                */

/* ---- is it the same run? ---- */

static const char *name_of(const char *program)
{
    const char *slash = strrchr(program, '/');
    return slash ? slash + 1 : program;
}

/* Why it is another run, or NULL. Caller frees. */
static char *other_because(const struct moth_fleet_config *config, const struct moth_journal_run *run,
                           const char *build_id, const char *identity)
{
    if (strcmp(run->build_id, build_id) != 0)
        return moth_fs_path("it was played with another build of %s", run->program);
    if (config->seed_given && config->seed != run->seed)
        return moth_fs_path("its seed was %llu, and this one's is %llu", (unsigned long long)run->seed,
                            (unsigned long long)config->seed);
    char *name = moth_identity_difference(run->identity, identity);
    char *text = name ? moth_fs_path("it was begun with another %s", name) : NULL;
    free(name);
    return text;
}

/* ---- taking over its files ---- */

static void copy_files(const char *from, const char *to)
{
    DIR *entries = opendir(from);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        if (entry->d_name[0] == '.')
            continue;
        char *source = moth_fs_path("%s/%s", from, entry->d_name),
             *target = moth_fs_path("%s/%s", to, entry->d_name);
        moth_fs_copy(source, target, 0666, NULL);
        free(source);
        free(target);
    }
    if (entries)
        closedir(entries);
}

typedef void (*each_finding)(void *context, const char *folder, const struct moth_finding *finding);

/* The findings of one run in an output folder. */
static void for_findings(const char *out, const char *token, each_finding each, void *context)
{
    char *folder = moth_fs_path("%s/findings", out);
    DIR *entries = opendir(folder);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = moth_fs_path("%s/%s", folder, entry->d_name);
        struct moth_finding *finding = moth_finding_load(path, NULL);
        if (finding && strcmp(finding->run ? finding->run : "", token) == 0 &&
            strcmp(finding->fingerprint, entry->d_name) == 0)
            each(context, path, finding);
        moth_finding_free(finding);
        free(path);
    }
    if (entries)
        closedir(entries);
    free(folder);
}

static void copy_finding(void *context, const char *folder, const struct moth_finding *finding)
{
    char *target = moth_store_folder(context, finding->fingerprint);
    if (moth_fs_remove_tree(target, NULL) == 0 && moth_fs_make_dirs(target, NULL) == 0)
        copy_files(folder, target);
    free(target);
}

static bool same_folder(const char *a, const char *b)
{
    char *one = realpath(a, NULL), *other = realpath(b, NULL);
    bool same = one && other && strcmp(one, other) == 0;
    free(one);
    free(other);
    return same;
}

/* Going on with a run also ends what is left of it: it must not be one that is still played. */
static bool is_played(const char *out)
{
    int fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool played = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (fd >= 0)
        close(fd);
    return played;
}

static int take_files(const struct moth_fleet_config *config, const char *token, const char *from,
                      const char *path, struct moth_err *err)
{
    if (same_folder(config->resume, config->out))
        return 0;
    if (is_played(config->resume))
        return moth_err_set(err, MOTH_ERR_CONFIG, "--resume: the run in %s is still going on", config->resume);
    for_findings(config->resume, token, copy_finding, (void *)(uintptr_t)config->out);
    return moth_fs_copy(from, path, 0666, err);
}

/* ---- opening ---- */

static int begin(struct moth_supervisor *supervisor, const char *path, const char *build_id, char *identity,
                 struct moth_err *err)
{
    const struct moth_fleet_config *config = supervisor->config;
    struct moth_journal_run run = {.token = supervisor->run,
                                   .program = (char *)(uintptr_t)name_of(config->argv[0]),
                                   .build_id = (char *)(uintptr_t)build_id,
                                   .identity = identity,
                                   .seed = config->seed};
    supervisor->journal = moth_journal_create(path, &run, err);
    return supervisor->journal ? 0 : -1;
}

static int refuse(const struct moth_fleet_config *config, const char *why, struct moth_err *err)
{
    return moth_err_set(
        err, MOTH_ERR_CONFIG,
        "--resume: the run in %s cannot be gone on with: %s. Give what it was begun with, or begin a "
        "new run without --resume",
        config->resume, why);
}

/* What it saw on its way is not in the journal: it goes on from its last report. */
static void take_survey(struct moth_supervisor *supervisor, const char *from)
{
    char *path = moth_fs_path("%s/" MOTH_SURVEY_FILE, from);
    json_t *json = json_load_file(path, 0, NULL);
    struct moth_survey *survey = json ? moth_survey_from_json(json) : NULL;
    if (survey)
        moth_survey_merge(supervisor->tally->survey, survey);
    moth_survey_free(survey);
    json_decref(json);
    free(path);
}

/* There is a journal to go on with: 0 when it is the same run, 1 when a new one begins, -1 with err. */
static int try_journal(struct moth_supervisor *supervisor, struct moth_fleet_config *config, const char *from,
                       const char *path, const char *build_id, const char *identity, struct moth_err *err)
{
    struct moth_journal_run run;
    struct moth_journal *journal = moth_journal_open(from, &run, NULL, NULL, err);
    if (!journal)
        return -1;
    moth_journal_close(journal);
    int result = 0;
    char *why = other_because(config, &run, build_id, identity);
    if (strcmp(run.program, name_of(config->argv[0])) != 0)
        result = moth_err_set(err, MOTH_ERR_CONFIG, "--resume: %s is a run of %s, and this is %s",
                              config->resume, run.program, name_of(config->argv[0]));
    else if (why && !moth_fleet_explores(config))
        result = refuse(config, why, err);
    else if (why)
        result = 1;
    if (result == 1)
        moth_tally_warn(supervisor->tally, "--resume: a new run begins, with the places of the one in %s: %s",
                        config->resume, why);
    if (result == 0)
        result = take_files(config, run.token, from, path, err);
    if (result == 0) {
        take_survey(supervisor, config->resume);
        config->seed = run.seed;
        snprintf(supervisor->run, sizeof supervisor->run, "%s", run.token);
        supervisor->resumes = true;
    }
    free(why);
    moth_journal_run_fini(&run);
    return result;
}

int moth_resume_open(struct moth_supervisor *supervisor, struct moth_fleet_config *config,
                     struct moth_err *err)
{
    struct moth_game_info game;
    if (moth_game_inspect(config->argv[0], &game, err) != 0)
        return -1;
    char *path = moth_journal_path(config->out), *identity = moth_identity_of(config);
    char *from = config->resume ? moth_journal_path(config->resume) : NULL;
    int result = 1;
    if (from && access(from, F_OK) == 0)
        result = try_journal(supervisor, config, from, path, game.build_id, identity, err);
    else if (from && !moth_fleet_explores(config))
        result = moth_err_set(err, MOTH_ERR_CONFIG,
                              "--resume: %s has no run.journal: no run was played there", config->resume);
    if (result == 1)
        result = begin(supervisor, path, game.build_id, identity, err);
    free(from);
    free(identity);
    free(path);
    return result;
}

/* ---- telling it over again ---- */

struct event {
    bool over;   /* the instance is; else it came from the plan */
    bool closed; /* it came from the plan, and is over by now */
    struct moth_plan_job job;
    uint32_t frames;
    double *shares; /* the agents', new from here on, or NULL */
};

struct replay {
    struct moth_supervisor *supervisor;
    struct event *events; /* since the instances were planned last */
    size_t n_events;
    struct moth_buf *stopped; /* ends that count only when the run's own end follows */
    size_t n_stopped;
    bool ended;
    char **cookies; /* of the processes that played since it ended last */
    size_t n_cookies;
    uint32_t first, next; /* number that the plan began at, and that follows all */
};

static struct event *add_event(struct replay *replay)
{
    struct event *grown = realloc(replay->events, (replay->n_events + 1) * sizeof *grown);
    if (!grown)
        abort();
    replay->events = grown;
    grown[replay->n_events] = (struct event){0};
    return &grown[replay->n_events++];
}

static void clear_events(struct replay *replay)
{
    for (size_t i = 0; i < replay->n_events; i++)
        free(replay->events[i].shares);
    replay->n_events = 0;
}

static void clear_stopped(struct replay *replay)
{
    while (replay->n_stopped > 0)
        moth_buf_fini(&replay->stopped[--replay->n_stopped]);
}

static struct event *opening_of(const struct replay *replay, uint32_t index)
{
    for (size_t i = replay->n_events; i-- > 0;) {
        if (!replay->events[i].over && replay->events[i].job.index == index)
            return &replay->events[i];
    }
    return NULL;
}

static bool in_config(const struct moth_fleet_config *config, const struct moth_plan_job *job)
{
    if (job->replay)
        return config->corpus && job->agent < config->corpus->n;
    return job->agent < (job->scenario ? config->n_scenarios : config->n_agents);
}

static void take_job(struct replay *replay, struct moth_cursor *body)
{
    struct moth_plan_job job;
    if (!moth_message_get_job(body, &job) || !in_config(replay->supervisor->config, &job))
        return;
    add_event(replay)->job = job;
    replay->next = !job.replay && job.index >= replay->next ? job.index + 1 : replay->next;
    moth_tally_begin(replay->supervisor->tally, job.index);
}

static void settle(struct replay *replay, const struct moth_message_done *done)
{
    struct moth_tally *tally = replay->supervisor->tally;
    struct event *opening = opening_of(replay, done->index);
    if (!opening || opening->closed)
        return;
    opening->closed = true;
    struct moth_plan_job job = opening->job;
    struct event *event = add_event(replay);
    event->over = true;
    event->job = job;
    event->frames = done->frames;
    if (moth_tally_done(tally, &job, done))
        event->shares = moth_weights_shares(&tally->weights);
}

static void take_done(struct replay *replay, struct moth_cursor *body, bool ended)
{
    struct moth_cursor whole = *body;
    struct moth_message_done done = {0};
    bool valid = moth_message_get_done(body, &done);
    if (valid && done.ending == MOTH_ENDING_STOPPED && !ended) {
        struct moth_buf *grown = realloc(replay->stopped, (replay->n_stopped + 1) * sizeof *grown);
        if (!grown)
            abort();
        replay->stopped = grown;
        moth_buf_init(&grown[replay->n_stopped]);
        moth_buf_put(&grown[replay->n_stopped++], whole.at, moth_cursor_left(&whole));
    } else if (valid) {
        settle(replay, &done);
    }
    moth_message_done_fini(&done);
}

static void free_cookies(struct replay *replay)
{
    while (replay->n_cookies > 0)
        free(replay->cookies[--replay->n_cookies]);
    free(replay->cookies);
    replay->cookies = NULL;
}

static void take_end(struct replay *replay)
{
    for (size_t i = 0; i < replay->n_stopped; i++) {
        struct moth_cursor body = moth_cursor_on(replay->stopped[i].bytes, replay->stopped[i].size_bytes);
        take_done(replay, &body, true);
    }
    clear_stopped(replay);
    free_cookies(replay);
    replay->ended = true;
}

static void take_found(struct replay *replay, struct moth_cursor *body)
{
    struct moth_message_found found = {0};
    bool is_new;
    if (moth_message_get_found(body, &found))
        moth_tally_found(replay->supervisor->tally, &found, &is_new);
    moth_message_found_fini(&found);
}

static void add_cookie(struct replay *replay, char *cookie)
{
    char **grown = cookie ? realloc(replay->cookies, (replay->n_cookies + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(cookie);
        return;
    }
    replay->cookies = grown;
    grown[replay->n_cookies++] = cookie;
}

static void take_resumed(struct replay *replay, struct moth_cursor *body)
{
    add_cookie(replay, moth_cursor_string(body, MOTH_COOKIE_MAX - 1, NULL));
    clear_stopped(replay);
    replay->ended = false;
}

/* Those who played before may have been killed together with whoever was to clear up after them, and so may
 * those who went on and were to do it then. */
static void clear_up(struct replay *replay)
{
    for (size_t i = 0; i < replay->n_cookies; i++) {
        if (replay->cookies[i][0] != '\0')
            moth_cookie_sweep(replay->cookies[i]);
    }
}

static void take(void *context, enum moth_journal_type type, struct moth_cursor *body)
{
    struct replay *replay = context;
    switch (type) {
    case MOTH_JOURNAL_PLAN:
        clear_events(replay);
        replay->first = moth_cursor_u32(body);
        break;
    case MOTH_JOURNAL_JOB:
        take_job(replay, body);
        break;
    case MOTH_JOURNAL_AGAIN:
        moth_tally_begin(replay->supervisor->tally, moth_cursor_u32(body));
        break;
    case MOTH_JOURNAL_FOUND:
        take_found(replay, body);
        break;
    case MOTH_JOURNAL_DONE:
        take_done(replay, body, false);
        break;
    case MOTH_JOURNAL_TIME:
        replay->supervisor->past_ms = moth_cursor_u64(body);
        break;
    case MOTH_JOURNAL_RESUMED:
        take_resumed(replay, body);
        break;
    case MOTH_JOURNAL_END:
        take_end(replay);
        break;
    case MOTH_JOURNAL_RUN:
        break;
    }
}

/* ---- what is left to do ---- */

static bool same_job(const struct moth_plan_job *a, const struct moth_plan_job *b)
{
    return a->index == b->index && a->agent == b->agent && a->scenario == b->scenario && a->replay == b->replay && a->seed == b->seed &&
           a->frames == b->frames;
}

/* Lead the plan the way it went. False: it is another one. */
static bool plan_again(struct moth_supervisor *supervisor, const struct replay *replay)
{
    struct moth_plan_job job;
    if (replay->first > 0)
        moth_plan_begin_at(&supervisor->plan, replay->first);
    for (size_t i = 0; i < replay->n_events; i++) {
        const struct event *event = &replay->events[i];
        if (event->over)
            moth_plan_settle(&supervisor->plan, &event->job, event->frames);
        else if (moth_plan_next(&supervisor->plan, &job) != MOTH_PLAN_JOB || !same_job(&job, &event->job))
            return false;
        if (event->shares && supervisor->config->adaptive)
            moth_plan_weigh(&supervisor->plan, event->shares);
    }
    return true;
}

/* Instances are planned anew, behind the last one. */
static int plan_behind(struct moth_supervisor *supervisor, uint32_t next, struct moth_err *err)
{
    if (supervisor->config->shards > 1)
        next = (next + SHARD_STEP - 1) / SHARD_STEP * SHARD_STEP;
    moth_plan_fini(&supervisor->plan);
    if (moth_plan_init(&supervisor->plan, supervisor->config) != 0)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the plan");
    moth_plan_begin_at(&supervisor->plan, next);
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_u32(&body, next);
    moth_supervisor_note(supervisor, MOTH_JOURNAL_PLAN, &body);
    moth_buf_fini(&body);
    return 0;
}

static void play_open(struct moth_supervisor *supervisor, const struct replay *replay)
{
    for (size_t i = 0; i < replay->n_events; i++) {
        struct moth_task task = {.job = replay->events[i].job};
        if (!replay->events[i].over && !replay->events[i].closed)
            moth_queue_push(&supervisor->again, &task);
    }
}

/* A finding that is in the store: one that nobody was told of is taken up, and what was not done about it
 * yet is done now. */
static void take_stored(void *context, const char *folder, const struct moth_finding *finding)
{
    struct moth_supervisor *supervisor = context;
    struct moth_tally_finding *entry = moth_tally_find(supervisor->tally, finding->fingerprint);
    (void)folder;
    if (!entry)
        entry = moth_tally_adopt(supervisor->tally, finding);
    if (!entry)
        return;
    entry->stored = true;
    entry->outdated = false;
    struct moth_message_verified verified = {
        .fingerprint = entry->fingerprint, .met = finding->reproduced, .tried = finding->attempts};
    if (finding->attempts == 0)
        moth_give_verify(supervisor, entry);
    else /* whoever gets it sees whether it is short already */
        moth_give_minimize(supervisor, &verified);
}

static void note_resumed(struct moth_supervisor *supervisor)
{
    struct moth_buf body;
    moth_buf_init(&body);
    moth_buf_put_string(&body, moth_cookie());
    moth_supervisor_note(supervisor, MOTH_JOURNAL_RESUMED, &body);
    moth_buf_fini(&body);
}

int moth_resume_replay(struct moth_supervisor *supervisor, struct moth_err *err)
{
    if (!supervisor->resumes)
        return 0;
    const struct moth_fleet_config *config = supervisor->config;
    struct replay replay = {.supervisor = supervisor};
    add_cookie(&replay, strdup(supervisor->run)); /* the first one's */
    struct moth_journal_run run;
    char *path = moth_journal_path(config->out);
    supervisor->journal = moth_journal_open(path, &run, take, &replay, err);
    int result = supervisor->journal ? 0 : -1;
    clear_stopped(&replay);
    if (result == 0) {
        bool same = plan_again(supervisor, &replay);
        note_resumed(supervisor);
        clear_up(&replay);
        if (!same || (replay.ended && config->frames > 0))
            result = plan_behind(supervisor, replay.next, err);
        else if (!replay.ended)
            play_open(supervisor, &replay);
        if (replay.ended || !same) {
            supervisor->before_ms = supervisor->past_ms;
            supervisor->findings_before = moth_tally_unknown(supervisor->tally);
        }
        moth_tally_forget_failures(supervisor->tally);
        for_findings(config->out, supervisor->run, take_stored, supervisor);
    }
    free_cookies(&replay);
    clear_events(&replay);
    free(replay.events);
    free(replay.stopped);
    moth_journal_run_fini(&run);
    free(path);
    return result;
}
