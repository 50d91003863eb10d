/* SPDX-License-Identifier: MIT */
#include "bus/inputs.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "bus/request.h"
#include "wire/channel.h"

struct reader {
    size_t index; /* of the input, for messages */
    uint32_t frames, at;
    unsigned member; /* of a group */
    size_t extras;   /* members of the input beside what it does */
    struct moth_input_event *events;
    uint32_t n;
    char *message;
    size_t message_size;
};

static int wrong(const struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(const struct reader *reader, const char *format, ...)
{
    int used = snprintf(reader->message, reader->message_size, "inputs[%zu]: ", reader->index);
    va_list args;
    va_start(args, format);
    vsnprintf(reader->message + used, reader->message_size - (size_t)used, format, args);
    va_end(args);
    return -1;
}

static int put(struct reader *reader, uint32_t at, struct moth_input_event event)
{
    if (reader->n == MOTH_PROGRAM_EVENTS_MAX)
        return wrong(reader, "more than %u events in one step", MOTH_PROGRAM_EVENTS_MAX);
    if (at >= reader->frames)
        return wrong(reader, "its end would come at frame %u, after the step's last one, %u", at,
                     reader->frames - 1);
    event.frame = at;
    event.member = reader->member & 0xf;
    reader->events[reader->n++] = event;
    return 0;
}

static int whole(const struct reader *reader, const char *what, const json_t *value, int64_t least,
                 int64_t most, int64_t *number)
{
    *number = json_integer_value(value);
    if (!json_is_integer(value) || *number < least || *number > most)
        return wrong(reader, "%s must be a whole number from %lld to %lld", what, (long long)least,
                     (long long)most);
    return 0;
}

/* ---- keys and text ---- */

static int key_code(const struct reader *reader, const json_t *value, uint16_t *code)
{
    const char *name = json_string_value(value);
    *code = name ? moth_key_from_name(name) : 0;
    if (*code)
        return 0;
    const char *near = name ? moth_key_suggest(name) : NULL;
    return wrong(reader, "there is no key '%.32s'%s%s%s", name ? name : "", near ? "; did you mean '" : "",
                 near ? near : "", near ? "'?" : "");
}

static int take_press(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_KEY_DOWN};
    return key_code(reader, value, &event.code) != 0 ? -1 : put(reader, reader->at, event);
}

static int take_release(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_KEY_UP};
    return key_code(reader, value, &event.code) != 0 ? -1 : put(reader, reader->at, event);
}

/* "a", or ["a", frames] */
static int take_tap(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_KEY_DOWN};
    int64_t frames = 1;
    const json_t *key =
        json_is_array(value) && json_array_size(value) == 2 ? json_array_get(value, 0) : value;
    if (key != value && whole(reader, "the frames of a tap", json_array_get(value, 1), 1,
                              MOTH_PROGRAM_FRAMES_MAX, &frames) != 0)
        return -1;
    if (key_code(reader, key, &event.code) != 0 || put(reader, reader->at, event) != 0)
        return -1;
    event.type = MOTH_INPUT_KEY_UP;
    return put(reader, reader->at + (uint32_t)frames, event);
}

/* Cut between characters: an event holds little, as SDL's does. */
static int take_text(struct reader *reader, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t left = json_string_length(value);
    if (!text || left == 0)
        return wrong(reader, "'text' must be a string, and not empty");
    struct moth_input_event event = {.type = MOTH_INPUT_TEXT};
    size_t used = 0;
    while (left > 0) {
        unsigned code;
        size_t n = moth_utf8_next(text, left, &code);
        if (n == 0 || code == 0)
            return wrong(reader, "'text' is not UTF-8 text");
        if (used + n >= MOTH_TEXT_MAX) {
            if (put(reader, reader->at, event) != 0)
                return -1;
            memset(event.text, 0, sizeof event.text);
            used = 0;
        }
        memcpy(event.text + used, text, n);
        used += n;
        text += n;
        left -= n;
    }
    return put(reader, reader->at, event);
}

/* ---- mouse ---- */

static int point(const struct reader *reader, const char *what, const json_t *value, size_t least,
                 size_t most, struct moth_input_event *event)
{
    int64_t x, y;
    size_t size = json_array_size(value);
    if (!json_is_array(value) || size < least || size > most)
        return wrong(reader, "'%s' must be an array of %zu%s numbers", what, least,
                     most > least ? " or 3" : "");
    if (whole(reader, what, json_array_get(value, 0), -32768, 32767, &x) != 0 ||
        whole(reader, what, json_array_get(value, 1), -32768, 32767, &y) != 0)
        return -1;
    event->x = (int32_t)x;
    event->y = (int32_t)y;
    return 0;
}

static int button(const struct reader *reader, const json_t *value, uint16_t *code)
{
    int64_t number;
    if (whole(reader, "a mouse button", value, 1, 5, &number) != 0)
        return -1;
    *code = (uint16_t)number;
    return 0;
}

static int take_mouse_move(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_MOUSE_MOVE};
    return point(reader, "mouse_move", value, 2, 2, &event) != 0 ? -1 : put(reader, reader->at, event);
}

static int take_click(struct reader *reader, const json_t *value)
{
    struct moth_input_event move = {.type = MOTH_INPUT_MOUSE_MOVE},
                            event = {.type = MOTH_INPUT_MOUSE_DOWN, .code = 1};
    if (point(reader, "click", value, 2, 3, &move) != 0 ||
        (json_array_size(value) == 3 && button(reader, json_array_get(value, 2), &event.code) != 0) ||
        put(reader, reader->at, move) != 0 || put(reader, reader->at, event) != 0)
        return -1;
    event.type = MOTH_INPUT_MOUSE_UP;
    return put(reader, reader->at + MOTH_BUS_CLICK_FRAMES, event);
}

static int take_mouse_press(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_MOUSE_DOWN};
    return button(reader, value, &event.code) != 0 ? -1 : put(reader, reader->at, event);
}

static int take_mouse_release(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_MOUSE_UP};
    return button(reader, value, &event.code) != 0 ? -1 : put(reader, reader->at, event);
}

static int take_wheel(struct reader *reader, const json_t *value)
{
    struct moth_input_event event = {.type = MOTH_INPUT_WHEEL};
    return point(reader, "wheel", value, 2, 2, &event) != 0 ? -1 : put(reader, reader->at, event);
}

static int take_quit(struct reader *reader, const json_t *value)
{
    if (!json_is_true(value))
        return wrong(reader, "'quit' must be true");
    return put(reader, reader->at, (struct moth_input_event){.type = MOTH_INPUT_QUIT});
}

/* ---- controllers ---- */

static int pad_button(struct reader *reader, uint8_t device, const json_t *value, enum moth_input_type type)
{
    const char *name = json_string_value(value);
    int code = name ? moth_pad_button_from_name(name) : -1;
    if (code < 0)
        return wrong(reader, "there is no pad button '%.32s'", name ? name : "");
    return put(
        reader, reader->at,
        (struct moth_input_event){.type = (uint8_t)type, .device = device & 0xf, .code = (uint16_t)code});
}

static int pad_axis(struct reader *reader, uint8_t device, const json_t *value)
{
    const char *name = json_string_value(json_array_get(value, 0));
    const json_t *place = json_array_get(value, 1);
    int code = name ? moth_pad_axis_from_name(name) : -1;
    double where = json_number_value(place);
    if (json_array_size(value) != 2 || code < 0 || !json_is_number(place) || !(where >= -1 && where <= 1))
        return wrong(reader, "'axis' must be [a name, -1 to 1], such as [\"leftx\", 0.5]");
    struct moth_input_event event = {
        .type = MOTH_INPUT_PAD_AXIS, .device = device & 0xf, .code = (uint16_t)code};
    event.x = (int32_t)lround(where * (where < 0 ? 32768 : 32767));
    return put(reader, reader->at, event);
}

/* {"pad": i, "press" | "release": button}, {"pad": i, "axis": [name, value]}, {"pad": i, "attach": true} */
static int take_pad(struct reader *reader, const json_t *input, const json_t *pad)
{
    int64_t number;
    if (whole(reader, "'pad'", pad, 1, MOTH_PADS_MAX, &number) != 0)
        return -1;
    uint8_t device = (uint8_t)(number - 1);
    const json_t *press = json_object_get(input, "press"), *release = json_object_get(input, "release");
    const json_t *axis = json_object_get(input, "axis");
    if (json_object_size(input) == reader->extras + 2) {
        if (press)
            return pad_button(reader, device, press, MOTH_INPUT_PAD_DOWN);
        if (release)
            return pad_button(reader, device, release, MOTH_INPUT_PAD_UP);
        if (axis)
            return pad_axis(reader, device, axis);
        if (json_is_true(json_object_get(input, "attach")))
            return put(reader, reader->at,
                       (struct moth_input_event){.type = MOTH_INPUT_PAD_ATTACH, .device = device & 0xf});
    }
    return wrong(reader, "beside 'pad' there must be one of: attach, press, release, axis");
}

/* ---- one after another ---- */

static const struct {
    const char *key;
    int (*take)(struct reader *reader, const json_t *value);
} actions[] = {
    {"press", take_press},
    {"release", take_release},
    {"tap", take_tap},
    {"text", take_text},
    {"mouse_move", take_mouse_move},
    {"click", take_click},
    {"mouse_press", take_mouse_press},
    {"mouse_release", take_mouse_release},
    {"wheel", take_wheel},
    {"quit", take_quit},
};

static int take_input(struct reader *reader, const json_t *input)
{
    const json_t *at = json_object_get(input, "at"), *pad = json_object_get(input, "pad");
    const json_t *to = json_object_get(input, "member");
    int64_t frame = 0, member = 0;
    if (!json_is_object(input))
        return wrong(reader, "an input is an object, such as {\"at\": 0, \"press\": \"right\"}");
    if (at && whole(reader, "'at'", at, 0, (int64_t)reader->frames - 1, &frame) != 0)
        return -1;
    if (to && whole(reader, "'member'", to, 0, MOTH_MEMBERS_MAX - 1, &member) != 0)
        return -1;
    reader->at = (uint32_t)frame;
    reader->member = (unsigned)member;
    reader->extras = (at ? 1u : 0u) + (to ? 1u : 0u);
    if (pad)
        return take_pad(reader, input, pad);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        const json_t *value = json_object_get(input, actions[i].key);
        if (value && json_object_size(input) == reader->extras + 1)
            return actions[i].take(reader, value);
    }
    return wrong(reader, "beside 'at' and 'member' there must be one of: press, release, tap, text, "
                         "mouse_move, click, mouse_press, "
                         "mouse_release, wheel, quit, or pad with press, release or axis");
}

/* By frame; what was given first comes first. */
static void sort(struct moth_input_event *events, uint32_t n)
{
    struct moth_input_event *sorted = malloc((n ? n : 1) * sizeof *sorted);
    uint32_t starts[MOTH_PROGRAM_FRAMES_MAX + 1] = {0};
    if (!sorted)
        abort();
    for (uint32_t i = 0; i < n; i++)
        starts[events[i].frame + 1]++;
    for (uint32_t frame = 0; frame < MOTH_PROGRAM_FRAMES_MAX; frame++)
        starts[frame + 1] += starts[frame];
    for (uint32_t i = 0; i < n; i++)
        sorted[starts[events[i].frame]++] = events[i];
    memcpy(events, sorted, n * sizeof *events);
    free(sorted);
}

int moth_bus_inputs_decode(const json_t *inputs, uint32_t frames, struct moth_input_event *events,
                           uint32_t *n_events, char *message, size_t message_size)
{
    struct reader reader = {
        .frames = frames, .events = events, .message = message, .message_size = message_size};
    bool sorted = true;
    for (; reader.index < json_array_size(inputs); reader.index++)
        if (take_input(&reader, json_array_get(inputs, reader.index)) != 0)
            return -1;
    for (uint32_t i = 1; i < reader.n; i++)
        sorted = sorted && events[i - 1].frame <= events[i].frame;
    if (!sorted)
        sort(events, reader.n);
    *n_events = reader.n;
    return 0;
}
