/* SPDX-License-Identifier: MIT */
#include "fleet/again.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "findings/store.h"
#include "fleet/corpus.h"
#include "fleet/keep.h"

enum result {
#define X(name, text) name,
    MOTH_AGAIN_RESULTS(X)
#undef X
};

static const char *const result_names[] = {
#define X(name, text) [name] = text,
    MOTH_AGAIN_RESULTS(X)
#undef X
};

bool moth_again_happened(const char *how)
{
    return how && strcmp(how, result_names[HAPPENED]) == 0;
}

bool moth_again_tells(const char *how)
{
    return how && strcmp(how, result_names[OTHER]) != 0;
}

/* ---- the trace, for this run's game ---- */

static char **copy_list(const char *const *first, const char *const *second)
{
    size_t n = 0, m = 0;
    while (first && first[n])
        n++;
    while (second && second[m])
        m++;
    char **list = calloc(n + m + 1, sizeof *list);
    for (size_t i = 0; list && i < n + m; i++)
        list[i] = moth_fs_path("%s", i < n ? first[i] : second[i - n]);
    return list;
}

static void free_list(char **list)
{
    for (char **each = list; each && *each; each++)
        free(*each);
    free(list);
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = moth_fs_path("%s", with);
}

/* The run's command and environment take the place of the recorded ones; what its build was like at its checkpoints
 * says nothing of this one. */
static int adopt(struct moth_trace *trace, const struct moth_fleet_config *config, struct moth_err *err)
{
    struct moth_game_info game;
    if (moth_game_inspect(config->argv[0], &game, err) != 0)
        return -1;
    char **argv = copy_list(config->argv, NULL);
    char **env = copy_list((const char *const *)trace->header.env, config->env);
    char *directory = getcwd(NULL, 0);
    if (!argv || !env || !directory) {
        free_list(argv);
        free_list(env);
        free(directory);
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a trace");
    }
    free_list(trace->header.argv);
    free_list(trace->header.env);
    free(trace->header.directory);
    trace->header.argv = argv;
    trace->header.env = env;
    trace->header.directory = directory;
    if (strcmp(trace->header.build_id ? trace->header.build_id : "", game.build_id) != 0)
        trace->n_checkpoints = 0;
    replace(&trace->header.build_id, game.build_id);
    return 0;
}

/* ---- playing ---- */

struct again {
    const struct moth_play_place *place;
    const struct moth_plan_job *job;
    const struct moth_corpus_trace *entry;
    struct moth_message_done *done;
    char *work;
    bool interrupted, killed, started;
    uint32_t inputs; /* of the way that was kept */
};

static const char *wanted(const struct again *again)
{
    return again->entry->finding ? again->entry->finding->fingerprint : NULL;
}

/* What came of it goes into the store like anything an agent finds; the trace's way to it is this one. */
static void keep(struct again *again, struct moth_trace *trace, struct moth_finding *finding)
{
    struct moth_keep keep = {0};
    while (trace->n_events > 0 && trace->events[trace->n_events - 1].frame > finding->frame)
        trace->n_events--;
    again->inputs = (uint32_t)trace->n_events;
    free(trace->end.kind);
    free(trace->end.fingerprint);
    free(trace->end.title);
    trace->end = (struct moth_trace_end){0};
    trace->has_end = false;
    free(again->done->fingerprint);
    again->done->fingerprint = moth_fs_path("%s", finding->fingerprint);
    moth_keep_note(&keep, finding, trace);
    moth_keep_store(&keep, again->place, again->job->index, again->work, NULL);
    moth_keep_fini(&keep);
}

static struct moth_finding *copy_of(const struct moth_corpus_trace *entry)
{
    struct moth_finding *finding = entry->folder ? moth_finding_load(entry->folder, NULL) : NULL;
    if (!finding)
        return NULL;
    free(finding->agent); /* what this run says of it comes later */
    free(finding->run);
    free(finding->trace);
    free(finding->trace_minimized);
    finding->agent = finding->run = finding->trace = finding->trace_minimized = NULL;
    finding->inputs_minimized = finding->times_seen = 0;
    moth_finding_set_attempts(finding, NULL, 0);
    finding->status = MOTH_FINDING_STATUS_NEW;
    return finding;
}

static int play_script(struct again *again, struct moth_trace *trace, const struct moth_replay_config *how,
                       enum result *result, struct moth_err *err)
{
    bool met = false;
    const struct moth_finding *known = again->entry->finding;
    uint32_t frames = known->played ? known->played : known->frame;
    if (moth_play_scripted(&trace->header, again->entry->agent, moth_play_pads_of(trace), frames, how, wanted(again), &met,
                           &again->killed, err) != 0)
        return -1;
    again->started = true;
    again->interrupted = how->interrupted(how->context);
    again->done->frames += frames;
    *result = met ? HAPPENED : GONE;
    struct moth_finding *finding = met ? copy_of(again->entry) : NULL;
    if (finding)
        keep(again, trace, finding);
    else
        moth_trace_free(trace);
    return 0;
}

/* Takes `trace`, also on failure: -1. */
static int play_inputs(struct again *again, struct moth_trace *trace, const struct moth_replay_config *how,
                       enum result *result, struct moth_err *err)
{
    struct moth_replay_outcome outcome;
    if (moth_replay(trace, how, &outcome, err) != 0) {
        moth_trace_free(trace);
        return -1;
    }
    struct moth_finding *finding = outcome.finding;
    const char *name = wanted(again);
    bool met = finding && name && strcmp(finding->fingerprint, name) == 0;
    bool early = finding && !met && trace->has_end && outcome.frames < trace->end.finding_frame;
    again->started = again->started || outcome.started;
    again->interrupted = outcome.interrupted;
    again->killed = outcome.killed;
    again->done->frames += outcome.frames;
    *result = met ? HAPPENED : early || (finding && !name) ? OTHER : name ? GONE : CLEAN;
    outcome.finding = NULL;
    moth_replay_outcome_fini(&outcome);
    if (finding && again->started && !again->killed)
        keep(again, trace, finding);
    else {
        moth_finding_free(finding);
        moth_trace_free(trace);
    }
    return 0;
}

static int play(struct again *again, const char *path, enum result *result, struct moth_err *err)
{
    const struct moth_fleet_config *config = again->place->config;
    struct moth_replay_config how = {.limits = config->limits,
                                     .probe_path = config->probe_path,
                                     .softlock_s = config->softlock_s,
                                     .interrupted = again->place->stopped,
                                     .context = again->place->context};
    struct moth_trace *trace = moth_trace_read(path, err);
    if (!trace)
        return -1;
    if (adopt(trace, config, err) != 0) {
        moth_trace_free(trace);
        return -1;
    }
    if (!again->entry->agent)
        return play_inputs(again, trace, &how, result, err);
    return play_script(again, trace, &how, result, err);
}

/* ---- what is left in the output folder ---- */

static void copy_folder(const char *from, const char *to)
{
    DIR *entries = opendir(from);
    struct dirent *entry;
    while (entries && (entry = readdir(entries))) {
        struct stat about;
        char *source = moth_fs_path("%s/%s", from, entry->d_name), *target = moth_fs_path("%s/%s", to, entry->d_name);
        if (entry->d_name[0] != '.' && lstat(source, &about) == 0 && S_ISREG(about.st_mode))
            moth_fs_copy(source, target, 0666, NULL);
        free(source);
        free(target);
    }
    if (entries)
        closedir(entries);
}

/* It stays in the run's folder, so that the next run can play it again and see that it stays gone. */
static void keep_fixed(struct again *again)
{
    const struct moth_corpus_trace *entry = again->entry;
    if (!entry->folder)
        return;
    char *folder = moth_store_folder(again->place->config->out, entry->finding->fingerprint);
    if (access(folder, F_OK) != 0 && moth_fs_make_dirs(folder, NULL) == 0)
        copy_folder(entry->folder, folder);
    struct moth_finding *finding = moth_finding_load(folder, NULL);
    if (finding) {
        memcpy(finding->fingerprint, entry->finding->fingerprint, sizeof finding->fingerprint);
        finding->status = MOTH_FINDING_STATUS_FIXED;
        finding->times_seen = 0;
        moth_finding_set_attempts(finding, NULL, 0);
        finding->attempts = 1;
        moth_finding_save(finding, folder, NULL);
    }
    moth_finding_free(finding);
    free(folder);
}

/* What had been shrunk need not be shrunk again. */
static void keep_shorter(struct again *again)
{
    const struct moth_corpus_trace *entry = again->entry;
    if (entry->shorter)
        moth_store_minimized(again->place->config->out, entry->finding->fingerprint, again->inputs, entry->folder,
                             NULL);
}

/* ---- one of them ---- */

static void describe(struct again *again, int failed, enum result result, const struct moth_err *err)
{
    struct moth_message_done *done = again->done;
    done->ending = MOTH_ENDING_PLAYED;
    if (failed && err->code == MOTH_ERR_INTERRUPTED)
        done->ending = MOTH_ENDING_STOPPED;
    else if (failed)
        done->ending = MOTH_ENDING_FAULT;
    else if (again->interrupted)
        done->ending = MOTH_ENDING_STOPPED;
    else if (again->killed)
        done->ending = MOTH_ENDING_KILLED;
    else if (!again->started)
        done->ending = MOTH_ENDING_NO_FRAME;
    if (done->ending == MOTH_ENDING_FAULT) {
        done->err_code = err->code;
        done->fault = moth_fs_path("%s could not be replayed: %s", again->entry->path, err->message);
    } else if (done->ending == MOTH_ENDING_NO_FRAME) {
        done->fault = moth_fs_path("%s could not be replayed: the game ended before its first frame", again->entry->path);
    }
    done->how = moth_fs_path("%s", done->ending == MOTH_ENDING_PLAYED ? result_names[result] : "not replayed");
}

void moth_again_play(const struct moth_play_place *place, const struct moth_plan_job *job, struct moth_message_done *done)
{
    const struct moth_corpus_trace *entry = &place->config->corpus->at[job->agent];
    *done = (struct moth_message_done){.index = job->index};
    struct again again = {.place = place, .job = job, .entry = entry, .done = done};
    uint64_t begin_ns = moth_clock_monotonic_ns();
    struct moth_err err = {0};
    enum result result = GONE;
    struct moth_game_info game;
    if (moth_game_inspect(place->config->argv[0], &game, NULL) == 0)
        done->build_id = moth_fs_path("%s", game.build_id);
    again.work = moth_fs_path("%s/.work/%u", place->config->out, job->index);
    int failed = moth_fs_make_dirs(again.work, &err);
    if (!failed)
        failed = play(&again, entry->shorter ? entry->shorter : entry->path, &result, &err);
    bool shorter = entry->shorter != NULL;
    if (!failed && shorter && result != HAPPENED && !again.interrupted) { /* the longer way may still lead there */
        shorter = false;
        failed = play(&again, entry->path, &result, &err);
    }
    describe(&again, failed, result, &err);
    if (done->ending == MOTH_ENDING_PLAYED && result == GONE && entry->finding)
        keep_fixed(&again);
    else if (done->ending == MOTH_ENDING_PLAYED && result == HAPPENED && shorter)
        keep_shorter(&again);
    uint32_t hz = place->config->channel.hz ? place->config->channel.hz : 60;
    done->virtual_ns = (uint64_t)done->frames * MOTH_NS_PER_S / hz;
    done->wall_ns = moth_clock_monotonic_ns() - begin_ns;
    moth_fs_remove_tree(again.work, NULL);
    free(again.work);
}
