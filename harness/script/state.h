/* SPDX-License-Identifier: MIT
 *
 * How what a game publishes, or what is watched in it, changed over a recording, and what of it a script can wait for.
 *
 * Life cycle: moth_state_log_init, moth_state_log_add at each frame, moth_state_log_cut when the game was taken back,
 * moth_state_log_judge once, then moth_state_log_landmark. One thread.
 */
#ifndef MOTH_SCRIPT_STATE_H
#define MOTH_SCRIPT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wire/channel.h"

#define MOTH_STATE_WATCHES_MAX (MOTH_WATCHES_MAX + MOTH_PEEKS_MAX)

struct moth_state_change {
    uint32_t frame;
    uint32_t watch;    /* which of the log's */
    size_t before;     /* the change of the same watch before this one; SIZE_MAX: none */
    uint32_t ok, type; /* as moth_watch_value's */
    double number;
    int64_t integer;
    char text[MOTH_WATCH_TEXT_BYTES];
};

struct moth_state_watch {
    char name[sizeof((struct moth_watch_value *)0)->name];
    size_t last;     /* its latest change */
    uint32_t changes;
    bool waited_for; /* it changes seldom, and not by the clock */
};

struct moth_state_log {
    struct moth_state_watch watches[MOTH_STATE_WATCHES_MAX];
    uint32_t n_watches;
    struct moth_state_change *changes;
    size_t n, room;
};

void moth_state_log_init(struct moth_state_log *log);
void moth_state_log_fini(struct moth_state_log *log);
/* Where the game stands at `frame`. The values may be the game's memory: copied, and not trusted. */
void moth_state_log_add(struct moth_state_log *log, uint32_t frame, const struct moth_watch_value *values, uint32_t n);
/* Forget what came after a frame. */
void moth_state_log_cut(struct moth_state_log *log, uint32_t frame);

/* The recording has so many frames: tell watches that mean something (a room, a door, a life lost) from those that
 * run along (a position, a clock). */
void moth_state_log_judge(struct moth_state_log *log, uint32_t frames);
/* The last change after `from` and not after `to` whose value had not been there since `from`: a script that stands at
 * `from` and waits for this value stands at its frame then. NULL when there is none. */
const struct moth_state_change *moth_state_log_landmark(const struct moth_state_log *log, uint32_t from, uint32_t to);
/* The condition, in Lua: `game.state.room == 2`. */
void moth_state_put_condition(FILE *out, const struct moth_state_log *log, const struct moth_state_change *change);

/* `name`, or `["name"]` where it is no name in Lua. */
void moth_state_put_key(FILE *out, const char *name);

#endif
