/* SPDX-License-Identifier: MIT */
#include "runner/player.h"

#include <stdlib.h>
#include <string.h>

void moth_player_init(struct moth_player *player, struct moth_instance *instance)
{
    *player = (struct moth_player){.instance = instance, .frame = moth_instance_last(instance)->frame};
}

static void tell_checkpoint(const struct moth_player *player)
{
    const struct moth_observation *now = moth_instance_last(player->instance);
    struct moth_trace_checkpoint checkpoint = {
        .frame = now->frame,
        .time_ns = now->time_ns,
        .picture = now->picture_ok ? now->picture : 0,
        .audio_chain = now->audio_chain,
        .random_chain = now->random_chain,
        .call_chain = now->call_chain,
    };
    if (player->checkpoint)
        player->checkpoint(player->context, &checkpoint);
}

/* One step that ends at a checkpoint or before one. */
static enum moth_step step_part(struct moth_player *player, uint32_t frames, bool at_checkpoint,
                                const struct moth_input_event *events, size_t n_events, struct moth_err *err)
{
    struct moth_observation observed[MOTH_CHECKPOINT_FRAMES];
    uint32_t n_observed = 0;
    enum moth_step step = moth_instance_step(player->instance, frames, events, n_events,
                                             at_checkpoint ? MOTH_WANT_PICTURE_LAST | MOTH_WANT_HEAP : 0, 0,
                                             player->observed ? observed : NULL, &n_observed, err);
    for (uint32_t i = 0; player->observed && i < n_observed && i < MOTH_CHECKPOINT_FRAMES; i++)
        player->observed(player->context, &observed[i]);
    player->frame = moth_instance_last(player->instance)->frame;
    if (step == MOTH_STEP_OK && at_checkpoint)
        tell_checkpoint(player);
    return step;
}

/* Events of [from, from + frames), moved to count from 0. They come in order. */
static size_t cut_events(struct moth_input_event *cut, const struct moth_input_event *events, size_t n_events,
                         uint32_t from, uint32_t frames)
{
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++) {
        if (events[i].frame < from || events[i].frame - from >= frames)
            continue;
        cut[n] = events[i];
        cut[n++].frame -= from;
    }
    return n;
}

enum moth_step moth_player_step(struct moth_player *player, uint32_t frames,
                                const struct moth_input_event *events, size_t n_events, struct moth_err *err)
{
    struct moth_input_event *cut = malloc((n_events ? n_events : 1) * sizeof *cut);
    if (!cut) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu input events", n_events);
        return MOTH_STEP_FAULT;
    }
    enum moth_step step = MOTH_STEP_OK;
    for (uint32_t done = 0; done < frames && step == MOTH_STEP_OK;) {
        uint32_t part = MOTH_CHECKPOINT_FRAMES - player->frame % MOTH_CHECKPOINT_FRAMES;
        bool at_checkpoint = part <= frames - done;
        if (!at_checkpoint)
            part = frames - done;
        size_t n = cut_events(cut, events, n_events, done, part);
        step = step_part(player, part, at_checkpoint, cut, n, err);
        done += part;
    }
    free(cut);
    return step;
}
