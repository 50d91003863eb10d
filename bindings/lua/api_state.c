/* SPDX-License-Identifier: MIT
 *
 * Values that the game publishes through moth.h: `game.state`.
 */
#include "bindings/lua/api.h"

#include <string.h>

#include "moth/moth.h"

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
    if (!value->ok)
        lua_pushnil(L);
    else if (value->type == MOTH_WATCH_I32)
        lua_pushinteger(L, (lua_Integer)value->number);
    else if (value->type == MOTH_WATCH_BOOL)
        lua_pushboolean(L, value->number != 0);
    else if (value->type == MOTH_WATCH_STR)
        lua_pushstring(L, value->text);
    else
        lua_pushnumber(L, value->number);
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
    if (published(host, name, &value))
        push_value(L, &value);
    else if (strcmp(name, "frame") == 0)
        lua_pushinteger(L, host->now.frame);
    else if (strcmp(name, "time") == 0)
        lua_pushnumber(L, (lua_Number)host->now.time_ns / 1e9);
    else
        lua_pushnil(L);
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

/* Note the pairs; the first that is not published (its message at the top), or none. */
static bool note_watches(lua_State *L, struct moth_lua_host *host)
{
    bool all = true;
    lua_getfield(L, LUA_REGISTRYINDEX, ALIASES); /* 3 */
    for (lua_pushnil(L); lua_next(L, 2);) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            moth_lua_argument_error(L, "game", "watch", "names",
                                    "must be a table of names, { hp = \"player.health\" }");
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, 3);
        struct moth_watch_value value;
        if (all && !published(host, lua_tostring(L, -1), &value)) {
            all = false;
            lua_pushfstring(L,
                            "the game publishes no '%s' (moth_watch_… of moth.h); looking a variable up in the "
                            "game's debug information is not in this version of moth",
                            lua_tostring(L, -1));
            lua_insert(L, 4); /* below the pair */
        }
        lua_pop(L, 1);
    }
    return all;
}

static int api_watch(lua_State *L, struct moth_lua_host *host)
{
    if (note_watches(L, host)) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushvalue(L, 4);
    return 2;
}

const struct moth_lua_entry moth_lua_api_state[] = {
    {"watch", api_watch, "names: table -> boolean?, string?",
     "Give published values names of the script's own: after game:watch{ hp = \"player.health\" } it is "
     "game.state.hp. true, or nil and a message when the game does not publish one (yet): its value is nil until "
     "it does."},
    {"state", NULL, "-> table",
     "What the game publishes through moth.h, as it stands now, by name; read only. nil for what is not published "
     "or cannot be read. `frame` and `time` are there as well."},
    {NULL, NULL, NULL, NULL}};
