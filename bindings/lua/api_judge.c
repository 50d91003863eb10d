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

#define WHERE_BYTES 512

/* The line of the script itself that is being run, "bots/a.lua:12"; of what called it where it is not on the stack. */
static void where_of(lua_State *L, const struct moth_lua_host *host, char where[WHERE_BYTES])
{
    lua_Debug call;
    for (int level = 1; lua_getstack(L, level, &call); level++) {
        lua_getinfo(L, "Sl", &call);
        if (host->chunk_name && strcmp(call.source, host->chunk_name) == 0 && call.currentline > 0) {
            snprintf(where, WHERE_BYTES, "%s:%d", host->chunk_name + 1, call.currentline);
            return;
        }
    }
    luaL_where(L, 1);
    snprintf(where, WHERE_BYTES, "%s", lua_tostring(L, -1));
    where[strcspn(where, " ")] = '\0';
    lua_pop(L, 1);
}

/* A check in a loop is one finding, not one a frame. */
void moth_lua_finding(lua_State *L, struct moth_lua_host *host, enum moth_finding_kind kind, const char *title)
{
    int top = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, "moth.findings");
    lua_pushfstring(L, "%s %s", kinds[kind], title);
    lua_pushvalue(L, -1);
    bool seen = lua_rawget(L, -3) != LUA_TNIL;
    lua_pop(L, 1);
    if (!seen) {
        char where[WHERE_BYTES];
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
        where_of(L, host, where);
        moth_lua_box_leave(&host->box);
        if (host->backend->finding)
            host->backend->finding(host->backend->context, kind, title, where, host->now.frame);
        moth_lua_box_return(&host->box);
    }
    lua_settop(L, top);
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
        moth_lua_finding(L, host, MOTH_FINDING_INVARIANT, message);
    }
    lua_pushboolean(L, holds);
    return 1;
}

const char moth_lua_play_failed[] = "the play failed";

static int api_fail(lua_State *L, struct moth_lua_host *host)
{
    const char *message = lua_tostring(L, 2);
    moth_lua_finding(L, host, MOTH_FINDING_INVARIANT, message);
    host->failed = true;
    return luaL_error(L, "%s: %s", moth_lua_play_failed, message);
}

static int api_report(lua_State *L, struct moth_lua_host *host)
{
    const char *name = lua_tostring(L, 2);
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i], name) == 0) {
            moth_lua_finding(L, host, (enum moth_finding_kind)i, lua_tostring(L, 3));
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
    {"fail", api_fail, "message: string",
     "An `invariant` finding with this message, and the play is over: a scenario cannot go on from here."},
    {"report", api_report, "kind: string, title: string",
     "A finding of the script's own: a kind that moth knows, and one line."},
    {"mark", api_mark, "text: string", "A note on the timeline."},
    {"waiting", api_waiting, "is_waiting: boolean",
     "true: from here on the game waits legitimately, and standing still is no softlock; false: no longer."},
    {NULL, NULL, NULL, NULL}};
