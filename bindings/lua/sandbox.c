/* SPDX-License-Identifier: MIT
 *
 * Lua's libraries, less the ways out: files, programs, clocks, bytecode, finalizers, random numbers
 * that are not the seed's. With unsafe_lua only the random numbers and the masked addresses stay.
 */
#include "bindings/lua/box.h"

#include <string.h>

#include <lualib.h>

/* A light C function is hashed by its address in the process, which ASLR moves; a closure lies in the
 * arena. Turns every light function of the table on the top into one. */
static void close_over(lua_State *L)
{
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_CFunction function = lua_tocfunction(L, -1);
        if (function && !lua_getupvalue(L, -1, 1)) {
            lua_pop(L, 1);
            lua_pushvalue(L, -1);
            lua_pushboolean(L, 1);
            lua_pushcclosure(L, function, 1);
            lua_settable(L, -4);
        } else {
            lua_settop(L, function ? -3 : -2);
        }
    }
}

static void open_library(lua_State *L, const char *name, lua_CFunction open)
{
    luaL_requiref(L, name, open, 1);
    close_over(L);
    lua_pop(L, 1);
}

/* What stands in the place of a closed library: any use of it says so. Upvalue 1: the library. */
static int closed_index(lua_State *L)
{
    return luaL_error(L, "%s.%s is closed to scripts, so that they repeat (--unsafe-lua opens it)",
                      lua_tostring(L, lua_upvalueindex(1)), luaL_tolstring(L, 2, NULL));
}

static int closed_call(lua_State *L)
{
    return luaL_error(L, "%s is closed to scripts, so that they repeat (--unsafe-lua opens it)",
                      lua_tostring(L, lua_upvalueindex(1)));
}

static void close_library(lua_State *L, const char *name)
{
    lua_newtable(L);
    lua_newtable(L);
    lua_pushstring(L, name);
    lua_pushcclosure(L, closed_index, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__newindex");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setglobal(L, name);
}

static void close_function(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_pushcclosure(L, closed_call, 1);
    lua_setglobal(L, name);
}

/* load(): text only. Upvalue 1: Lua's. */
static int box_load(lua_State *L)
{
    if (lua_gettop(L) < 3)
        lua_settop(L, 3);
    lua_pushliteral(L, "t");
    lua_replace(L, 3);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Finalizers run with the hook off: an endless one could not be ended. Upvalue 1: Lua's. */
static int box_setmetatable(lua_State *L)
{
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_argerror(L, 2, "__gc is closed to scripts");
        lua_settop(L, 2);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* "count", "collect" and "step" as they are; what would change how the collector works does nothing.
 * Upvalue 1: Lua's. */
static int box_collectgarbage(lua_State *L)
{
    const char *what = luaL_optstring(L, 1, "collect");
    if (strcmp(what, "count") != 0 && strcmp(what, "collect") != 0 && strcmp(what, "step") != 0) {
        lua_pushinteger(L, 0);
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushstring(L, what);
    lua_call(L, 1, 1);
    return 1;
}

/* pairs() and ipairs() as Lua's, with iterators that are closures. Upvalue 1: the iterator. */
static int box_pairs(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_getmetafield(L, 1, "__pairs") == LUA_TNIL) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_pushvalue(L, 1);
        lua_pushnil(L);
    } else {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 3);
    }
    return 3;
}

static int next_index(lua_State *L)
{
    lua_Integer i = luaL_intop(+, luaL_checkinteger(L, 2), 1);
    lua_pushinteger(L, i);
    return lua_geti(L, 1, i) == LUA_TNIL ? 1 : 2;
}

static int box_ipairs(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

/* A message handler runs with the hook off when the hook raised: one that loops could not be ended, so it
 * is not called once the script was stopped. Upvalue 1: the script's handler. */
static int box_handler(lua_State *L)
{
    if (moth_lua_box_of(L)->stopped)
        return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

/* Its own function, because a coroutine may yield across the call. */
static int after_xpcall(lua_State *L, int status, lua_KContext context)
{
    (void)status;
    (void)context;
    return lua_gettop(L);
}

/* Upvalue 1: Lua's. */
static int box_xpcall(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, box_handler, 1);
    lua_replace(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_xpcall);
    return after_xpcall(L, LUA_OK, 0);
}

/* math.random by the run's seed. */
static int box_random(lua_State *L)
{
    struct moth_rng *rng = &moth_lua_box_of(L)->rng;
    lua_Integer low = 1, high;
    switch (lua_gettop(L)) {
    case 0:
        lua_pushnumber(L, moth_rng_unit(rng));
        return 1;
    case 1:
        high = luaL_checkinteger(L, 1);
        if (high == 0) {
            lua_pushinteger(L, (lua_Integer)moth_rng_next(rng));
            return 1;
        }
        break;
    case 2:
        low = luaL_checkinteger(L, 1);
        high = luaL_checkinteger(L, 2);
        break;
    default:
        return luaL_error(L, "wrong number of arguments");
    }
    luaL_argcheck(L, low <= high, lua_gettop(L), "interval is empty");
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t drawn = span ? moth_rng_below(rng, span) : moth_rng_next(rng);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + drawn));
    return 1;
}

/* The seed is the run's: a script that seeds keeps running, and repeats. */
static int box_randomseed(lua_State *L)
{
    (void)L;
    return 0;
}

/* Put `function` with the global `name` as its upvalue in its place. */
static void wrap_global(lua_State *L, const char *name, lua_CFunction function)
{
    lua_getglobal(L, name);
    lua_pushcclosure(L, function, 1);
    lua_setglobal(L, name);
}

static void open_overrides(lua_State *L)
{
    lua_getglobal(L, "next");
    lua_pushcclosure(L, box_pairs, 1);
    lua_setglobal(L, "pairs");
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, next_index, 1);
    lua_pushcclosure(L, box_ipairs, 1);
    lua_setglobal(L, "ipairs");

    wrap_global(L, "xpcall", box_xpcall);

    lua_getglobal(L, "math");
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, box_random, 1);
    lua_setfield(L, -2, "random");
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, box_randomseed, 1);
    lua_setfield(L, -2, "randomseed");
    lua_pop(L, 1);
}

static void open_closed(lua_State *L)
{
    open_library(L, LUA_GNAME, luaopen_base);
    open_library(L, LUA_TABLIBNAME, luaopen_table);
    open_library(L, LUA_STRLIBNAME, luaopen_string);
    open_library(L, LUA_COLIBNAME, luaopen_coroutine);
    open_library(L, LUA_MATHLIBNAME, luaopen_math);
    open_library(L, LUA_UTF8LIBNAME, luaopen_utf8);
    open_library(L, LUA_DBLIBNAME, luaopen_debug);
    lua_getglobal(L, "debug");
    lua_getfield(L, -1, "traceback");
    close_library(L, "debug");
    lua_getglobal(L, "debug");
    lua_insert(L, -2);
    lua_pushliteral(L, "traceback");
    lua_insert(L, -2);
    lua_rawset(L, -3);
    lua_pop(L, 2);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(L);
    lua_setfield(L, -2, "debug");
    lua_pop(L, 1);

    close_library(L, "os");
    close_library(L, "io");
    close_library(L, "package");
    close_function(L, "dofile");
    close_function(L, "loadfile");
    lua_getglobal(L, "string");
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_pop(L, 1);
    wrap_global(L, "load", box_load);
    wrap_global(L, "setmetatable", box_setmetatable);
    wrap_global(L, "collectgarbage", box_collectgarbage);
}

void moth_lua_open_sandbox(lua_State *L)
{
    if (moth_lua_box_of(L)->options.unsafe_lua)
        luaL_openlibs(L);
    else
        open_closed(L);
    open_overrides(L);
    moth_lua_open_text(L);
    moth_lua_open_modules(L);
}
