/* SPDX-License-Identifier: MIT
 *
 * Ways in: the inputs from frame 0 to a place, as a tree in which places share what they have in common.
 *
 * A route is counted: whoever keeps one holds a reference, and each route holds one on its parent.
 * Events are kept as a trace encodes them, a few bytes each. Out of memory is reported, never fatal.
 */
#ifndef MOTH_EXPLORE_ROUTE_H
#define MOTH_EXPLORE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/input.h"

struct moth_route {
    struct moth_route *parent; /* NULL: begins at frame 0 */
    uint32_t references;
    uint32_t frame;    /* where it leads */
    uint32_t n_events; /* since the parent */
    uint32_t total;    /* from frame 0 */
    uint32_t handle;   /* the script's name for a snapshot of this place; 0: none */
    uint64_t offset;   /* of its record in the log; 0: not there */
    size_t size_bytes;
    uint8_t bytes[]; /* the events since the parent */
};

/* From `parent` (may be NULL; borrowed) by these bytes. References: 1. NULL when memory is out. */
struct moth_route *moth_route_new(struct moth_route *parent, uint32_t frame, uint32_t n_events, const uint8_t *bytes,
                                  size_t size_bytes);
/* The way `events` (all of them, in order) that leads to `frame`, hung below the deepest of `near` and
 * its ancestors that lies on it. */
struct moth_route *moth_route_of(struct moth_route *near, const struct moth_input_event *events, size_t n_events,
                                 uint32_t frame);
struct moth_route *moth_route_ref(struct moth_route *route); /* NULL is passed on */
void moth_route_unref(struct moth_route *route);
/* All events from frame 0. Caller frees; NULL when memory is out. */
struct moth_input_event *moth_route_events(const struct moth_route *route, size_t *n_events);
/* Events of a record's bytes: appended to `out`, which has room for n_events. False when they are not valid. */
bool moth_route_decode(const uint8_t *bytes, size_t size_bytes, uint32_t n_events, struct moth_input_event *out);

#endif
