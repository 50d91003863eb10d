/* SPDX-License-Identifier: MIT
 *
 * Groups: several games that play with each other. `game` is the first of them; the others get their input
 * through objects of their own.
 */
#include "bindings/lua/api.h"

#include <string.h>

static bool member_at(const struct moth_lua_host *host, unsigned index, struct moth_lua_member *member)
{
    if (host->backend->member)
        return host->backend->member(host->backend->context, index, member);
    *member = (struct moth_lua_member){"game", host->now.window_w, host->now.window_h, false};
    return index == 0;
}

unsigned moth_lua_members(const struct moth_lua_host *host)
{
    struct moth_lua_member member;
    unsigned n = 1;
    while (n < MOTH_MEMBERS_MAX && member_at(host, n, &member))
        n++;
    return n;
}

bool moth_lua_push_member_field(lua_State *L, struct moth_lua_host *host, const char *name)
{
    struct moth_lua_member member = {0};
    member_at(host, (unsigned)(host->hand - host->hands), &member);
    if (strcmp(name, "name") == 0)
        lua_pushstring(L, member.name);
    else if (strcmp(name, "width") == 0)
        lua_pushinteger(L, member.window_w);
    else if (strcmp(name, "height") == 0)
        lua_pushinteger(L, member.window_h);
    else if (strcmp(name, "gone") == 0)
        lua_pushboolean(L, member.gone);
    else
        return false;
    return true;
}

static int api_members(lua_State *L, struct moth_lua_host *host)
{
    struct moth_lua_member member;
    lua_newtable(L);
    for (unsigned i = 0; i < MOTH_MEMBERS_MAX && member_at(host, i, &member); i++) {
        lua_pushstring(L, member.name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int api_member(lua_State *L, struct moth_lua_host *host)
{
    const char *name = lua_tostring(L, 2);
    struct moth_lua_member member;
    for (unsigned i = 0; i < MOTH_MEMBERS_MAX && member_at(host, i, &member); i++)
        if (strcmp(member.name, name) == 0) {
            moth_lua_push_object(L, "moth.member", (int)i);
            return 1;
        }
    return luaL_error(L, "game:member: there is no member '%s'; game:members() lists them", name);
}

const struct moth_lua_entry moth_lua_api_group[] = {
    {"members", api_members, "-> table",
     "The names of the games that play together, in order: \"game\" is this one, the others are those of --member."},
    {"member", api_member, "name: string -> member",
     "One of them. It takes input as `game` does, and has the fields `name`, `width` and `height` of its window in "
     "pixels (0: it has none), and `gone` (it left by itself). Stepping steps them all."},
    {NULL, NULL, NULL, NULL}};

const struct moth_lua_entry moth_lua_api_member[] = {
    {"name", NULL, "-> string", "What the others call it."},
    {"width", NULL, "-> integer", "Pixels of its window; 0: it has none."},
    {"height", NULL, "-> integer", "Pixels of its window; 0: it has none."},
    {"gone", NULL, "-> boolean", "It has left by itself."},
    {NULL, NULL, NULL, NULL}};
