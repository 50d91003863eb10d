/* SPDX-License-Identifier: MIT */
#include "explore/route.h"

#include <stdlib.h>
#include <string.h>

#include "wire/trace_format.h"

struct moth_route *moth_route_new(struct moth_route *parent, uint32_t frame, uint32_t n_events, const uint8_t *bytes,
                                  size_t size_bytes)
{
    struct moth_route *route = malloc(sizeof *route + size_bytes);
    if (!route)
        return NULL;
    *route = (struct moth_route){.parent = moth_route_ref(parent),
                                 .references = 1,
                                 .frame = frame,
                                 .n_events = n_events,
                                 .total = n_events + (parent ? parent->total : 0),
                                 .size_bytes = size_bytes};
    if (size_bytes > 0)
        memcpy(route->bytes, bytes, size_bytes);
    return route;
}

struct moth_route *moth_route_ref(struct moth_route *route)
{
    if (route)
        route->references++;
    return route;
}

void moth_route_unref(struct moth_route *route)
{
    while (route && --route->references == 0) {
        struct moth_route *parent = route->parent;
        free(route);
        route = parent;
    }
}

bool moth_route_decode(const uint8_t *bytes, size_t size_bytes, uint32_t n_events, struct moth_input_event *out)
{
    struct moth_cursor in = moth_cursor_on(bytes, size_bytes);
    struct moth_record_state state = {0};
    for (uint32_t i = 0; i < n_events && !in.failed; i++) {
        memset(&out[i], 0, sizeof out[i]);
        moth_record_get_event(&in, &state, &out[i]);
    }
    return !in.failed && moth_cursor_left(&in) == 0;
}

struct moth_input_event *moth_route_events(const struct moth_route *route, size_t *n_events)
{
    struct moth_input_event *events = calloc((size_t)route->total + 1, sizeof *events);
    *n_events = route->total;
    for (const struct moth_route *at = route; events && at; at = at->parent)
        moth_route_decode(at->bytes, at->size_bytes, at->n_events, events + (at->total - at->n_events));
    return events;
}

static bool same(const struct moth_input_event *a, const struct moth_input_event *b)
{
    if (a->frame != b->frame || a->type != b->type || a->device != b->device || a->member != b->member || a->code != b->code)
        return false;
    return a->type == MOTH_INPUT_TEXT ? strcmp(a->text, b->text) == 0 : a->x == b->x && a->y == b->y;
}

/* Does the way through `events` come past this place? Its own events are `own`, all of them. */
static bool passes(const struct moth_route *route, const struct moth_input_event *own,
                   const struct moth_input_event *events, size_t n_events, uint32_t frame)
{
    if (route->total > n_events || route->frame > frame)
        return false;
    if (route->total < n_events && events[route->total].frame < route->frame)
        return false;
    for (uint32_t i = 0; i < route->total; i++)
        if (!same(&own[i], &events[i]))
            return false;
    return true;
}

static struct moth_route *deepest_on(struct moth_route *near, const struct moth_input_event *events, size_t n_events,
                                     uint32_t frame)
{
    size_t n;
    struct moth_input_event *own = near ? moth_route_events(near, &n) : NULL;
    while (own && near && !passes(near, own, events, n_events, frame))
        near = near->parent;
    struct moth_route *found = own ? near : NULL;
    free(own);
    return found;
}

struct moth_route *moth_route_of(struct moth_route *near, const struct moth_input_event *events, size_t n_events,
                                 uint32_t frame)
{
    struct moth_route *parent = deepest_on(near, events, n_events, frame);
    size_t from = parent ? parent->total : 0;
    struct moth_buf bytes;
    moth_buf_init(&bytes);
    struct moth_record_state state = {0};
    for (size_t i = from; i < n_events; i++)
        moth_record_put_event(&bytes, &state, &events[i]);
    struct moth_route *route = bytes.failed ? NULL
                                            : moth_route_new(parent, frame, (uint32_t)(n_events - from), bytes.bytes,
                                                             bytes.size_bytes);
    moth_buf_fini(&bytes);
    return route;
}
