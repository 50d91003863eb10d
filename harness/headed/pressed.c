/* SPDX-License-Identifier: MIT */
#include "headed/pressed.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void note_bit(uint32_t *bits, unsigned bit, bool on)
{
    if (bit < 32)
        *bits = on ? *bits | 1u << bit : *bits & ~(1u << bit);
}

void moth_pressed_note(struct moth_pressed *held, const struct moth_input_event *event)
{
    unsigned pad = event->device % MOTH_PADS_MAX;
    if (event->member != 0)
        return;
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        if (event->code < MOTH_PRESSED_KEYS)
            held->keys[event->code] = event->type == MOTH_INPUT_KEY_DOWN;
        break;
    case MOTH_INPUT_MOUSE_MOVE:
        held->x = event->x;
        held->y = event->y;
        held->moved = true;
        break;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        note_bit(&held->buttons, event->code, event->type == MOTH_INPUT_MOUSE_DOWN);
        break;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        note_bit(&held->pads[pad].buttons, event->code, event->type == MOTH_INPUT_PAD_DOWN);
        break;
    case MOTH_INPUT_PAD_AXIS:
        if (event->code < MOTH_PRESSED_PAD_AXES)
            held->pads[pad].axes[event->code] = event->x;
        break;
    case MOTH_INPUT_PAD_ATTACH:
        held->pads[pad].attached = true;
        break;
    default:
        break;
    }
}

struct list {
    struct moth_input_event *events;
    size_t n, most;
};

static void add(struct list *list, uint8_t type, unsigned device, unsigned code)
{
    if (list->n < list->most)
        list->events[list->n++] =
            (struct moth_input_event){.type = type, .device = (uint8_t)device, .code = (uint16_t)code};
}

size_t moth_pressed_let_go(const struct moth_pressed *held, const struct moth_pressed *kept, struct moth_input_event *events,
                        size_t most)
{
    struct list list = {events, 0, most};
    for (unsigned code = 0; code < MOTH_PRESSED_KEYS; code++)
        if (held->keys[code] && !kept->keys[code])
            add(&list, MOTH_INPUT_KEY_UP, 0, code);
    for (unsigned button = 1; button <= 5; button++)
        if (held->buttons & ~kept->buttons & 1u << button)
            add(&list, MOTH_INPUT_MOUSE_UP, 0, button);
    for (unsigned pad = 0; pad < MOTH_PADS_MAX; pad++) {
        for (unsigned code = 0; code < 32; code++)
            if (held->pads[pad].buttons & ~kept->pads[pad].buttons & 1u << code)
                add(&list, MOTH_INPUT_PAD_UP, pad, code);
        for (unsigned axis = 0; axis < MOTH_PRESSED_PAD_AXES; axis++)
            if (held->pads[pad].axes[axis] != 0 && kept->pads[pad].axes[axis] == 0)
                add(&list, MOTH_INPUT_PAD_AXIS, pad, axis);
    }
    return list.n;
}

void moth_pressed_text(const struct moth_pressed *held, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned code = 0; code < MOTH_PRESSED_KEYS && used < size; code++) {
        const char *name = held->keys[code] ? moth_key_name((uint16_t)code) : NULL;
        if (name)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", name);
    }
    for (unsigned button = 1; button <= 5 && used < size; button++)
        if (held->buttons & 1u << button)
            used += (size_t)snprintf(text + used, size - used, "%smouse %u", used ? ", " : "", button);
    for (unsigned pad = 0; pad < MOTH_PADS_MAX; pad++) {
        for (unsigned code = 0; code < 32 && used < size; code++) {
            const char *name = held->pads[pad].buttons & 1u << code ? moth_pad_button_name((int)code) : NULL;
            if (name)
                used += (size_t)snprintf(text + used, size - used, "%spad %s", used ? ", " : "", name);
        }
        for (unsigned axis = 0; axis < MOTH_PRESSED_PAD_AXES && used < size; axis++)
            if (held->pads[pad].axes[axis])
                used += (size_t)snprintf(text + used, size - used, "%s%s %+.1f", used ? ", " : "",
                                         moth_pad_axis_name((int)axis), held->pads[pad].axes[axis] / 32767.0);
    }
}
