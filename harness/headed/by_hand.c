/* SPDX-License-Identifier: MIT
 *
 * The person's part of a recording: marks, going back, commands, controllers, a tick at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "headed/recorder.h"

#define PAUSE_MS 50
#define WARPS_TO_GRAB 3u /* a game that puts the pointer back again and again wants motion */
#define WARP_FRAMES 30u  /* … and does not any more when it has not for so long */
#define SPEED_MOST 16.0
#define TOLD_EVERY_S 1u

/* ---- marks ---- */

void moth_recorder_mark(struct recorder *recorder, uint32_t frame, const char *text)
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

void moth_recorder_cut_marks(struct recorder *recorder, uint32_t frame)
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
    moth_recorder_mark(recorder, frame, text);
    moth_told(recorder->config->told, "mark", frame, json_pack("{s:s}", "text", text));
}

/* ---- playing ---- */

static const struct moth_channel *channel_of(const struct recorder *recorder)
{
    return moth_instance_channel(moth_tree_instance(recorder->tree));
}

/* What the game publishes and what is watched, where it stands. */
void moth_recorder_note_state(struct recorder *recorder)
{
    struct moth_instance *instance = moth_tree_instance(recorder->tree);
    moth_watches_attach(recorder->watches, instance);
    const struct moth_watch_value *values = moth_watches_values(recorder->watches, instance, &recorder->n_values);
    moth_recording_state(&recorder->recording, moth_tree_frame(recorder->tree), values, recorder->n_values);
}

int moth_recorder_play(struct recorder *recorder, uint32_t frames, const struct moth_input_event *events, size_t n,
                struct moth_err *err)
{
    uint32_t frame = moth_tree_frame(recorder->tree), second = recorder->header.hz * TOLD_EVERY_S;
    moth_recording_inputs(&recorder->recording, frame, events, n);
    recorder->step = moth_tree_step(recorder->tree, frames, events, n, err);
    uint32_t now = moth_tree_frame(recorder->tree);
    if (recorder->step == MOTH_STEP_OK)
        moth_recorder_note_state(recorder);
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
    moth_recorder_cut_marks(recorder, frame);
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

int moth_recorder_command(struct recorder *recorder, enum moth_command command, struct moth_err *err)
{
    uint32_t back = MOTH_REWIND_S * recorder->header.hz, frame = moth_tree_frame(recorder->tree);
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
    listening->result = moth_recorder_command(recorder, moth_hands_event(&recorder->hands, event), listening->err);
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

void moth_recorder_see(struct recorder *recorder)
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

bool moth_recorder_interrupted(struct recorder *recorder)
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
    moth_recorder_see(recorder);
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
    if (moth_recorder_play(recorder, frames, events, n, err) != 0)
        return -1;
    moth_screen_played(&recorder->screen, frames);
    if (recorder->step == MOTH_STEP_OK)
        moth_halts_pass(&recorder->halts, &recorder->hands.given);
    show(recorder, false);
    return 0;
}

/* What came before may have been hurried through; nobody plays at such a speed. */
static double speed_of_hands(const struct moth_record_config *config)
{
    bool hurried = config->before && (config->speed > 1 || !(config->speed > 0));
    return hurried ? 1 : config->speed;
}

int moth_recorder_by_hand(struct recorder *recorder, struct moth_err *err)
{
    moth_screen_begin(&recorder->screen, recorder->header.hz, speed_of_hands(recorder->config));
    moth_screen_show(&recorder->screen, recorder->tree, true);
    moth_told(recorder->config->told, "ready", moth_tree_frame(recorder->tree),
              json_pack("{s:I, s:s, s:f}", "window", (json_int_t)moth_window_id(recorder->screen.window), "trace",
                        recorder->config->out, "speed", recorder->screen.pace.speed));
    while (!recorder->quit && recorder->step == MOTH_STEP_OK && !moth_recorder_interrupted(recorder))
        if (tick(recorder, err) != 0)
            return -1;
    return 0;
}
