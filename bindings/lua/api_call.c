/* SPDX-License-Identifier: MIT
 *
 * Calls of the game's functions: from Lua's values to a call's and back.
 */
#include "bindings/lua/api.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Scratch of one call, in Lua's keeping: what raises leaves nothing behind. */
struct making {
    struct moth_call call;
    char text[MOTH_CALL_TEXT_BYTES], result[MOTH_CALL_TEXT_BYTES], strings[MOTH_CALL_TEXT_BYTES];
    char where[64]; /* for errors */
};

static int wrong(lua_State *L, const struct making *m, const char *expected, int i)
{
    return moth_lua_argument_error(L, "game", "call", m->where, "must be %s, not %s", expected,
                                   lua_type(L, i) == LUA_TSTRING ? lua_pushfstring(L, "the string '%s'", lua_tostring(L, i))
                                   : lua_isnumber(L, i)          ? luaL_tolstring(L, i, NULL)
                                                                 : luaL_typename(L, i));
}

static void take_whole(lua_State *L, const struct making *m, uint8_t type, int i, struct moth_call_value *value)
{
    static const struct {
        lua_Integer least, most;
        const char *words;
    } ranges[] = {
        [MOTH_CALL_I8] = {INT8_MIN, INT8_MAX, "a whole number from -128 to 127"},
        [MOTH_CALL_U8] = {0, UINT8_MAX, "a whole number from 0 to 255"},
        [MOTH_CALL_I16] = {INT16_MIN, INT16_MAX, "a whole number from -32768 to 32767"},
        [MOTH_CALL_U16] = {0, UINT16_MAX, "a whole number from 0 to 65535"},
        [MOTH_CALL_I32] = {INT32_MIN, INT32_MAX, "a whole number from -2147483648 to 2147483647"},
        [MOTH_CALL_U32] = {0, UINT32_MAX, "a whole number from 0 to 4294967295"},
        [MOTH_CALL_I64] = {LUA_MININTEGER, LUA_MAXINTEGER, "a whole number"},
        [MOTH_CALL_U64] = {LUA_MININTEGER, LUA_MAXINTEGER, "a whole number"}, /* Lua's have 64 bits, whatever their sign */
    };
    int is_whole = 0;
    lua_Integer number = lua_type(L, i) == LUA_TNUMBER ? lua_tointegerx(L, i, &is_whole) : 0;
    if (!is_whole || number < ranges[type].least || number > ranges[type].most)
        wrong(L, m, ranges[type].words, i);
    value->i = number;
}

static void take_text(lua_State *L, const struct making *m, int i, struct moth_call_value *value)
{
    size_t size;
    if (lua_isnoneornil(L, i))
        return;
    if (lua_type(L, i) != LUA_TSTRING)
        wrong(L, m, "a string or nil", i);
    value->text = lua_tolstring(L, i, &size);
    if (strlen(value->text) != size)
        moth_lua_argument_error(L, "game", "call", m->where, "a string of C cannot hold a zero byte");
}

static void take_value(lua_State *L, struct making *m, unsigned at, int i);

/* Nothing is given that has no place. */
static void check_members(lua_State *L, struct making *m, unsigned at, int i)
{
    const struct moth_call_node *nodes = m->call.signature.nodes;
    for (lua_pushnil(L); lua_next(L, i); lua_pop(L, 1)) {
        lua_Integer place = 0, wanted = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        bool known = false;
        for (unsigned k = at + 1; k < nodes[at].end && !known; k = nodes[k].end)
            known = ++place == wanted || (name && strcmp(name, nodes[k].name) == 0);
        if (!known)
            moth_lua_argument_error(L, "game", "call", m->where, "has no member '%s'", luaL_tolstring(L, -2, NULL));
    }
}

/* A text for an array of characters; what it does not fill is zero. False: that is not what is wanted there. */
static bool take_characters(lua_State *L, struct making *m, unsigned at, int i)
{
    const struct moth_call_node *nodes = m->call.signature.nodes;
    size_t length, room = nodes[at].end - at - 1u;
    if (lua_type(L, i) != LUA_TSTRING)
        return false;
    for (unsigned k = at + 1; k < nodes[at].end; k++)
        if ((nodes[k].type != MOTH_CALL_I8 && nodes[k].type != MOTH_CALL_U8) || nodes[k].name[0])
            return false;
    const char *text = lua_tolstring(L, i, &length);
    if (length > room)
        moth_lua_argument_error(L, "game", "call", m->where, "has room for %d bytes, not %d", (int)room, (int)length);
    for (unsigned k = 0; k < room; k++) {
        int64_t byte = k >= length                               ? 0
                       : nodes[at + 1 + k].type == MOTH_CALL_I8 ? (signed char)text[k]
                                                                 : (unsigned char)text[k];
        m->call.values[at + 1 + k] = (struct moth_call_value){.i = byte, .slot = MOTH_CALL_NO_SLOT};
    }
    return true;
}

/* A struct: its members by place or by name. */
static void take_struct(lua_State *L, struct making *m, unsigned at, int i)
{
    const struct moth_call_node *nodes = m->call.signature.nodes;
    char outer[sizeof m->where];
    snprintf(outer, sizeof outer, "%s", m->where);
    if (take_characters(L, m, at, i))
        return;
    if (lua_type(L, i) != LUA_TTABLE)
        wrong(L, m, "a table of its members", i);
    luaL_checkstack(L, 6, "structs in structs");
    check_members(L, m, at, i);
    lua_Integer place = 0;
    for (unsigned k = at + 1; k < nodes[at].end; k = nodes[k].end) {
        place++;
        bool named = nodes[k].name[0] && lua_getfield(L, i, nodes[k].name) != LUA_TNIL;
        if (nodes[k].name[0] && !named)
            lua_pop(L, 1);
        if (!named)
            lua_rawgeti(L, i, place);
        snprintf(m->where, sizeof m->where, "%.40s.%.20s", outer, nodes[k].name);
        if (!nodes[k].name[0])
            snprintf(m->where, sizeof m->where, "%.40s[%d]", outer, (int)place);
        take_value(L, m, k, lua_gettop(L));
        lua_pop(L, 1);
    }
    snprintf(m->where, sizeof m->where, "%s", outer);
}

static void take_value(lua_State *L, struct making *m, unsigned at, int i)
{
    struct moth_call_value *value = &m->call.values[at];
    uint8_t type = m->call.signature.nodes[at].type;
    *value = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    switch (type) {
    case MOTH_CALL_BOOL:
        if (lua_type(L, i) != LUA_TBOOLEAN)
            wrong(L, m, "true or false", i);
        value->i = lua_toboolean(L, i);
        break;
    case MOTH_CALL_F32:
    case MOTH_CALL_F64:
        if (lua_type(L, i) != LUA_TNUMBER)
            wrong(L, m, "a number", i);
        value->d = lua_tonumber(L, i);
        break;
    case MOTH_CALL_STRING:
        take_text(L, m, i, value);
        /* the string stays where it is, for Lua holds it: an argument, or in an argument's table */
        break;
    case MOTH_CALL_POINTER:
        if (!lua_isnoneornil(L, i))
            take_whole(L, m, MOTH_CALL_U64, i, value);
        break;
    case MOTH_CALL_STRUCT:
        take_struct(L, m, at, i);
        break;
    default:
        take_whole(L, m, type, i, value);
        break;
    }
}

/* At the end pointers may be left out, and only there. */
static bool may_lack(const struct moth_call_signature *signature, unsigned from)
{
    for (unsigned at = from; at < signature->n_nodes; at = signature->nodes[at].end)
        if (signature->nodes[at].type != MOTH_CALL_STRING && signature->nodes[at].type != MOTH_CALL_POINTER)
            return false;
    return true;
}

static void take_arguments(lua_State *L, struct making *m, int n_given)
{
    const struct moth_call_signature *signature = &m->call.signature;
    char spelled[160];
    if (n_given > (int)signature->n_params) {
        moth_call_spell(signature, spelled, sizeof spelled);
        luaL_error(L, "game:call: %s takes %d argument%s, not %d", spelled, (int)signature->n_params,
                   signature->n_params == 1 ? "" : "s", n_given);
    }
    int i = 3;
    for (unsigned at = signature->nodes[0].end; at < signature->n_nodes; at = signature->nodes[at].end, i++) {
        const char *name = signature->nodes[at].name;
        snprintf(m->where, sizeof m->where, "argument %d%s%s", i - 2, name[0] ? ", " : "", name);
        if (i - 2 > n_given && !may_lack(signature, at))
            moth_lua_argument_error(L, "game", "call", m->where, "is missing: %s",
                                    moth_call_type_name(signature->nodes[at].type));
        if (i - 2 > n_given)
            lua_pushnil(L); /* and is a null pointer */
        take_value(L, m, at, i - 2 > n_given ? lua_gettop(L) : i);
    }
}

static void push_result(lua_State *L, const struct moth_call *call, unsigned at)
{
    const struct moth_call_node *nodes = call->signature.nodes;
    const struct moth_call_value *value = &call->values[at];
    lua_Integer place = 0;
    switch (nodes[at].type) {
    case MOTH_CALL_VOID:
        lua_pushboolean(L, 1);
        break;
    case MOTH_CALL_BOOL:
        lua_pushboolean(L, value->u != 0);
        break;
    case MOTH_CALL_F32:
    case MOTH_CALL_F64:
        lua_pushnumber(L, value->d);
        break;
    case MOTH_CALL_STRING:
        lua_pushstring(L, value->text); /* NULL: nil */
        break;
    case MOTH_CALL_STRUCT:
        luaL_checkstack(L, 4, "structs in structs");
        lua_newtable(L);
        for (unsigned k = at + 1; k < nodes[at].end; k = nodes[k].end) {
            push_result(L, call, k);
            lua_pushvalue(L, -1);
            lua_rawseti(L, -3, ++place);
            if (nodes[k].name[0])
                lua_setfield(L, -2, nodes[k].name);
            else
                lua_pop(L, 1);
        }
        break;
    default:
        lua_pushinteger(L, value->i);
        break;
    }
}

/* The signature that is given, or that the game's debug information has. True: it stands in m->call. */
static bool find_signature(lua_State *L, struct moth_lua_host *host, struct making *m, const char *given,
                           const char *entry, struct moth_err *err)
{
    char problem[200];
    if (!strchr(given, '(')) {
        if (!host->backend->signature) {
            moth_err_set(err, MOTH_ERR_USAGE, "there is no debug information here: give the function's signature, as in "
                                              "\"%s(int,float)int\"", given);
            return false;
        }
        moth_lua_box_leave(&host->box);
        int result = host->backend->signature(host->backend->context, given, m->text, sizeof m->text, err);
        moth_lua_box_return(&host->box);
        if (result != 0)
            return false;
        given = m->text;
    }
    if (moth_call_parse(given, &m->call.signature, problem, sizeof problem) != 0)
        moth_lua_argument_error(L, "game", entry, "signature", "'%s': %s", given, problem);
    return true;
}

/* The game ended in the function: the script's fault, whatever the script would do about it. */
static void ended_in_it(lua_State *L, struct moth_lua_host *host, const char *why)
{
    int level = 1;
    do /* the script's own line, also through pcall */
        luaL_where(L, level);
    while (lua_tostring(L, -1)[0] == '\0' && ++level < 5);
    lua_pushfstring(L, "%sgame:call: %s", lua_tostring(L, -1), why);
    snprintf(host->fault, sizeof host->fault, "%s", lua_tostring(L, -1));
    luaL_traceback(L, L, lua_tostring(L, -1), 1);
    snprintf(host->fault_traceback, sizeof host->fault_traceback, "%s", lua_tostring(L, -1));
    host->end = MOTH_LUA_END_CALL;
    moth_lua_box_stop(L);
}

static int api_call(lua_State *L, struct moth_lua_host *host)
{
    int n_given = lua_gettop(L) - 2;
    struct moth_err err = {.message = "calls are not available here"};
    const char *given = lua_tostring(L, 2);
    moth_lua_box_alive(&host->box);
    if (host->end == MOTH_LUA_END_GAME)
        luaL_error(L, "%s; there is nothing to call", moth_lua_game_ended);
    if (!host->backend->call)
        return moth_lua_fail(L, &err);
    struct making *m = lua_newuserdatauv(L, sizeof *m, 0);
    memset(m, 0, sizeof *m);
    if (!find_signature(L, host, m, given, "call", &err))
        return moth_lua_fail(L, &err);
    take_arguments(L, m, n_given);
    moth_lua_box_leave(&host->box);
    enum moth_lua_call went =
        host->backend->call(host->backend->context, &m->call, m->result, sizeof m->result, &host->now, &err);
    moth_lua_box_return(&host->box);
    if (went == MOTH_LUA_CALL_REFUSED)
        return moth_lua_fail(L, &err);
    if (went == MOTH_LUA_CALL_FATAL)
        ended_in_it(L, host, err.message);
    if (went == MOTH_LUA_CALL_ENDED || went == MOTH_LUA_CALL_INTERRUPTED) {
        host->end = went == MOTH_LUA_CALL_ENDED ? MOTH_LUA_END_GAME : MOTH_LUA_END_INTERRUPTED;
        if (host->end == MOTH_LUA_END_GAME && host->n_held > 0)
            luaL_error(L, "%s at frame %d", moth_lua_game_ended, (int)host->now.frame);
        moth_lua_box_stop(L);
    }
    if (moth_call_decode_result(m->result, &m->call, m->strings, sizeof m->strings) != 0)
        return luaL_error(L, "game:call: what came back cannot be read");
    push_result(L, &m->call, 0);
    return 1;
}

const struct moth_lua_entry moth_lua_api_call[] = {
    {"call", api_call, "signature: string, ...: any -> any?, string?",
     "Call a function of the game, where it stands, on its main thread: game:call(\"give_item(int,float)int\", 3, 0.5). "
     "The name alone is enough where the game has debug information. Returns what the function returns: true for "
     "void, a table for a struct, an integer for a pointer; nil and a message when there is no such function. A call "
     "that crashes the game, or does not return, is the script's error. Calls are part of the trace."},
    {NULL, NULL, NULL, NULL}};
