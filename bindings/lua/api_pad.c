/* SPDX-License-Identifier: MIT
 *
 * Virtual game controllers.
 */
#include "bindings/lua/api.h"

#include <math.h>

static int api_button(lua_State *L, struct moth_lua_host *host, bool down)
{
    int device = moth_lua_object_index(L, 1);
    struct moth_lua_pad *pad = &host->hand->pads[device];
    int code = moth_pad_button_from_name(lua_tostring(L, 2));
    uint32_t bit = 1u << code;
    if (down == ((pad->buttons & bit) != 0))
        return 0;
    struct moth_input_event event = {.type = down ? MOTH_INPUT_PAD_DOWN : MOTH_INPUT_PAD_UP,
                                     .device = (uint8_t)device,
                                     .code = (uint16_t)code};
    moth_lua_queue(L, host, &event);
    pad->buttons ^= bit;
    return 0;
}

static int api_press(lua_State *L, struct moth_lua_host *host)
{
    return api_button(L, host, true);
}

static int api_release(lua_State *L, struct moth_lua_host *host)
{
    return api_button(L, host, false);
}

static int api_axis(lua_State *L, struct moth_lua_host *host)
{
    int device = moth_lua_object_index(L, 1);
    int code = moth_pad_axis_from_name(lua_tostring(L, 2));
    double value = lua_tonumber(L, 3);
    struct moth_input_event event = {.type = MOTH_INPUT_PAD_AXIS,
                                     .device = (uint8_t)device,
                                     .code = (uint16_t)code};
    event.x = (int32_t)lround(value * (value < 0 ? 32768 : 32767));
    moth_lua_queue(L, host, &event);
    if (code < MOTH_LUA_PAD_AXES)
        host->hand->pads[device].axes[code] = (int16_t)event.x;
    return 0;
}

const struct moth_lua_entry moth_lua_api_pad[] = {
    {"press", api_press, "button: pad_button",
     "Press a button and keep it down. SDL's names: \"a\", \"b\", \"x\", \"y\", \"start\", \"back\", \"dpup\", …"},
    {"release", api_release, "button: pad_button", "Let a button go."},
    {"axis", api_axis, "name: pad_axis, value: axis_value",
     "Put a stick or trigger: \"leftx\", \"lefty\", \"rightx\", \"righty\" from -1 to 1, \"lefttrigger\", "
     "\"righttrigger\" from 0 to 1. It stays there."},
    {NULL, NULL, NULL, NULL}};
