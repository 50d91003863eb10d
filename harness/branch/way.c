/* SPDX-License-Identifier: MIT */
#include "branch/way.h"

#include <stdlib.h>
#include <string.h>

/* Room for n + more items of an array; aborts when there is none. */
static void *grown(void *items, size_t n, size_t more, size_t *room, size_t size)
{
    if (n + more <= *room)
        return items;
    *room = n + more > *room * 2 ? n + more : *room * 2;
    items = realloc(items, *room * size);
    if (!items)
        abort();
    return items;
}

static char *copied(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

void moth_way_add_event(struct moth_way *way, const struct moth_input_event *event)
{
    way->events = grown(way->events, way->n_events, 1, &way->room_events, sizeof *way->events);
    way->events[way->n_events++] = *event;
}

void moth_way_add_checkpoint(struct moth_way *way, const struct moth_trace_checkpoint *checkpoint)
{
    way->checkpoints =
        grown(way->checkpoints, way->n_checkpoints, 1, &way->room_checkpoints, sizeof *way->checkpoints);
    way->checkpoints[way->n_checkpoints++] = *checkpoint;
}

void moth_way_add_mark(struct moth_way *way, uint32_t frame, const char *text)
{
    way->marks = grown(way->marks, way->n_marks, 1, &way->room_marks, sizeof *way->marks);
    way->marks[way->n_marks++] = (struct moth_trace_mark){frame, copied(text)};
}

void moth_way_clear(struct moth_way *way)
{
    for (size_t i = 0; i < way->n_marks; i++)
        free(way->marks[i].text);
    free(way->marks);
    free(way->events);
    free(way->checkpoints);
    *way = (struct moth_way){0};
}

void moth_way_append(struct moth_trace *trace, const struct moth_way *way)
{
    size_t events = trace->n_events, checkpoints = trace->n_checkpoints, marks = trace->n_marks;
    trace->events = grown(trace->events, events, way->n_events, &events, sizeof *trace->events);
    trace->checkpoints =
        grown(trace->checkpoints, checkpoints, way->n_checkpoints, &checkpoints, sizeof *trace->checkpoints);
    trace->marks = grown(trace->marks, marks, way->n_marks, &marks, sizeof *trace->marks);
    for (size_t i = 0; i < way->n_events; i++)
        trace->events[trace->n_events++] = way->events[i];
    for (size_t i = 0; i < way->n_checkpoints; i++)
        trace->checkpoints[trace->n_checkpoints++] = way->checkpoints[i];
    for (size_t i = 0; i < way->n_marks; i++)
        trace->marks[trace->n_marks++] =
            (struct moth_trace_mark){way->marks[i].frame, copied(way->marks[i].text)};
}
