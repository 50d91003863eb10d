/* SPDX-License-Identifier: MIT */
#include "minimize/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "minimize/ladder.h"

#define STEP_FRAMES 60u    /* between looks at the interrupt */
#define HANG_TIMES 8u      /* a candidate hangs after so many times the longest frame of the original … */
#define HANG_LEAST_MS 200u /* … but not before */
#define HANG_DEFAULT_MS 5000u

struct moth_oracle {
    struct moth_oracle_config config;
    struct moth_limits limits; /* of candidates */
    struct moth_tree *tree;
    bool untouched; /* the tree stands at its first boundary */
    struct moth_ladder ladder;
    bool by_replay;       /* the finding does not show in the game's death */
    uint64_t cpu_most_ns; /* of one frame of the original */
    uint64_t deadline_ns; /* no candidates after it; 0: none */
    enum moth_oracle_stop stop;
    struct moth_err err;
    struct moth_oracle_counts counts;
    uint64_t played; /* as counts.frames, without rebuilding: the same whatever memory there was */
};

/* ---- the game ---- */

static int fault(struct moth_oracle *oracle)
{
    oracle->stop = oracle->err.code == MOTH_ERR_INTERRUPTED ? MOTH_ORACLE_INTERRUPTED : MOTH_ORACLE_FAULT;
    return -1;
}

static void on_observed(void *context, const struct moth_observation *observation)
{
    struct moth_oracle *oracle = context;
    if (observation->cpu_ns > oracle->cpu_most_ns)
        oracle->cpu_most_ns = observation->cpu_ns;
}

static bool interrupted(void *context)
{
    const struct moth_oracle *oracle = context;
    const struct moth_replay_config *how = &oracle->config.replay;
    return how->interrupted && how->interrupted(how->context);
}

static struct moth_tree *launch(struct moth_oracle *oracle, const struct moth_limits *limits,
                                uint64_t memory_bytes, struct moth_err *err)
{
    struct moth_replay_config how = oracle->config.replay;
    how.limits = *limits;
    struct moth_tree_config config = {
        .launch = moth_replay_launch_config(&oracle->config.trace->header, &how),
        .memory_bytes = memory_bytes,
        .observed = on_observed,
        .interrupted = interrupted,
        .context = oracle,
    };
    struct moth_tree *tree = moth_tree_launch(&config, err);
    if (tree && moth_tree_frame(tree) == 0) {
        moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame");
        moth_tree_close(tree);
        return NULL;
    }
    return tree;
}

static void close_tree(struct moth_oracle *oracle)
{
    if (!oracle->tree)
        return;
    struct moth_tree_counts counts;
    moth_tree_counts(oracle->tree, &counts);
    oracle->counts.frames += counts.frames_rebuilt;
    moth_ladder_clear(&oracle->ladder);
    moth_tree_close(oracle->tree);
    oracle->tree = NULL;
}

static int open_tree(struct moth_oracle *oracle)
{
    if (oracle->tree)
        return 0;
    oracle->tree = launch(oracle, &oracle->limits, oracle->config.memory_bytes, &oracle->err);
    oracle->ladder.tree = oracle->tree;
    oracle->untouched = true;
    if (!oracle->tree || moth_ladder_offer(&oracle->ladder, true, &oracle->err) != 0)
        return -1;
    return 0;
}

/* ---- playing ---- */

/* Inputs on their way into a tree. */
struct feed {
    const struct moth_input_event *events;
    size_t n_events, next;
};

static enum moth_step step_to(struct moth_tree *tree, uint32_t to, struct feed *feed, struct moth_err *err)
{
    uint32_t from = moth_tree_frame(tree);
    size_t first = feed->next;
    while (feed->next < feed->n_events && feed->events[feed->next].frame < to)
        feed->next++;
    size_t n = feed->next - first;
    struct moth_input_event *events = calloc(n + 1, sizeof *events);
    if (!events)
        abort();
    for (size_t i = 0; i < n; i++) {
        events[i] = feed->events[first + i];
        events[i].frame -= from;
    }
    enum moth_step step = moth_tree_step(tree, to - from, events, n, err);
    free(events);
    return step;
}

static void feed_from(struct feed *feed, uint32_t frame)
{
    while (feed->next < feed->n_events && feed->events[feed->next].frame < frame)
        feed->next++;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static int return_to(struct moth_oracle *oracle, const struct moth_rung *rung)
{
    bool there = oracle->untouched && moth_tree_frame(oracle->tree) == rung->frame;
    oracle->untouched = false;
    return there ? 0 : moth_tree_restore(oracle->tree, rung->node, &oracle->err);
}

/* Play a candidate from the last kept place before it leaves the way; keep places on the way. */
static enum moth_step play(struct moth_oracle *oracle, struct feed *feed, uint32_t until)
{
    uint32_t common = moth_ladder_common(&oracle->ladder, feed->events, feed->n_events);
    const struct moth_rung *rung = moth_ladder_below(&oracle->ladder, least(common, until));
    uint32_t begin = rung->frame, at = begin;
    if (return_to(oracle, rung) != 0)
        return MOTH_STEP_FAULT;
    feed_from(feed, at);
    enum moth_step step = MOTH_STEP_OK;
    while (step == MOTH_STEP_OK && at < until) {
        if (interrupted(oracle)) {
            moth_err_set(&oracle->err, MOTH_ERR_INTERRUPTED, "interrupted");
            return MOTH_STEP_FAULT;
        }
        uint32_t to = least(at + STEP_FRAMES, until);
        if (at < common)
            to = least(least(to, common), moth_ladder_next(&oracle->ladder, at));
        step = step_to(oracle->tree, to, feed, &oracle->err);
        at = moth_tree_frame(oracle->tree);
        if (step == MOTH_STEP_OK && at <= common && at < until &&
            moth_ladder_offer(&oracle->ladder, at == common, &oracle->err) != 0)
            return MOTH_STEP_FAULT;
    }
    oracle->played += at - begin;
    oracle->counts.frames += at - begin;
    oracle->counts.frames_whole += at;
    return step;
}

/* Is it the finding that ended this game? -1: the end says nothing. */
static int judge(const struct moth_oracle *oracle, struct moth_tree *tree, enum moth_step step,
                 uint32_t *frame, struct moth_err *err)
{
    if (step == MOTH_STEP_FAULT)
        return -1;
    if (step == MOTH_STEP_KILLED)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "something outside killed the game");
    if (step == MOTH_STEP_OK)
        return 0;
    struct moth_finding *finding = moth_judge(moth_tree_instance(tree));
    bool met = finding && strcmp(finding->fingerprint, oracle->config.trace->end.fingerprint) == 0;
    *frame = met ? finding->frame : 0;
    moth_finding_free(finding);
    return met;
}

static int ask_tree(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                    uint32_t until, uint32_t *frame)
{
    if (open_tree(oracle) != 0)
        return fault(oracle);
    struct feed feed = {.events = events, .n_events = n_events};
    enum moth_step step = play(oracle, &feed, until);
    int answer = judge(oracle, oracle->tree, step, frame, &oracle->err);
    return answer < 0 ? fault(oracle) : answer;
}

/* ---- from the launch, by moth_replay ---- */

static struct moth_trace candidate_trace(const struct moth_oracle *oracle,
                                         const struct moth_input_event *events, size_t n_events,
                                         uint32_t until)
{
    struct moth_trace trace = {
        .header = oracle->config.trace->header,
        .events = (struct moth_input_event *)(uintptr_t)events,
        .n_events = n_events,
        .marks = oracle->config.trace->marks,
        .n_marks = oracle->config.trace->n_marks,
        .end = oracle->config.trace->end,
        .has_end = true,
    };
    uint32_t frame = until > MOTH_REPLAY_GRACE_FRAMES ? until - MOTH_REPLAY_GRACE_FRAMES : 1;
    trace.end.finding_frame = trace.end.frames = trace.frames = frame;
    return trace;
}

static int replay(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                  uint32_t until, uint32_t *frame)
{
    struct moth_trace trace = candidate_trace(oracle, events, n_events, until);
    struct moth_replay_outcome outcome;
    if (moth_replay(&trace, &oracle->config.replay, &outcome, &oracle->err) != 0)
        return -1;
    bool met = outcome.finding && strcmp(outcome.finding->fingerprint, trace.end.fingerprint) == 0;
    *frame = met ? outcome.finding->frame : 0;
    oracle->played += outcome.frames + outcome.frames_tried;
    oracle->counts.frames += outcome.frames + outcome.frames_tried;
    oracle->counts.frames_whole += outcome.frames + outcome.frames_tried;
    if (outcome.interrupted)
        moth_err_set(&oracle->err, MOTH_ERR_INTERRUPTED, "interrupted");
    else if (outcome.killed)
        moth_err_set(&oracle->err, MOTH_ERR_SYSTEM, "something outside killed the game");
    bool said = !outcome.interrupted && !outcome.killed;
    moth_replay_outcome_fini(&outcome);
    return said ? met : -1;
}

static int ask_replay(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                      uint32_t until, uint32_t *frame)
{
    int answer = replay(oracle, events, n_events, until, frame);
    return answer < 0 ? fault(oracle) : answer;
}

/* ---- asking ---- */

int moth_oracle_test(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                     uint32_t until, uint32_t *frame)
{
    const struct moth_oracle_config *config = &oracle->config;
    if (oracle->stop != MOTH_ORACLE_GOES_ON)
        return -1;
    oracle->counts.asked++;
    if (moth_memo_find(config->memo, events, n_events, until, frame)) {
        oracle->counts.remembered++;
        return *frame > 0;
    }
    /* Between candidates, so that each search gets further, however slow the game is. */
    if ((config->frames_most > 0 && oracle->played >= config->frames_most) ||
        (oracle->deadline_ns > 0 && moth_clock_monotonic_ns() >= oracle->deadline_ns)) {
        oracle->stop = MOTH_ORACLE_BUDGET;
        return -1;
    }
    *frame = 0;
    int answer = oracle->by_replay ? ask_replay(oracle, events, n_events, until, frame)
                                   : ask_tree(oracle, events, n_events, until, frame);
    if (answer >= 0 && moth_memo_add(config->memo, events, n_events, until, *frame, &oracle->err) != 0)
        return fault(oracle);
    return answer;
}

void moth_oracle_follow(struct moth_oracle *oracle, const struct moth_input_event *events, size_t n_events,
                        uint32_t frame)
{
    moth_ladder_follow(&oracle->ladder, events, n_events, frame);
}

/* A hang costs its whole limit each time it is met: enough to tell it from the original's longest frame
 * will do. What comes out is held against the full limits (moth_oracle_record). */
static void lower_hang_limit(struct moth_oracle *oracle)
{
    uint32_t full = oracle->config.replay.limits.boundary_cpu_ms
                        ? oracle->config.replay.limits.boundary_cpu_ms
                        : HANG_DEFAULT_MS;
    uint64_t enough = oracle->cpu_most_ns / MOTH_NS_PER_MS * HANG_TIMES;
    if (enough < HANG_LEAST_MS)
        enough = HANG_LEAST_MS;
    if (enough >= full || oracle->config.full_limits)
        return;
    close_tree(oracle);
    oracle->limits.boundary_cpu_ms = (uint32_t)enough;
}

int moth_oracle_learn(struct moth_oracle *oracle, uint32_t *frame)
{
    const struct moth_trace *trace = oracle->config.trace;
    uint32_t until = trace->end.finding_frame + MOTH_REPLAY_GRACE_FRAMES;
    moth_ladder_follow(&oracle->ladder, trace->events, trace->n_events, trace->end.finding_frame);
    int answer = ask_tree(oracle, trace->events, trace->n_events, until, frame);
    if (answer > 0 && moth_instance_death(moth_tree_instance(oracle->tree))->how == MOTH_STEP_HANG)
        lower_hang_limit(oracle);
    if (answer == 0) {
        close_tree(oracle);
        oracle->by_replay = true;
        answer = ask_replay(oracle, trace->events, trace->n_events, until, frame);
    }
    if (oracle->config.duration_ms > 0)
        oracle->deadline_ns = moth_clock_monotonic_ns() + oracle->config.duration_ms * MOTH_NS_PER_MS;
    return answer;
}

/* ---- for good ---- */

static char *copied(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort();
    return copy;
}

/* The recording's marks: some findings are judged by them. */
static void keep_marks(struct moth_trace *trace, const struct moth_trace *from)
{
    if (from->n_marks == 0)
        return;
    trace->marks = realloc(trace->marks, (trace->n_marks + from->n_marks) * sizeof *trace->marks);
    if (!trace->marks)
        abort();
    for (size_t i = 0; i < from->n_marks; i++)
        trace->marks[trace->n_marks++] =
            (struct moth_trace_mark){.frame = from->marks[i].frame, .text = copied(from->marks[i].text)};
}

static struct moth_trace *trace_of(const struct moth_oracle *oracle, struct moth_tree *tree, uint32_t frame)
{
    const struct moth_trace_end *end = &oracle->config.trace->end;
    struct moth_trace_header header = oracle->config.trace->header;
    header.build_id = (char *)(uintptr_t)moth_instance_game(moth_tree_instance(tree))->build_id;
    struct moth_trace *trace = moth_tree_trace(tree, &header);
    if (!trace)
        abort();
    while (trace->n_checkpoints > 0 && trace->checkpoints[trace->n_checkpoints - 1].frame > frame)
        trace->n_checkpoints--;
    keep_marks(trace, oracle->config.trace);
    trace->frames = frame;
    trace->end = (struct moth_trace_end){.frames = frame,
                                         .finding_frame = frame,
                                         .kind = copied(end->kind),
                                         .fingerprint = copied(end->fingerprint),
                                         .title = copied(end->title)};
    trace->has_end = true;
    return trace;
}

struct moth_trace *moth_oracle_record(struct moth_oracle *oracle, const struct moth_input_event *events,
                                      size_t n_events, uint32_t until, struct moth_err *err)
{
    *err = (struct moth_err){0};
    uint32_t frame = 0;
    int met = oracle->by_replay ? replay(oracle, events, n_events, until, &frame) : 1;
    if (met <= 0) {
        if (met < 0)
            *err = oracle->err;
        return NULL;
    }
    struct moth_tree *tree = launch(oracle, &oracle->config.replay.limits, 0, err);
    if (!tree)
        return NULL;
    struct feed feed = {.events = events, .n_events = n_events};
    enum moth_step step = MOTH_STEP_OK;
    uint32_t last = oracle->by_replay ? frame : until;
    for (uint32_t at = moth_tree_frame(tree); at < last && step == MOTH_STEP_OK; at = moth_tree_frame(tree))
        step = step_to(tree, least(at + STEP_FRAMES, last), &feed, err);
    int answer = oracle->by_replay ? 1 : judge(oracle, tree, step, &frame, err);
    struct moth_trace *trace = answer > 0 ? trace_of(oracle, tree, frame) : NULL;
    moth_tree_close(tree);
    return trace;
}

/* ---- the rest ---- */

struct moth_oracle *moth_oracle_create(const struct moth_oracle_config *config)
{
    struct moth_oracle *oracle = calloc(1, sizeof *oracle);
    if (!oracle)
        abort();
    oracle->config = *config;
    oracle->limits = config->replay.limits;
    return oracle;
}

void moth_oracle_destroy(struct moth_oracle *oracle)
{
    if (!oracle)
        return;
    close_tree(oracle);
    moth_ladder_fini(&oracle->ladder);
    free(oracle);
}

enum moth_oracle_stop moth_oracle_stopped(const struct moth_oracle *oracle, struct moth_err *err)
{
    *err = oracle->err;
    return oracle->stop;
}

void moth_oracle_counts(struct moth_oracle *oracle, struct moth_oracle_counts *counts)
{
    *counts = oracle->counts;
    counts->branches = oracle->config.memory_bytes > 0 && !oracle->by_replay;
    struct moth_tree_counts tree = {0};
    if (oracle->tree)
        moth_tree_counts(oracle->tree, &tree);
    counts->frames += tree.frames_rebuilt;
}
