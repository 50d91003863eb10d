/* SPDX-License-Identifier: MIT */
#include "fleet/held.h"

/* Set or clear one bit. Whether it was the other way before. */
static bool turn(uint32_t *bits, unsigned at, bool on)
{
    uint32_t bit = at < 32 ? 1u << at : 0;
    bool changes = bit && on != ((*bits & bit) != 0);
    if (changes)
        *bits ^= bit;
    return changes;
}

static bool turn_key(struct moth_held *held, unsigned code, bool on)
{
    uint64_t bit = UINT64_C(1) << code % 64, *word = &held->keys[code % MOTH_HELD_KEYS / 64];
    bool changes = code < MOTH_HELD_KEYS && on != ((*word & bit) != 0);
    if (changes)
        *word ^= bit;
    return changes;
}

bool moth_held_note(struct moth_held *held, const struct moth_input_event *event)
{
    unsigned device = event->device % MOTH_PADS_MAX;
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        return turn_key(held, event->code, event->type == MOTH_INPUT_KEY_DOWN);
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        (void)turn(&held->mouse, event->code, event->type == MOTH_INPUT_MOUSE_DOWN);
        return true;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        return turn(&held->pads[device].buttons, event->code, event->type == MOTH_INPUT_PAD_DOWN);
    case MOTH_INPUT_PAD_AXIS:
        if (event->code < MOTH_HELD_AXES)
            held->pads[device].axes[event->code] = (int16_t)event->x;
        return true;
    case MOTH_INPUT_PAD_ATTACH: {
        bool changes = !held->pads[device].attached;
        held->pads[device].attached = true;
        return changes;
    }
    default:
        return true;
    }
}

bool moth_held_pad(const struct moth_held *held, unsigned device)
{
    return held->pads[device % MOTH_PADS_MAX].attached;
}

static size_t release_pad(struct moth_held *held, uint8_t device, struct moth_input_event *events)
{
    size_t n = 0;
    for (uint16_t code = 0; code < 32; code++)
        if (held->pads[device].buttons & 1u << code)
            events[n++] =
                (struct moth_input_event){.type = MOTH_INPUT_PAD_UP, .device = device & 0xf, .code = code};
    for (uint16_t code = 0; code < MOTH_HELD_AXES; code++)
        if (held->pads[device].axes[code])
            events[n++] =
                (struct moth_input_event){.type = MOTH_INPUT_PAD_AXIS, .device = device & 0xf, .code = code};
    return n;
}

size_t moth_held_releases(struct moth_held *held, struct moth_input_event *events)
{
    size_t n = 0;
    for (uint16_t code = 0; code < MOTH_HELD_KEYS; code++)
        if (held->keys[code / 64] & UINT64_C(1) << code % 64)
            events[n++] = (struct moth_input_event){.type = MOTH_INPUT_KEY_UP, .code = code};
    for (uint16_t button = 1; button <= 5; button++)
        if (held->mouse & 1u << button)
            events[n++] = (struct moth_input_event){.type = MOTH_INPUT_MOUSE_UP, .code = button};
    for (uint8_t device = 0; device < MOTH_PADS_MAX; device++)
        n += release_pad(held, device, events + n);
    *held = (struct moth_held){0};
    return n;
}
