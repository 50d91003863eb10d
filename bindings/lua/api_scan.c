/* SPDX-License-Identifier: MIT
 *
 * Numbers in the game's memory, found by how they change: game:scan{}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "bindings/lua/api.h"
#include "scan/scan.h"

#define LIST_MAX 100
#define STEP_BYTES 96

static void add_number(lua_State *L, const char *entry, const char *relation, int at, char *text)
{
    size_t used = strlen(text);
    if (lua_type(L, at) != LUA_TNUMBER)
        moth_lua_argument_error(L, strcmp(entry, "scan") == 0 ? "game" : "scan", entry, "what", "%s must be a number, not %s",
                                relation, luaL_typename(L, at));
    if (lua_isinteger(L, at))
        snprintf(text + used, STEP_BYTES - used, " %lld", (long long)lua_tointeger(L, at));
    else
        snprintf(text + used, STEP_BYTES - used, " %.17g", lua_tonumber(L, at));
}

/* The one relation of the table at 2, {equal = 100}, {decreased = true}, {between = {1, 10}}, as text. */
static void take_step(lua_State *L, const char *entry, char text[STEP_BYTES])
{
    static const char *const relations[] = {
#define X(name, word, numbers, first) word,
        MOTH_SCAN_RELATIONS(X)
#undef X
    };
    const char *class_name = strcmp(entry, "scan") == 0 ? "game" : "scan";
    text[0] = '\0';
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool known = false;
        if (strcmp(key, "type") == 0 && strcmp(entry, "scan") == 0)
            continue;
        for (size_t i = 0; i < sizeof relations / sizeof *relations; i++)
            known = known || strcmp(key, relations[i]) == 0;
        if (!known) {
            const char *near = moth_str_nearest(key, relations, sizeof relations / sizeof *relations);
            moth_lua_argument_error(L, class_name, entry, "what", "knows equal, between, changed, unchanged, increased, decreased and any, not '%s'%s%s%s", key,
                                    near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        if (text[0])
            moth_lua_argument_error(L, class_name, entry, "what", "is one relation at a time");
        snprintf(text, STEP_BYTES, "%s", key);
        if (lua_istable(L, -1)) {
            for (lua_Integer i = 1; i <= 2; i++) {
                lua_rawgeti(L, -1, i);
                add_number(L, entry, key, -1, text);
                lua_pop(L, 1);
            }
        } else if (!lua_isboolean(L, -1)) {
            add_number(L, entry, key, -1, text);
        }
    }
    if (!text[0])
        moth_lua_argument_error(L, class_name, entry, "what", "says nothing of the number: { equal = 100 }, { decreased = true }");
}

static int step(lua_State *L, struct moth_lua_host *host, const char *entry, int id, const char *type)
{
    char text[STEP_BYTES];
    uint64_t count = 0;
    struct moth_err err = {0};
    take_step(L, entry, text);
    if (!host->backend->scan) {
        lua_pushnil(L);
        lua_pushliteral(L, "there is no game whose memory could be read");
        return -1;
    }
    int result = host->backend->scan(host->backend->context, id, type, text, &count, &err);
    if (result < 0 && err.code == MOTH_ERR_USAGE)
        luaL_error(L, "%s:%s: %s", strcmp(entry, "scan") == 0 ? "game" : "scan", entry, err.message);
    if (result < 0)
        moth_lua_fail(L, &err);
    else
        lua_pushinteger(L, (lua_Integer)count);
    return result;
}

static int api_scan(lua_State *L, struct moth_lua_host *host)
{
    lua_getfield(L, 2, "type");
    if (lua_type(L, -1) != LUA_TSTRING && !lua_isnil(L, -1))
        moth_lua_argument_error(L, "game", "scan", "what", "type must be a string (\"i32\", \"f32\"), not %s", luaL_typename(L, -1));
    int id = step(L, host, "scan", 0, lua_isnil(L, -1) ? "i32" : lua_tostring(L, -1));
    if (id < 0)
        return 2;
    moth_lua_push_object(L, "moth.scan", id);
    lua_insert(L, -2);
    return 2;
}

static int api_keep(lua_State *L, struct moth_lua_host *host)
{
    int id = step(L, host, "keep", moth_lua_object_index(L, 1), NULL);
    return id < 0 ? 2 : 1;
}

static int api_list(lua_State *L, struct moth_lua_host *host)
{
    lua_Integer wanted = luaL_optinteger(L, 2, 20);
    size_t room = wanted < 1 ? 1 : wanted > LIST_MAX ? LIST_MAX : (size_t)wanted;
    struct moth_scan_hit *hits = lua_newuserdatauv(L, room * sizeof *hits, 0);
    size_t n = host->backend->scan_find
                   ? host->backend->scan_find(host->backend->context, moth_lua_object_index(L, 1), hits, room)
                   : 0;
    lua_newtable(L);
    for (size_t i = 0; i < n; i++) {
        lua_newtable(L);
        if (hits[i].n_ways > 0) {
            lua_pushstring(L, hits[i].ways[0].expression);
            lua_setfield(L, -2, "expression");
            lua_pushinteger(L, (lua_Integer)hits[i].ways[0].pointers);
            lua_setfield(L, -2, "pointers");
        }
        if (hits[i].floating)
            lua_pushnumber(L, hits[i].number);
        else
            lua_pushinteger(L, hits[i].integer);
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

const struct moth_lua_entry moth_lua_api_game_scan[] = {
    {"scan", api_scan, "what: table -> scan?, integer?",
     "Look through the game's memory for a number: game:scan{ type = \"i32\", equal = 100 }, or between = { 1, 10 }, "
     "or any = true. The scan and how many places are left; at most eight in a play. `moth scan` does the same from "
     "the command line and tries in a second process what is left."},
    {NULL, NULL, NULL, NULL}};

const struct moth_lua_entry moth_lua_api_scan[] = {
    {"keep", api_keep, "what: table -> integer?, string?",
     "Keep the places where this holds now: equal = 85, between = { 1, 99 }, changed, unchanged, increased or "
     "decreased = true since the step before, decreased = 15 by so much. How many are left."},
    {"list", api_list, "most?: integer -> table",
     "What is left, at most 20 or so many (up to 100): tables with `expression`, for game:watch and --watch, `value` and "
     "`pointers`, the number of pointers followed. No expression: no way leads there from the game's own data."},
    {NULL, NULL, NULL, NULL}};
