/* SPDX-License-Identifier: MIT
 *
 * What a program from outside holds down: as with a Lua agent, a key that is down cannot be pressed, nor one
 * that is up be let go, and a controller is plugged in when it is first used. Plain data: a copy is a place
 * to return to.
 */
#ifndef MOTH_FLEET_HELD_H
#define MOTH_FLEET_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/input.h"

#define MOTH_HELD_KEYS 512u
#define MOTH_HELD_AXES 8u
#define MOTH_HELD_RELEASES_MAX (MOTH_HELD_KEYS + 8u + MOTH_PADS_MAX * (32u + MOTH_HELD_AXES))

struct moth_held {
    uint64_t keys[MOTH_HELD_KEYS / 64];
    uint32_t mouse;
    struct {
        bool attached;
        uint32_t buttons;
        int16_t axes[MOTH_HELD_AXES];
    } pads[MOTH_PADS_MAX];
};

/* Whether the event changes anything; it is noted then. */
bool moth_held_note(struct moth_held *held, const struct moth_input_event *event);
/* Plugged in already? */
bool moth_held_pad(const struct moth_held *held, unsigned device);
/* What lets go of everything: at most MOTH_HELD_RELEASES_MAX events at frame 0. */
size_t moth_held_releases(struct moth_held *held, struct moth_input_event *events);

#endif
