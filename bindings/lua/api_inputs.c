/* SPDX-License-Identifier: MIT
 *
 * Inputs as data: lists of them in Lua, what is held down, and putting one in as it is.
 */
#include "bindings/lua/api.h"

#include <string.h>

static const char *const types[MOTH_INPUT_TYPE_END] = {
    [MOTH_INPUT_KEY_DOWN] = "key_down",     [MOTH_INPUT_KEY_UP] = "key_up",
    [MOTH_INPUT_TEXT] = "text",             [MOTH_INPUT_MOUSE_MOVE] = "mouse_move",
    [MOTH_INPUT_MOUSE_DOWN] = "mouse_down", [MOTH_INPUT_MOUSE_UP] = "mouse_up",
    [MOTH_INPUT_WHEEL] = "wheel",           [MOTH_INPUT_PAD_DOWN] = "pad_down",
    [MOTH_INPUT_PAD_UP] = "pad_up",         [MOTH_INPUT_PAD_AXIS] = "pad_axis",
    [MOTH_INPUT_PAD_ATTACH] = "pad_attach", [MOTH_INPUT_QUIT] = "quit",
    [MOTH_INPUT_CALL] = "call"};

/* True when the input changes nothing: a key that is down cannot be pressed. Notes what it changes. */
static bool is_idle(struct moth_lua_host *host, const struct moth_input_event *event)
{
    struct moth_lua_pad *pad = &host->hand->pads[event->device % MOTH_PADS_MAX];
    bool down = event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_PAD_DOWN ||
                event->type == MOTH_INPUT_MOUSE_DOWN;
    uint32_t bit = event->code < 32 ? 1u << event->code : 0;
    uint32_t *held = NULL;
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        if (event->code >= MOTH_LUA_KEYS || host->hand->keys[event->code] == down)
            return true;
        host->hand->keys[event->code] = down;
        return false;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        held = &pad->buttons;
        break;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        held = &host->hand->mouse_buttons;
        break;
    case MOTH_INPUT_PAD_AXIS:
        if (event->code < MOTH_LUA_PAD_AXES)
            pad->axes[event->code] = (int16_t)event->x;
        return false;
    case MOTH_INPUT_PAD_ATTACH:
        down = pad->attached;
        pad->attached = true;
        return down;
    default:
        return false;
    }
    if (((*held & bit) != 0) == down)
        return true;
    *held = down ? *held | bit : *held & ~bit;
    return false;
}

void moth_lua_put(lua_State *L, struct moth_lua_host *host, const struct moth_input_event *event)
{
    struct moth_input_event now = *event;
    now.frame = 0;
    host->hand = &host->hands[event->member % MOTH_MEMBERS_MAX];
    if (!is_idle(host, &now))
        moth_lua_queue(L, host, &now);
    host->hand = host->hands;
}

static void set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

void moth_lua_push_inputs(lua_State *L, const struct moth_input_event *events, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        const struct moth_input_event *event = &events[i];
        lua_createtable(L, 0, 4);
        set_integer(L, "frame", event->frame);
        lua_pushstring(L, event->type < MOTH_INPUT_TYPE_END ? types[event->type] : NULL);
        lua_setfield(L, -2, "type");
        bool has_text = event->type == MOTH_INPUT_TEXT || event->type == MOTH_INPUT_CALL;
        if (has_text) {
            lua_pushstring(L, event->text);
            lua_setfield(L, -2, "text");
        }
        if (event->type != MOTH_INPUT_TEXT)
            set_integer(L, "code", event->code);
        if (event->device)
            set_integer(L, "device", event->device);
        if (event->member)
            set_integer(L, "member", event->member);
        if (!has_text && (event->x || event->y)) {
            set_integer(L, "x", event->x);
            set_integer(L, "y", event->y);
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static lua_Integer number_of(lua_State *L, const char *name, lua_Integer least, lua_Integer most)
{
    int is_integer = 1;
    lua_Integer value = lua_getfield(L, 2, name) == LUA_TNIL ? 0 : lua_tointegerx(L, -1, &is_integer);
    lua_pop(L, 1);
    if (!is_integer || value < least || value > most)
        moth_lua_argument_error(L, "game", "input", name, "must be a whole number from %lld to %lld", (long long)least,
                                (long long)most);
    return value;
}

static void read_input(lua_State *L, struct moth_input_event *event)
{
    memset(event, 0, sizeof *event);
    lua_getfield(L, 2, "type");
    const char *type = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    for (uint8_t i = 1; i < MOTH_INPUT_TYPE_END; i++)
        if (strcmp(types[i], type) == 0)
            event->type = i;
    if (event->type == 0)
        moth_lua_argument_error(L, "game", "input", "type", "there is no input '%s'", type);
    lua_pop(L, 1);
    event->code = (uint16_t)number_of(L, "code", 0, UINT16_MAX);
    event->device = (uint8_t)number_of(L, "device", 0, event->type == MOTH_INPUT_CALL ? UINT8_MAX : MOTH_PADS_MAX - 1);
    event->member = (uint8_t)number_of(L, "member", 0, MOTH_MEMBERS_MAX - 1);
    if (event->type == MOTH_INPUT_TEXT || event->type == MOTH_INPUT_CALL) {
        lua_getfield(L, 2, "text");
        size_t size = 0;
        const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : NULL;
        if (text && size < MOTH_TEXT_MAX)
            memcpy(event->text, text, size);
        lua_pop(L, 1);
    } else {
        event->x = (int32_t)number_of(L, "x", INT32_MIN, INT32_MAX);
        event->y = (int32_t)number_of(L, "y", INT32_MIN, INT32_MAX);
    }
    if (!moth_input_valid(event))
        moth_lua_argument_error(L, "game", "input", "input", "its fields do not fit '%s'", types[event->type]);
}

static int api_input(lua_State *L, struct moth_lua_host *host)
{
    struct moth_input_event event;
    read_input(L, &event);
    moth_lua_put(L, host, &event);
    return 0;
}

static int api_held(lua_State *L, struct moth_lua_host *host)
{
    lua_newtable(L);
    for (uint16_t code = 0; code < MOTH_LUA_KEYS; code++) {
        const char *name = host->hand->keys[code] ? moth_key_name(code) : NULL;
        if (!name)
            continue;
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, name);
    }
    for (int device = 0; device < MOTH_PADS_MAX; device++)
        for (int code = 0; code < MOTH_LUA_PAD_BUTTONS && moth_pad_button_name(code); code++) {
            if (!(host->hand->pads[device].buttons & (1u << code)))
                continue;
            lua_pushboolean(L, 1);
            lua_pushfstring(L, "pad%d.%s", device + 1, moth_pad_button_name(code));
            lua_insert(L, -2);
            lua_rawset(L, -3);
        }
    return 1;
}

const struct moth_lua_entry moth_lua_api_inputs[] = {
    {"input", api_input, "input: table",
     "Put in one input as a list of them has it: { type = \"key_down\", code = 79 }. Its `frame` does not count."},
    {"held", api_held, "-> table",
     "What the script holds down, as keys of a table: { left = true, [\"pad1.a\"] = true }."},
    {NULL, NULL, NULL, NULL}};
