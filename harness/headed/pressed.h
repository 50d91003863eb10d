/* SPDX-License-Identifier: MIT
 *
 * What is held down in the game, by the inputs that it was given: to be shown, and to be let go. Pure functions.
 */
#ifndef MOTH_HEADED_PRESSED_H
#define MOTH_HEADED_PRESSED_H

#include <stddef.h>
#include <stdint.h>

#include "wire/input.h"

#define MOTH_PRESSED_KEYS 512u
#define MOTH_PRESSED_PAD_AXES 6u

struct moth_pressed {
    uint8_t keys[MOTH_PRESSED_KEYS];
    uint32_t buttons; /* bit n: mouse button n */
    int32_t x, y;     /* of the mouse */
    uint32_t moved;   /* it has ever been moved */
    struct {
        uint32_t buttons;
        int32_t axes[MOTH_PRESSED_PAD_AXES];
        uint8_t attached;
    } pads[MOTH_PADS_MAX];
};

/* An input that the game was given; those of other members are not looked at. */
void moth_pressed_note(struct moth_pressed *held, const struct moth_input_event *event);
/* Inputs that let go what `held` has and `kept` has not; at most `most`, how many. */
size_t moth_pressed_let_go(const struct moth_pressed *held, const struct moth_pressed *kept, struct moth_input_event *events,
                        size_t most);
/* "left, space, mouse 1", as far as it fits. */
void moth_pressed_text(const struct moth_pressed *held, char *text, size_t size);

#endif
