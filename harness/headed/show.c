/* SPDX-License-Identifier: MIT */
#include "headed/show.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "headed/screen.h"
#include "headed/halts.h"

#define PAUSE_MS 50
#define HALT_EVERY_S 5u
#define BACK_S 5u
#define BEFORE_S 1u /* so much before a mark or the finding one wants to be */
#define FAST 8.0
#define HELP "space pause, . step, hold tab for 8x, 1 2 4 8 speed, N mark, F finding, left back, Q end"

struct show {
    const struct moth_trace *trace;
    const struct moth_show_config *config;
    struct moth_replay_outcome *outcome;
    struct moth_screen screen;
    struct moth_tree *tree;
    struct moth_halts halts;
    struct moth_pressed held;
    uint32_t last;       /* the frame it ends at */
    size_t next;         /* event */
    uint32_t jump;       /* play up to this frame without showing each; 0: no */
    uint32_t back;       /* go back to this frame; 0: no */
    double speed;        /* apart from what is held down */
    bool paused, single, fast, quit;
    bool judged;
    enum moth_step step;
};

/* ---- what is held against the recording ---- */

static void on_observed(void *context, const struct moth_observation *is)
{
    struct show *show = context;
    const struct moth_trace *trace = show->trace;
    if (show->outcome->diverged || is->frame % MOTH_CHECKPOINT_FRAMES != 0)
        return;
    for (size_t i = 0; i < trace->n_checkpoints; i++) {
        const struct moth_trace_checkpoint *was = &trace->checkpoints[i];
        const char *what = was->frame == is->frame ? moth_replay_difference(was, is, true) : NULL;
        if (!what)
            continue;
        show->outcome->diverged = true;
        show->outcome->diverged_frame = is->frame;
        show->outcome->diverged_what = what;
        return;
    }
}

static uint32_t frame_of(const struct show *show)
{
    return moth_tree_frame(show->tree);
}

static bool at_end(const struct show *show)
{
    return show->step != MOTH_STEP_OK || frame_of(show) >= show->last;
}

/* ---- going somewhere ---- */

static uint32_t before(const struct show *show, uint32_t frame)
{
    uint32_t hz = show->trace->header.hz;
    return frame > BEFORE_S * hz ? frame - BEFORE_S * hz : 1;
}

static void go_to(struct show *show, uint32_t frame)
{
    if (frame > frame_of(show))
        show->jump = frame < show->last ? frame : show->last;
    else
        show->back = frame;
}

static void go_to_next_mark(struct show *show)
{
    for (size_t i = 0; i < show->trace->n_marks; i++)
        if (show->trace->marks[i].frame > frame_of(show)) {
            go_to(show, show->trace->marks[i].frame);
            return;
        }
    if (show->trace->has_end && show->trace->end.kind && show->trace->end.finding_frame > frame_of(show))
        go_to(show, before(show, show->trace->end.finding_frame));
}

static void go_to_finding(struct show *show)
{
    if (show->trace->has_end && show->trace->end.kind)
        go_to(show, before(show, show->trace->end.finding_frame));
}

static int return_to(struct show *show, uint32_t frame, struct moth_err *err)
{
    if (moth_halts_return(&show->halts, frame, false, &show->held, err) != 0)
        return -1;
    show->step = MOTH_STEP_OK;
    show->next = 0;
    while (show->next < show->trace->n_events && show->trace->events[show->next].frame < frame_of(show))
        show->next++;
    show->back = 0;
    show->jump = frame > frame_of(show) ? frame : 0;
    moth_screen_set_speed(&show->screen, show->speed);
    moth_screen_show(&show->screen, show->tree, true);
    moth_told(show->config->told, "back", frame_of(show), NULL);
    return 0;
}

/* ---- what the person wants ---- */

static void set_speed(struct show *show, double speed)
{
    show->speed = speed;
    moth_screen_set_speed(&show->screen, speed);
}

static void pause_or_go(struct show *show)
{
    show->paused = !show->paused;
    moth_screen_set_speed(&show->screen, show->speed);
    moth_told(show->config->told, show->paused ? "paused" : "resumed", frame_of(show), NULL);
}

static void key(struct show *show, SDL_Scancode code)
{
    uint32_t back = BACK_S * show->trace->header.hz, frame = frame_of(show);
    switch (code) {
    case SDL_SCANCODE_SPACE:
        pause_or_go(show);
        break;
    case SDL_SCANCODE_PERIOD:
        show->single = show->paused = true;
        break;
    case SDL_SCANCODE_TAB:
        show->fast = true;
        moth_screen_set_speed(&show->screen, FAST);
        break;
    case SDL_SCANCODE_1:
        set_speed(show, 1);
        break;
    case SDL_SCANCODE_2:
        set_speed(show, 2);
        break;
    case SDL_SCANCODE_4:
        set_speed(show, 4);
        break;
    case SDL_SCANCODE_8:
        set_speed(show, 8);
        break;
    case SDL_SCANCODE_N:
        go_to_next_mark(show);
        break;
    case SDL_SCANCODE_F:
        go_to_finding(show);
        break;
    case SDL_SCANCODE_LEFT:
        show->back = frame > back ? frame - back : 1;
        break;
    case SDL_SCANCODE_Q:
    case SDL_SCANCODE_ESCAPE:
        show->quit = true;
        break;
    default:
        break;
    }
}

static bool on_event(void *context, const SDL_Event *event)
{
    struct show *show = context;
    uint32_t frame = 0;
    if (event->type == SDL_QUIT)
        show->quit = true;
    else if (event->type == SDL_KEYDOWN && !event->key.repeat)
        key(show, event->key.keysym.scancode);
    else if (event->type == SDL_KEYUP && event->key.keysym.scancode == SDL_SCANCODE_TAB && show->fast) {
        show->fast = false;
        moth_screen_set_speed(&show->screen, show->speed);
    } else if (event->type == SDL_MOUSEBUTTONDOWN)
        frame = moth_window_frame_at(show->screen.window, &show->screen.strip, event->button.x, event->button.y);
    if (frame > 0)
        go_to(show, frame);
    return show->quit || show->jump || show->back || show->single;
}

/* ---- playing ---- */

static int play(struct show *show, uint32_t frames, struct moth_err *err)
{
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
    if (!events)
        abort();
    uint32_t from = frame_of(show), second = show->trace->header.hz ? show->trace->header.hz : 60;
    size_t n =
        moth_replay_take_events(show->trace, &show->next, from, frames, events, MOTH_PROGRAM_EVENTS_MAX);
    for (size_t i = 0; i < n; i++)
        moth_pressed_note(&show->held, &events[i]);
    show->step = moth_tree_step(show->tree, frames, events, n, err);
    free(events);
    if (frame_of(show) / second != from / second)
        moth_told(show->config->told, "progress", frame_of(show), NULL);
    if (show->step == MOTH_STEP_OK)
        moth_halts_pass(&show->halts, &show->held);
    return show->step == MOTH_STEP_FAULT ? -1 : 0;
}

/* Fast forward to where somebody wants to be: in parts, so that the window lives on. */
static int jump(struct show *show, struct moth_err *err)
{
    uint32_t left = show->jump > frame_of(show) ? show->jump - frame_of(show) : 0;
    if (left == 0) {
        show->jump = 0;
        moth_screen_set_speed(&show->screen, show->speed);
        moth_screen_show(&show->screen, show->tree, true);
        moth_told(show->config->told, "jumped", frame_of(show), NULL);
        return 0;
    }
    return play(show, left < MOTH_CHECKPOINT_FRAMES ? left : MOTH_CHECKPOINT_FRAMES, err);
}

static const char *state_of(const struct show *show)
{
    return at_end(show)   ? "at the end"
           : show->paused ? "paused"
           : show->jump   ? "fast forward"
                          : "replaying";
}

static void draw(struct show *show, bool always)
{
    show->screen.strip.state = state_of(show);
    show->screen.strip.held = show->held;
    moth_screen_show(&show->screen, show->tree, always);
}

/* The first time it gets there. */
static void arrive(struct show *show)
{
    if (show->judged)
        return;
    show->judged = true;
    struct moth_instance *instance = moth_tree_instance(show->tree);
    show->outcome->finding = moth_judge(instance);
    show->outcome->frames = frame_of(show);
    show->outcome->killed = show->step == MOTH_STEP_KILLED;
    const struct moth_finding *finding = show->outcome->finding;
    if (finding && !show->screen.strip.title) {
        show->screen.strip.title = finding->title;
        show->screen.strip.finding_frame = finding->frame;
    }
    moth_screen_tell_end(show->config->told, show->tree, NULL, "replayed", finding);
    draw(show, true);
}

static bool stands(const struct show *show)
{
    return at_end(show) || (show->paused && !show->single);
}

static int tick(struct show *show, struct moth_err *err)
{
    if (show->back > 0)
        return return_to(show, show->back, err);
    if (at_end(show)) {
        arrive(show);
        show->jump = 0;
        show->single = false;
        show->quit = show->quit || show->config->exit_at_end;
    }
    if (show->jump)
        draw(show, false);
    if (!show->quit && !show->jump)
        moth_screen_wait(&show->screen, stands(show) ? PAUSE_MS : 0, on_event, show);
    else if (!show->quit) { /* what was pressed meanwhile */
        SDL_Event event;
        while (moth_window_event(show->screen.window, &event, 0))
            on_event(show, &event);
    }
    if (show->jump && !show->back && !show->quit)
        return jump(show, err);
    if (show->quit || show->back || stands(show)) {
        draw(show, true);
        return 0;
    }
    bool single = show->single;
    show->single = false;
    if (play(show, 1, err) != 0)
        return -1;
    moth_screen_played(&show->screen, 1);
    draw(show, single);
    if (single)
        moth_told(show->config->told, "stepped", frame_of(show), NULL);
    return 0;
}

static bool interrupted(const struct show *show)
{
    return show->config->how.interrupted && show->config->how.interrupted(show->config->how.context);
}

static int run(struct show *show, struct moth_err *err)
{
    int result = 0;
    moth_halts_init(&show->halts, show->tree, HALT_EVERY_S * show->trace->header.hz, &show->held);
    moth_screen_begin(&show->screen, show->trace->header.hz, show->speed);
    draw(show, true);
    moth_told(show->config->told, "ready", frame_of(show),
              json_pack("{s:I, s:I}", "window", (json_int_t)moth_window_id(show->screen.window), "frames",
                        (json_int_t)show->screen.strip.frames));
    while (result == 0 && !show->quit && !interrupted(show))
        result = tick(show, err);
    show->outcome->interrupted = result == 0 && (!show->judged || interrupted(show));
    moth_halts_fini(&show->halts);
    return result;
}

static void fill_strip(struct show *show)
{
    const struct moth_trace *trace = show->trace;
    struct moth_strip *strip = &show->screen.strip;
    bool found = trace->has_end && trace->end.kind;
    strip->help = HELP;
    strip->marks = trace->marks;
    strip->n_marks = trace->n_marks;
    strip->frames = found && trace->end.finding_frame > trace->frames ? trace->end.finding_frame : trace->frames;
    strip->finding_frame = found ? trace->end.finding_frame : 0;
    strip->title = found ? trace->end.title : NULL;
    show->screen.pointer = true;
}

int moth_show(const struct moth_trace *trace, const struct moth_show_config *config, struct moth_replay_outcome *outcome,
              struct moth_err *err)
{
    struct show show = {.trace = trace, .config = config, .outcome = outcome, .speed = config->speed};
    *outcome = (struct moth_replay_outcome){0};
    show.last = moth_replay_last_frame(trace);
    if (moth_screen_open(&show.screen, "replay", &trace->header, err) != 0)
        return -1;
    fill_strip(&show);
    struct moth_tree_config how = {.launch = moth_replay_launch_config(&trace->header, &config->how),
                                   .memory_bytes = config->memory_bytes,
                                   .observed = on_observed,
                                   .context = &show};
    show.tree = moth_tree_launch(&how, err);
    int result = show.tree ? 0 : -1;
    if (result == 0) {
        struct moth_instance *instance = moth_tree_instance(show.tree);
        outcome->started = moth_tree_frame(show.tree) > 0;
        outcome->other_build = trace->header.build_id && strcmp(trace->header.build_id, moth_instance_game(instance)->build_id) != 0;
        show.step = moth_instance_death(instance)->how;
        if (outcome->started)
            result = run(&show, err);
    }
    moth_tree_close(show.tree);
    moth_screen_close(&show.screen);
    return result;
}
