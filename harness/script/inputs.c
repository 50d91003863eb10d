/* SPDX-License-Identifier: MIT */
#include "script/inputs.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "script/call.h"
#include "script/text.h"

#define COMMENT_COLUMN 36

void moth_script_writer_init(struct moth_script_writer *writer, FILE *out, const struct moth_trace_header *header)
{
    *writer = (struct moth_script_writer){
        .out = out, .header = header, .frame = 1, .hz = header->hz > 0 ? header->hz : 60};
}

void moth_script_line_about(struct moth_script_writer *writer, const char *code, const char *comment)
{
    fprintf(writer->out, "    %-*s -- %s\n", COMMENT_COLUMN, code, comment);
}

void moth_script_line(struct moth_script_writer *writer, const char *format, ...)
{
    char code[2 * MOTH_CALL_TEXT_BYTES], comment[64];
    va_list args;
    va_start(args, format);
    vsnprintf(code, sizeof code, format, args);
    va_end(args);
    snprintf(comment, sizeof comment, "frame %" PRIu32 ", %.2f s", writer->frame, writer->frame / writer->hz);
    moth_script_line_about(writer, code, comment);
}

/* Whose input it is, as the script calls it. */
static const char *who(struct moth_script_writer *writer, const struct moth_input_event *event)
{
    const struct moth_trace_header *header = writer->header;
    if (event->member == 0 || event->member > header->n_members)
        return "game";
    snprintf(writer->who, sizeof writer->who, "game:member(\"%s\")", header->members[event->member - 1].name);
    return writer->who;
}

void moth_script_step_to(struct moth_script_writer *writer, uint32_t to)
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

static void put_mouse(struct moth_script_writer *writer, const struct moth_input_event *event)
{
    const char *call = event->type == MOTH_INPUT_MOUSE_DOWN ? "mouse_press" : "mouse_release";
    if (event->code == 1)
        moth_script_line(writer, "%s:%s()", who(writer, event), call);
    else
        moth_script_line(writer, "%s:%s(%u)", who(writer, event), call, event->code);
}

static void put_text(struct moth_script_writer *writer, const struct moth_input_event *event)
{
    char *code = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&code, &size);
    if (!out)
        abort();
    fprintf(out, "%s:text(", who(writer, event));
    moth_script_put_string(out, event->text);
    fprintf(out, ")");
    fclose(out);
    moth_script_line(writer, "%s", code);
    free(code);
}

void moth_script_event(struct moth_script_writer *writer, const struct moth_input_event *event)
{
    const char *key = moth_key_name(event->code);
    int pad = event->device + 1;
    char number[32];
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        moth_script_line(writer, "%s:%s(\"%s%s\")", who(writer, event), event->type == MOTH_INPUT_KEY_DOWN ? "press" : "release",
                 key && strpbrk(key, "\"\\") ? "\\" : "", key ? key : "?");
        break;
    case MOTH_INPUT_TEXT:
        put_text(writer, event);
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        moth_script_line(writer, "%s:mouse_move(%" PRId32 ", %" PRId32 ")", who(writer, event), event->x, event->y);
        break;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        put_mouse(writer, event);
        break;
    case MOTH_INPUT_WHEEL:
        moth_script_line(writer, "%s:wheel(%" PRId32 ", %" PRId32 ")", who(writer, event), event->x, event->y);
        break;
    case MOTH_INPUT_PAD_ATTACH:
        moth_script_line(writer, "game:pad(%d)", pad);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        moth_script_line(writer, "game:pad(%d):%s(\"%s\")", pad,
                 event->type == MOTH_INPUT_PAD_DOWN ? "press" : "release", pad_word(event));
        break;
    case MOTH_INPUT_PAD_AXIS:
        axis_text(event->x, number);
        moth_script_line(writer, "game:pad(%d):axis(\"%s\", %s)", pad, pad_word(event), number);
        break;
    case MOTH_INPUT_QUIT:
        moth_script_line(writer, "%s:quit()", who(writer, event));
        break;
    default:
        break;
    }
}

static size_t put_tap(struct moth_script_writer *writer, const struct moth_input_event *events, size_t n, uint32_t until)
{
    if (n < 2 || events[0].type != MOTH_INPUT_KEY_DOWN || events[1].type != MOTH_INPUT_KEY_UP ||
        events[1].code != events[0].code || events[1].member != events[0].member ||
        events[1].frame == events[0].frame)
        return 0;
    bool alone = n == 2 || events[2].frame > events[1].frame;
    if (events[1].frame + alone > until)
        return 0;
    uint32_t frames = events[1].frame - events[0].frame;
    const char *key = moth_key_name(events[0].code), *call = alone ? "tap" : "hold";
    const char *escape = key && strpbrk(key, "\"\\") ? "\\" : "";
    if (frames == 1)
        moth_script_line(writer, "%s:%s(\"%s%s\")", who(writer, events), call, escape, key ? key : "?");
    else
        moth_script_line(writer, "%s:%s(\"%s%s\", %" PRIu32 ")", who(writer, events), call, escape, key ? key : "?", frames);
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

static size_t put_click(struct moth_script_writer *writer, const struct moth_input_event *events, size_t n,
                        uint32_t until)
{
    if (!is_click(events, n) || events[2].frame + 1 > until)
        return 0;
    if (events[1].code == 1)
        moth_script_line(writer, "%s:click(%" PRId32 ", %" PRId32 ")", who(writer, events), events[0].x, events[0].y);
    else
        moth_script_line(writer, "%s:click(%" PRId32 ", %" PRId32 ", %u)", who(writer, events), events[0].x, events[0].y,
                 events[1].code);
    writer->frame += 2;
    return 3;
}

/* The pieces of one call. What makes none is not written. */
static size_t put_call(struct moth_script_writer *writer, const struct moth_input_event *events, size_t n)
{
    char text[MOTH_CALL_TEXT_BYTES];
    size_t taken = 0;
    if (n == 0 || events[0].type != MOTH_INPUT_CALL)
        return 0;
    char *code = moth_call_join(events, n, &taken, text, sizeof text) ? NULL : moth_script_call(text);
    if (code)
        moth_script_line(writer, "%s", code);
    free(code);
    return taken > 0 ? taken : 1;
}

size_t moth_script_gesture(struct moth_script_writer *writer, const struct moth_input_event *events, size_t n,
                           uint32_t until)
{
    size_t taken = put_call(writer, events, n);
    if (taken == 0)
        taken = put_tap(writer, events, n, until);
    return taken > 0 ? taken : put_click(writer, events, n, until);
}
