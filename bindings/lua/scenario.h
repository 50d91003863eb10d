/* SPDX-License-Identifier: MIT
 *
 * What a scenario's file returns, taken apart: its cases, their tags and budgets, and what is played of a case.
 *
 * A file gives a function; a table with `play`, and perhaps `cases`; or a list of such tables, which are its cases.
 * What a case does not have itself it has from the table around it.
 */
#ifndef MOTH_BINDINGS_LUA_SCENARIO_H
#define MOTH_BINDINGS_LUA_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#define MOTH_LUA_CASES_MAX 10000
#define MOTH_LUA_TAGS_MAX 32
#define MOTH_LUA_CASE_NAME_MAX 128

/* How long it may take; 0: as long as the run lets it. */
struct moth_lua_budget {
    double spike_ms; /* of a frame */
    uint32_t frames;
    uint64_t time_ns; /* virtual */
};

/* The value at `i` (a budget, or nil). Raises. */
struct moth_lua_budget moth_lua_budget_of(lua_State *L, int i);

/* Warn of fields of the table at `i`, which `file` returned, that are meant for another: `tag` for `tags`. */
void moth_lua_warn_of_fields(lua_State *L, int i, const char *file);

/* What the file returned is at `i`: does it have cases? Pushes the list of them, each a table with a `name`, in order;
 * or nil. Raises where something is wrong with one. */
bool moth_lua_push_cases(lua_State *L, int i);
/* Field of the case at `c` (nil: none is chosen), or of the table at `i`. Pushes it. */
int moth_lua_case_field(lua_State *L, int i, int c, const char *name);
/* Push the list of the tags of both. Raises. */
void moth_lua_push_tags(lua_State *L, int i, int c);
/* Push the case of this name from the list of cases on the top, or raise. */
void moth_lua_find_case(lua_State *L, int list, const char *name);

#endif
