/* SPDX-License-Identifier: MIT
 *
 * A game that is not there: plays Lua text against a backend that writes down what it is asked for.
 */
#ifndef MOTH_TEST_LUA_PLAY_H
#define MOTH_TEST_LUA_PLAY_H

#include "test.h"

#include "bindings/lua/host.h"

#define LUA_PLAY_PLACES 8 /* snapshots at once */
#define LUA_PLAY_PLACES_MANY 512
#define LUA_PLAY_EVENTS 4096

/* What a walk is: right and left move it, a frame a unit; the game publishes it as `x`. */
struct lua_play_walk {
    int32_t x;
    bool left, right;
    size_t n_events; /* inputs so far */
};

struct lua_play {
    /* what the game does */
    uint32_t ends_at, interrupts_at; /* frame, 0: never */
    bool no_picture, no_restore;
    struct moth_agent_options options;
    struct moth_agent_play play;
    bool no_snapshots;
    int32_t dies_at; /* x to either side where the game ends, 0: nowhere */
    struct moth_log *archive;
    const char *folder; /* where the script lies; NULL: a scratch folder */

    /* what came of it */
    struct moth_lua_now now, places[LUA_PLAY_PLACES_MANY];
    bool many_places; /* 512 */
    struct lua_play_walk walk, walks[LUA_PLAY_PLACES_MANY];
    struct moth_input_event *branches[LUA_PLAY_PLACES_MANY]; /* the inputs to each place */
    int32_t furthest; /* the largest x, to either side */
    struct moth_input_event events[LUA_PLAY_EVENTS];
    struct moth_watch_value watch;
    struct moth_agent_outcome outcome;
    struct moth_err load_err;
    bool loaded;
    char log[1 << 16]; /* "step 3 down:4 up:4\n", "mark 7 text\n", "print …\n", … */
    size_t used;
};

/* Load and play `script`. Asserts nothing: look at `outcome`, `log`, or `loaded` and `load_err`. */
void lua_play(struct lua_play *play, const char *script);
/* The same with an agent that is there already, or one that moth ships. */
void lua_play_named(struct lua_play *play, const char *name);
/* Play it and fail unless it finished without an error. */
void lua_play_well(struct lua_play *play, const char *script);
/* Fail unless `script` ends with an error of its own whose message has `part` in it. */
void lua_play_fails(const char *script, const char *part);

#endif
