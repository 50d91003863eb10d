/* SPDX-License-Identifier: MIT
 *
 * What a script says about the game: findings, notes, waits.
 */
#include "bindings/lua/api.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const char *const kinds[] = {
#define X(name, text) text,
    MOTH_FINDING_KINDS(X)
#undef X
};

#define N_KINDS (sizeof kinds / sizeof kinds[0])

/* Hand a finding on, unless this play had it: a check in a loop is one finding, not one a frame. */
static void finding(lua_State *L, struct moth_lua_host *host, enum moth_finding_kind kind, const char *title)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moth.findings");
    lua_pushfstring(L, "%s %s", kinds[kind], title);
    lua_pushvalue(L, -1);
    bool seen = lua_rawget(L, -3) != LUA_TNIL;
    lua_pop(L, 1);
    if (!seen) {
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
        moth_lua_box_leave(&host->box);
        if (host->backend->finding)
            host->backend->finding(host->backend->context, kind, title, host->now.frame);
        moth_lua_box_return(&host->box);
    }
}

static int api_expect(lua_State *L, struct moth_lua_host *host)
{
    bool holds = lua_toboolean(L, 2);
    if (!holds) {
        const char *message = lua_tostring(L, 3);
        if (!message) {
            luaL_where(L, 1);
            message = lua_pushfstring(L, "%sexpectation failed", lua_tostring(L, -1));
        }
        finding(L, host, MOTH_FINDING_INVARIANT, message);
    }
    lua_pushboolean(L, holds);
    return 1;
}

static int api_report(lua_State *L, struct moth_lua_host *host)
{
    const char *name = lua_tostring(L, 2);
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i], name) == 0) {
            finding(L, host, (enum moth_finding_kind)i, lua_tostring(L, 3));
            return 0;
        }
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (size_t i = 0; i < N_KINDS; i++) {
        luaL_addstring(&all, i ? ", " : "");
        luaL_addstring(&all, kinds[i]);
    }
    luaL_pushresult(&all);
    const char *near = moth_str_nearest(name, kinds, N_KINDS);
    return moth_lua_argument_error(L, "game", "report", "kind", "must be one of %s, not '%s'%s%s%s",
                                   lua_tostring(L, -1), name, near ? "; did you mean '" : "", near ? near : "",
                                   near ? "'?" : "");
}

static int api_mark(lua_State *L, struct moth_lua_host *host)
{
    const char *text = lua_tostring(L, 2);
    moth_lua_box_leave(&host->box);
    if (host->backend->mark)
        host->backend->mark(host->backend->context, host->now.frame, text);
    moth_lua_box_return(&host->box);
    return 0;
}

static int api_waiting(lua_State *L, struct moth_lua_host *host)
{
    bool is_waiting = lua_toboolean(L, 2);
    moth_lua_box_leave(&host->box);
    if (host->backend->waiting)
        host->backend->waiting(host->backend->context, host->now.frame, is_waiting);
    moth_lua_box_return(&host->box);
    return 0;
}

const struct moth_lua_entry moth_lua_api_judge[] = {
    {"expect", api_expect, "cond: condition, message?: string -> boolean",
     "Where cond is false or nil, an `invariant` finding with this message, and the play goes on. The same "
     "message counts once a play. Returns whether it held."},
    {"report", api_report, "kind: string, title: string",
     "A finding of the script's own: a kind that moth knows, and one line."},
    {"mark", api_mark, "text: string", "A note on the timeline."},
    {"waiting", api_waiting, "is_waiting: boolean",
     "true: from here on the game waits legitimately, and standing still is no softlock; false: no longer."},
    {NULL, NULL, NULL, NULL}};
