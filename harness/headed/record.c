/* SPDX-License-Identifier: MIT */
#include "headed/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "findings/store.h"
#include "headed/recorder.h"
#include "symbols/expression.h"

#define HALT_EVERY_S 5u

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct recorder *recorder = context;
    if (recorder->recording.writer)
        moth_recording_observed(&recorder->recording, observation);
}

static int nothing_ran(struct recorder *recorder, struct moth_err *err)
{
    char log[1024];
    struct moth_instance *instance = moth_tree_instance(recorder->tree);
    moth_instance_log_tail(instance, log, sizeof log);
    return moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame: %s%s%s",
                        moth_step_name(moth_instance_death(instance)->how),
                        log[0] ? "; its output ends with:\n" : "; it printed nothing", log);
}

/* What nobody can find is told at once: the person has not begun yet. */
static int begin_watches(struct recorder *recorder, struct moth_err *err)
{
    const struct moth_replay_config *how = &recorder->config->how;
    struct moth_instance *instance = moth_tree_instance(recorder->tree);
    recorder->watches = moth_watches_create(how->debug_dirs);
    if (!recorder->watches)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for watches");
    moth_watches_begin(recorder->watches);
    for (const char *const *pair = how->watches; pair && *pair; pair++) {
        char name[sizeof((struct moth_watch_value *)0)->name];
        struct moth_watch_value value;
        struct moth_err why = {0};
        const char *expression = moth_expression_split(*pair, name, &why);
        if (!expression)
            return moth_err_set(err, MOTH_ERR_CONFIG, "--watch %s: %s", *pair, why.message);
        if (moth_watches_get(recorder->watches, instance, expression, &value))
            continue; /* the game publishes it */
        enum moth_lookup found = moth_watches_add(recorder->watches, instance, name, expression, &why);
        if (found == MOTH_LOOKUP_WRONG)
            return moth_err_set(err, MOTH_ERR_CONFIG, "--watch %s: %s", *pair, why.message);
        if (found == MOTH_LOOKUP_NOT_FOUND)
            moth_log_warning("--watch %s: %s (so far)", *pair, why.message);
    }
    return 0;
}

static int launch(struct recorder *recorder, struct moth_err *err)
{
    const struct moth_record_config *config = recorder->config;
    struct moth_tree_config how = {.launch = moth_replay_launch_config(&recorder->header, &config->how),
                                   .memory_bytes = config->memory_bytes,
                                   .observed = on_observed,
                                   .context = recorder};
    recorder->tree = moth_tree_launch(&how, err);
    if (!recorder->tree)
        return -1;
    if (moth_tree_frame(recorder->tree) == 0)
        return nothing_ran(recorder, err);
    struct moth_instance *instance = moth_tree_instance(recorder->tree);
    recorder->step = moth_instance_death(instance)->how;
    recorder->header.build_id = strdup(moth_instance_game(instance)->build_id);
    if (begin_watches(recorder, err) != 0)
        return -1;
    return moth_recording_begin(&recorder->recording, config->out, &recorder->header, err);
}

static void plug_in(struct recorder *recorder)
{
    for (uint32_t i = 0; i < recorder->config->pads && i < MOTH_PADS_MAX; i++) {
        struct moth_input_event event = {.type = MOTH_INPUT_PAD_ATTACH, .device = (uint8_t)i};
        recorder->hands.queue[recorder->hands.n++] = event;
        moth_pressed_note(&recorder->hands.down, &event);
    }
}

static int session(struct recorder *recorder, struct moth_err *err)
{
    const struct moth_record_config *config = recorder->config;
    moth_hands_init(&recorder->hands, config->host_key, config->key_repeat);
    moth_recorder_note_state(recorder);
    plug_in(recorder);
    moth_log_info("recording to %s/" MOTH_RECORDING_TRACE "; %s", config->out, recorder->help);
    int result = config->before ? moth_recorder_handover(recorder, err) : 0;
    moth_halts_init(&recorder->halts, recorder->tree, HALT_EVERY_S * recorder->header.hz, &recorder->hands.given);
    recorder->screen.strip.recording = true;
    if (result == 0 && !recorder->quit && recorder->step == MOTH_STEP_OK && !moth_recorder_interrupted(recorder))
        result = moth_recorder_by_hand(recorder, err);
    return result;
}

/* Put the finding into the store, as a run does. */
static int store(struct recorder *recorder, struct moth_finding *finding, const struct moth_trace *trace,
                 struct moth_err *err)
{
    const struct moth_record_config *config = recorder->config;
    char *work = moth_fs_path("%s/.work", config->out), *log = moth_fs_path("%s/game.log", work);
    char *picture = moth_fs_path("%s/last.png", work), *path = moth_fs_path("%s/" MOTH_RECORDING_TRACE, config->out);
    int result = moth_fs_make_dirs(work, err);
    if (result == 0) {
        moth_instance_log_save(moth_tree_instance(recorder->tree), log, NULL);
        moth_window_save(recorder->screen.window, picture, NULL);
        finding->agent = strdup(recorder->header.agent);
        finding->seed = recorder->header.seed;
        finding->inputs = (uint32_t)trace->n_events;
        struct moth_store_files files = {.trace = path, .log = log, .pictures = work};
        result = moth_store_put(config->out, finding, &files, err) == MOTH_STORE_FAILED ? -1 : 0;
    }
    moth_fs_remove_tree(work, NULL);
    free(path);
    free(picture);
    free(log);
    free(work);
    return result;
}

/* Does it happen again? */
static int replay(const struct moth_record_config *config, struct moth_finding *finding, const struct moth_trace *trace,
                  struct moth_err *err)
{
    struct moth_finding_attempt *tries = calloc(config->replays + 1, sizeof *tries);
    uint32_t n = 0;
    int result = tries ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u replays", config->replays);
    for (uint32_t i = 0; i < config->replays && result == 0; i++) {
        struct moth_replay_outcome outcome = {0};
        result = moth_replay(trace, &config->how, &outcome, err);
        bool over = outcome.interrupted;
        if (result == 0 && !outcome.interrupted && !outcome.killed)
            tries[n++] = moth_reproduce_attempt(finding, &outcome);
        moth_replay_outcome_fini(&outcome);
        if (over)
            break;
    }
    if (result == 0 && n > 0) {
        moth_finding_set_attempts(finding, tries, n);
        result = moth_store_reproduced(config->out, finding->fingerprint, finding->seed, finding->frame, tries, n, err);
    }
    free(tries);
    return result;
}

static int finish(struct recorder *recorder, struct moth_err *err)
{
    const struct moth_record_config *config = recorder->config;
    struct moth_record_outcome *outcome = recorder->outcome;
    struct moth_instance *instance = moth_tree_instance(recorder->tree);
    struct moth_trace *trace = NULL;
    const struct moth_scenario how = {.run_seed = config->run_seed(recorder->header.seed),
                                      .watches = config->how.watches,
                                      .key_repeat = config->key_repeat};
    if (recorder->step != MOTH_STEP_OK && recorder->step != MOTH_STEP_FAULT) {
        outcome->finding = moth_judge(instance);
        outcome->how_it_ended = outcome->finding                    ? moth_finding_kind_name(outcome->finding->kind)
                                : recorder->step == MOTH_STEP_KILLED ? "the game was killed"
                                                                     : "the game ended";
    }
    moth_screen_tell_end(config->told, recorder->tree, recorder->watches, outcome->how_it_ended, outcome->finding);
    int result = moth_recording_finish(&recorder->recording, recorder->tree, outcome->finding, &how, &trace, err);
    if (trace) {
        outcome->frames = trace->frames;
        outcome->inputs = trace->n_events;
        outcome->marks = trace->n_marks;
    }
    if (result == 0 && outcome->finding)
        result = store(recorder, outcome->finding, trace, err);
    moth_screen_close(&recorder->screen);
    if (result == 0 && outcome->finding && !outcome->interrupted)
        result = replay(config, outcome->finding, trace, err);
    moth_trace_free(trace);
    return result;
}

static void close_all(struct recorder *recorder)
{
    for (int i = 0; i < MOTH_PADS_MAX; i++)
        if (recorder->pads[i] && recorder->screen.window)
            moth_sdl.GameControllerClose(recorder->pads[i]);
    moth_screen_close(&recorder->screen);
    if (recorder->tree) {
        moth_halts_fini(&recorder->halts);
        moth_tree_release(recorder->tree, recorder->kept.node);
    }
    moth_recording_fini(&recorder->recording);
    moth_watches_destroy(recorder->watches);
    moth_tree_close(recorder->tree);
    moth_recorder_cut_marks(recorder, 0);
    free(recorder->marks);
    free(recorder->header.build_id);
}

int moth_record(const struct moth_record_config *config, struct moth_record_outcome *outcome, struct moth_err *err)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a recording");
    *outcome = (struct moth_record_outcome){.how_it_ended = "interrupted"};
    recorder->config = config;
    recorder->outcome = outcome;
    recorder->header = config->header;
    recorder->header.build_id = NULL;
    snprintf(recorder->help, sizeof recorder->help,
             "%s + M mark, P pause, R back %u s, S keep this place, L back to it, +/- speed, G free mouse, Q end",
             config->host_key_name, MOTH_REWIND_S);
    recorder->screen.strip.help = recorder->help;
    int result = moth_screen_open(&recorder->screen, "record", &recorder->header, err);
    recorder->screen.strip.help = recorder->help;
    if (result == 0)
        result = launch(recorder, err);
    bool began = result == 0;
    if (began)
        result = session(recorder, err);
    struct moth_err why = {0};
    int written = began ? finish(recorder, &why) : 0;
    if (result == 0 && written != 0 && err)
        *err = why;
    close_all(recorder);
    free(recorder);
    return result != 0 ? result : written;
}

void moth_record_outcome_fini(struct moth_record_outcome *outcome)
{
    moth_finding_free(outcome->finding);
    outcome->finding = NULL;
}
