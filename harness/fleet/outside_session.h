/* SPDX-License-Identifier: MIT
 *
 * A session of the agent `outside`, inside: outside.c does what the program asks, outside_look.c looks at the
 * game for it, outside_call.c calls its functions. Private to these three.
 */
#ifndef MOTH_FLEET_OUTSIDE_SESSION_H
#define MOTH_FLEET_OUTSIDE_SESSION_H

#include "bus/port.h"
#include "fleet/held.h"
#include "fleet/outside.h"

/* A snapshot of the program's; its id is the backend's. */
struct moth_outside_place {
    bool held;
    struct moth_held input[MOTH_MEMBERS_MAX];
};

struct moth_outside {
    struct moth_stage *stage;
    const struct moth_lua_backend *backend;
    const struct moth_bus_seat *seat;
    const struct moth_agent_play *how;
    struct moth_lua_now now;
    uint32_t frames; /* boundaries run */
    bool alive;      /* the game can be stepped */
    bool over;       /* … and the session goes no further */
    enum moth_agent_result result;
    struct moth_err err; /* … MOTH_AGENT_ERROR: what the program did */
    struct moth_held input[MOTH_MEMBERS_MAX]; /* held down in each member of the group */
    struct moth_outside_place *places;        /* by id - 1 */
    size_t n_places, n_held;
    struct moth_bus_alias watches[MOTH_WATCHES_MAX]; /* what `state` holds; none: everything */
    uint32_t n_watches;
    struct moth_buf text;   /* the reply */
    struct moth_buf events; /* what the game announced since the last step, as JSON */
    bool announced;         /* … with the name that a step waits for */
    const char *awaited;
    int picture_fd; /* memory file, -1: none yet */
    struct moth_bus_frame picture;
};

/* The reply that stands in `text`; an error; that the run is over. */
void moth_outside_answer(struct moth_outside *o);
void moth_outside_refuse(struct moth_outside *o, enum moth_bus_error error, const char *message);
void moth_outside_refuse_run_over(struct moth_outside *o);
/* Append the member `ended`. n_before: findings that were there before. */
void moth_outside_write_end(struct moth_outside *o, enum moth_lua_step went, size_t n_before);

/* A published value by its name. */
bool moth_outside_watch(const struct moth_outside *o, const char *name, struct moth_watch_value *value);
/* The published name that a program's own stands for. */
const char *moth_outside_published(const struct moth_outside *o, const char *name);
/* Append members: `state`; `frame` and `time`. */
void moth_outside_write_state(const struct moth_outside *o, struct moth_buf *text);
void moth_outside_write_place(const struct moth_outside *o, struct moth_buf *text);
/* Take what the game announced, for the next reply to a step. */
void moth_outside_take_events(struct moth_outside *o);
/* Look at the picture for the reply (enum moth_bus_picture). One that cannot be had is said, and fails
 * nothing. */
void moth_outside_look(struct moth_outside *o, uint32_t kind);
/* The op `call`, answered. */
void moth_outside_call(struct moth_outside *o, const struct moth_bus_request *request);

#endif
