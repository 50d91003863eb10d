/* SPDX-License-Identifier: MIT
 *
 * moth scan: play to the frames at which something is known of a number, see where in the game's memory it is so,
 * and look in a second process whether what is left holds there, too.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "bindings/lua/host.h"
#include "cli/launch.h"
#include "cli/recorded.h"
#include "findings/reproduce.h"
#include "fleet/reaper.h"
#include "runner/watches.h"
#include "scan/scan.h"

#define STEP_FRAMES 60u

struct known {
    uint32_t frame;
    struct moth_scan_step step;
    const char *text;
};

struct scanning {
    const struct moth_options *options;
    struct moth_instance *instance;
    struct moth_scan *scan;
    struct known *steps;
    size_t n_steps, done;
    struct moth_trace played; /* the inputs, for the second process: frames from the first boundary on */
    size_t room;
    uint32_t first; /* the boundary the game was launched to */
    struct moth_err err;
    bool failed;
};

/* ---- what is known ---- */

static int parse_steps(struct scanning *s)
{
    const struct moth_strings *texts = &s->options->steps;
    uint64_t frame = 0;
    s->steps = calloc(texts->n + 1, sizeof *s->steps);
    if (texts->n == 0 || !s->steps)
        return moth_err_set(&s->err, MOTH_ERR_USAGE,
                            "moth scan needs to know what the number does: --step 'equal 100' --step 'decreased'");
    for (size_t i = 0; i < texts->n; i++) {
        const char *text = texts->items[i] + strspn(texts->items[i], " ");
        char *end = (char *)(uintptr_t)text;
        uint64_t at = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : i ? frame + STEP_FRAMES : 0;
        if (at > UINT32_MAX || (i > 0 && at < frame))
            return moth_err_set(&s->err, MOTH_ERR_USAGE, "--step '%s': frames come in order", text);
        frame = at;
        struct moth_err why;
        if (moth_scan_parse(end, &s->steps[i].step, &why) != 0)
            return moth_err_set(&s->err, MOTH_ERR_USAGE, "--step %s", why.message);
        s->steps[i].frame = (uint32_t)at;
        s->steps[i].text = text;
    }
    s->n_steps = texts->n;
    return 0;
}

/* Where the game stands: whatever is known of this frame. */
static void hold(struct scanning *s)
{
    uint32_t frame = moth_instance_last(s->instance)->frame;
    for (; s->done < s->n_steps && s->steps[s->done].frame <= frame && !s->failed; s->done++) {
        const struct known *known = &s->steps[s->done];
        s->failed = moth_scan_step(s->scan, moth_instance_player(s->instance), &known->step, &s->err) != 0;
        if (!s->failed)
            moth_log_info("frame %u, %s: %llu left", frame, known->text, (unsigned long long)moth_scan_count(s->scan));
    }
}

/* ---- playing ---- */

static void keep_inputs(struct scanning *s, const struct moth_input_event *events, size_t n)
{
    struct moth_trace *played = &s->played;
    if (played->n_events + n > s->room) {
        s->room = (played->n_events + n) * 2;
        played->events = realloc(played->events, s->room * sizeof *played->events);
        if (!played->events)
            abort();
    }
    uint32_t frame = moth_instance_last(s->instance)->frame - s->first;
    for (size_t i = 0; i < n; i++) {
        played->events[played->n_events] = events[i];
        played->events[played->n_events++].frame += frame;
    }
}

static uint32_t to_next(const struct scanning *s, uint32_t most)
{
    uint32_t frame = moth_instance_last(s->instance)->frame;
    uint32_t left = s->done < s->n_steps && s->steps[s->done].frame > frame ? s->steps[s->done].frame - frame : 1;
    return left < most ? left : most;
}

/* Step once, at most to the next frame at which something is known. */
static bool step(struct scanning *s, uint32_t frames, const struct moth_input_event *events, size_t n)
{
    keep_inputs(s, events, n);
    enum moth_step how = moth_instance_step(s->instance, frames, events, n, 0, 0, NULL, NULL, &s->err);
    if (how != MOTH_STEP_OK && how != MOTH_STEP_FAULT)
        moth_err_set(&s->err, MOTH_ERR_NOTHING_RAN, "the game ended at frame %u, before --step '%s': %s",
                     moth_instance_last(s->instance)->frame, s->steps[s->done].text, moth_step_name(how));
    s->failed = s->failed || how != MOTH_STEP_OK;
    if (!s->failed)
        hold(s);
    return !s->failed;
}

static enum moth_lua_step agent_step(void *context, uint32_t frames, const struct moth_input_event *events, size_t n,
                                     struct moth_lua_now *now)
{
    struct scanning *s = context;
    while (frames > 0 && s->done < s->n_steps && !s->failed) {
        uint32_t piece = to_next(s, frames);
        step(s, piece, events, n);
        frames -= piece;
        n = 0; /* an agent's inputs are for the first frame */
    }
    const struct moth_observation *last = moth_instance_last(s->instance);
    const struct moth_channel *channel = moth_instance_channel(s->instance);
    *now = (struct moth_lua_now){last->frame, last->time_ns, channel->window_w, channel->window_h};
    return s->failed || s->done == s->n_steps ? MOTH_LUA_STEP_INTERRUPTED : MOTH_LUA_STEP_OK;
}

static int play_agent(struct scanning *s, const struct moth_agent *agent)
{
    const struct moth_observation *last = moth_instance_last(s->instance);
    const struct moth_channel *channel = moth_instance_channel(s->instance);
    struct moth_lua_backend backend = {.context = s,
                                       .step = agent_step,
                                       .now = {last->frame, last->time_ns, channel->window_w, channel->window_h}};
    struct moth_agent_play how = {.seed = s->options->seed};
    struct moth_agent_outcome outcome;
    if (moth_agent_play(agent, &backend, &how, &outcome) == MOTH_AGENT_ERROR)
        return s->err = outcome.err, -1;
    return s->failed ? -1 : 0;
}

/* The rest without an agent: with a trace's inputs, or with none. */
static int play_inputs(struct scanning *s, const struct moth_trace *trace)
{
    struct moth_input_event *events = calloc(MOTH_PROGRAM_EVENTS_MAX, sizeof *events);
    size_t next = 0;
    while (events && s->done < s->n_steps && !s->failed) {
        uint32_t frame = moth_instance_last(s->instance)->frame, piece = to_next(s, MOTH_PROGRAM_FRAMES_MAX);
        size_t n = trace ? moth_replay_take_events(trace, &next, frame, piece, events, MOTH_PROGRAM_EVENTS_MAX) : 0;
        step(s, piece, events, n);
    }
    free(events);
    return s->failed ? -1 : 0;
}

static int play(struct scanning *s, const struct moth_trace *trace)
{
    struct moth_agent *agent = NULL;
    if (s->options->agents.n > 0 && !trace) {
        agent = moth_agent_load(s->options->agents.items[0].name, NULL, &s->err);
        if (!agent)
            return -1;
    }
    s->instance = moth_cli_launch(s->options, &s->err);
    s->first = s->instance ? moth_instance_last(s->instance)->frame : 0;
    int result = s->instance ? 0 : -1;
    if (result == 0)
        hold(s);
    if (result == 0 && agent)
        result = play_agent(s, agent);
    if (result == 0)
        result = play_inputs(s, trace);
    moth_agent_free(agent);
    return result;
}

/* ---- does it hold in the next process? ---- */

/* One way to one hit, in the second process: what it led to at the step before. */
struct tried {
    const char *expression;
    bool holds;
    uint8_t was[8];
};

static void try_way(const struct scanning *s, struct moth_symbols *symbols, pid_t pid, const struct known *known,
                    bool first, struct tried *tried)
{
    struct moth_compiled compiled;
    struct moth_err err;
    uint8_t bytes[MOTH_PEEK_VALUE_MAX];
    size_t size = moth_scan_size(s->scan);
    if (!tried->holds)
        return;
    tried->holds = moth_compile(symbols, tried->expression, &compiled, &err) == MOTH_LOOKUP_FOUND &&
                   moth_compiled_read(&compiled, pid, bytes) == (long)size;
    if (!tried->holds)
        return;
    tried->holds = moth_scan_holds(s->scan, &known->step, first ? bytes : tried->was, bytes);
    memcpy(tried->was, bytes, size);
}

static bool step_again(struct scanning *s, struct moth_instance *again, uint32_t to, struct moth_input_event *events,
                       size_t *next)
{
    while (moth_instance_last(again)->frame < to) {
        uint32_t frame = moth_instance_last(again)->frame - s->first, left = to - s->first - frame;
        uint32_t piece = left < MOTH_PROGRAM_FRAMES_MAX ? left : MOTH_PROGRAM_FRAMES_MAX;
        size_t n = moth_replay_take_events(&s->played, next, frame, piece, events, MOTH_PROGRAM_EVENTS_MAX);
        if (moth_instance_step(again, piece, events, n, 0, 0, NULL, NULL, &s->err) != MOTH_STEP_OK)
            return false;
    }
    return true;
}

/* The same inputs in a fresh process, and each way held against each step. */
static void try_all(struct scanning *s, struct moth_instance *again, struct tried *tried, size_t n)
{
    struct moth_watches *watches = moth_watches_create(NULL);
    struct moth_input_event *events = calloc(MOTH_PROGRAM_EVENTS_MAX, sizeof *events);
    size_t next = 0;
    bool played = watches && events;
    for (size_t i = 0; i < s->n_steps && played; i++) {
        played = step_again(s, again, s->steps[i].frame, events, &next);
        struct moth_symbols *symbols = played ? moth_watches_symbols(watches, again, &s->err) : NULL;
        for (size_t j = 0; j < n && symbols; j++)
            try_way(s, symbols, moth_instance_player(again), &s->steps[i], i == 0, &tried[j]);
        played = symbols != NULL;
    }
    for (size_t j = 0; j < n; j++)
        tried[j].holds = tried[j].holds && played;
    free(events);
    moth_watches_destroy(watches);
}

/* The first way to each hit that holds becomes its first. */
static void verify(struct scanning *s, struct moth_scan_hit *hits, size_t n, bool *holds)
{
    struct tried *tried = calloc(n * MOTH_SCAN_WAYS_MAX + 1, sizeof *tried);
    struct moth_instance *again = n && tried ? moth_cli_launch(s->options, &s->err) : NULL;
    for (size_t i = 0; tried && i < n * MOTH_SCAN_WAYS_MAX; i++) {
        tried[i].expression = hits[i / MOTH_SCAN_WAYS_MAX].ways[i % MOTH_SCAN_WAYS_MAX].expression;
        tried[i].holds = again && i % MOTH_SCAN_WAYS_MAX < hits[i / MOTH_SCAN_WAYS_MAX].n_ways;
    }
    if (again)
        try_all(s, again, tried, n * MOTH_SCAN_WAYS_MAX);
    for (size_t i = 0; tried && i < n; i++) {
        size_t way = 0;
        while (way < hits[i].n_ways && !tried[i * MOTH_SCAN_WAYS_MAX + way].holds)
            way++;
        holds[i] = way < hits[i].n_ways;
        if (holds[i])
            hits[i].ways[0] = hits[i].ways[way];
    }
    if (again)
        moth_instance_close(again);
    free(tried);
}

/* ---- telling ---- */

static void print_hit(const struct moth_scan_hit *hit, bool holds)
{
    char value[32];
    if (hit->floating)
        snprintf(value, sizeof value, "%.9g", hit->number);
    else
        snprintf(value, sizeof value, "%lld", (long long)hit->integer);
    if (hit->n_ways > 0)
        printf("%-44s  %-12s  %s\n", hit->ways[0].expression, value,
               holds ? "the same in a second process" : "NOT the same in a second process");
    else
        printf("0x%-42llx  %-12s  no way from the game's own data leads there\n", (unsigned long long)hit->address, value);
}

static int tell(struct scanning *s)
{
    size_t room = s->options->limit, n;
    struct moth_scan_hit *hits = calloc(room + 1, sizeof *hits);
    bool *holds = calloc(room + 1, sizeof *holds);
    json_t *items = json_array();
    if (!hits || !holds)
        abort();
    n = moth_scan_find(s->scan, moth_instance_player(s->instance), hits, room);
    verify(s, hits, n, holds);
    for (size_t i = 0; i < n; i++) {
        if (!s->options->json)
            print_hit(&hits[i], holds[i]);
        json_array_append_new(
            items, json_pack("{s:s, s:o, s:i, s:b}", "expression", hits[i].n_ways ? hits[i].ways[0].expression : "", "value",
                             hits[i].floating ? json_real(hits[i].number) : json_integer(hits[i].integer), "pointers",
                             (int)(hits[i].n_ways ? hits[i].ways[0].pointers : 0), "holds", (int)holds[i]));
    }
    if (s->options->json) {
        json_t *all = json_pack("{s:s, s:s, s:I, s:O}", "schema", "moth.scan/1", "type", s->options->value_type, "count",
                                (json_int_t)moth_scan_count(s->scan), "items", items);
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
    } else if (moth_scan_count(s->scan) > n) {
        moth_log_info("%llu more: another --step tells them apart", (unsigned long long)(moth_scan_count(s->scan) - n));
    }
    json_decref(items);
    free(holds);
    free(hits);
    return moth_scan_count(s->scan) > 0 ? 0 : 1;
}

/* A trace says which game it is of, unless the command line does. */
static struct moth_trace *read_input(struct scanning *s, struct moth_options *options)
{
    char *path = moth_cli_find_trace(options->input, &s->err);
    struct moth_trace *trace = path ? moth_trace_read(path, &s->err) : NULL;
    free(path);
    if (trace && options->game.n == 0) {
        moth_cli_enter_directory(trace);
        options->game.items = trace->header.argv;
        while (trace->header.argv[options->game.n])
            options->game.n++;
        options->seed = trace->header.seed;
        options->schedule_seed = trace->header.schedule_seed;
    }
    return trace;
}

static int scan(struct scanning *s, struct moth_options *options)
{
    struct moth_trace *trace = NULL;
    struct moth_reaper reaper;
    int code = -1;
    if (parse_steps(s) != 0 || (s->scan = moth_scan_create(options->value_type, &s->err)) == NULL)
        return -1;
    if (options->input && (trace = read_input(s, options)) == NULL)
        return -1;
    if (options->game.n == 0)
        moth_err_set(&s->err, MOTH_ERR_USAGE, "which game? moth scan [options] -- GAME [ARG…]");
    else if (moth_reaper_start(&reaper, &s->err) == 0) {
        if (play(s, trace) == 0)
            code = tell(s);
        if (s->instance)
            moth_instance_close(s->instance);
        moth_reaper_stop(&reaper);
    }
    moth_trace_free(trace);
    return code;
}

int moth_cli_scan(const struct moth_options *options)
{
    struct moth_options own = *options; /* borrowed, with the game of a trace */
    struct scanning s = {.options = &own};
    int code = scan(&s, &own);
    if (code < 0) {
        moth_log_error("%s", s.err.message);
        code = moth_err_exit_code(s.err.code);
    }
    moth_scan_destroy(s.scan);
    free(s.played.events);
    free(s.steps);
    return code;
}
