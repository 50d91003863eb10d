/* SPDX-License-Identifier: MIT */
#include "wire/input.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "wire/call.h"
#include "wire/keys.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* In the order of SDL_GameControllerButton and SDL_GameControllerAxis. */
static const char *const pad_buttons[] = {
    "a",
    "b",
    "x",
    "y",
    "back",
    "guide",
    "start",
    "leftstick",
    "rightstick",
    "leftshoulder",
    "rightshoulder",
    "dpup",
    "dpdown",
    "dpleft",
    "dpright",
    "misc1",
    "paddle1",
    "paddle2",
    "paddle3",
    "paddle4",
    "touchpad",
};
static const char *const pad_axes[] = {"leftx", "lefty", "rightx", "righty", "lefttrigger", "righttrigger"};

/* What people write for keys that SDL calls something else; for suggestions only. */
static const struct {
    const char *alias, *name;
} aliases[] = {
    {"enter", "return"},
    {"ctrl", "left ctrl"},
    {"control", "left ctrl"},
    {"lctrl", "left ctrl"},
    {"rctrl", "right ctrl"},
    {"shift", "left shift"},
    {"lshift", "left shift"},
    {"rshift", "right shift"},
    {"alt", "left alt"},
    {"lalt", "left alt"},
    {"ralt", "right alt"},
    {"altgr", "right alt"},
    {"esc", "escape"},
    {"del", "delete"},
    {"ins", "insert"},
    {"spacebar", "space"},
    {"pgup", "pageup"},
    {"pgdn", "pagedown"},
    {"super", "left gui"},
    {"win", "left gui"},
    {"arrow up", "up"},
    {"arrow down", "down"},
    {"arrow left", "left"},
    {"arrow right", "right"},
    {"uparrow", "up"},
    {"downarrow", "down"},
    {"leftarrow", "left"},
    {"rightarrow", "right"},
    {"kp_enter", "keypad enter"},
    {"minus", "-"},
    {"plus", "keypad +"},
    {"comma", ","},
    {"period", "."},
    {"dot", "."},
    {"slash", "/"},
    {"equals", "="},
};

static int index_of(const char *name, const char *const *names, size_t n_names)
{
    for (size_t i = 0; name && i < n_names; i++)
        if (names[i] && moth_str_equal_nocase(name, names[i]))
            return (int)i;
    return -1;
}

uint16_t moth_key_from_name(const char *name)
{
    int scancode = index_of(name, moth_key_names, MOTH_KEYS);
    return scancode < 0 ? 0 : (uint16_t)scancode;
}

const char *moth_key_name(uint16_t scancode)
{
    return scancode < MOTH_KEYS ? moth_key_names[scancode] : NULL;
}

const char *moth_key_suggest(const char *name)
{
    if (!name || !*name)
        return NULL;
    for (size_t i = 0; i < COUNT(aliases); i++)
        if (moth_str_equal_nocase(name, aliases[i].alias))
            return aliases[i].name;
    return moth_str_nearest(name, moth_key_names, MOTH_KEYS);
}

int moth_pad_button_from_name(const char *name)
{
    return index_of(name, pad_buttons, COUNT(pad_buttons));
}

int moth_pad_axis_from_name(const char *name)
{
    return index_of(name, pad_axes, COUNT(pad_axes));
}

const char *moth_pad_button_name(int code)
{
    return code >= 0 && (size_t)code < COUNT(pad_buttons) ? pad_buttons[code] : NULL;
}

const char *moth_pad_axis_name(int code)
{
    return code >= 0 && (size_t)code < COUNT(pad_axes) ? pad_axes[code] : NULL;
}

bool moth_input_valid(const struct moth_input_event *event)
{
    bool pad = event->device < MOTH_PADS_MAX;
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        return event->code > 0 && event->code < MOTH_KEYS;
    case MOTH_INPUT_TEXT:
        return event->text[0] && memchr(event->text, '\0', sizeof event->text);
    case MOTH_INPUT_CALL:
        return event->code <= 1 && event->device < MOTH_CALL_EVENTS_MAX && event->text[0] && memchr(event->text, '\0', sizeof event->text);
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        return event->code >= 1 && event->code <= 5;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        return pad && event->code < COUNT(pad_buttons);
    case MOTH_INPUT_PAD_AXIS:
        return pad && event->code < COUNT(pad_axes) && event->x >= INT16_MIN && event->x <= INT16_MAX;
    case MOTH_INPUT_PAD_ATTACH:
        return pad;
    case MOTH_INPUT_MOUSE_MOVE:
    case MOTH_INPUT_WHEEL:
    case MOTH_INPUT_QUIT:
        return true;
    default:
        return false;
    }
}

size_t moth_inputs_count(const struct moth_input_event *events, size_t n_events)
{
    size_t n = 0;
    for (size_t i = 0; i < n_events; i++)
        n += events[i].type != MOTH_INPUT_CALL || events[i].code == 0;
    return n;
}
