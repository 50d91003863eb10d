/* SPDX-License-Identifier: MIT */
#include "headed/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "findings/store.h"
#include "headed/recording.h"
#include "headed/screen.h"
#include "headed/halts.h"
#include "symbols/expression.h"

#define PAUSE_MS 50
#define HALT_EVERY_S 5u
#define REWIND_S 10u
#define WARPS_TO_GRAB 3u  /* a game that puts the pointer back again and again wants motion */
#define WARP_FRAMES 30u   /* … and does not any more when it has not for so long */
#define SPEED_MOST 16.0
#define TOLD_EVERY_S 1u

struct recorder {
    const struct moth_record_config *config;
    struct moth_record_outcome *outcome;
    struct moth_trace_header header;
    struct moth_screen screen;
    struct moth_tree *tree;
    struct moth_watches *watches;
    struct moth_recording recording;
    struct moth_hands hands;
    struct moth_halts halts;
    struct moth_halt kept; /* node NULL: none */
    SDL_GameController *pads[MOTH_PADS_MAX];
    struct moth_trace_mark *marks; /* shown; texts are owned */
    size_t n_marks;
    uint32_t marks_made;
    uint32_t n_values; /* that are published or watched */
    uint32_t warps, warp_frame, warp_run;
    bool free_mouse;  /* let go by hand, until the next click into the picture */
    bool paused, quit;
    enum moth_step step;
    char help[160];
};

/* ---- marks ---- */

static void add_mark(struct recorder *recorder, uint32_t frame, const char *text)
{
    struct moth_trace_mark *marks = realloc(recorder->marks, (recorder->n_marks + 1) * sizeof *marks);
    if (!marks)
        abort();
    recorder->marks = marks;
    marks[recorder->n_marks++] = (struct moth_trace_mark){frame, strdup(text)};
    moth_tree_mark(recorder->tree, text);
    moth_recording_mark(&recorder->recording, frame, text);
    recorder->screen.strip.marks = marks;
    recorder->screen.strip.n_marks = recorder->n_marks;
}

static void cut_marks(struct recorder *recorder, uint32_t frame)
{
    while (recorder->n_marks > 0 && recorder->marks[recorder->n_marks - 1].frame > frame)
        free(recorder->marks[--recorder->n_marks].text);
    recorder->screen.strip.n_marks = recorder->n_marks;
}

static void mark_here(struct recorder *recorder)
{
    char text[32];
    uint32_t frame = moth_tree_frame(recorder->tree);
    snprintf(text, sizeof text, "mark %u", ++recorder->marks_made);
    add_mark(recorder, frame, text);
    moth_told(recorder->config->told, "mark", frame, json_pack("{s:s}", "text", text));
}

/* ---- playing ---- */

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct recorder *recorder = context;
    if (recorder->recording.writer)
        moth_recording_observed(&recorder->recording, observation);
}

static const struct moth_channel *channel_of(const struct recorder *recorder)
{
    return moth_instance_channel(moth_tree_instance(recorder->tree));
}

/* What the game publishes and what is watched, where it stands. */
static void note_state(struct recorder *recorder)
{
    struct moth_instance *instance = moth_tree_instance(recorder->tree);
    moth_watches_attach(recorder->watches, instance);
    const struct moth_watch_value *values = moth_watches_values(recorder->watches, instance, &recorder->n_values);
    moth_recording_state(&recorder->recording, moth_tree_frame(recorder->tree), values, recorder->n_values);
}

static int play(struct recorder *recorder, uint32_t frames, const struct moth_input_event *events, size_t n,
                struct moth_err *err)
{
    uint32_t frame = moth_tree_frame(recorder->tree), second = recorder->header.hz * TOLD_EVERY_S;
    moth_recording_inputs(&recorder->recording, frame, events, n);
    recorder->step = moth_tree_step(recorder->tree, frames, events, n, err);
    uint32_t now = moth_tree_frame(recorder->tree);
    if (recorder->step == MOTH_STEP_OK)
        note_state(recorder);
    if (second > 0 && now / second != frame / second)
        moth_told(recorder->config->told, "progress", now, NULL);
    for (size_t i = 0; i < n && recorder->config->told; i++)
        moth_told(recorder->config->told, "input", frame,
                  json_pack("{s:i, s:i, s:i, s:i}", "type", events[i].type, "code", events[i].code, "x", events[i].x, "y",
                            events[i].y));
    return recorder->step == MOTH_STEP_FAULT ? -1 : 0;
}

/* ---- going back ---- */

static void went_back(struct recorder *recorder, const struct moth_pressed *held)
{
    uint32_t frame = moth_tree_frame(recorder->tree);
    cut_marks(recorder, frame);
    moth_watches_attach(recorder->watches, moth_tree_instance(recorder->tree));
    moth_recording_again(&recorder->recording, recorder->tree);
    moth_hands_moved(&recorder->hands, held);
    recorder->outcome->rewound++;
    recorder->step = MOTH_STEP_OK;
    moth_screen_begin(&recorder->screen, recorder->header.hz, recorder->screen.pace.speed);
    moth_screen_show(&recorder->screen, recorder->tree, true);
    moth_told(recorder->config->told, "rewound", frame, NULL);
}

static int rewind_to(struct recorder *recorder, uint32_t frame, struct moth_err *err)
{
    struct moth_pressed held;
    if (moth_halts_return(&recorder->halts, frame, true, &held, err) != 0)
        return -1;
    if (recorder->kept.node && recorder->kept.frame > moth_tree_frame(recorder->tree)) {
        moth_tree_release(recorder->tree, recorder->kept.node);
        recorder->kept.node = NULL;
    }
    went_back(recorder, &held);
    return 0;
}

static void keep_place(struct recorder *recorder)
{
    struct moth_err why = {0};
    moth_tree_release(recorder->tree, recorder->kept.node);
    recorder->kept = (struct moth_halt){moth_tree_snapshot(recorder->tree, &why), moth_tree_frame(recorder->tree),
                                        recorder->hands.given};
    if (!recorder->kept.node)
        moth_log_warning("this place cannot be kept: %s", why.message);
    moth_told(recorder->config->told, "kept", recorder->kept.frame, NULL);
}

static int return_to_kept(struct recorder *recorder, struct moth_err *err)
{
    if (!recorder->kept.node)
        return 0;
    struct moth_pressed held;
    /* Halts behind it are no longer on the way. */
    if (moth_halts_return(&recorder->halts, recorder->kept.frame, true, &held, err) != 0 ||
        moth_tree_restore(recorder->tree, recorder->kept.node, err) != 0)
        return -1;
    went_back(recorder, &recorder->kept.held);
    return 0;
}

/* ---- what the person wants of moth ---- */

static void change_speed(struct recorder *recorder, double times)
{
    double speed = recorder->screen.pace.speed * times;
    if (speed >= 1 / SPEED_MOST && speed <= SPEED_MOST)
        moth_screen_set_speed(&recorder->screen, speed);
}

static int command(struct recorder *recorder, enum moth_command command, struct moth_err *err)
{
    uint32_t back = REWIND_S * recorder->header.hz, frame = moth_tree_frame(recorder->tree);
    switch (command) {
    case MOTH_COMMAND_QUIT:
        recorder->quit = true;
        recorder->outcome->how_it_ended = "closed";
        break;
    case MOTH_COMMAND_MARK:
        mark_here(recorder);
        break;
    case MOTH_COMMAND_PAUSE:
        recorder->paused = !recorder->paused;
        moth_screen_begin(&recorder->screen, recorder->header.hz, recorder->screen.pace.speed);
        moth_told(recorder->config->told, recorder->paused ? "paused" : "resumed", frame, NULL);
        break;
    case MOTH_COMMAND_KEEP:
        keep_place(recorder);
        break;
    case MOTH_COMMAND_RETURN:
        return return_to_kept(recorder, err);
    case MOTH_COMMAND_REWIND:
        return rewind_to(recorder, frame > back ? frame - back : 1, err);
    case MOTH_COMMAND_FASTER:
        change_speed(recorder, 2);
        break;
    case MOTH_COMMAND_SLOWER:
        change_speed(recorder, 0.5);
        break;
    case MOTH_COMMAND_FREE_MOUSE:
        recorder->free_mouse = true;
        break;
    case MOTH_COMMAND_NONE:
        break;
    }
    return 0;
}

/* ---- controllers ---- */

static void plug(struct recorder *recorder, int device)
{
    SDL_GameController *controller = moth_sdl.GameControllerOpen(device);
    if (!controller)
        return;
    int pad = moth_hands_plug(&recorder->hands,
                              moth_sdl.JoystickInstanceID(moth_sdl.GameControllerGetJoystick(controller)));
    if (pad < 0 || recorder->pads[pad])
        moth_sdl.GameControllerClose(controller);
    else
        recorder->pads[pad] = controller;
}

static void unplug(struct recorder *recorder, SDL_JoystickID id)
{
    for (int i = 0; i < MOTH_PADS_MAX; i++)
        if (recorder->pads[i] && recorder->hands.pads[i] == id) {
            moth_sdl.GameControllerClose(recorder->pads[i]);
            recorder->pads[i] = NULL;
        }
    moth_hands_unplug(&recorder->hands, id);
}

/* ---- events ---- */

struct listening {
    struct recorder *recorder;
    struct moth_err *err;
    int result;
};

static bool on_event(void *context, const SDL_Event *event)
{
    struct listening *listening = context;
    struct recorder *recorder = listening->recorder;
    if (event->type == SDL_CONTROLLERDEVICEADDED)
        plug(recorder, event->cdevice.which);
    else if (event->type == SDL_CONTROLLERDEVICEREMOVED)
        unplug(recorder, event->cdevice.which);
    else if (event->type == SDL_MOUSEBUTTONDOWN)
        recorder->free_mouse = false;
    listening->result = command(recorder, moth_hands_event(&recorder->hands, event), listening->err);
    return listening->result != 0 || recorder->quit;
}

/* Does the game want the pointer's motion, or its place? */
static bool wants_motion(struct recorder *recorder)
{
    const struct moth_channel *channel = channel_of(recorder);
    uint32_t frame = moth_tree_frame(recorder->tree);
    if (channel->mouse_warps != recorder->warps) {
        recorder->warp_run = frame - recorder->warp_frame < WARP_FRAMES ? recorder->warp_run + 1 : 1;
        recorder->warp_frame = frame;
    } else if (frame - recorder->warp_frame >= WARP_FRAMES) {
        recorder->warp_run = 0;
    }
    recorder->warps = channel->mouse_warps;
    return channel->mouse_relative || recorder->warp_run >= WARPS_TO_GRAB;
}

static void see(struct recorder *recorder)
{
    const struct moth_channel *channel = channel_of(recorder);
    struct moth_hands_view view = {.game_w = channel->window_w,
                                   .game_h = channel->window_h,
                                   .mouse_x = channel->mouse_x,
                                   .mouse_y = channel->mouse_y,
                                   .relative = wants_motion(recorder) && !recorder->free_mouse,
                                   .text_input = channel->text_input != 0};
    moth_window_place(recorder->screen.window, &view);
    moth_window_grab(recorder->screen.window, view.relative);
    moth_hands_see(&recorder->hands, &view);
}

static bool interrupted(struct recorder *recorder)
{
    const struct moth_replay_config *how = &recorder->config->how;
    if (how->interrupted && how->interrupted(how->context))
        recorder->outcome->interrupted = true;
    return recorder->outcome->interrupted;
}

/* ---- the person's part ---- */

static void show(struct recorder *recorder, bool always)
{
    recorder->screen.strip.held = recorder->hands.given;
    recorder->screen.strip.frames = moth_tree_frame(recorder->tree);
    recorder->screen.strip.state = recorder->paused ? "paused" : "recording";
    moth_screen_show(&recorder->screen, recorder->tree, always);
}

static int tick(struct recorder *recorder, struct moth_err *err)
{
    struct moth_input_event events[MOTH_HANDS_QUEUE + 1];
    struct listening listening = {recorder, err, 0};
    see(recorder);
    moth_screen_wait(&recorder->screen, recorder->paused ? PAUSE_MS : 0, on_event, &listening);
    if (listening.result != 0)
        return -1;
    if (recorder->paused || recorder->quit) {
        show(recorder, true);
        return 0;
    }
    uint32_t frames = moth_pace_frames_due(&recorder->screen.pace, moth_clock_monotonic_ns());
    if (recorder->n_values > 0)
        frames = 1; /* they are seen where the game stands */
    uint64_t now_ns = moth_instance_last(moth_tree_instance(recorder->tree))->time_ns;
    if (recorder->hands.repeat.code)
        frames = 1;
    size_t n = moth_hands_take(&recorder->hands, now_ns, events, sizeof events / sizeof events[0]);
    if (play(recorder, frames, events, n, err) != 0)
        return -1;
    moth_screen_played(&recorder->screen, frames);
    if (recorder->step == MOTH_STEP_OK)
        moth_halts_pass(&recorder->halts, &recorder->hands.given);
    show(recorder, false);
    return 0;
}

static int play_by_hand(struct recorder *recorder, struct moth_err *err)
{
    moth_screen_begin(&recorder->screen, recorder->header.hz, recorder->config->speed);
    moth_screen_show(&recorder->screen, recorder->tree, true);
    moth_told(recorder->config->told, "ready", moth_tree_frame(recorder->tree),
              json_pack("{s:I, s:s}", "window", (json_int_t)moth_window_id(recorder->screen.window), "trace",
                        recorder->config->out));
    while (!recorder->quit && recorder->step == MOTH_STEP_OK && !interrupted(recorder))
        if (tick(recorder, err) != 0)
            return -1;
    return 0;
}

/* ---- the trace's part ---- */

static bool only_commands(void *context, const SDL_Event *event)
{
    struct listening *listening = context;
    struct recorder *recorder = listening->recorder;
    enum moth_command wanted = moth_hands_event(&recorder->hands, event);
    if (wanted == MOTH_COMMAND_QUIT || wanted == MOTH_COMMAND_FASTER || wanted == MOTH_COMMAND_SLOWER)
        command(recorder, wanted, listening->err);
    return recorder->quit;
}

static void pass_marks(struct recorder *recorder, size_t *next, uint32_t frame)
{
    const struct moth_trace *before = recorder->config->before;
    for (; *next < before->n_marks && before->marks[*next].frame <= frame; (*next)++)
        add_mark(recorder, frame, before->marks[*next].text);
}

static bool diverged(const struct recorder *recorder)
{
    const struct moth_trace *before = recorder->config->before;
    const struct moth_observation *is = moth_instance_last(moth_tree_instance(recorder->tree));
    for (size_t i = 0; i < before->n_checkpoints; i++) {
        const struct moth_trace_checkpoint *was = &before->checkpoints[i];
        const char *what = was->frame == is->frame ? moth_replay_difference(was, is, true) : NULL;
        if (what)
            moth_log_warning("the replay goes another way than the recording: %s differs at frame %u", what, is->frame);
        if (what)
            return true;
    }
    return false;
}

static int play_before(struct recorder *recorder, struct moth_err *err)
{
    const struct moth_trace *before = recorder->config->before;
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
    struct listening listening = {recorder, err, 0};
    struct moth_pressed held = {0};
    size_t next = 0, next_mark = 0;
    bool said = false;
    if (!events)
        abort();
    recorder->screen.strip.state = "replaying";
    recorder->screen.strip.frames = recorder->config->until;
    moth_screen_begin(&recorder->screen, recorder->header.hz, recorder->config->speed);
    int result = 0;
    while (result == 0 && moth_tree_frame(recorder->tree) < recorder->config->until && !recorder->quit &&
           recorder->step == MOTH_STEP_OK && !interrupted(recorder)) {
        uint32_t frame = moth_tree_frame(recorder->tree);
        see(recorder);
        moth_window_grab(recorder->screen.window, false);
        moth_screen_wait(&recorder->screen, 0, only_commands, &listening);
        pass_marks(recorder, &next_mark, frame);
        size_t n = moth_replay_take_events(before, &next, frame, 1, events, MOTH_PROGRAM_EVENTS_MAX);
        for (size_t i = 0; i < n; i++)
            moth_pressed_note(&held, &events[i]);
        result = play(recorder, 1, events, n, err);
        if (!said && (frame + 1) % MOTH_CHECKPOINT_FRAMES == 0)
            said = diverged(recorder);
        moth_screen_played(&recorder->screen, 1);
        recorder->screen.strip.held = held;
        moth_screen_show(&recorder->screen, recorder->tree, false);
    }
    free(events);
    recorder->outcome->taken_over = result == 0 && moth_tree_frame(recorder->tree) >= recorder->config->until;
    moth_hands_moved(&recorder->hands, &held); /* what the trace holds and the person does not is let go */
    return result;
}

/* ---- beginning and end ---- */

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
    note_state(recorder);
    plug_in(recorder);
    moth_log_info("recording to %s/" MOTH_RECORDING_TRACE "; %s", config->out, recorder->help);
    int result = config->before ? play_before(recorder, err) : 0;
    moth_halts_init(&recorder->halts, recorder->tree, HALT_EVERY_S * recorder->header.hz, &recorder->hands.given);
    recorder->screen.strip.recording = true;
    if (result == 0 && !recorder->quit && recorder->step == MOTH_STEP_OK && !interrupted(recorder))
        result = play_by_hand(recorder, err);
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
    cut_marks(recorder, 0);
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
             config->host_key_name, REWIND_S);
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
