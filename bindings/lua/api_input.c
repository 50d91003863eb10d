/* SPDX-License-Identifier: MIT
 *
 * Keys, text, mouse, the close button. Inputs are queued and reach the game with the next step; tap, hold
 * and click step by themselves.
 */
#include "bindings/lua/api.h"

#include <string.h>

void moth_lua_queue_quietly(struct moth_lua_host *host, const struct moth_input_event *event)
{
    if (host->n_queue == MOTH_PROGRAM_EVENTS_MAX)
        return;
    host->queue[host->n_queue] = *event;
    host->queue[host->n_queue++].member = (uint8_t)(host->hand - host->hands);
}

void moth_lua_queue(lua_State *L, struct moth_lua_host *host, const struct moth_input_event *event)
{
    if (host->n_queue == MOTH_PROGRAM_EVENTS_MAX)
        luaL_error(L, "more than %d inputs without a step: call game:step()", (int)MOTH_PROGRAM_EVENTS_MAX);
    moth_lua_queue_quietly(host, event);
}

/* ---- keys ---- */

static void key(lua_State *L, struct moth_lua_host *host, uint16_t code, bool down)
{
    if (code >= MOTH_LUA_KEYS || host->hand->keys[code] == down)
        return; /* a key that is down can't be pressed, nor one that is up be let go */
    struct moth_input_event event = {.type = down ? MOTH_INPUT_KEY_DOWN : MOTH_INPUT_KEY_UP, .code = code};
    moth_lua_queue(L, host, &event);
    host->hand->keys[code] = down;
}

static uint16_t key_argument(lua_State *L)
{
    return moth_key_from_name(lua_tostring(L, 2));
}

static int api_press(lua_State *L, struct moth_lua_host *host)
{
    key(L, host, key_argument(L), true);
    return 0;
}

static int api_release(lua_State *L, struct moth_lua_host *host)
{
    key(L, host, key_argument(L), false);
    return 0;
}

static int api_hold(lua_State *L, struct moth_lua_host *host)
{
    key(L, host, key_argument(L), true);
    moth_lua_step(L, host, (uint64_t)luaL_optinteger(L, 3, 1));
    key(L, host, key_argument(L), false);
    return 0;
}

static int api_tap(lua_State *L, struct moth_lua_host *host)
{
    api_hold(L, host);
    moth_lua_step(L, host, 1);
    return 0;
}

/* ---- text ---- */

/* Bytes of the UTF-8 character at `text`, or 0: overlong, surrogate, cut or out of range. */
static size_t utf8_length(const unsigned char *text, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80)
        return text[0] ? 1 : 0;
    size_t n = (text[0] & 0xe0) == 0xc0 ? 2 : (text[0] & 0xf0) == 0xe0 ? 3 : (text[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t code = text[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

static int api_text(lua_State *L, struct moth_lua_host *host)
{
    size_t size;
    const char *text = lua_tolstring(L, 2, &size);
    for (size_t at = 0; at < size;) {
        size_t n = utf8_length((const unsigned char *)text + at, size - at);
        if (n == 0)
            return moth_lua_argument_error(L, "game", "text", "s", "byte %zu is not UTF-8 text", at + 1);
        at += n;
    }
    struct moth_input_event event = {.type = MOTH_INPUT_TEXT};
    size_t used = 0;
    for (size_t at = 0; at < size;) {
        size_t n = utf8_length((const unsigned char *)text + at, size - at);
        if (used + n >= MOTH_TEXT_MAX) {
            moth_lua_queue(L, host, &event);
            memset(event.text, 0, sizeof event.text);
            used = 0;
        }
        memcpy(event.text + used, text + at, n);
        used += n;
        at += n;
    }
    if (used)
        moth_lua_queue(L, host, &event);
    return 0;
}

/* ---- mouse ---- */

static void mouse_move(lua_State *L, struct moth_lua_host *host)
{
    struct moth_input_event event = {.type = MOTH_INPUT_MOUSE_MOVE};
    event.x = (int32_t)lua_tointeger(L, 2);
    event.y = (int32_t)lua_tointeger(L, 3);
    moth_lua_queue(L, host, &event);
}

static void mouse_button(lua_State *L, struct moth_lua_host *host, uint16_t button, bool down)
{
    struct moth_input_event event = {.type = down ? MOTH_INPUT_MOUSE_DOWN : MOTH_INPUT_MOUSE_UP, .code = button};
    moth_lua_queue(L, host, &event);
    uint32_t bit = 1u << button;
    host->hand->mouse_buttons = down ? host->hand->mouse_buttons | bit : host->hand->mouse_buttons & ~bit;
}

static int api_mouse_move(lua_State *L, struct moth_lua_host *host)
{
    mouse_move(L, host);
    return 0;
}

static int api_click(lua_State *L, struct moth_lua_host *host)
{
    uint16_t button = (uint16_t)luaL_optinteger(L, 4, 1);
    mouse_move(L, host);
    mouse_button(L, host, button, true);
    moth_lua_step(L, host, 1);
    mouse_button(L, host, button, false);
    moth_lua_step(L, host, 1);
    return 0;
}

static int api_mouse_press(lua_State *L, struct moth_lua_host *host)
{
    mouse_button(L, host, (uint16_t)luaL_optinteger(L, 2, 1), true);
    return 0;
}

static int api_mouse_release(lua_State *L, struct moth_lua_host *host)
{
    mouse_button(L, host, (uint16_t)luaL_optinteger(L, 2, 1), false);
    return 0;
}

static int api_wheel(lua_State *L, struct moth_lua_host *host)
{
    struct moth_input_event event = {.type = MOTH_INPUT_WHEEL};
    event.x = (int32_t)lua_tointeger(L, 2);
    event.y = (int32_t)lua_tointeger(L, 3);
    moth_lua_queue(L, host, &event);
    return 0;
}

static int api_quit(lua_State *L, struct moth_lua_host *host)
{
    struct moth_input_event event = {.type = MOTH_INPUT_QUIT};
    moth_lua_queue(L, host, &event);
    return 0;
}

static void release_hand(struct moth_lua_host *host)
{
    for (uint16_t code = 0; code < MOTH_LUA_KEYS; code++)
        if (host->hand->keys[code])
            moth_lua_queue_quietly(host, &(struct moth_input_event){.type = MOTH_INPUT_KEY_UP, .code = code});
    for (uint16_t button = 1; button <= MOTH_LUA_MOUSE_BUTTONS; button++)
        if (host->hand->mouse_buttons & (1u << button))
            moth_lua_queue_quietly(host, &(struct moth_input_event){.type = MOTH_INPUT_MOUSE_UP, .code = button});
    for (uint8_t device = 0; device < MOTH_PADS_MAX; device++) {
        const struct moth_lua_pad *pad = &host->hand->pads[device];
        for (uint16_t code = 0; code < MOTH_LUA_PAD_BUTTONS; code++)
            if (pad->buttons & (1u << code))
                moth_lua_queue_quietly(host, &(struct moth_input_event){
                                                 .type = MOTH_INPUT_PAD_UP, .device = device, .code = code});
        for (uint16_t code = 0; code < MOTH_LUA_PAD_AXES; code++)
            if (pad->axes[code])
                moth_lua_queue_quietly(host, &(struct moth_input_event){
                                                 .type = MOTH_INPUT_PAD_AXIS, .device = device, .code = code});
    }
    *host->hand = (struct moth_lua_hands){0};
}

void moth_lua_release_all(struct moth_lua_host *host)
{
    for (unsigned i = 0; i < moth_lua_members(host); i++) {
        host->hand = &host->hands[i];
        release_hand(host);
    }
    host->hand = host->hands;
}

const struct moth_lua_entry moth_lua_api_input[] = {
    {"press", api_press, "key: key",
     "Press a key and keep it down until it is released. Keys have SDL's names in lower case: \"a\", "
     "\"left\", \"return\", \"left ctrl\"."},
    {"release", api_release, "key: key", "Let a key go."},
    {"tap", api_tap, "key: key, frames?: frames",
     "Press a key, step `frames` frames (default 1), let it go, step one frame."},
    {"hold", api_hold, "key: key, frames?: frames",
     "Press a key, step `frames` frames (default 1), let it go with the next step."},
    {"text", api_text, "s: string", "Type a text, as an input method would: text, not keys."},
    {"mouse_move", api_mouse_move, "x: pixels, y: pixels", "Move the mouse, in window pixels."},
    {"click", api_click, "x: pixels, y: pixels, button?: mouse_button",
     "Move the mouse, press a button (1 left, the default; 2 middle; 3 right), step one frame, let it go, "
     "step one frame."},
    {"mouse_press", api_mouse_press, "button?: mouse_button",
     "Press a mouse button where the mouse is and keep it down, to drag: 1 left (the default), 2 middle, 3 "
     "right."},
    {"mouse_release", api_mouse_release, "button?: mouse_button", "Let a mouse button go."},
    {"wheel", api_wheel, "dx: notches, dy: notches", "Turn the wheel; right and up are positive."},
    {"quit", api_quit, "", "As if the window was closed."},
    {NULL, NULL, NULL, NULL}};
