/* SPDX-License-Identifier: MIT
 *
 * The part of a recording that a trace plays, before a person takes over.
 */
#include <stdlib.h>

#include "base/log.h"
#include "headed/recorder.h"

static bool only_commands(void *context, const SDL_Event *event)
{
    struct recorder *recorder = context;
    enum moth_command wanted = moth_hands_event(&recorder->hands, event);
    if (wanted == MOTH_COMMAND_QUIT || wanted == MOTH_COMMAND_FASTER || wanted == MOTH_COMMAND_SLOWER)
        moth_recorder_command(recorder, wanted, NULL); /* none of which can fail */
    return recorder->quit;
}

static void pass_marks(struct recorder *recorder, size_t *next, uint32_t frame)
{
    const struct moth_trace *before = recorder->config->before;
    for (; *next < before->n_marks && before->marks[*next].frame <= frame; (*next)++)
        moth_recorder_mark(recorder, frame, before->marks[*next].text);
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

int moth_recorder_handover(struct recorder *recorder, struct moth_err *err)
{
    const struct moth_trace *before = recorder->config->before;
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
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
           recorder->step == MOTH_STEP_OK && !moth_recorder_interrupted(recorder)) {
        uint32_t frame = moth_tree_frame(recorder->tree);
        moth_recorder_see(recorder);
        moth_window_grab(recorder->screen.window, false);
        moth_screen_wait(&recorder->screen, 0, only_commands, recorder);
        pass_marks(recorder, &next_mark, frame);
        size_t n = moth_replay_take_events(before, &next, frame, 1, events, MOTH_PROGRAM_EVENTS_MAX);
        for (size_t i = 0; i < n; i++)
            moth_pressed_note(&held, &events[i]);
        result = moth_recorder_play(recorder, 1, events, n, err);
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
