/* SPDX-License-Identifier: MIT
 *
 * What is on screen; and the controllers, which are handed out here.
 */
#include "bindings/lua/api.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int not_available(lua_State *L, const char *what)
{
    lua_pushnil(L);
    lua_pushfstring(L, "%s are not available here", what);
    return 2;
}

static int api_picture(lua_State *L, struct moth_lua_host *host)
{
    if (!host->backend->picture)
        return not_available(L, "pictures");
    struct moth_err err = {0};
    uint64_t hash = 0;
    moth_lua_box_leave(&host->box);
    int result = host->backend->picture(host->backend->context, &hash, &err);
    moth_lua_box_return(&host->box);
    if (result != 0)
        return moth_lua_fail(L, &err);
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    lua_pushstring(L, text);
    return 1;
}

static bool is_file_name(const char *name, size_t size)
{
    if (size == 0 || size > MOTH_LUA_PICTURE_NAME_MAX || name[0] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i] ? name[i] : '/'))
            return false;
    return true;
}

void moth_lua_check_picture_name(lua_State *L, const char *call, int i)
{
    size_t size;
    const char *name = lua_tolstring(L, i, &size);
    if (!is_file_name(name, size))
        moth_lua_argument_error(L, "game", call, "name",
                                "must be at most %d letters, digits, '-', '_' and '.', without a dot at its beginning, "
                                "not '%s'",
                                MOTH_LUA_PICTURE_NAME_MAX, name);
}

static int api_screenshot(lua_State *L, struct moth_lua_host *host)
{
    const char *name = lua_tostring(L, 2);
    moth_lua_check_picture_name(L, "screenshot", 2);
    if (!host->backend->screenshot)
        return not_available(L, "screenshots");
    struct moth_err err = {0};
    moth_lua_box_leave(&host->box);
    int result = host->backend->screenshot(host->backend->context, name, &err);
    moth_lua_box_return(&host->box);
    if (result != 0)
        return moth_lua_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

static int api_pad(lua_State *L, struct moth_lua_host *host)
{
    int index = (int)lua_tointeger(L, 2) - 1;
    lua_getfield(L, LUA_REGISTRYINDEX, "moth.pads");
    if (lua_rawgeti(L, -1, index + 1) == LUA_TNIL) {
        moth_lua_push_object(L, "moth.pad", index);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -4, index + 1);
    }
    if (!host->hand->pads[index].attached) {
        struct moth_input_event event = {.type = MOTH_INPUT_PAD_ATTACH, .device = (uint8_t)index};
        moth_lua_queue(L, host, &event);
        host->hand->pads[index].attached = true;
    }
    return 1;
}

const struct moth_lua_entry moth_lua_api_look[] = {
    {"pad", api_pad, "i: pad_index -> pad",
     "The i-th virtual game controller, 1 to 4; plugged in when first asked for."},
    {"picture", api_picture, "-> string?, string?",
     "A hash of what is on screen, 16 hex digits: the same hash, the same picture. nil and a message where "
     "the picture cannot be read."},
    {"screenshot", api_screenshot, "name: string -> boolean?, string?",
     "Keep what is on screen as <name>.png: in findings/<fingerprint>/ of the run's folder when the play found something, "
     "else in traces/<number>/, the number being that of the play. true, or nil and a message."},
    {NULL, NULL, NULL, NULL}};
