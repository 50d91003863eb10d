/* SPDX-License-Identifier: MIT
 *
 * What a keyboard does by itself: the characters its keys type (a US one's), and keys that repeat while they are held.
 * Both sides go by the same rules: the game's keyboard, a recording's, an agent's. Pure functions.
 */
#ifndef MOTH_WIRE_KEYBOARD_H
#define MOTH_WIRE_KEYBOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/input.h"

/* SDL's scancodes, without its headers. */
#define MOTH_SCANCODE_A 4u
#define MOTH_SCANCODE_Z 29u
#define MOTH_SCANCODE_1 30u
#define MOTH_SCANCODE_0 39u
#define MOTH_SCANCODE_SPACE 44u
#define MOTH_SCANCODE_MINUS 45u
#define MOTH_SCANCODE_SLASH 56u
#define MOTH_SCANCODE_CAPSLOCK 57u
#define MOTH_SCANCODE_NUMLOCK 83u
#define MOTH_SCANCODE_LCTRL 224u
#define MOTH_SCANCODE_RGUI 231u

/* The character a key types, or 0. `caps`: caps lock is on. */
static inline char moth_keyboard_types(uint16_t code, bool shift, bool caps)
{
    static const char digits[] = "1234567890", shifted_digits[] = "!@#$%^&*()";
    static const char plain[] = "-=[]\\\\;'`,./", shifted[] = "_+{}||:\"~<>?";
    if (code >= MOTH_SCANCODE_A && code <= MOTH_SCANCODE_Z)
        return (char)((shift != caps ? 'A' : 'a') + (code - MOTH_SCANCODE_A));
    if (code >= MOTH_SCANCODE_1 && code <= MOTH_SCANCODE_0)
        return (shift ? shifted_digits : digits)[code - MOTH_SCANCODE_1];
    if (code == MOTH_SCANCODE_SPACE)
        return ' ';
    if (code >= MOTH_SCANCODE_MINUS && code <= MOTH_SCANCODE_SLASH)
        return (shift ? shifted : plain)[code - MOTH_SCANCODE_MINUS];
    return 0;
}

#define MOTH_KEY_REPEAT_AFTER_NS 500000000u
#define MOTH_KEY_REPEAT_EVERY_NS 33333333u

/* The key that repeats: the one that went down last, until it comes up. Zeroed: none. */
struct moth_key_repeat {
    uint16_t code;
    uint64_t next_ns; /* game time */
};

static inline bool moth_key_repeats(uint16_t code)
{
    return code != MOTH_SCANCODE_CAPSLOCK && code != MOTH_SCANCODE_NUMLOCK &&
           !(code >= MOTH_SCANCODE_LCTRL && code <= MOTH_SCANCODE_RGUI);
}

/* An event that is put in where the game stands. */
static inline void moth_key_repeat_note(struct moth_key_repeat *repeat, const struct moth_input_event *event,
                                        uint64_t now_ns)
{
    if (event->member != 0 || !moth_key_repeats(event->code))
        return;
    if (event->type == MOTH_INPUT_KEY_DOWN)
        *repeat = (struct moth_key_repeat){event->code, now_ns + MOTH_KEY_REPEAT_AFTER_NS};
    else if (event->type == MOTH_INPUT_KEY_UP && event->code == repeat->code)
        repeat->code = 0;
}

/* Whether the key repeats where the game stands: then *event is to be put in, after all else. */
static inline bool moth_key_repeat_due(struct moth_key_repeat *repeat, uint64_t now_ns, struct moth_input_event *event)
{
    if (repeat->code == 0 || now_ns < repeat->next_ns)
        return false;
    repeat->next_ns += ((now_ns - repeat->next_ns) / MOTH_KEY_REPEAT_EVERY_NS + 1) * MOTH_KEY_REPEAT_EVERY_NS;
    *event = (struct moth_input_event){.type = MOTH_INPUT_KEY_DOWN, .code = repeat->code};
    return true;
}

#endif
