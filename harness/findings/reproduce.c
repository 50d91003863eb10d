/* SPDX-License-Identifier: MIT */
#include "findings/reproduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "branch/tree.h"
#include "branch/view.h"
#include "detect/detect.h"
#include "findings/judge.h"
#include "findings/properties.h"
#include "findings/spike.h"

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
        .members = header->members,
        .n_members = header->n_members,
        .link = header->link,
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

/* ---- properties that do not hold ---- */

struct violations {
    const char *wanted;          /* a fingerprint, or NULL */
    struct moth_finding *found;  /* that one; without one wanted the first */
    uint32_t changed;
};

static void on_violation(void *context, struct moth_finding *finding)
{
    struct violations *violations = context;
    bool wanted = !violations->wanted || strcmp(finding->fingerprint, violations->wanted) == 0;
    if (wanted && !violations->found)
        violations->found = finding;
    else
        moth_finding_free(finding);
}

/* ---- one replay ---- */

struct comparison {
    const struct moth_trace *trace;
    size_t next; /* checkpoint to be compared */
    struct moth_replay_outcome *outcome;
    const struct moth_replay_config *config;
    struct moth_tree *tree;
    bool softlock;           /* the trace ends in one */
    bool judging;            /* what is seen now are the ways out that are tried */
    struct moth_views line;  /* … what was seen on the way there */
    size_t next_mark;        /* of the trace's, to be looked at */
    struct moth_laps laps;   /* that the trace marks */
    struct violations violations;
};

const char *moth_replay_difference(const struct moth_trace_checkpoint *was, const struct moth_observation *is,
                                   bool picture)
{
    if (was->time_ns != is->time_ns)
        return "virtual time";
    if (was->random_chain != is->random_chain)
        return "random draws";
    if (was->call_chain != is->call_chain)
        return "scheduling";
    if (was->audio_chain != is->audio_chain)
        return "audio";
    return picture && was->picture != (is->picture_ok ? is->picture : 0) ? "picture" : NULL;
}

static void compare(struct comparison *comparison, const struct moth_observation *is)
{
    const struct moth_trace *trace = comparison->trace;
    while (comparison->next < trace->n_checkpoints && trace->checkpoints[comparison->next].frame < is->frame)
        comparison->next++;
    if (comparison->outcome->diverged || comparison->next == trace->n_checkpoints)
        return;
    const struct moth_trace_checkpoint *was = &trace->checkpoints[comparison->next];
    const char *what = was->frame == is->frame ? moth_replay_difference(was, is, true) : NULL;
    if (!what)
        return;
    comparison->outcome->diverged = true;
    comparison->outcome->diverged_frame = is->frame;
    comparison->outcome->diverged_what = what;
}

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct comparison *comparison = context;
    if (comparison->judging || observation->frame % MOTH_CHECKPOINT_FRAMES != 0)
        return;
    compare(comparison, observation);
    struct moth_view view;
    if (comparison->softlock && moth_view_take(moth_tree_instance(comparison->tree), &view))
        moth_views_add(&comparison->line, &view);
}

static bool interrupted(void *context)
{
    const struct moth_replay_config *config = ((const struct comparison *)context)->config;
    return config->interrupted && config->interrupted(config->context);
}

size_t moth_replay_take_events(const struct moth_trace *trace, size_t *next, uint32_t frame, uint32_t frames,
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

static bool is_kind(const struct moth_trace *trace, enum moth_finding_kind kind)
{
    return trace->has_end && trace->end.kind && moth_finding_kind_from_name(trace->end.kind) == (int)kind;
}

/* The game lived on: what makes it a softlock has to be found out again at the trace's last frame. */
static bool is_softlock(const struct moth_trace *trace)
{
    return is_kind(trace, MOTH_FINDING_SOFTLOCK);
}

static bool lived_on(const struct moth_trace *trace)
{
    bool laps = false;
    for (size_t i = 0; i < trace->n_marks && !laps; i++)
        laps = strcmp(trace->marks[i].text, MOTH_LAP_MARK) == 0;
    return laps || is_softlock(trace);
}

bool moth_replay_lives_on(const struct moth_trace *trace)
{
    static const enum moth_finding_kind deaths[] = {MOTH_FINDING_CRASH,    MOTH_FINDING_HANG, MOTH_FINDING_DEADLOCK,
                                                    MOTH_FINDING_SANITIZER, MOTH_FINDING_EXIT, MOTH_FINDING_LEAK};
    if (!trace->has_end || !trace->end.kind)
        return false;
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++)
        if (is_kind(trace, deaths[i]))
            return lived_on(trace);
    return true;
}

uint32_t moth_replay_last_frame(const struct moth_trace *trace)
{
    bool death = trace->has_end && trace->end.kind && !lived_on(trace);
    uint64_t last = death ? (uint64_t)trace->end.finding_frame + MOTH_REPLAY_GRACE_FRAMES : trace->frames;
    return last < UINT32_MAX ? (uint32_t)last : UINT32_MAX;
}

/* Count the memory where a lap begins, and give the frames that may be played until the next one does. */
static uint32_t look_at_laps(struct comparison *comparison, uint32_t frames)
{
    const struct moth_trace *trace = comparison->trace;
    uint32_t frame = moth_tree_frame(comparison->tree);
    for (; comparison->next_mark < trace->n_marks; comparison->next_mark++) {
        const struct moth_trace_mark *mark = &trace->marks[comparison->next_mark];
        if (strcmp(mark->text, MOTH_LAP_MARK) != 0 || mark->frame < frame)
            continue;
        if (mark->frame > frame)
            return mark->frame - frame < frames ? mark->frame - frame : frames;
        moth_laps_note(&comparison->laps, moth_tree_instance(comparison->tree));
    }
    return frames;
}

static int play_events(struct comparison *comparison, struct moth_err *err)
{
    const struct moth_trace *trace = comparison->trace;
    const struct moth_replay_config *config = comparison->config;
    struct moth_tree *tree = comparison->tree;
    struct moth_input_event *events = malloc(MOTH_PROGRAM_EVENTS_MAX * sizeof *events);
    if (!events)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for input events");
    enum moth_step step = MOTH_STEP_OK;
    size_t next = 0;
    uint32_t last = moth_replay_last_frame(trace), frame;
    while (step == MOTH_STEP_OK && (frame = moth_tree_frame(tree)) < last) {
        if (config->interrupted && config->interrupted(config->context)) {
            comparison->outcome->interrupted = true;
            break;
        }
        uint32_t frames = MOTH_CHECKPOINT_FRAMES - frame % MOTH_CHECKPOINT_FRAMES;
        if (frames > last - frame)
            frames = last - frame;
        frames = look_at_laps(comparison, frames);
        size_t n = moth_replay_take_events(trace, &next, frame, frames, events, MOTH_PROGRAM_EVENTS_MAX);
        step = moth_tree_step(tree, frames, events, n, err);
        moth_properties_violations(moth_instance_channel(moth_tree_instance(tree)), &comparison->violations.changed,
                                   on_violation, &comparison->violations);
        if (comparison->violations.wanted && comparison->violations.found)
            break; /* the game goes on, and need not be played on */
    }
    if (step == MOTH_STEP_OK)
        look_at_laps(comparison, 0);
    free(events);
    comparison->outcome->frames = moth_tree_frame(tree);
    comparison->outcome->killed = step == MOTH_STEP_KILLED;
    return step == MOTH_STEP_FAULT ? -1 : 0;
}

/* How it ended; a game that lives on where a softlock was is tried anew. */
static int judge_end(struct comparison *comparison, struct moth_tree *tree, const struct moth_replay_config *config,
                     struct moth_err *err)
{
    struct moth_instance *instance = moth_tree_instance(tree);
    struct moth_replay_outcome *outcome = comparison->outcome;
    outcome->finding = comparison->violations.wanted ? comparison->violations.found : NULL;
    if (!outcome->finding)
        outcome->finding = moth_judge(instance);
    if (!outcome->finding && moth_instance_death(instance)->how == MOTH_STEP_OK)
        outcome->finding = comparison->violations.found;
    if (outcome->finding == comparison->violations.found)
        comparison->violations.found = NULL;
    if (!outcome->finding && moth_instance_death(instance)->how == MOTH_STEP_OK)
        outcome->finding = moth_judge_laps(&comparison->laps, moth_tree_frame(tree));
    if (outcome->finding || !comparison->softlock || moth_instance_death(instance)->how != MOTH_STEP_OK)
        return 0;
    comparison->judging = true;
    struct moth_judge_config how = {.seed = comparison->trace->header.seed,
                                    .hz = comparison->trace->header.hz,
                                    .softlock_s = config->softlock_s,
                                    .interrupted = config->interrupted,
                                    .context = config->context};
    struct moth_proof proof = {0};
    int result = moth_judge_stuck(tree, &comparison->line, &how, &proof, &outcome->finding, err);
    outcome->frames_tried = proof.frames;
    if (result != 0 && err && err->code == MOTH_ERR_INTERRUPTED) {
        outcome->interrupted = true;
        result = 0;
    }
    return result;
}

int moth_replay(const struct moth_trace *trace, const struct moth_replay_config *config,
                struct moth_replay_outcome *outcome, struct moth_err *err)
{
    *outcome = (struct moth_replay_outcome){0};
    if (is_kind(trace, MOTH_FINDING_SPIKE))
        return moth_spike_replay(trace, config, outcome, err);
    struct comparison comparison = {
        .trace = trace, .outcome = outcome, .config = config, .softlock = is_softlock(trace)};
    if (is_kind(trace, MOTH_FINDING_INVARIANT))
        comparison.violations.wanted = trace->end.fingerprint;
    struct moth_tree_config how = {.launch = moth_replay_launch_config(&trace->header, config),
                                   .memory_bytes = comparison.softlock ? MOTH_SOFTLOCK_SNAPSHOT_BYTES : 0,
                                   .observed = on_observed,
                                   .interrupted = interrupted,
                                   .context = &comparison};
    struct moth_tree *tree = moth_tree_launch(&how, err);
    if (!tree)
        return -1;
    comparison.tree = tree;
    outcome->started = moth_tree_frame(tree) > 0;
    const char *build_id = moth_instance_game(moth_tree_instance(tree))->build_id;
    outcome->other_build = trace->header.build_id && strcmp(trace->header.build_id, build_id) != 0;
    struct moth_err own;
    err = err ? err : &own;
    outcome->killed = moth_instance_death(moth_tree_instance(tree))->how == MOTH_STEP_KILLED; /* as it began */
    int result = outcome->started ? play_events(&comparison, err) : 0;
    if (result == 0 && !outcome->interrupted)
        result = judge_end(&comparison, tree, config, err);
    if (config->log_path)
        moth_instance_log_save(moth_tree_instance(tree), config->log_path, NULL);
    moth_tree_close(tree);
    moth_views_fini(&comparison.line);
    moth_laps_fini(&comparison.laps);
    moth_finding_free(comparison.violations.found);
    return result;
}

struct moth_finding_attempt moth_reproduce_attempt(const struct moth_finding *finding,
                                           const struct moth_replay_outcome *outcome)
{
    struct moth_finding_attempt attempt = {.outcome = outcome->finding ? MOTH_OUTCOME_OTHER : MOTH_OUTCOME_CLEAN,
                                   .frame = outcome->frames,
                                   .diverged = outcome->diverged,
                                   .diverged_frame = outcome->diverged_frame};
    const struct moth_finding *met = outcome->finding;
    if (finding->kind == MOTH_FINDING_NONDETERMINISM ? outcome->diverged
                                                     : met && strcmp(met->fingerprint, finding->fingerprint) == 0)
        attempt.outcome = MOTH_OUTCOME_MET;
    if (attempt.outcome == MOTH_OUTCOME_OTHER) {
        memcpy(attempt.fingerprint, met->fingerprint, sizeof attempt.fingerprint);
        snprintf(attempt.title, sizeof attempt.title, "%s", met->title ? met->title : "");
    }
    return attempt;
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
