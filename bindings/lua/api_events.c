/* SPDX-License-Identifier: MIT
 *
 * What the game announces, and functions that are called when it does.
 */
#include "bindings/lua/api.h"

#include <stdlib.h>
#include <string.h>

#define HANDLERS "moth.handlers" /* in the registry: name → list of functions */
#define PENDING "moth.pending"   /* … events that nobody asked for yet */

static bool next_said(struct moth_lua_host *host, struct moth_announcement *said)
{
    return host->backend->announced && host->backend->announced(host->backend->context, said);
}

static void push_event(lua_State *L, const struct moth_announcement *said)
{
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, said->frame);
    lua_setfield(L, -2, "frame");
    lua_pushstring(L, said->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, said->text);
    lua_setfield(L, -2, "text");
}

/* Those that wait for `name`, in the order in which they were given. */
static void call_handlers(lua_State *L, const char *name, int n_arguments)
{
    int first = lua_gettop(L) - n_arguments + 1;
    lua_getfield(L, LUA_REGISTRYINDEX, HANDLERS);
    int list = lua_getfield(L, -1, name) == LUA_TTABLE ? lua_gettop(L) : 0;
    for (lua_Integer i = 1; list && lua_rawgeti(L, list, i) == LUA_TFUNCTION; i++) {
        for (int k = 0; k < n_arguments; k++)
            lua_pushvalue(L, first + k);
        lua_call(L, n_arguments, 0);
    }
    lua_settop(L, first - 1);
}

static void keep(lua_State *L, const struct moth_announcement *said)
{
    lua_getfield(L, LUA_REGISTRYINDEX, PENDING);
    push_event(L, said);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_pop(L, 1);
}

/* What is behind "@": the arguments of a function that was entered, in hexadecimal words. */
static int push_arguments(lua_State *L, const char *text)
{
    int n = 0;
    for (char *end; *text && n < 8; text = *end == ' ' ? end + 1 : end, n++) {
        lua_pushinteger(L, (lua_Integer)strtoull(text, &end, 16));
        if (end == text) {
            lua_pop(L, 1);
            break;
        }
    }
    return n;
}

static void deliver(lua_State *L, struct moth_lua_host *host, const struct moth_announcement *said)
{
    char key[sizeof said->name + 1] = "@";
    luaL_checkstack(L, 16, "events");
    switch (said->kind) {
    case MOTH_ANNOUNCE_EVENT:
        keep(L, said);
        push_event(L, said);
        call_handlers(L, said->name, 1);
        break;
    case MOTH_ANNOUNCE_ENTERED:
        memcpy(key + 1, said->name, sizeof said->name);
        lua_pushinteger(L, said->frame);
        call_handlers(L, key, 1 + push_arguments(L, said->text));
        break;
    case MOTH_ANNOUNCE_LOST:
        host->n_lost += (uint32_t)strtoul(said->text, NULL, 10);
        break;
    default: /* violations are findings */
        break;
    }
}

void moth_lua_take_events(lua_State *L, struct moth_lua_host *host)
{
    struct moth_announcement said;
    if (host->in_handler)
        return;
    host->in_handler = true; /* if it raises, the play is over, or the script says what comes next */
    while (next_said(host, &said))
        deliver(L, host, &said);
    host->in_handler = false;
}

void moth_lua_forget_events(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, PENDING);
}

void moth_lua_open_events(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, HANDLERS);
    moth_lua_forget_events(L);
}

static int api_events(lua_State *L, struct moth_lua_host *host)
{
    moth_lua_take_events(L, host);
    lua_getfield(L, LUA_REGISTRYINDEX, PENDING);
    moth_lua_forget_events(L);
    lua_pushinteger(L, host->n_lost);
    host->n_lost = 0;
    return 2;
}

static void add_handler(lua_State *L, struct moth_lua_host *host, const char *key)
{
    lua_getfield(L, LUA_REGISTRYINDEX, HANDLERS);
    if (lua_getfield(L, -1, key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, key);
    }
    lua_pushvalue(L, 3);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    host->n_handlers++;
}

static int api_on(lua_State *L, struct moth_lua_host *host)
{
    if (lua_tostring(L, 2)[0] == '@')
        return moth_lua_argument_error(L, "game", "on", "name", "cannot begin with '@'");
    add_handler(L, host, lua_tostring(L, 2));
    return 0;
}

static int api_on_call(lua_State *L, struct moth_lua_host *host)
{
    struct moth_err err = {.message = "there is no game here whose calls could be seen"};
    if (!host->backend->on_call)
        return moth_lua_fail(L, &err);
    moth_lua_box_leave(&host->box);
    int result = host->backend->on_call(host->backend->context, lua_tostring(L, 2), &err);
    moth_lua_box_return(&host->box);
    if (result != 0)
        return moth_lua_fail(L, &err);
    size_t length = strcspn(lua_tostring(L, 2), "(");
    while (length > 0 && lua_tostring(L, 2)[length - 1] == ' ')
        length--;
    if (length >= sizeof ((struct moth_announcement *)0)->name)
        return moth_lua_argument_error(L, "game", "on_call", "signature", "is too long a name");
    lua_pushliteral(L, "@");
    lua_pushlstring(L, lua_tostring(L, 2), length);
    lua_concat(L, 2);
    add_handler(L, host, lua_tostring(L, -1));
    lua_pushboolean(L, 1);
    return 1;
}

const struct moth_lua_entry moth_lua_api_events[] = {
    {"events", api_events, "-> table, integer",
     "What the game announced with moth_event since this was asked last: a list of { frame, name, text }, in order; "
     "and how many more there was no room for."},
    {"on", api_on, "name: string, fn: function",
     "Call fn(event) for each event of that name that the game announces, in order, where game:step comes to a "
     "boundary. fn may queue input and look at everything; it cannot step the game."},
    {"on_call", api_on_call, "signature: string, fn: function -> boolean?, string?",
     "Call fn(frame, …) when the game has called this function of its own, where game:step comes to a boundary; with "
     "the arguments that are whole numbers or pointers, in order, as far as registers hold them. nil and a message where "
     "that cannot be seen: the function is not exported, or called directly."},
    {NULL, NULL, NULL, NULL}};
