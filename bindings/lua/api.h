/* SPDX-License-Identifier: MIT
 *
 * The Lua API as tables. Each call is one row {name, function, signature, doc}; registration, the errors
 * that name a wrong argument, and meta/moth.lua all come from the rows. To add a call: a row and a
 * function in the api_*.c file where it belongs, then `moth-lua-meta > bindings/lua/meta/moth.lua`.
 *
 * A signature is "name: type, name?: type -> type, type?". The types are in api.c's table; each knows how
 * to check an argument and what an editor calls it. When a function runs, its arguments are right:
 * self at 1, then the ones of the signature, absent ones nil.
 */
#ifndef MOTH_BINDINGS_LUA_API_H
#define MOTH_BINDINGS_LUA_API_H

#include <stdint.h>

#include "bindings/lua/box.h"
#include "bindings/lua/eyes.h"
#include "bindings/lua/host.h"
#include "bindings/lua/scenario.h"
#include "wire/channel.h"
#include "wire/keyboard.h"

enum moth_lua_end {
    MOTH_LUA_END_NONE, /* still playing */
    MOTH_LUA_END_GAME,
    MOTH_LUA_END_BUDGET,
    MOTH_LUA_END_INTERRUPTED,
    MOTH_LUA_END_CALL /* the game ended in a function that the script called: `fault` says how */
};

#define MOTH_LUA_KEYS 512
#define MOTH_LUA_PAD_BUTTONS 32
#define MOTH_LUA_PAD_AXES 8
#define MOTH_LUA_MOUSE_BUTTONS 5
#define MOTH_LUA_ARCHIVES_MAX 8

struct moth_lua_pad {
    bool attached;
    uint32_t buttons; /* bits held */
    int16_t axes[MOTH_LUA_PAD_AXES];
};

/* What is held down. */
struct moth_lua_hands {
    bool keys[MOTH_LUA_KEYS];
    uint32_t mouse_buttons;
    struct moth_lua_pad pads[MOTH_PADS_MAX];
};

/* One play. */
struct moth_lua_host {
    struct moth_lua_box box;
    const struct moth_lua_backend *backend;
    struct moth_agent_play play;
    struct moth_lua_now now;
    struct moth_rng rng; /* of the `rng` that the agent gets; math.random has its own */
    uint32_t frames;     /* boundaries run */
    enum moth_lua_end end;
    char fault[1024], fault_traceback[4096];
    char lacking[64]; /* the last name that game.state had nothing for: neither watched nor published */
    uint32_t n_handlers, n_lost; /* functions of game:on; announcements that got lost */
    bool in_handler;             /* one of them runs */

    struct moth_lua_hands hands[MOTH_MEMBERS_MAX]; /* of each member of a group; alone: the first */
    struct moth_lua_hands *hand;                   /* whose the call at hand is */
    size_t n_queue;
    struct moth_input_event queue[MOTH_PROGRAM_EVENTS_MAX];
    bool key_repeat;               /* a key that is held repeats */
    struct moth_key_repeat repeat; /* … which one */

    struct moth_lua_place *places; /* what the script's snapshots stand for (api_branch.c) */
    size_t n_places, n_held;

    struct moth_lua_archive *archives[MOTH_LUA_ARCHIVES_MAX]; /* api_archive.c */
    uint32_t n_archives;

    struct moth_lua_eyes eyes;                  /* api_see.c */
    const char *folder, *stem, *chunk_name;     /* of the script: where it lies, its file's name, what Lua calls it */
    bool update_pictures;
    const char *wanted; /* the case that is played, or NULL */
    struct moth_lua_budget budget;
    uint64_t began_ns;
    bool failed; /* game:fail was called */
};

typedef int (*moth_lua_function)(lua_State *L, struct moth_lua_host *host);

struct moth_lua_entry {
    const char *name;
    moth_lua_function function; /* NULL: a field, read through __index */
    const char *signature;
    const char *doc;
};

struct moth_lua_class {
    const char *name;     /* "game": what errors and editors call it */
    const char *metatable; /* its name in the registry */
    const char *doc;
    const struct moth_lua_entry *const *tables; /* NULL-terminated; each ends with a NULL name */
};

extern const struct moth_lua_entry moth_lua_api_step[], moth_lua_api_input[], moth_lua_api_look[],
    moth_lua_api_judge[], moth_lua_api_branch[], moth_lua_api_snapshot[], moth_lua_api_pad[], moth_lua_api_rng[],
    moth_lua_api_inputs[], moth_lua_api_call[], moth_lua_api_events[], moth_lua_api_group[], moth_lua_api_member[], moth_lua_api_state[], moth_lua_api_game_scan[], moth_lua_api_scan[], moth_lua_api_game_archive[], moth_lua_api_archive[],
    moth_lua_api_see[];
extern const struct moth_lua_class moth_lua_classes[]; /* ends with a NULL name */
extern const char *const moth_lua_later[];             /* names of the contract for later; NULL ends */

/* One parameter or result (without a name) of a signature. */
struct moth_lua_param {
    char name[24];
    char type[16];
    bool optional;
};

#define MOTH_LUA_PARAMS_MAX 6

struct moth_lua_signature {
    int n_params, n_results;
    struct moth_lua_param params[MOTH_LUA_PARAMS_MAX], results[MOTH_LUA_PARAMS_MAX];
};

/* 0, or -1 when the text is no signature or names a type that is not there (a fault of the table). */
int moth_lua_signature_parse(const char *text, struct moth_lua_signature *signature);
/* What an editor calls a type of ours; NULL when there is none. */
const char *moth_lua_type_in_editor(const char *type);

static inline struct moth_lua_host *moth_lua_host_of(lua_State *L)
{
    return moth_lua_box_of(L)->options.owner;
}

/* Make the metatables; raises. */
void moth_lua_open_api(lua_State *L);
/* Push a new object of a class; its userdata holds `index`. */
void moth_lua_push_object(lua_State *L, const char *metatable, int index);
/* The index of the object at `argument`, whose class was checked. */
int moth_lua_object_index(lua_State *L, int argument);

/* Members of the group, the game itself included. */
unsigned moth_lua_members(const struct moth_lua_host *host);
/* A field of a member ("name", "width", …); false when there is none of that name. */
bool moth_lua_push_member_field(lua_State *L, struct moth_lua_host *host, const char *name);
/* Queue one input for the next boundary; raises when too many are queued. */
void moth_lua_queue(lua_State *L, struct moth_lua_host *host, const struct moth_input_event *event);
/* How the error begins that a step raises when the game died and the script holds a snapshot. */
extern const char moth_lua_game_ended[];
/* How the error begins that game:fail raises. */
extern const char moth_lua_play_failed[];
/* Put in an input as it is, unless it changes nothing; `frame` does not count. */
void moth_lua_put(lua_State *L, struct moth_lua_host *host, const struct moth_input_event *event);
/* Push a list of inputs. */
void moth_lua_push_inputs(lua_State *L, const struct moth_input_event *events, size_t n);
/* Make `game.state`; push it. */
void moth_lua_open_state(lua_State *L);
void moth_lua_push_state(lua_State *L);
void moth_lua_open_events(lua_State *L);
/* Take what the game announced, and call the functions that wait for it. */
void moth_lua_take_events(lua_State *L, struct moth_lua_host *host);
/* The game stands elsewhere: what nobody asked for was never said. */
void moth_lua_forget_events(lua_State *L);
/* Free the play's archives. */
void moth_lua_archives_fini(struct moth_lua_host *host);
/* Free what snapshots hold. */
void moth_lua_branch_fini(struct moth_lua_host *host);
/* Run frames with what is queued; raises when the play is over, or the game. */
void moth_lua_step(lua_State *L, struct moth_lua_host *host, uint64_t frames);
/* The same without Lua, for a play's end. Never more than the budget. */
void moth_lua_run_frames(struct moth_lua_host *host, uint64_t frames);
/* Queue what lets go of everything that is held, as far as there is room. */
void moth_lua_release_all(struct moth_lua_host *host);
/* Queue, or nothing where there is no room; for use without Lua. */
void moth_lua_queue_quietly(struct moth_lua_host *host, const struct moth_input_event *event);

/* Hand a finding on, unless this play had it; with the line of the script where it was made. */
void moth_lua_finding(lua_State *L, struct moth_lua_host *host, enum moth_finding_kind kind, const char *title);
/* Raises unless the argument `i` of a call, `name`, may name a picture that is kept. */
#define MOTH_LUA_PICTURE_NAME_MAX 64
void moth_lua_check_picture_name(lua_State *L, const char *call, int i);
/* The game went on: what was seen of it is of before. */
void moth_lua_eyes_blink(struct moth_lua_host *host);
void moth_lua_eyes_fini(struct moth_lua_host *host);

/* Push nil and the message of err; returns 2. */
int moth_lua_fail(lua_State *L, const struct moth_err *err);

/* Argument errors, "game:tap: key: …". Raises; returns int for `return`. */
int moth_lua_argument_error(lua_State *L, const char *class_name, const char *entry, const char *param,
                            const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
