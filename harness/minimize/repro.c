/* SPDX-License-Identifier: MIT */
#include "minimize/repro.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/channel.h"

#define COMMENT_COLUMN 36
#define INSTANCE_FRAMES_DEFAULT 2500u /* that `moth run` gives an instance when nothing is said */
#define SHARES 8u                     /* of --frames that one instance gets at most */

struct writer {
    FILE *out;
    const struct moth_trace *trace;
    uint32_t frame; /* where the script stands */
    double hz;
    char who[MOTH_MEMBER_NAME_BYTES + 24];
};

/* ---- text ---- */

/* For comments: nothing in it may end the line or move the cursor. */
static void put_plain(FILE *out, const char *text)
{
    for (; text && *text; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

static void put_word(FILE *out, const char *word)
{
    static const char safe[] = "%+,-./:=@_";
    bool plain = *word != '\0';
    for (const char *at = word; *at; at++)
        plain = plain && (isalnum((unsigned char)*at) || strchr(safe, *at));
    if (!plain)
        fputc('\'', out);
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            fputs("'\\''", out);
        else
            put_plain(out, (char[]){*at, '\0'});
    }
    if (!plain)
        fputc('\'', out);
}

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            fprintf(out, "\\%03d", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

/* ---- the head ---- */

static void put_choice(FILE *out, const char *option, uint32_t value, const char *const *names, uint32_t n)
{
    if (value > 0 && value < n)
        fprintf(out, " --%s %s", option, names[value]);
}

static void put_budget(FILE *out, uint32_t frames)
{
    if (frames > INSTANCE_FRAMES_DEFAULT)
        fprintf(out, " --frames %" PRIu64 " --instance-frames %" PRIu32, (uint64_t)frames * SHARES, frames);
}

static void put_limit(FILE *out, const char *option, uint32_t value, uint32_t fallback)
{
    if (value != 0 && value != fallback)
        fprintf(out, " --%s %" PRIu32, option, value);
}

static void put_limits(FILE *out, const struct moth_replay_config *how)
{
    put_limit(out, "frame-cpu-ms", how->limits.boundary_cpu_ms, 5000);
    put_limit(out, "frame-wall-ms", how->limits.boundary_wall_ms, 20000);
    put_limit(out, "memory-mb", how->limits.memory_mb, 4096);
    put_limit(out, "softlock-s", how->softlock_s, 45);
}

static void put_group(FILE *out, const struct moth_trace_header *header)
{
    for (size_t i = 0; i < header->n_members; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *command = open_memstream(&text, &size);
        if (!command)
            abort();
        fprintf(command, "%s=", header->members[i].name);
        for (char **word = header->members[i].argv; *word; word++) {
            if (word != header->members[i].argv)
                fputc(' ', command);
            put_word(command, *word);
        }
        fclose(command);
        fprintf(out, " --member ");
        put_word(out, text);
        free(text);
    }
    put_limit(out, "link-latency", header->link.latency_us / 1000, 0);
    put_limit(out, "link-jitter", header->link.jitter_us / 1000, 0);
    if (header->link.loss_ppm > 0)
        fprintf(out, " --link-loss %g", header->link.loss_ppm / 10000.0);
}

/* The command that plays this file as the trace was played. */
static void put_command(FILE *out, const struct moth_trace *trace, uint64_t run_seed,
                        const struct moth_replay_config *how, uint32_t frames)
{
    static const char *const video[] = {"auto", "none", "software", "gl"};
    static const char *const render[] = {"auto", "on", "off"};
    static const char *const threads[] = {"deterministic", "native"};
    const struct moth_trace_header *header = &trace->header;
    fprintf(out, "moth run -a repro.lua --max-findings 1");
    if (run_seed != 1)
        fprintf(out, " --seed %" PRIu64, run_seed);
    if (header->schedule_seed)
        fprintf(out, " --schedule-seed %" PRIu64, header->schedule_seed);
    if (header->hz != 60)
        fprintf(out, " --hz %" PRIu32, header->hz);
    put_choice(out, "video", header->video, video, 4);
    put_choice(out, "render", header->render, render, 3);
    put_choice(out, "threads", header->threads, threads, 2);
    for (char **env = header->env; env && *env; env++) {
        fprintf(out, " --env ");
        put_word(out, *env);
    }
    put_group(out, header);
    put_limits(out, how);
    put_budget(out, frames);
    fprintf(out, " --");
    for (char **word = header->argv; word && *word; word++) {
        fputc(' ', out);
        put_word(out, *word);
    }
}

static void put_head(const struct writer *writer, uint64_t run_seed, const struct moth_replay_config *how,
                     uint32_t frames)
{
    const struct moth_trace *trace = writer->trace;
    FILE *out = writer->out;
    fprintf(out, "-- ");
    put_plain(out, trace->end.kind);
    fprintf(out, ": ");
    put_plain(out, trace->end.title);
    fprintf(out, "\n-- %s, at frame %" PRIu32 " (%.2f s), after %zu input%s\n--\n",
            trace->end.fingerprint ? trace->end.fingerprint : "", trace->end.finding_frame,
            trace->end.finding_frame / writer->hz, trace->n_events, trace->n_events == 1 ? "" : "s");
    fprintf(out, "--   ");
    put_command(out, trace, run_seed, how, frames);
    fprintf(out, "\n");
    if (trace->header.directory && *trace->header.directory) {
        fprintf(out, "--   (in ");
        put_plain(out, trace->header.directory);
        fprintf(out, ")\n");
    }
    fprintf(out, "\nreturn function(game)\n");
}

/* ---- the inputs ---- */

/* A line of code, with where it happens beside it. */
__attribute__((format(printf, 2, 3))) static void put_line(struct writer *writer, const char *format, ...)
{
    char code[512];
    va_list args;
    va_start(args, format);
    vsnprintf(code, sizeof code, format, args);
    va_end(args);
    fprintf(writer->out, "    %-*s -- frame %" PRIu32 ", %.2f s\n", COMMENT_COLUMN, code, writer->frame,
            writer->frame / writer->hz);
}

/* Whose input it is, as the script calls it. */
static const char *who(struct writer *writer, const struct moth_input_event *event)
{
    const struct moth_trace_header *header = &writer->trace->header;
    if (event->member == 0 || event->member > header->n_members)
        return "game";
    snprintf(writer->who, sizeof writer->who, "game:member(\"%s\")", header->members[event->member - 1].name);
    return writer->who;
}

static void put_step(struct writer *writer, uint32_t to)
{
    if (to <= writer->frame)
        return;
    if (to - writer->frame == 1)
        fprintf(writer->out, "    game:step()\n");
    else
        fprintf(writer->out, "    game:step(%" PRIu32 ")\n", to - writer->frame);
    writer->frame = to;
}

/* The shortest number that the host turns into this value again. */
static void axis_text(int32_t value, char text[32])
{
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, 32, "%.*g", digits, value / (value < 0 ? 32768.0 : 32767.0));
        double again = strtod(text, NULL);
        if (lround(again * (again < 0 ? 32768 : 32767)) == value)
            return;
    }
}

static const char *pad_word(const struct moth_input_event *event)
{
    const char *name = event->type == MOTH_INPUT_PAD_AXIS ? moth_pad_axis_name(event->code)
                                                          : moth_pad_button_name(event->code);
    return name ? name : "?";
}

static void put_mouse(struct writer *writer, const struct moth_input_event *event)
{
    const char *call = event->type == MOTH_INPUT_MOUSE_DOWN ? "mouse_press" : "mouse_release";
    if (event->code == 1)
        put_line(writer, "%s:%s()", who(writer, event), call);
    else
        put_line(writer, "%s:%s(%u)", who(writer, event), call, event->code);
}

static void put_text(struct writer *writer, const struct moth_input_event *event)
{
    char *code = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&code, &size);
    if (!out)
        abort();
    fprintf(out, "%s:text(", who(writer, event));
    put_string(out, event->text);
    fprintf(out, ")");
    fclose(out);
    put_line(writer, "%s", code);
    free(code);
}

static void put_event(struct writer *writer, const struct moth_input_event *event)
{
    const char *key = moth_key_name(event->code);
    int pad = event->device + 1;
    char number[32];
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        put_line(writer, "%s:%s(\"%s%s\")", who(writer, event), event->type == MOTH_INPUT_KEY_DOWN ? "press" : "release",
                 key && strpbrk(key, "\"\\") ? "\\" : "", key ? key : "?");
        break;
    case MOTH_INPUT_TEXT:
        put_text(writer, event);
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        put_line(writer, "%s:mouse_move(%" PRId32 ", %" PRId32 ")", who(writer, event), event->x, event->y);
        break;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        put_mouse(writer, event);
        break;
    case MOTH_INPUT_WHEEL:
        put_line(writer, "%s:wheel(%" PRId32 ", %" PRId32 ")", who(writer, event), event->x, event->y);
        break;
    case MOTH_INPUT_PAD_ATTACH:
        put_line(writer, "game:pad(%d)", pad);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        put_line(writer, "game:pad(%d):%s(\"%s\")", pad,
                 event->type == MOTH_INPUT_PAD_DOWN ? "press" : "release", pad_word(event));
        break;
    case MOTH_INPUT_PAD_AXIS:
        axis_text(event->x, number);
        put_line(writer, "game:pad(%d):axis(\"%s\", %s)", pad, pad_word(event), number);
        break;
    case MOTH_INPUT_QUIT:
        put_line(writer, "%s:quit()", who(writer, event));
        break;
    default:
        break;
    }
}

/* A key that goes down as the frame's last input and comes up as a later frame's only one, with nothing
 * between: tap. As a later frame's first one, with others behind it: hold. The number of events it takes. */
static size_t put_tap(struct writer *writer, const struct moth_input_event *events, size_t n)
{
    if (n < 2 || events[0].type != MOTH_INPUT_KEY_DOWN || events[1].type != MOTH_INPUT_KEY_UP ||
        events[1].code != events[0].code || events[1].member != events[0].member ||
        events[1].frame == events[0].frame)
        return 0;
    bool alone = n == 2 || events[2].frame > events[1].frame;
    uint32_t frames = events[1].frame - events[0].frame;
    const char *key = moth_key_name(events[0].code), *call = alone ? "tap" : "hold";
    const char *escape = key && strpbrk(key, "\"\\") ? "\\" : "";
    if (frames == 1)
        put_line(writer, "%s:%s(\"%s%s\")", who(writer, events), call, escape, key ? key : "?");
    else
        put_line(writer, "%s:%s(\"%s%s\", %" PRIu32 ")", who(writer, events), call, escape, key ? key : "?", frames);
    writer->frame = events[1].frame + alone;
    return 2;
}

static bool is_click(const struct moth_input_event *events, size_t n)
{
    return n >= 3 && events[1].member == events[0].member && events[2].member == events[0].member &&
           events[0].type == MOTH_INPUT_MOUSE_MOVE && events[1].type == MOTH_INPUT_MOUSE_DOWN &&
           events[2].type == MOTH_INPUT_MOUSE_UP && events[1].code == events[2].code &&
           events[1].frame == events[0].frame && events[2].frame == events[1].frame + 1 &&
           (n == 3 || events[3].frame > events[2].frame);
}

static size_t put_click(struct writer *writer, const struct moth_input_event *events, size_t n)
{
    if (!is_click(events, n))
        return 0;
    if (events[1].code == 1)
        put_line(writer, "%s:click(%" PRId32 ", %" PRId32 ")", who(writer, events), events[0].x, events[0].y);
    else
        put_line(writer, "%s:click(%" PRId32 ", %" PRId32 ", %u)", who(writer, events), events[0].x, events[0].y,
                 events[1].code);
    writer->frame += 2;
    return 3;
}

static void put_events(struct writer *writer)
{
    const struct moth_trace *trace = writer->trace;
    for (size_t i = 0; i < trace->n_events;) {
        const struct moth_input_event *events = &trace->events[i];
        size_t n = trace->n_events - i;
        put_step(writer, events[0].frame);
        size_t taken = put_tap(writer, events, n);
        if (taken == 0)
            taken = put_click(writer, events, n);
        if (taken == 0) {
            put_event(writer, events);
            taken = 1;
        }
        i += taken;
    }
}

static void put_end(struct writer *writer, uint32_t last)
{
    char code[32];
    if (writer->frame >= last)
        return;
    snprintf(code, sizeof code, "game:step(%" PRIu32 ")", last - writer->frame);
    fprintf(writer->out, "    %-*s -- it happens at frame %" PRIu32 "\n", COMMENT_COLUMN, code,
            writer->trace->end.finding_frame);
}

static double frames_a_second(const struct moth_trace *trace)
{
    return trace->header.hz > 0 ? trace->header.hz : 60;
}

char *moth_repro_text(const struct moth_trace *trace, uint64_t run_seed, const struct moth_replay_config *how)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct writer writer = {.out = out, .trace = trace, .frame = 1, .hz = frames_a_second(trace)};
    uint32_t last = trace->end.finding_frame + MOTH_REPLAY_GRACE_FRAMES;
    put_head(&writer, run_seed, how, last + 1);
    put_events(&writer);
    put_end(&writer, last);
    fprintf(out, "end\n");
    fclose(out);
    return text;
}
