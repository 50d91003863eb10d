/* SPDX-License-Identifier: MIT
 *
 * One input event, as it travels from an agent through the channel to the game, and as a trace
 * keeps it. Plain data: no pointers, fixed size, little-endian hosts only (both architectures are).
 * Events are applied at frame boundaries; two events of one frame apply in their order.
 */
#ifndef MOTH_WIRE_INPUT_H
#define MOTH_WIRE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOTH_TEXT_MAX 32 /* bytes of one text event, NUL included: SDL's own limit */

enum moth_input_type {
    MOTH_INPUT_KEY_DOWN = 1,  /* code: SDL scancode */
    MOTH_INPUT_KEY_UP,        /* code: SDL scancode */
    MOTH_INPUT_TEXT,          /* text: UTF-8, NUL-terminated */
    MOTH_INPUT_MOUSE_MOVE,    /* x, y: window pixels */
    MOTH_INPUT_MOUSE_DOWN,    /* code: SDL button 1..5 */
    MOTH_INPUT_MOUSE_UP,      /* code: SDL button 1..5 */
    MOTH_INPUT_WHEEL,         /* x, y: notches, right and up positive */
    MOTH_INPUT_PAD_DOWN,      /* device: pad 0..3, code: SDL_GameControllerButton */
    MOTH_INPUT_PAD_UP,        /* device: pad 0..3, code: SDL_GameControllerButton */
    MOTH_INPUT_PAD_AXIS,      /* device: pad 0..3, code: SDL_GameControllerAxis, x: -32768..32767 */
    MOTH_INPUT_PAD_ATTACH,    /* device: pad 0..3, plugged in */
    MOTH_INPUT_QUIT,          /* the window's close button */
    MOTH_INPUT_CALL,          /* text: a piece of a call (wire/call.h), code: 1 when another one follows, device: its place in it */
    MOTH_INPUT_TYPE_END
};

#define MOTH_PADS_MAX 4

struct moth_input_event {
    uint32_t frame; /* in a program: boundaries after its start; in a trace: absolute */
    uint8_t type;   /* enum moth_input_type */
    uint8_t device;
    uint16_t code;
    uint8_t member; /* of a group; 0 is the game itself */
    uint8_t reserved[3];
    union {
        struct {
            int32_t x, y;
        };
        char text[MOTH_TEXT_MAX];
    };
};

_Static_assert(sizeof(struct moth_input_event) == 44, "an input event is part of the wire format");

/* Whether every field of an event is in its range: what a trace or a program may hold. */
bool moth_input_valid(const struct moth_input_event *event);

/* How many a person would count: the pieces of a call are one. */
size_t moth_inputs_count(const struct moth_input_event *events, size_t n_events);

/* SDL scancode of a key's SDL name, any case ("left ctrl", "a", "return"); 0 when there is none. */
uint16_t moth_key_from_name(const char *name);
/* Lower-case SDL name of a scancode, or NULL. Static storage. */
const char *moth_key_name(uint16_t scancode);
/* Nearest key name to a misspelt one, for error messages, or NULL. Static storage. */
const char *moth_key_suggest(const char *name);

/* Pad button ("a", "start", "dpup", …) and axis ("leftx", "righttrigger", …) codes by
 * SDL_GameController's names; -1 when there is none. */
int moth_pad_button_from_name(const char *name);
int moth_pad_axis_from_name(const char *name);
const char *moth_pad_button_name(int code);
const char *moth_pad_axis_name(int code);

#endif
