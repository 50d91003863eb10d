/* SPDX-License-Identifier: MIT */
#include "findings/reproduce.h"

#include <stdlib.h>
#include <string.h>

#include "detect/detect.h"
#include "runner/player.h"

struct moth_instance_config moth_replay_launch_config(const struct moth_trace_header *header,
                                                      const struct moth_replay_config *config)
{
    return (struct moth_instance_config){
        .argv = (const char *const *)header->argv,
        .env = (const char *const *)header->env,
        .channel = {.seed = header->seed,
                    .schedule_seed = header->schedule_seed,
                    .hz = header->hz,
                    .video = header->video,
                    .render = header->render,
                    .threads = header->threads},
        .limits = config->limits,
        .probe_path = config->probe_path,
    };
}

struct moth_finding *moth_judge(struct moth_instance *instance)
{
    if (moth_instance_last(instance)->frame == 0)
        return NULL;
    char *log = malloc(MOTH_LOG_TAIL_BYTES);
    if (log)
        moth_instance_log_tail(instance, log, MOTH_LOG_TAIL_BYTES);
    struct moth_evidence evidence = moth_evidence_of(instance, log);
    struct moth_finding *finding = moth_detect(&evidence);
    if (finding)
        moth_finding_fingerprint(finding);
    free(log);
    return finding;
}

/* ---- one replay ---- */

struct comparison {
    const struct moth_trace *trace;
    size_t next; /* checkpoint to be compared */
    struct moth_replay_outcome *outcome;
};

static const char *difference(const struct moth_trace_checkpoint *was, const struct moth_trace_checkpoint *is)
{
    if (was->time_ns != is->time_ns)
        return "virtual time";
    if (was->random_chain != is->random_chain)
        return "random draws";
    if (was->call_chain != is->call_chain)
        return "scheduling";
    if (was->audio_chain != is->audio_chain)
        return "audio";
    return was->picture != is->picture ? "picture" : NULL;
}

static void compare(void *context, const struct moth_trace_checkpoint *is)
{
    struct comparison *comparison = context;
    const struct moth_trace *trace = comparison->trace;
    while (comparison->next < trace->n_checkpoints && trace->checkpoints[comparison->next].frame < is->frame)
        comparison->next++;
    if (comparison->outcome->diverged || comparison->next == trace->n_checkpoints)
        return;
    const struct moth_trace_checkpoint *was = &trace->checkpoints[comparison->next];
    const char *what = was->frame == is->frame ? difference(was, is) : NULL;
    if (!what)
        return;
    comparison->outcome->diverged = true;
    comparison->outcome->diverged_frame = is->frame;
    comparison->outcome->diverged_what = what;
}

/* The events that a step of `frames` from `frame` on applies, counting from 0. */
static size_t take_events(const struct moth_trace *trace, size_t *next, uint32_t frame, uint32_t frames,
                          struct moth_input_event *taken, size_t max)
{
    size_t n = 0;
    for (; *next < trace->n_events && trace->events[*next].frame < frame + frames; (*next)++) {
        if (trace->events[*next].frame < frame || n == max)
            continue;
        taken[n] = trace->events[*next];
        taken[n++].frame -= frame;
    }
    return n;
}

static uint32_t last_frame(const struct moth_trace *trace)
{
    bool death = trace->has_end && trace->end.kind;
    uint64_t last = death ? (uint64_t)trace->end.finding_frame + MOTH_REPLAY_GRACE_FRAMES : trace->frames;
    return last < UINT32_MAX ? (uint32_t)last : UINT32_MAX;
}

static int play_events(const struct moth_trace *trace, const struct moth_replay_config *config,
                       struct moth_player *player, struct moth_replay_outcome *outcome, struct moth_err *err)
{
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
    if (!events)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for input events");
    enum moth_step step = MOTH_STEP_OK;
    size_t next = 0;
    uint32_t last = last_frame(trace);
    while (step == MOTH_STEP_OK && player->frame < last) {
        if (config->interrupted && config->interrupted(config->context)) {
            outcome->interrupted = true;
            break;
        }
        uint32_t frames = MOTH_CHECKPOINT_FRAMES - player->frame % MOTH_CHECKPOINT_FRAMES;
        if (frames > last - player->frame)
            frames = last - player->frame;
        size_t n = take_events(trace, &next, player->frame, frames, events, MOTH_PROGRAM_EVENTS_MAX);
        step = moth_player_step(player, frames, events, n, err);
    }
    free(events);
    outcome->frames = player->frame;
    outcome->killed = step == MOTH_STEP_KILLED;
    return step == MOTH_STEP_FAULT ? -1 : 0;
}

int moth_replay(const struct moth_trace *trace, const struct moth_replay_config *config,
                struct moth_replay_outcome *outcome, struct moth_err *err)
{
    *outcome = (struct moth_replay_outcome){0};
    struct moth_instance_config launch = moth_replay_launch_config(&trace->header, config);
    struct moth_instance *instance = moth_instance_launch(&launch, err);
    if (!instance)
        return -1;
    struct comparison comparison = {.trace = trace, .outcome = outcome};
    struct moth_player player;
    moth_player_init(&player, instance);
    player.checkpoint = compare;
    player.context = &comparison;
    outcome->started = player.frame > 0;
    const char *build_id = moth_instance_game(instance)->build_id;
    outcome->other_build = trace->header.build_id && strcmp(trace->header.build_id, build_id) != 0;
    int result = outcome->started ? play_events(trace, config, &player, outcome, err) : 0;
    if (result == 0 && !outcome->interrupted)
        outcome->finding = moth_judge(instance);
    if (config->log_path)
        moth_instance_log_save(instance, config->log_path, NULL);
    moth_instance_close(instance);
    return result;
}

void moth_replay_outcome_fini(struct moth_replay_outcome *outcome)
{
    moth_finding_free(outcome->finding);
    outcome->finding = NULL;
}

int moth_reproduce(const struct moth_trace *trace, const struct moth_replay_config *config,
                   const char *fingerprint, uint32_t times, uint32_t *met, uint32_t *tried,
                   struct moth_err *err)
{
    *met = *tried = 0;
    for (uint32_t i = 0; i < times; i++) {
        struct moth_replay_outcome outcome;
        if (moth_replay(trace, config, &outcome, err) != 0)
            return -1;
        bool stop = outcome.interrupted;
        if (!outcome.interrupted && !outcome.killed)
            (*tried)++;
        if (outcome.finding && strcmp(outcome.finding->fingerprint, fingerprint) == 0)
            (*met)++;
        moth_replay_outcome_fini(&outcome);
        if (stop)
            break;
    }
    return 0;
}
