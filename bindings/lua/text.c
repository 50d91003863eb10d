/* SPDX-License-Identifier: MIT
 *
 * Values as text: tostring, print and string.format, with addresses that repeat. What lies in the arena
 * shows its offset there; what does not (Lua's own C functions) has no address worth showing.
 */
#include "bindings/lua/box.h"

#include <stdio.h>
#include <string.h>

#define ADDRESS_BYTES 24

static void address_text(lua_State *L, int index, char text[ADDRESS_BYTES])
{
    const void *address = lua_topointer(L, index);
    if (!address)
        snprintf(text, ADDRESS_BYTES, "(null)");
    else if (moth_arena_owns(&moth_lua_box_of(L)->arena, address))
        snprintf(text, ADDRESS_BYTES, "0x%08x", (unsigned)(uintptr_t)address);
    else
        snprintf(text, ADDRESS_BYTES, "builtin");
}

void moth_lua_push_text(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    if (luaL_callmeta(L, index, "__tostring")) {
        if (!lua_isstring(L, -1))
            luaL_error(L, "'__tostring' must return a string");
        return;
    }
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
        luaL_tolstring(L, index, NULL);
        return;
    default:
        break;
    }
    char address[ADDRESS_BYTES];
    address_text(L, index, address);
    if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING) {
        lua_pushfstring(L, "%s: %s", lua_tostring(L, -1), address);
        lua_remove(L, -2);
    } else {
        lua_pushfstring(L, "%s: %s", luaL_typename(L, index), address);
    }
}

static int box_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    moth_lua_push_text(L, 1);
    return 1;
}

static void say_line(struct moth_lua_box *box, const char *line)
{
    moth_lua_box_leave(box);
    if (box->options.print)
        box->options.print(box->options.print_context, line);
    moth_lua_box_return(box);
}

static int box_print(lua_State *L)
{
    struct moth_lua_box *box = moth_lua_box_of(L);
    int n = lua_gettop(L);
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&buffer, '\t');
        moth_lua_push_text(L, i);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    const char *line = lua_tostring(L, -1);
    for (const char *end; (end = strchr(line, '\n')); line += end - line + 1) {
        lua_pushlstring(L, line, (size_t)(end - line));
        say_line(box, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    say_line(box, line);
    return 0;
}

/* Which conversion takes which argument: writes the format on with %p as %s, and puts the texts of
 * addresses and of objects in the arguments' places. Lua's own checks everything else. */
static void mask_arguments(lua_State *L, const char *format, size_t n, luaL_Buffer *masked, int n_args)
{
    int argument = 1;
    for (size_t i = 0; i < n; i++) {
        luaL_addchar(masked, format[i]);
        if (format[i] != '%' || i + 1 >= n)
            continue;
        if (format[i + 1] == '%') {
            luaL_addchar(masked, format[++i]);
            continue;
        }
        while (i + 1 < n && strchr("-+ #0123456789.", format[i + 1]))
            luaL_addchar(masked, format[++i]);
        if (i + 1 >= n)
            break;
        char conversion = format[++i];
        luaL_addchar(masked, conversion == 'p' ? 's' : conversion);
        if (++argument > n_args)
            continue;
        if (conversion == 'p') {
            char address[ADDRESS_BYTES];
            address_text(L, argument, address);
            lua_pushstring(L, address);
            lua_replace(L, argument);
        } else if (conversion == 's' && lua_type(L, argument) >= LUA_TTABLE) {
            moth_lua_push_text(L, argument);
            lua_replace(L, argument);
        }
    }
}

/* string.format(format, …). Upvalue 1: Lua's. */
static int box_format(lua_State *L)
{
    size_t n;
    const char *format = luaL_checklstring(L, 1, &n);
    int n_args = lua_gettop(L);
    luaL_checkstack(L, n_args + 8, "too many arguments");
    luaL_Buffer masked;
    luaL_buffinit(L, &masked);
    mask_arguments(L, format, n, &masked, n_args);
    luaL_pushresult(&masked);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_replace(L, 2);
    lua_call(L, n_args, 1);
    return 1;
}

void moth_lua_open_text(lua_State *L)
{
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, box_tostring, 1);
    lua_setglobal(L, "tostring");
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, box_print, 1);
    lua_setglobal(L, "print");
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, box_format, 1);
    lua_setfield(L, -2, "format");
    lua_pop(L, 1);
}
