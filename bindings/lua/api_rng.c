/* SPDX-License-Identifier: MIT */
#include "bindings/lua/api.h"

static int api_int(lua_State *L, struct moth_lua_host *host)
{
    lua_Integer low = lua_tointeger(L, 2), high = lua_tointeger(L, 3);
    if (high < low)
        return moth_lua_argument_error(L, "rng", "int", "b", "must not be less than a");
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t drawn = span ? moth_rng_below(&host->rng, span) : moth_rng_next(&host->rng);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + drawn));
    return 1;
}

static int api_pick(lua_State *L, struct moth_lua_host *host)
{
    lua_Integer n = luaL_len(L, 2);
    if (n < 1)
        return moth_lua_argument_error(L, "rng", "pick", "t", "must be a list with something in it");
    lua_geti(L, 2, (lua_Integer)moth_rng_below(&host->rng, (uint64_t)n) + 1);
    return 1;
}

static int api_chance(lua_State *L, struct moth_lua_host *host)
{
    lua_pushboolean(L, moth_rng_unit(&host->rng) < lua_tonumber(L, 2));
    return 1;
}

const struct moth_lua_entry moth_lua_api_rng[] = {
    {"int", api_int, "a: integer, b: integer -> integer", "A whole number from a to b, both included."},
    {"pick", api_pick, "t: table -> any", "One element of a list."},
    {"chance", api_chance, "p: probability -> boolean", "true with probability p."},
    {NULL, NULL, NULL, NULL}};
