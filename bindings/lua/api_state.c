/* SPDX-License-Identifier: MIT
 *
 * Values of the game, published through moth.h or watched: `game.state`.
 */
#include "bindings/lua/api.h"

#include <stdio.h>
#include <string.h>

#include "symbols/value.h"

#define ALIASES "moth.watches" /* in the registry: names of the script's own → published ones */
#define STATE "moth.state"

/* The published value of this name, copied: what the game has in its hands is not to be trusted. */
static bool published(struct moth_lua_host *host, const char *name, struct moth_watch_value *value)
{
    uint32_t n = 0;
    const struct moth_watch_value *all =
        host->backend->watches ? host->backend->watches(host->backend->context, &n) : NULL;
    for (uint32_t i = 0; all && i < n; i++) {
        *value = all[i];
        value->name[sizeof value->name - 1] = value->text[sizeof value->text - 1] = '\0';
        if (strcmp(value->name, name) == 0)
            return true;
    }
    return false;
}

static void push_value(lua_State *L, const struct moth_watch_value *value)
{
    if (!value->ok || value->type == MOTH_VALUE_TABLE)
        lua_pushnil(L);
    else if (value->type == MOTH_VALUE_I32)
        lua_pushinteger(L, (lua_Integer)value->number);
    else if (value->type == MOTH_VALUE_BOOL)
        lua_pushboolean(L, value->number != 0);
    else if (value->type == MOTH_VALUE_STR || (value->type == MOTH_VALUE_ENUM && value->text[0]))
        lua_pushstring(L, value->text);
    else if (value->type == MOTH_VALUE_INTEGER || value->type == MOTH_VALUE_ENUM)
        lua_pushinteger(L, value->integer);
    else
        lua_pushnumber(L, value->number);
}

/* ---- watched values, whole: a table where the game has an array or a struct ---- */

struct pushing {
    lua_State *L;
    unsigned depth;
};

static void push_key(lua_State *L, const char *key, uint64_t index)
{
    luaL_checkstack(L, 4, "a watched value is too deep");
    if (key)
        lua_pushstring(L, key);
    else
        lua_pushinteger(L, (lua_Integer)index + 1);
}

static void push_leaf(void *context, const char *key, uint64_t index, const struct moth_watch_value *value,
                      const char *text, size_t text_length)
{
    struct pushing *pushing = context;
    lua_State *L = pushing->L;
    if (pushing->depth > 0)
        push_key(L, key, index);
    if (value->type == MOTH_VALUE_STR)
        lua_pushlstring(L, text, text_length);
    else
        push_value(L, value);
    if (pushing->depth > 0)
        lua_rawset(L, -3);
}

static void push_begin(void *context, const char *key, uint64_t index, bool array)
{
    struct pushing *pushing = context;
    (void)array;
    luaL_checkstack(pushing->L, 4, "a watched value is too deep");
    if (pushing->depth++ > 0)
        push_key(pushing->L, key, index);
    lua_newtable(pushing->L);
}

static void push_end(void *context)
{
    struct pushing *pushing = context;
    if (--pushing->depth > 0)
        lua_rawset(pushing->L, -3);
}

/* False: nothing was pushed. */
static bool push_watched(lua_State *L, struct moth_lua_host *host, const char *name)
{
    const struct moth_lua_backend *backend = host->backend;
    struct pushing pushing = {.L = L};
    struct moth_value_visitor visitor = {
        .context = &pushing, .leaf = push_leaf, .begin = push_begin, .end = push_end};
    int before = lua_gettop(L);
    if (!backend->watch_visit || !backend->watch_visit(backend->context, name, &visitor))
        return false;
    if (lua_gettop(L) == before) /* nothing in it that is understood */
        lua_pushnil(L);
    return true;
}

static int state_index(lua_State *L)
{
    struct moth_lua_host *host = moth_lua_host_of(L);
    struct moth_watch_value value;
    if (lua_type(L, 2) != LUA_TSTRING)
        return 0;
    lua_getfield(L, LUA_REGISTRYINDEX, ALIASES);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TSTRING)
        lua_pushvalue(L, 2);
    const char *name = lua_tostring(L, -1);
    if (push_watched(L, host, name))
        return 1;
    if (published(host, name, &value))
        push_value(L, &value);
    else if (strcmp(name, "frame") == 0)
        lua_pushinteger(L, host->now.frame);
    else if (strcmp(name, "time") == 0)
        lua_pushnumber(L, (lua_Number)host->now.time_ns / 1e9);
    else {
        snprintf(host->lacking, sizeof host->lacking, "%s", name);
        lua_pushnil(L);
    }
    return 1;
}

static int state_newindex(lua_State *L)
{
    return luaL_error(L, "game.state.%s: it can only be read", luaL_tolstring(L, 2, NULL));
}

/* pairs(): a copy of what is known now. */
static int state_pairs(lua_State *L)
{
    struct moth_lua_host *host = moth_lua_host_of(L);
    uint32_t n = 0;
    const struct moth_watch_value *all =
        host->backend->watches ? host->backend->watches(host->backend->context, &n) : NULL;
    lua_getglobal(L, "next");
    lua_newtable(L);
    for (uint32_t i = 0; all && i < n; i++) {
        struct moth_watch_value value = all[i];
        value.name[sizeof value.name - 1] = value.text[sizeof value.text - 1] = '\0';
        if (!push_watched(L, host, value.name))
            push_value(L, &value);
        lua_setfield(L, -2, value.name);
    }
    lua_getfield(L, LUA_REGISTRYINDEX, ALIASES);
    for (lua_pushnil(L); lua_next(L, -2);) {
        struct moth_watch_value value;
        if (published(host, lua_tostring(L, -1), &value)) {
            lua_pushvalue(L, -2);
            push_value(L, &value);
            lua_rawset(L, -6);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    lua_pushnil(L);
    return 3;
}

void moth_lua_open_state(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__index", state_index}, {"__newindex", state_newindex}, {"__pairs", state_pairs}, {NULL, NULL}};
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, ALIASES);
    lua_newtable(L);
    luaL_newlib(L, meta);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, STATE);
}

void moth_lua_push_state(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, STATE);
}

/* The name and the expression of the pair at the top of the stack: {hp = "player.health"}; or one text alone,
 * {"hp=player.health"}, {"hp@score:int"}, {"player.health"}, pushed as its two parts. */
static void take_pair(lua_State *L)
{
    if (lua_type(L, -1) != LUA_TSTRING || (lua_type(L, -2) != LUA_TSTRING && !lua_isinteger(L, -2)))
        moth_lua_argument_error(L, "game", "watch", "names",
                                "must be a table of names and expressions, { hp = \"player.health\" }");
    const char *text = lua_tostring(L, -1);
    if (lua_type(L, -2) == LUA_TSTRING) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        return;
    }
    const char *equals = strchr(text, '='), *at = strchr(text, '@'), *colon = strchr(text, ':');
    if (equals)
        lua_pushlstring(L, text, (size_t)(equals - text));
    else if (at && colon && colon > at)
        lua_pushlstring(L, text, (size_t)(at - text));
    else
        lua_pushvalue(L, -1);
    lua_pushstring(L, equals ? equals + 1 : text);
}

/* Watch the name and the expression at the top, which are popped. True: it has a value; false: not yet, and why is
 * pushed. What is wrong raises. */
static bool watch_pair(lua_State *L, struct moth_lua_host *host)
{
    const struct moth_lua_backend *backend = host->backend;
    const char *name = lua_tostring(L, -2), *expression = lua_tostring(L, -1);
    struct moth_watch_value value;
    struct moth_err err = {0};
    lua_getfield(L, LUA_REGISTRYINDEX, ALIASES);
    lua_pushvalue(L, -3);
    if (published(host, expression, &value) && strcmp(name, expression) != 0) {
        lua_pushvalue(L, -3);
        lua_rawset(L, -3);
        lua_pop(L, 3);
        return true;
    }
    lua_pushnil(L); /* no longer a published one's */
    lua_rawset(L, -3);
    if (published(host, expression, &value)) {
        lua_pop(L, 3);
        return true;
    }
    int result = backend->watch ? backend->watch(backend->context, name, expression, &err) : 1;
    if (result < 0)
        luaL_error(L, "game:watch: %s: '%s': %s", name, expression, err.message);
    if (result > 0 && !backend->watch) { /* it may be published later */
        lua_pushvalue(L, -3);
        lua_pushvalue(L, -3);
        lua_rawset(L, -3);
    }
    if (result > 0)
        lua_pushfstring(L, "%s: '%s': %s", name, expression,
                        err.message[0] ? err.message : "the game does not publish it (moth_watch_… of moth.h)");
    else
        lua_pushnil(L);
    lua_replace(L, -4);
    lua_pop(L, result > 0 ? 2 : 3);
    return result == 0;
}

static int api_watch(lua_State *L, struct moth_lua_host *host)
{
    bool all = true;
    lua_pushnil(L); /* 3: the first message */
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        take_pair(L);
        if (watch_pair(L, host))
            continue;
        if (all)
            lua_copy(L, -1, 3);
        lua_pop(L, 1);
        all = false;
    }
    if (all) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushvalue(L, 3);
    return 2;
}

const struct moth_lua_entry moth_lua_api_state[] = {
    {"watch", api_watch, "names: table -> boolean?, string?",
     "Watch variables of the game under names of the script's own: after game:watch{ hp = \"player.health\" } it is "
     "game.state.hp. What a name stands for is something that the game publishes (moth.h), an expression over its "
     "variables by its debug information (\"world->objects[3].pos.x\"), or an exported symbol with a type "
     "(\"score:int\"). true; or nil and a message when a variable is not there (yet): its value is nil until it is. An "
     "expression that is wrong raises an error."},
    {"state", NULL, "-> table",
     "What is watched and what the game publishes through moth.h, as it stands now, by name; read only. nil for what "
     "is not known or cannot be read. Enums by their names, texts as strings, arrays (from 1) and structs as tables. "
     "`frame` and `time` are there as well."},
    {NULL, NULL, NULL, NULL}};
