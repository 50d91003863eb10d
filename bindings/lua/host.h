/* SPDX-License-Identifier: MIT
 *
 * The Lua host: plays one instance of a game with one agent.
 *
 * Life cycle: moth_agent_load once (reads and checks the file, before any game is launched) →
 * moth_agent_play for each instance (a fresh Lua state each; the agent itself is read only, so it may be
 * shared by forked workers) → moth_agent_free. The host knows nothing of channels, traces or findings'
 * files: everything an agent does goes through struct moth_lua_backend, whose owner records it.
 *
 * An agent is a pure function of its files, the seed and what the backend answers: no clock, no files,
 * no addresses, the same order of pairs() everywhere. What it does wrong (an error, an endless loop, too
 * much memory) is MOTH_AGENT_ERROR and never the game's. Single-threaded; several agents may play in
 * turn in one process. Must not: print, exit, touch the game.
 */
#ifndef MOTH_BINDINGS_LUA_HOST_H
#define MOTH_BINDINGS_LUA_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "findings/finding.h"
#include "wire/call.h"
#include "wire/channel.h"
#include "wire/input.h"

struct moth_log;           /* explore/log.h */
struct moth_value_visitor; /* symbols/value.h */
struct moth_scan_hit;      /* scan/scan.h */

enum moth_lua_step {
    MOTH_LUA_STEP_OK,         /* all frames were run; the game stands at a boundary */
    MOTH_LUA_STEP_ENDED,      /* the game is gone (any way): stop playing */
    MOTH_LUA_STEP_INTERRUPTED /* the run is to end now (ctrl-c, --duration) */
};

enum moth_lua_call {
    MOTH_LUA_CALL_OK,
    MOTH_LUA_CALL_REFUSED,    /* nothing was called: err says why */
    MOTH_LUA_CALL_FATAL,      /* the function ended the game: the script's fault, err says how */
    MOTH_LUA_CALL_ENDED,      /* the game is gone, by itself */
    MOTH_LUA_CALL_INTERRUPTED /* the run is to end now */
};

/* Where the game stands. */
struct moth_lua_now {
    uint32_t frame;              /* number of the last boundary */
    uint64_t time_ns;            /* virtual */
    uint32_t window_w, window_h; /* pixels; 0 while there is no window, or none is known of */
};

struct moth_lua_picture {
    const uint8_t *pixels; /* 4 bytes each, R G B X, rows packed; the game's memory, not to be trusted */
    uint32_t width, height; /* not those of the window where the game draws at another size */
};

/* A game of a group. */
struct moth_lua_member {
    const char *name;
    uint32_t window_w, window_h; /* pixels; 0: it has none */
    bool gone;                   /* it left by itself */
};

/* What the host needs of its owner. `context` is handed to each. All but `step` may be NULL: picture
 * and screenshot then answer nil and a message, the others do nothing. Callbacks must not call back
 * into the host. */
struct moth_lua_backend {
    void *context;
    struct moth_lua_now now; /* where the game stands when play begins */
    /* Run `frames` (1..MOTH_PROGRAM_FRAMES_MAX) boundaries with these events, in order, their `frame`
     * counting from 0 at this call (always 0 in this version). At most MOTH_PROGRAM_EVENTS_MAX events.
     * Fills `now`, also when the game ended on the way. */
    enum moth_lua_step (*step)(void *context, uint32_t frames, const struct moth_input_event *events,
                               size_t n_events, struct moth_lua_now *now);
    /* Hash of what is on screen now. 0, or -1 with a reason. */
    int (*picture)(void *context, uint64_t *hash, struct moth_err *err);
    /* Keep the picture under `name` (letters, digits, "-_." only, no leading dot, ≤ 64 bytes, no
     * ".png"). 0, or -1 with a reason. */
    int (*screenshot)(void *context, const char *name, struct moth_err *err);
    /* game:expect and game:report; the same kind and title comes only once an instance. */
    void (*finding)(void *context, enum moth_finding_kind kind, const char *title, const char *where,
                    uint32_t frame); /* where: "file:line" of the script, or "" */
    void (*mark)(void *context, uint32_t frame, const char *text);
    void (*waiting)(void *context, uint32_t frame, bool waiting);
    /* Branches. snapshot: keep the place where the game stands; an id above 0, or 0 with a reason. restore:
     * return to it, also after the game ended; fills `now`; 0, or -1 with a reason (the game is over then,
     * another place may be tried). NULL: none can be had. */
    uint64_t (*snapshot)(void *context, struct moth_err *err);
    int (*restore)(void *context, uint64_t id, struct moth_lua_now *now, struct moth_err *err);
    void (*release)(void *context, uint64_t id);
    /* What is on screen as MOTH_CELL_ROWS × MOTH_CELL_COLUMNS grey values 0..255, row by row. 0, or -1
     * with a reason. */
    int (*cell)(void *context, uint8_t *grid, struct moth_err *err);
    /* What is on screen, good until the next call. 0, or -1 with a reason. */
    int (*pixels)(void *context, struct moth_lua_picture *picture, struct moth_err *err);
    /* Write a picture of 4 bytes a pixel (R G B X): to the file `path`, whose folders are made, or, where that is
     * NULL, beside the play's findings as `name`, as screenshot does. 0, or -1 with a reason (err may be NULL). */
    int (*keep_picture)(void *context, const char *path, const char *name, const uint8_t *pixels, uint32_t width,
                        uint32_t height, struct moth_err *err);
    /* The inputs from frame 0 to where the game stands, in order: malloc'd, the caller frees. 0 or -1. */
    int (*way)(void *context, struct moth_input_event **events, size_t *n_events);
    /* What the game publishes and what is watched, as it stands; the memory may be the game's and is not to be
     * trusted. NULL: nothing. */
    const struct moth_watch_value *(*watches)(void *context, uint32_t *n);
    /* Watch an expression (symbols/expression.h) under a name. 0; 1: what it names is not there yet, and is looked
     * for again as the game loads more; -1: it is wrong; err says why. NULL: only what is published has a value. */
    int (*watch)(void *context, const char *name, const char *expression, struct moth_err *err);
    /* The whole of one watched value; false: it is not watched, or has none now. With `watch`. */
    bool (*watch_visit)(void *context, const char *name, const struct moth_value_visitor *visitor);
    /* Searches in the game's memory (scan/set.h). id 0: a new one; its id, or -1 with a reason. NULL: none. */
    int (*scan)(void *context, int id, const char *type, const char *step, uint64_t *count, struct moth_err *err);
    size_t (*scan_find)(void *context, int id, struct moth_scan_hit *hits, size_t room);
    /* The index-th game of the group, from 0, which is the game itself; false: there are not so many. NULL: it
     * plays alone. */
    bool (*member)(void *context, unsigned index, struct moth_lua_member *member);
    /* The signature of a function by the game's debug information. 0, or -1 with what to do. NULL: there is none. */
    int (*signature)(void *context, const char *name, char *text, size_t size, struct moth_err *err);
    /* Call a function of the game (wire/call.h) where it stands; `result` gets what came back, as text. Fills `now`. */
    enum moth_lua_call (*call)(void *context, struct moth_call *call, char *result, size_t size,
                               struct moth_lua_now *now, struct moth_err *err);
    /* The next thing the game announced, taken; false: there is none. NULL: it announces nothing. */
    bool (*announced)(void *context, struct moth_announcement *said);
    /* Have calls of a function of the game announced (MOTH_ANNOUNCE_ENTERED), by a signature or a name. 0, or -1 with
     * the reason. NULL: there are none. */
    int (*on_call)(void *context, const char *signature, struct moth_err *err);
    struct moth_log *log; /* where game:archive is shared; borrowed, NULL: not at all */
    /* One line of the agent's print(), without newline. */
    void (*print)(void *context, const char *line);
};

struct moth_agent_options {
    uint64_t instructions_max; /* Lua instructions without a step until it is a fault; 0: 100 million */
    uint64_t memory_bytes_max; /* of one Lua state; 0: 256 MiB; at most 1 GiB */
    unsigned stuck_ms;         /* CPU time in one call of a Lua library until it is a fault; 0: 4000 */
    bool unsafe_lua;           /* os, io, debug, package, bytecode: as in plain Lua */
    bool update_pictures;      /* game:expect_picture writes what it sees instead of comparing it */
    uint64_t fail_allocation;  /* tests: the n-th allocation of each state fails, 0: none */
};

struct moth_agent; /* opaque */

/* `name` is a file ("./bot.lua", "bots/a.lua"), a case of one ("levels.lua:level 3") or the name of an agent moth ships ("monkey"). Reads it,
 * compiles it, runs its top level once (without a game) and checks what it returns. NULL and err
 * (MOTH_ERR_SCRIPT) with file, line and reason otherwise. `options` may be NULL. */
struct moth_agent *moth_agent_load(const char *name, const struct moth_agent_options *options,
                                   struct moth_err *err);
/* The table's `name`, else the file's name without ".lua". */
const char *moth_agent_name(const struct moth_agent *agent);
const char *moth_agent_path(const struct moth_agent *agent);
/* Its table says `explores`: it wants one long play in the world of the run's archive rather than many short
 * ones, each in a world of its own. */
bool moth_agent_explores(const struct moth_agent *agent); /* NULL: no */
/* Its table's `budget`: milliseconds of work a frame may take, as a number or as {spike_ms = …}. 0: it has none. */
double moth_agent_budget_ms(const struct moth_agent *agent);
/* Frames that a play of it takes at most by its `budget`, "600 frames" or "60s"; 0: as many as it is given. */
uint32_t moth_agent_budget_frames(const struct moth_agent *agent, uint32_t hz); /* NULL: 0 */
/* A file may hold several cases. Loaded by its own name it plays one of them, by the play's seed; loaded as
 * "FILE.lua:NAME" that one. */
size_t moth_agent_cases(const struct moth_agent *agent);
const char *moth_agent_case_name(const struct moth_agent *agent, size_t i);
const char *moth_agent_case(const struct moth_agent *agent); /* the one it was loaded for, or NULL */
/* Of the case it was loaded for, and those of all. */
const char *const *moth_agent_tags(const struct moth_agent *agent, size_t *n);
/* Of all its text: its file and what that requires. NULL: 0. */
uint64_t moth_agent_digest(const struct moth_agent *agent);
void moth_agent_free(struct moth_agent *agent);

enum moth_agent_result {
    MOTH_AGENT_FINISHED,    /* its function returned */
    MOTH_AGENT_GAME_ENDED,  /* backend->step said ENDED */
    MOTH_AGENT_BUDGET,      /* max_frames boundaries were run */
    MOTH_AGENT_INTERRUPTED, /* backend->step said INTERRUPTED */
    MOTH_AGENT_ERROR        /* the agent's own fault; err and traceback say which */
};

struct moth_agent_play {
    uint64_t seed;       /* of rng: the instance's own */
    uint32_t max_frames; /* boundaries to run at most, 0: no limit; exactly so many when reached */
    uint32_t pads;       /* virtual controllers to plug in before the agent begins, 0..4 */
};

struct moth_agent_outcome {
    enum moth_agent_result result;
    uint32_t frames;      /* boundaries that were run */
    struct moth_err err;  /* MOTH_AGENT_ERROR: MOTH_ERR_SCRIPT, "file:line: message" */
    char traceback[4096]; /* MOTH_AGENT_ERROR: Lua's, may be cut */
};

/* Play. At the agent's end what it still holds is released and what it queued is applied, in one more
 * boundary if there is budget for it. Fills `outcome` whole; returns its result. */
enum moth_agent_result moth_agent_play(const struct moth_agent *agent,
                                       const struct moth_lua_backend *backend,
                                       const struct moth_agent_play *play,
                                       struct moth_agent_outcome *outcome);

const char *moth_agent_result_name(enum moth_agent_result result);

#endif
