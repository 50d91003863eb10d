/* SPDX-License-Identifier: MIT
 *
 * Inputs as a person thinks of them: a key held from here to there, not an event that presses and one
 * that lets go.
 *
 * A unit is something held (key, mouse button, pad button, a stick away from its rest) with its two ends,
 * or one event by itself (mouse move, wheel, text, …). A unit is taken out, moved or shortened as a whole,
 * so no candidate ever has a key that comes up without having gone down. Putting units together again gives
 * the events they were made of, in their order. Pure functions; frames are absolute.
 */
#ifndef MOTH_MINIMIZE_UNIT_H
#define MOTH_MINIMIZE_UNIT_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/input.h"
#include "wire/mail.h"

#define MOTH_UNIT_OPEN UINT32_MAX /* `end` of what is held until the game is over */

struct moth_unit {
    struct moth_input_event event; /* what begins it; event.frame is where */
    uint32_t end;                  /* frame of what ends it; MOTH_UNIT_OPEN */
    uint32_t order, end_order;     /* places of the two in the trace: events of one frame keep their order */
    bool held;
    bool taken_over; /* a stick that is put elsewhere next: its end has no event while that is there */
};

/* In the order in which they begin. */
struct moth_units {
    struct moth_unit *at;
    size_t n;
};

/* Events, sorted by frame, into units. Out of memory aborts: half a list would be another play. */
void moth_units_parse(struct moth_units *units, const struct moth_input_event *events, size_t n_events);
/* Units into events, sorted; malloc'd. */
struct moth_input_event *moth_units_events(const struct moth_units *units, size_t *n_events);
void moth_units_copy(struct moth_units *to, const struct moth_units *from);
void moth_units_fini(struct moth_units *units);

/* Take out units [from, to). */
void moth_units_drop(struct moth_units *units, size_t from, size_t to);
/* Take the frames [from, to) out of the play: what begins in them is dropped, what is held ends sooner, and
 * all that comes later comes so much earlier. */
void moth_units_cut(struct moth_units *units, uint32_t from, uint32_t to);
/* Move all that is at `from` or later so many frames earlier, and drop nothing. */
void moth_units_pull(struct moth_units *units, uint32_t from, uint32_t frames);
/* Next unit after i that is the same key, button or stick; units->n when there is none. */
size_t moth_units_next_same(const struct moth_units *units, size_t i);

#endif
