/* SPDX-License-Identifier: MIT
 *
 * Recorded inputs as lines of an agent: `game:tap("left", 5)`, with the frame and the time beside each.
 *
 * The writer stands at a frame and moves on with each call as the script will when it is played, so what is written
 * puts the same inputs into the same frames. Its owner decides how to wait between them.
 */
#ifndef MOTH_SCRIPT_INPUTS_H
#define MOTH_SCRIPT_INPUTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "wire/trace.h"

struct moth_script_writer {
    FILE *out;
    const struct moth_trace_header *header;
    uint32_t frame; /* where the script stands */
    double hz;
    char who[MOTH_MEMBER_NAME_BYTES + 24];
};

void moth_script_writer_init(struct moth_script_writer *writer, FILE *out, const struct moth_trace_header *header);
/* A line of code, with where it happens beside it. */
void moth_script_line(struct moth_script_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Code with `comment` beside it. */
void moth_script_line_about(struct moth_script_writer *writer, const char *code, const char *comment);
/* Step to a frame; nothing when it stands there. */
void moth_script_step_to(struct moth_script_writer *writer, uint32_t to);
/* One event, as it is. */
void moth_script_event(struct moth_script_writer *writer, const struct moth_input_event *event);
/* A key that goes down as the frame's last input and comes up as a later frame's only one, with nothing
 * between: tap. As a later frame's first one, with others behind it: hold. A move with a click: click. The number of
 * events that were written; 0: none, they begin with nothing of the kind. `until`: nothing that takes to this frame
 * or beyond. */
size_t moth_script_gesture(struct moth_script_writer *writer, const struct moth_input_event *events, size_t n,
                           uint32_t until);

#endif
