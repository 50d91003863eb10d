/* SPDX-License-Identifier: MIT
 *
 * Playing and replaying a trace's way: steps that stop at every checkpoint frame.
 *
 * A recording and its replays must ask the game for the same things at the same frames, because a look
 * at the picture may cost the game a drawn frame. So both go through here: whoever steps, the boundaries
 * whose number is a multiple of MOTH_CHECKPOINT_FRAMES are looked at, and no others.
 */
#ifndef MOTH_RUNNER_PLAYER_H
#define MOTH_RUNNER_PLAYER_H

#include "runner/instance.h"
#include "wire/trace.h"

#define MOTH_CHECKPOINT_FRAMES 60u

struct moth_player {
    struct moth_instance *instance; /* borrowed */
    uint32_t frame;                 /* the boundary the game stands at */
    /* Called at each checkpoint; may be NULL. */
    void (*checkpoint)(void *context, const struct moth_trace_checkpoint *checkpoint);
    /* Called with each boundary's observation; may be NULL. */
    void (*observed)(void *context, const struct moth_observation *observation);
    void *context;
};

void moth_player_init(struct moth_player *player, struct moth_instance *instance);
/* As moth_instance_step, with events counting from 0 at this call. player->frame is kept. */
enum moth_step moth_player_step(struct moth_player *player, uint32_t frames,
                                const struct moth_input_event *events, size_t n_events, struct moth_err *err);

#endif
