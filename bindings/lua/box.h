/* SPDX-License-Identifier: MIT
 *
 * One Lua state in a box: bounded in memory and instructions, without a way out, and the same in every
 * process. Agents play in one, moth.lua is read in one.
 *
 * Life cycle: moth_lua_box_open → moth_lua_box_compile, moth_lua_box_call → moth_lua_box_close. The
 * struct must not move while it is open: every thread of the state points to it. All Lua code and all
 * API calls that may raise run inside moth_lua_box_call.
 */
#ifndef MOTH_BINDINGS_LUA_BOX_H
#define MOTH_BINDINGS_LUA_BOX_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"
#include "bindings/lua/arena.h"
#include "bindings/lua/watchdog.h"

/* Lua files that were read once, so that every later state gets the same bytes. */
struct moth_lua_source {
    char *name; /* as `require` names it */
    char *path;
    char *text;
    size_t size_bytes;
};

struct moth_lua_sources {
    struct moth_lua_source *items;
    size_t n;
};

struct moth_lua_box_options {
    uint64_t instructions_max; /* without moth_lua_box_alive; 0: 100 million */
    uint64_t memory_bytes_max; /* 0: 256 MiB; at most 1 GiB */
    unsigned stuck_ms;         /* CPU time in one call of a library function; 0: 4000 */
    uint64_t fail_allocation;  /* tests: this allocation and all after it fail; 0: none */
    bool unsafe_lua;
    const char *limit_words;          /* how "ran N instructions" goes on; "" or " without …" */
    const char *folder;               /* where `require` looks first; NULL: nowhere */
    struct moth_lua_sources *sources; /* looked at first; NULL: none */
    bool keep_sources;                /* add what `require` reads to `sources` */
    uint64_t seed;
    void (*print)(void *context, const char *line); /* may be NULL */
    void *print_context;
    void *owner; /* for the owner's own use */
};

struct moth_lua_box {
    struct moth_lua_box_options options;
    struct moth_arena arena;
    lua_State *L;
    struct moth_rng rng;
    struct moth_lua_sources own_sources; /* what was read and not kept in options.sources */
    struct moth_lua_watchdog watchdog;
    uint64_t instructions;
    bool poisoned; /* the watchdog tore the state: it must not be touched again */
    bool seed_fixed;
    bool stopped; /* nothing of the script runs any more: each call and instruction raises */
    char seen_source[LUA_IDSIZE]; /* where the script was last seen: for errors without a place */
    int seen_line;
    char message[1024];   /* of the last error: "file:line: …" */
    char traceback[4096]; /* of the last error, or "" */
};

static inline struct moth_lua_box *moth_lua_box_of(lua_State *L)
{
    return *(struct moth_lua_box **)lua_getextraspace(L);
}

/* 0, or -1 and err (MOTH_ERR_MEMORY, MOTH_ERR_INTERNAL). After -1 there is nothing to close. */
int moth_lua_box_open(struct moth_lua_box *box, const struct moth_lua_box_options *options,
                      struct moth_err *err);
void moth_lua_box_close(struct moth_lua_box *box);

/* Compile `text` and leave the function on the stack. `name` is what messages call it. 0, or -1 with
 * box->message. */
int moth_lua_box_compile(struct moth_lua_box *box, const char *text, size_t size_bytes, const char *name);
/* lua_pcall with a traceback. 0, or -1 with box->message and box->traceback and nothing left on the
 * stack. When box->stopped the reason is the stopper's, whatever this returns. */
int moth_lua_box_call(struct moth_lua_box *box, int n_args, int n_results);

/* The script did something that counts as going on: its instructions are counted anew. */
static inline void moth_lua_box_alive(struct moth_lua_box *box)
{
    box->instructions = 0;
    box->watchdog.moves++;
}

/* Around each callback of the owner: its work must not be torn. */
static inline void moth_lua_box_leave(struct moth_lua_box *box)
{
    box->watchdog.outside = 1;
}

static inline void moth_lua_box_return(struct moth_lua_box *box)
{
    box->watchdog.outside = 0;
    box->watchdog.moves++;
}

/* Remember where the function `level` of the stack is. */
void moth_lua_box_see(lua_State *L, int level);
/* End the script: raises now and, if the script catches it, again and again. Does not return. */
_Noreturn void moth_lua_box_stop(lua_State *L);

/* Push what tostring() gives, addresses replaced by ones that repeat. */
void moth_lua_push_text(lua_State *L, int index);

/* Inside the library: */
void moth_lua_open_sandbox(lua_State *L);      /* raises */
void moth_lua_open_text(lua_State *L);         /* raises: tostring, print, string.format */
void moth_lua_open_modules(lua_State *L);      /* raises: require */
/* Free what `sources` holds. */
void moth_lua_sources_free(struct moth_lua_sources *sources);

#endif
