/* SPDX-License-Identifier: MIT
 *
 * The bus of a run, on the supervisor's side: a process of its own that shows the run to other programs and
 * lets them drive instances. What is said there is normative in BUS.md.
 *
 * Life cycle: moth_bus_start before any worker is forked → moth_bus_event and moth_bus_progress when
 * something happens, moth_bus_tick a few times a second → moth_bus_stop. The bus process may die at any
 * moment (nanomsg ends a process that it does not understand): the tick starts another in its place, later
 * each time, and says so. What was told meanwhile is lost; findings are on disk before they are told. Nothing
 * here waits for the bus or for anyone who listens. One thread.
 */
#ifndef MOTH_BUS_BUS_H
#define MOTH_BUS_BUS_H

#include "bus/place.h"
#include "bus/port.h"

struct moth_bus; /* opaque */

/* NULL and err: MOTH_ERR_USAGE when the user must change something. */
struct moth_bus *moth_bus_start(const struct moth_bus_config *config, uint32_t n_workers,
                                struct moth_err *err);
const struct moth_bus_place *moth_bus_place(const struct moth_bus *bus);

/* Say something: `members` is the inside of a JSON object, without version. */
void moth_bus_event(struct moth_bus *bus, const char *topic, const struct moth_buf *members);
/* What `progress` events say from now on, once a second. */
void moth_bus_progress(struct moth_bus *bus, const struct moth_buf *members);
/* Look after the bus process. `warn` is told when it had to be started again. */
void moth_bus_tick(struct moth_bus *bus, void (*warn)(void *context, const char *sentence), void *context);
/* The run is over: what was said is delivered to whoever reads it, for at most a moment. NULL is ignored. */
void moth_bus_stop(struct moth_bus *bus);

/* In a forked worker: keep its port and let go of the rest. `bus` may be NULL. */
struct moth_bus_seat moth_bus_take_seat(struct moth_bus *bus, uint32_t slot);

#endif
