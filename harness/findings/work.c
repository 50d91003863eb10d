/* SPDX-License-Identifier: MIT */
#include "findings/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int moth_work_open(struct moth_work_player *player, const struct moth_trace *trace,
                   const struct moth_replay_config *config, struct moth_err *err)
{
    struct moth_instance_config launch = moth_replay_launch_config(&trace->header, config);
    *player = (struct moth_work_player){.trace = trace};
    player->events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *player->events);
    if (!player->events)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for input events");
    player->instance = moth_instance_launch(&launch, err);
    if (player->instance && moth_instance_last(player->instance)->frame == 0)
        moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame");
    else if (player->instance)
        return 0;
    moth_work_close(player);
    return -1;
}

void moth_work_close(struct moth_work_player *player)
{
    moth_instance_close(player->instance);
    free(player->events);
    *player = (struct moth_work_player){0};
}

size_t moth_work_take(struct moth_work_player *player, uint32_t frames)
{
    uint32_t frame = moth_instance_last(player->instance)->frame;
    return moth_replay_take_events(player->trace, &player->next, frame, frames, player->events,
                                   MOTH_PROGRAM_EVENTS_MAX);
}

enum moth_step moth_work_step(struct moth_work_player *player, uint32_t frames, uint32_t want,
                              struct moth_observation *observed, uint32_t *n, struct moth_err *err)
{
    size_t n_events = moth_work_take(player, frames);
    return moth_instance_step(player->instance, frames, player->events, n_events, want, 0, observed, n, err);
}

static bool is_apart(const struct moth_work_config *config, uint32_t frame)
{
    for (size_t i = 0; i < config->n_apart; i++)
        if (config->apart[i] == frame || config->apart[i] == frame + 1)
            return true;
    return false;
}

/* How far the next program goes. */
static uint32_t program_end(const struct moth_work_config *config, uint32_t at, uint32_t last)
{
    uint32_t end = at + MOTH_PROGRAM_FRAMES_MAX - 16;
    while (end < at + MOTH_PROGRAM_FRAMES_MAX && is_apart(config, end))
        end++;
    return end < last ? end : last;
}

static void compare(struct moth_work *work, const struct moth_trace *trace, const struct moth_observation *is)
{
    while (work->next_checkpoint < trace->n_checkpoints &&
           trace->checkpoints[work->next_checkpoint].frame < is->frame)
        work->next_checkpoint++;
    if (work->diverged_frame || work->next_checkpoint == trace->n_checkpoints ||
        trace->checkpoints[work->next_checkpoint].frame != is->frame)
        return;
    work->diverged_what = moth_replay_difference(&trace->checkpoints[work->next_checkpoint], is, false);
    work->diverged_frame = work->diverged_what ? is->frame : 0;
}

static uint64_t chain_of(const struct moth_observation *o)
{
    const uint64_t parts[] = {o->time_ns, o->audio_chain, o->random_chain, o->call_chain};
    uint64_t chain = o->frame;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        chain = (chain ^ parts[i]) * UINT64_C(0x9fb21c651e98df25);
    return chain;
}

static void keep(struct moth_work *work, const struct moth_trace *trace,
                 const struct moth_observation *observed, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        compare(work, trace, &observed[i]);
    for (uint32_t i = 0; i < n; i++)
        if (observed[i].frame < work->n)
            work->frames[observed[i].frame] = (struct moth_work_frame){.ns = observed[i].cpu_ns,
                                                                       .time_ns = observed[i].time_ns,
                                                                       .chain = chain_of(&observed[i]),
                                                                       .drawn = observed[i].drawn != 0};
}

static int play(struct moth_work_player *player, const struct moth_work_config *config, uint32_t last,
                struct moth_work *work, struct moth_err *err)
{
    struct moth_observation *observed = malloc(MOTH_PROGRAM_FRAMES_MAX * sizeof *observed);
    if (!observed)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for frames");
    enum moth_step step = MOTH_STEP_OK;
    uint32_t at = moth_instance_last(player->instance)->frame;
    keep(work, player->trace, moth_instance_last(player->instance), 1);
    const char *build = player->trace->header.build_id;
    snprintf(work->build_id, sizeof work->build_id, "%s", moth_instance_game(player->instance)->build_id);
    work->other_build = build && strcmp(build, moth_instance_game(player->instance)->build_id) != 0;
    while (step == MOTH_STEP_OK && at < last) {
        if (config->replay.interrupted && config->replay.interrupted(config->replay.context)) {
            work->interrupted = true;
            break;
        }
        uint32_t n = 0;
        step =
            moth_work_step(player, program_end(config, at, last) - at, MOTH_WANT_NOTHING, observed, &n, err);
        keep(work, player->trace, observed, n);
        at = moth_instance_last(player->instance)->frame;
    }
    free(observed);
    work->ended = step != MOTH_STEP_OK;
    work->end = work->ended && step != MOTH_STEP_FAULT ? moth_judge(player->instance) : NULL;
    work->reached = at;
    return step == MOTH_STEP_FAULT ? -1 : 0;
}

int moth_work_play(const struct moth_trace *trace, const struct moth_work_config *config,
                   struct moth_work *work, struct moth_err *err)
{
    uint32_t last = config->last ? config->last : trace->frames;
    struct moth_work_player player;
    *work = (struct moth_work){.n = last + 1};
    work->frames = calloc((size_t)last + 1, sizeof *work->frames);
    if (!work->frames)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %u frames", last);
    int result = moth_work_open(&player, trace, &config->replay, err);
    if (result == 0) {
        result = play(&player, config, last, work, err);
        if (config->replay.log_path)
            moth_instance_log_save(player.instance, config->replay.log_path, NULL);
        moth_work_close(&player);
    }
    if (result != 0)
        moth_work_fini(work);
    return result;
}

void moth_work_fini(struct moth_work *work)
{
    free(work->frames);
    moth_finding_free(work->end);
    *work = (struct moth_work){0};
}
