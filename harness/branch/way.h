/* SPDX-License-Identifier: MIT
 *
 * A stretch of play: what went in and what was seen, by absolute frames. Ways joined end to end make a
 * trace.
 */
#ifndef MOTH_BRANCH_WAY_H
#define MOTH_BRANCH_WAY_H

#include "wire/trace.h"

struct moth_way {
    struct moth_input_event *events;
    struct moth_trace_checkpoint *checkpoints;
    struct moth_trace_mark *marks;
    size_t n_events, n_checkpoints, n_marks;
    size_t room_events, room_checkpoints, room_marks;
};

/* Each appends a copy; out of memory aborts, as a record with a hole in it would be worse. */
void moth_way_add_event(struct moth_way *way, const struct moth_input_event *event);
void moth_way_add_checkpoint(struct moth_way *way, const struct moth_trace_checkpoint *checkpoint);
void moth_way_add_mark(struct moth_way *way, uint32_t frame, const char *text);
void moth_way_clear(struct moth_way *way);
/* Append a way to a trace that owns what it holds. */
void moth_way_append(struct moth_trace *trace, const struct moth_way *way);

#endif
