/* SPDX-License-Identifier: MIT */
#include "bindings/lua/scenario.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "base/log.h"
#include "base/str.h"

#define SPIKE_MS_MAX 1e6
#define BUDGET_S_MAX 1e6
#define BUDGET_WORDS                                                                                                  \
    "`budget` must be a time (\"60s\", \"2m\", \"500ms\"), frames (\"600 frames\"), milliseconds a frame (16.7), or a " \
    "table {time = \"60s\", frames = 600, spike_ms = 16.7}"

/* ---- budgets ---- */

static bool budget_text(const char *text, struct moth_lua_budget *budget)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
    char *end;
    double value = isdigit((unsigned char)text[0]) ? strtod(text, &end) : 0;
    if (!(value > 0) || !isfinite(value))
        return false;
    end += strspn(end, " ");
    bool frames = strcmp(end, "frames") == 0 || strcmp(end, "frame") == 0 || strcmp(end, "f") == 0;
    if (frames && value <= UINT32_MAX && floor(value) == value) {
        budget->frames = (uint32_t)value;
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].unit) == 0 && value * units[i].seconds <= BUDGET_S_MAX) {
            budget->time_ns = (uint64_t)(value * units[i].seconds * 1e9);
            return budget->time_ns > 0;
        }
    return false;
}

static bool budget_table(lua_State *L, struct moth_lua_budget *budget)
{
    bool right = true;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        lua_Number value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
        if (strcmp(name, "spike_ms") == 0)
            budget->spike_ms = value;
        if (strcmp(name, "spike_ms") == 0)
            right = right && value > 0 && value <= SPIKE_MS_MAX;
        else if (strcmp(name, "frames") == 0) {
            right = right && value >= 1 && value <= UINT32_MAX && floor(value) == value;
            budget->frames = right ? (uint32_t)value : 0;
        } else
            right = right && strcmp(name, "time") == 0 && lua_type(L, -1) == LUA_TSTRING &&
                    budget_text(lua_tostring(L, -1), budget);
        lua_pop(L, 1);
    }
    return right;
}

struct moth_lua_budget moth_lua_budget_of(lua_State *L, int i)
{
    struct moth_lua_budget budget = {0};
    bool right = true;
    lua_pushvalue(L, i);
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        break;
    case LUA_TNUMBER:
        budget.spike_ms = lua_tonumber(L, -1);
        right = budget.spike_ms > 0 && budget.spike_ms <= SPIKE_MS_MAX;
        break;
    case LUA_TSTRING:
        right = budget_text(lua_tostring(L, -1), &budget);
        break;
    case LUA_TTABLE:
        right = budget_table(L, &budget);
        break;
    default:
        right = false;
    }
    lua_pop(L, 1);
    if (!right)
        luaL_error(L, "the agent's " BUDGET_WORDS);
    return budget;
}

/* ---- fields ---- */

void moth_lua_warn_of_fields(lua_State *L, int i, const char *file)
{
    static const char *const known[] = {"name", "play", "tags", "budget", "cases", "setup", "teardown", "actions", "cell",
                                        "prefer", "mouse", "pad", "opening", "look", "explores"};
    const size_t n = sizeof known / sizeof *known;
    lua_pushnil(L);
    while (lua_next(L, i)) {
        lua_pop(L, 1);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        const char *near = name ? moth_str_nearest(name, known, n) : NULL;
        if (!near || strcmp(near, name) == 0)
            continue;
        lua_pushstring(L, near);
        bool has_both = lua_rawget(L, i) != LUA_TNIL; /* then it is the script's own */
        lua_pop(L, 1);
        if (!has_both)
            moth_log_warning("%s: moth knows no field `%s` of the table that it returns; did you mean `%s`?", file, name, near);
    }
}

/* ---- cases ---- */

static void check_name(lua_State *L, const char *name, int number)
{
    size_t n = strlen(name);
    bool right = n > 0 && n < MOTH_LUA_CASE_NAME_MAX;
    for (size_t i = 0; i < n; i++)
        right = right && (unsigned char)name[i] >= ' ' && name[i] != 0x7f;
    if (!right)
        luaL_error(L, "the name of case %d must be one line of at most %d characters", number,
                   MOTH_LUA_CASE_NAME_MAX - 1);
}

/* The case on the top, as the file has it, becomes a table with a name. */
static void complete_case(lua_State *L, int number)
{
    if (!lua_istable(L, -1)) {
        int type = lua_type(L, -1);
        if (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN)
            luaL_error(L, "case %d must be a table, or a text, number or truth value, not %s", number, luaL_typename(L, -1));
        lua_createtable(L, 0, 2);
        lua_insert(L, -2);
        luaL_tolstring(L, -1, NULL);
        lua_setfield(L, -3, "name");
        lua_setfield(L, -2, "value");
    }
    int type = lua_getfield(L, -1, "name");
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushfstring(L, "%d", number);
        lua_pushvalue(L, -1);
        lua_setfield(L, -3, "name");
    } else if (type != LUA_TSTRING) {
        luaL_error(L, "the name of case %d must be a string, not %s", number, luaL_typename(L, -1));
    }
    check_name(L, lua_tostring(L, -1), number);
    lua_pop(L, 1);
}

/* Does the file return a list of scenarios? Then it is the cases itself. */
static bool is_list(lua_State *L, int i)
{
    bool list = lua_geti(L, i, 1) == LUA_TTABLE;
    lua_getfield(L, i, "play");
    lua_getfield(L, i, "cases");
    list = list && lua_isnil(L, -1) && lua_isnil(L, -2);
    lua_pop(L, 3);
    return list;
}

bool moth_lua_push_cases(lua_State *L, int i)
{
    i = lua_absindex(L, i);
    if (!lua_istable(L, i)) {
        lua_pushnil(L);
        return false;
    }
    if (is_list(L, i))
        lua_pushvalue(L, i);
    else if (lua_getfield(L, i, "cases") == LUA_TNIL)
        return false;
    if (!lua_istable(L, -1))
        luaL_error(L, "`cases` must be a list, not %s", luaL_typename(L, -1));
    lua_Unsigned n = lua_rawlen(L, -1);
    if (n == 0 || n > MOTH_LUA_CASES_MAX)
        luaL_error(L, n == 0 ? "`cases` is empty: there is nothing to play" : "`cases` has more than %d entries",
                   MOTH_LUA_CASES_MAX);
    lua_createtable(L, (int)n, 0);
    lua_createtable(L, 0, (int)n); /* names that there were */
    for (int k = 1; k <= (int)n; k++) {
        lua_geti(L, -3, k);
        complete_case(L, k);
        lua_getfield(L, -1, "name");
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -4) != LUA_TNIL)
            luaL_error(L, "two cases are called '%s'", lua_tostring(L, -2));
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
        lua_rawset(L, -4);
        lua_seti(L, -3, k);
    }
    lua_pop(L, 1);
    lua_replace(L, -2);
    return true;
}

int moth_lua_case_field(lua_State *L, int i, int c, const char *name)
{
    if (lua_istable(L, c)) {
        int type = lua_getfield(L, c, name);
        if (type != LUA_TNIL)
            return type;
        lua_pop(L, 1);
    }
    if (lua_istable(L, i))
        return lua_getfield(L, i, name);
    lua_pushnil(L);
    return LUA_TNIL;
}

static void add_tags(lua_State *L, int list, int owner)
{
    if (!lua_istable(L, owner) || lua_getfield(L, owner, "tags") == LUA_TNIL) {
        if (lua_istable(L, owner))
            lua_pop(L, 1);
        return;
    }
    if (!lua_istable(L, -1))
        luaL_error(L, "`tags` must be a list of words, not %s", luaL_typename(L, -1));
    for (int k = 1; lua_geti(L, -1, k) != LUA_TNIL; k++) {
        const char *tag = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        size_t n = strlen(tag);
        bool word = n > 0 && n < 64;
        for (size_t at = 0; at < n; at++)
            word = word && (isalnum((unsigned char)tag[at]) || strchr("-_.:/", tag[at]));
        bool reserved = strcmp(tag, "and") == 0 || strcmp(tag, "or") == 0 || strcmp(tag, "not") == 0;
        if (!word || reserved)
            luaL_error(L, "a tag must be a word of letters, digits and -_.:/ (and not `and`, `or`, `not`), not '%s'", tag);
        if (lua_rawlen(L, list) >= MOTH_LUA_TAGS_MAX)
            luaL_error(L, "more than %d tags", MOTH_LUA_TAGS_MAX);
        lua_seti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
    }
    lua_pop(L, 2);
}

void moth_lua_push_tags(lua_State *L, int i, int c)
{
    i = lua_absindex(L, i);
    c = lua_absindex(L, c);
    lua_newtable(L);
    int list = lua_gettop(L);
    add_tags(L, list, i);
    if (!lua_rawequal(L, i, c))
        add_tags(L, list, c);
}

void moth_lua_find_case(lua_State *L, int list, const char *name)
{
    const char *words[256];
    size_t n = 0;
    for (int k = 1; lua_geti(L, list, k) != LUA_TNIL; k++) {
        lua_getfield(L, -1, "name");
        const char *found = lua_tostring(L, -1);
        lua_pop(L, 1);
        if (strcmp(found, name) == 0)
            return;
        if (n < sizeof words / sizeof *words)
            words[n++] = found; /* the list keeps it */
        lua_pop(L, 1);
    }
    const char *near = moth_str_nearest(name, words, n);
    luaL_error(L, "there is no case '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}
