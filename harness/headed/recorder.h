/* SPDX-License-Identifier: MIT
 *
 * A recording session from the inside: what record.c begins and ends, by_hand.c plays and handover.c plays before it.
 * Private to headed/.
 */
#ifndef MOTH_HEADED_RECORDER_H
#define MOTH_HEADED_RECORDER_H

#include "headed/halts.h"
#include "headed/record.h"
#include "headed/recording.h"
#include "headed/screen.h"

#define MOTH_REWIND_S 10u

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

/* A mark where the game stands. */
void moth_recorder_mark(struct recorder *recorder, uint32_t frame, const char *text);
/* Forget the marks behind a frame. */
void moth_recorder_cut_marks(struct recorder *recorder, uint32_t frame);
/* Note what the game publishes and what is watched, where it stands. */
void moth_recorder_note_state(struct recorder *recorder);
/* Play on, recorded. 0 or -1; how the game does is in recorder->step. */
int moth_recorder_play(struct recorder *recorder, uint32_t frames, const struct moth_input_event *events, size_t n,
                       struct moth_err *err);
/* What somebody at the window wants of moth. */
int moth_recorder_command(struct recorder *recorder, enum moth_command command, struct moth_err *err);
/* Tell the hands where the picture is and what the game wants. */
void moth_recorder_see(struct recorder *recorder);
bool moth_recorder_interrupted(struct recorder *recorder);

/* Until the person or the game ends it. */
int moth_recorder_by_hand(struct recorder *recorder, struct moth_err *err);
/* The part that a trace plays, up to the frame at which the person takes over. */
int moth_recorder_handover(struct recorder *recorder, struct moth_err *err);

#endif
