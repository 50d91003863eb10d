/* SPDX-License-Identifier: MIT */
#include "script/scenario.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "script/inputs.h"
#include "script/text.h"
#include "script/world.h"

#define WAIT_LEAST 10u     /* frames, below which nobody waited for anything */
#define PAUSE_FRAMES 90u   /* of nothing, after which another paragraph begins */
#define TIMEOUT_LEAST 300u /* frames: who waits for something waits for a while */
#define PATH_LEAST 4u      /* moves that are written as one path */
#define PATH_GAP 30u       /* frames between two of its moves, at most */
#define PATH_COLUMNS 100
#define COMMENT_COLUMN 36

struct scenario_writer {
    struct moth_script_writer lines;
    const struct moth_scenario *scenario;
    struct moth_input_event *events; /* without what repeats by itself */
    size_t n_events;
    size_t next_mark;
};

/* ---- what is in it ---- */

/* Presses of what is down already. */
static void take_out_repeats(struct scenario_writer *writer)
{
    static const size_t keys = 512;
    const struct moth_trace *trace = writer->scenario->trace;
    uint8_t *down = calloc(keys * MOTH_MEMBERS_MAX, 1);
    writer->events = calloc(trace->n_events + 1, sizeof *writer->events);
    if (!down || !writer->events)
        abort();
    for (size_t i = 0; i < trace->n_events; i++) {
        const struct moth_input_event *event = &trace->events[i];
        bool key = event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_KEY_UP;
        uint8_t *state = &down[(event->member % MOTH_MEMBERS_MAX) * keys + event->code % keys];
        if (key && event->type == MOTH_INPUT_KEY_DOWN && *state)
            continue;
        if (key)
            *state = event->type == MOTH_INPUT_KEY_DOWN;
        writer->events[writer->n_events++] = *event;
    }
    free(down);
}

/* Moves one after the other, each in a frame of its own, until something else is done. */
static size_t path_length(const struct moth_input_event *events, size_t n, uint32_t until)
{
    size_t length = 0;
    while (length < n && events[length].type == MOTH_INPUT_MOUSE_MOVE && events[length].member == 0 &&
           events[length].frame < until &&
           (length == 0 || (events[length].frame > events[length - 1].frame &&
                            events[length].frame - events[length - 1].frame <= PATH_GAP)))
        length++;
    return length;
}

static bool has_path(const struct scenario_writer *writer)
{
    for (size_t i = 0; i < writer->n_events; i++)
        if (path_length(&writer->events[i], writer->n_events - i, UINT32_MAX) >= PATH_LEAST)
            return true;
    return false;
}

/* ---- the head ---- */

/* What was watched while it was recorded. */
static void put_watches(FILE *out, const char *const *watches)
{
    for (; watches && *watches; watches++) {
        const char *equals = strchr(*watches, '=');
        char *name = equals ? strndup(*watches, (size_t)(equals - *watches)) : NULL;
        if (!name)
            continue;
        fputs("    game:watch { ", out);
        moth_state_put_key(out, name);
        fputs(" = ", out);
        moth_script_put_string(out, equals + 1);
        fputs(" }\n", out);
        free(name);
    }
}

static void put_head(struct scenario_writer *writer)
{
    const struct moth_scenario *scenario = writer->scenario;
    const struct moth_trace *trace = scenario->trace;
    FILE *out = writer->lines.out;
    fprintf(out, "-- Recorded: %" PRIu32 " frames (%.1f s), %zu input%s, %zu mark%s. Play it again:\n--\n", trace->frames,
            trace->frames / writer->lines.hz, trace->n_events, trace->n_events == 1 ? "" : "s", trace->n_marks,
            trace->n_marks == 1 ? "" : "s");
    fprintf(out, "--   moth run -s ");
    moth_script_put_word(out, scenario->file);
    moth_script_put_world(out, &trace->header, scenario->run_seed);
    moth_script_put_budget(out, trace->frames + 1);
    moth_script_put_game(out, &trace->header);
    fputc('\n', out);
    if (trace->header.directory && *trace->header.directory) {
        fprintf(out, "--   (in ");
        moth_script_put_plain(out, trace->header.directory);
        fprintf(out, ")\n");
    }
    if (has_path(writer))
        fprintf(out, "\n-- The mouse, place by place: { x, y } for a frame, { x, y, n } for n frames.\n"
                     "local function path(game, places)\n"
                     "    for i, place in ipairs(places) do\n"
                     "        game:mouse_move(place[1], place[2])\n"
                     "        if i < #places then\n"
                     "            game:step(place[3] or 1)\n"
                     "        end\n"
                     "    end\n"
                     "end\n");
    fprintf(out, "\nreturn function(game)\n");
    put_watches(out, scenario->watches);
    if (scenario->key_repeat)
        fprintf(out, "    game:key_repeat(true) -- what is held down repeats, as on a keyboard\n");
}

/* ---- waiting ---- */

static const struct moth_state_change *landmark(const struct scenario_writer *writer, uint32_t from, uint32_t to)
{
    if (!writer->scenario->state || to < from || to - from < WAIT_LEAST)
        return NULL;
    const struct moth_state_change *change = moth_state_log_landmark(writer->scenario->state, from, to);
    return change && change->frame - from >= WAIT_LEAST ? change : NULL;
}

static void put_wait_for(struct scenario_writer *writer, const struct moth_state_change *change)
{
    FILE *out = writer->lines.out;
    const struct moth_state_log *state = writer->scenario->state;
    uint32_t waited = change->frame - writer->lines.frame, timeout = waited * 2;
    timeout = timeout < TIMEOUT_LEAST ? TIMEOUT_LEAST : timeout;
    char *condition = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&condition, &size);
    if (!text)
        abort();
    moth_state_put_condition(text, state, change);
    fclose(text);
    fprintf(out, "    -- it took %" PRIu32 " frames, to frame %" PRIu32 ", %.2f s\n", waited, change->frame,
            change->frame / writer->lines.hz);
    fprintf(out, "    game:expect(game:wait_until(function() return %s end, { timeout = %" PRIu32 " }),\n        ",
            condition, timeout);
    char *message = NULL;
    text = open_memstream(&message, &size);
    if (!text)
        abort();
    fprintf(text, "waited in vain for %s", condition);
    fclose(text);
    moth_script_put_string(out, message);
    fputs(")\n", out);
    free(message);
    free(condition);
    writer->lines.frame = change->frame;
}

static void wait_to(struct scenario_writer *writer, uint32_t to, bool last)
{
    if (to <= writer->lines.frame)
        return;
    bool pause = !last && to - writer->lines.frame >= PAUSE_FRAMES;
    const struct moth_state_change *change = landmark(writer, writer->lines.frame, to);
    if (change)
        put_wait_for(writer, change);
    moth_script_step_to(&writer->lines, to);
    if (pause)
        fputc('\n', writer->lines.out);
}

/* ---- sections ---- */

static uint32_t next_mark_frame(const struct scenario_writer *writer)
{
    const struct moth_trace *trace = writer->scenario->trace;
    return writer->next_mark < trace->n_marks ? trace->marks[writer->next_mark].frame : UINT32_MAX;
}

/* The marks up to a frame, each the head of a section. */
static void put_marks(struct scenario_writer *writer, uint32_t to)
{
    const struct moth_trace *trace = writer->scenario->trace;
    FILE *out = writer->lines.out;
    for (; next_mark_frame(writer) <= to; writer->next_mark++) {
        const struct moth_trace_mark *mark = &trace->marks[writer->next_mark];
        wait_to(writer, mark->frame, true);
        fprintf(out, "\n    ---- ");
        moth_script_put_plain(out, mark->text);
        fprintf(out, " ---- frame %" PRIu32 ", %.2f s\n    game:mark(", mark->frame, mark->frame / writer->lines.hz);
        moth_script_put_string(out, mark->text);
        fprintf(out, ")\n");
    }
}

/* ---- inputs ---- */

static size_t put_path(struct scenario_writer *writer, const struct moth_input_event *events, size_t n)
{
    FILE *out = writer->lines.out;
    size_t length = path_length(events, n, next_mark_frame(writer));
    if (length < PATH_LEAST)
        return 0;
    fprintf(out, "    %-*s -- frame %" PRIu32 ", %.2f s, to frame %" PRIu32 "\n", COMMENT_COLUMN, "path(game, {",
            events[0].frame, events[0].frame / writer->lines.hz, events[length - 1].frame);
    int column = 0;
    for (size_t i = 0; i < length; i++) {
        char place[64];
        uint32_t frames = i + 1 < length ? events[i + 1].frame - events[i].frame : 1;
        int size = frames == 1 ? snprintf(place, sizeof place, "{ %" PRId32 ", %" PRId32 " },", events[i].x, events[i].y)
                               : snprintf(place, sizeof place, "{ %" PRId32 ", %" PRId32 ", %" PRIu32 " },",
                                          events[i].x, events[i].y, frames);
        if (column > 0 && column + size + 1 > PATH_COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%s%s", column == 0 ? "        " : " ", place);
    }
    fprintf(out, "\n    })\n");
    writer->lines.frame = events[length - 1].frame;
    return length;
}

/* Up to where a key may be held in one call: not over a mark, nor over what may be waited for. */
static uint32_t gesture_end(const struct scenario_writer *writer, const struct moth_input_event *events, size_t n)
{
    uint32_t end = next_mark_frame(writer);
    if (n >= 2 && landmark(writer, events[0].frame, events[1].frame))
        return events[0].frame;
    return end;
}

static void put_inputs(struct scenario_writer *writer)
{
    for (size_t i = 0; i < writer->n_events;) {
        const struct moth_input_event *events = &writer->events[i];
        size_t n = writer->n_events - i;
        put_marks(writer, events[0].frame);
        wait_to(writer, events[0].frame, false);
        size_t taken = moth_script_gesture(&writer->lines, events, n, gesture_end(writer, events, n));
        if (taken == 0)
            taken = put_path(writer, events, n);
        if (taken == 0) {
            moth_script_event(&writer->lines, events);
            taken = 1;
        }
        i += taken;
    }
}

char *moth_scenario_text(const struct moth_scenario *scenario)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct scenario_writer writer = {.scenario = scenario};
    moth_script_writer_init(&writer.lines, out, &scenario->trace->header);
    take_out_repeats(&writer);
    if (scenario->state)
        moth_state_log_judge(scenario->state, scenario->trace->frames);
    put_head(&writer);
    put_inputs(&writer);
    put_marks(&writer, scenario->trace->frames);
    wait_to(&writer, scenario->trace->frames, true);
    fprintf(out, "end\n");
    fclose(out);
    free(writer.events);
    return text;
}
