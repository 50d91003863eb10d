/* SPDX-License-Identifier: MIT
 *
 * From the tables to Lua: one dispatcher checks every call against its signature.
 */
#include "bindings/lua/api.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define PIXELS_MAX 65536

static const struct moth_lua_entry *const game_tables[] = {
    moth_lua_api_step, moth_lua_api_input, moth_lua_api_look, moth_lua_api_judge, moth_lua_api_branch,
    moth_lua_api_state, moth_lua_api_game_scan, moth_lua_api_inputs, moth_lua_api_call, moth_lua_api_events, moth_lua_api_game_archive, moth_lua_api_group,
    moth_lua_api_see, NULL};
static const struct moth_lua_entry *const member_tables[] = {moth_lua_api_input, moth_lua_api_member, NULL};
static const struct moth_lua_entry *const scan_tables[] = {moth_lua_api_scan, NULL};
static const struct moth_lua_entry *const archive_tables[] = {moth_lua_api_archive, NULL};
static const struct moth_lua_entry *const snapshot_tables[] = {moth_lua_api_snapshot, NULL};
static const struct moth_lua_entry *const pad_tables[] = {moth_lua_api_pad, NULL};
static const struct moth_lua_entry *const rng_tables[] = {moth_lua_api_rng, NULL};

const struct moth_lua_class moth_lua_classes[] = {
    {"game", "moth.game", "The game that is played. It stands still until it is stepped.", game_tables},
    {"snapshot", "moth.snapshot", "A place in the game that can be returned to: `game:snapshot()`.",
     snapshot_tables},
    {"scan", "moth.scan", "A search for a number in the game's memory: `game:scan{}`.", scan_tables},
    {"archive", "moth.archive", "Places in the game and the ways there: `game:archive{}`.", archive_tables},
    {"member", "moth.member", "A game of the group that plays with this one: `game:member(name)`.", member_tables},
    {"pad", "moth.pad", "A virtual game controller: `game:pad(i)`.", pad_tables},
    {"rng", "moth.rng", "The only randomness an agent gets: from the run's seed.", rng_tables},
    {NULL, NULL, NULL, NULL}};

const char *const moth_lua_later[] = {NULL};

/* What a call needs to check its arguments; the dispatcher's upvalue. */
struct binding {
    const struct moth_lua_class *class;
    const struct moth_lua_entry *entry;
    struct moth_lua_signature signature;
};

int moth_lua_argument_error(lua_State *L, const char *class_name, const char *entry, const char *param,
                            const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return luaL_error(L, "%s:%s: %s: %s", class_name, entry, param, text);
}

int moth_lua_fail(lua_State *L, const struct moth_err *err)
{
    lua_pushnil(L);
    lua_pushstring(L, err->message);
    return 2;
}

/* ---- types: each looks at the value at `i` and says what is wrong with it, or NULL ---- */

struct type {
    const char *name, *in_editor;
    const char *(*check)(lua_State *L, int i, char *text, size_t size);
};

/* A value in an error: small ones as they are, of the others their kind. */
static const char *shown(lua_State *L, int i)
{
    if (lua_type(L, i) == LUA_TNONE)
        return "nothing";
    if (lua_type(L, i) == LUA_TSTRING)
        return lua_pushfstring(L, "the string '%s'", lua_tostring(L, i));
    return lua_type(L, i) == LUA_TNUMBER ? luaL_tolstring(L, i, NULL) : luaL_typename(L, i);
}

static const char *whole(lua_State *L, int i, lua_Integer least, lua_Integer most, char *text, size_t size)
{
    int is_integer = 0;
    lua_Integer value = lua_type(L, i) == LUA_TNUMBER ? lua_tointegerx(L, i, &is_integer) : 0;
    if (is_integer && value >= least && value <= most)
        return NULL;
    if (least == INT_MIN && most == INT_MAX)
        snprintf(text, size, "must be a whole number, not %s", shown(L, i));
    else if (most >= INT_MAX)
        snprintf(text, size, "must be a whole number, at least %lld, not %s", (long long)least, shown(L, i));
    else
        snprintf(text, size, "must be a whole number from %lld to %lld, not %s", (long long)least,
                 (long long)most, shown(L, i));
    return text;
}

static const char *of_type(lua_State *L, int i, int type, const char *expected, char *text, size_t size)
{
    if (lua_type(L, i) == type)
        return NULL;
    snprintf(text, size, "must be %s, not %s", expected,
             lua_type(L, i) == LUA_TNONE ? "nothing" : luaL_typename(L, i));
    return text;
}

static const char *check_frames(lua_State *L, int i, char *text, size_t size)
{
    return whole(L, i, 1, INT_MAX, text, size);
}

static const char *check_pixels(lua_State *L, int i, char *text, size_t size)
{
    return whole(L, i, -PIXELS_MAX, PIXELS_MAX, text, size);
}

static const char *check_notches(lua_State *L, int i, char *text, size_t size)
{
    return whole(L, i, -100, 100, text, size);
}

static const char *check_button(lua_State *L, int i, char *text, size_t size)
{
    return whole(L, i, 1, MOTH_LUA_MOUSE_BUTTONS, text, size);
}

static const char *check_index(lua_State *L, int i, char *text, size_t size)
{
    return whole(L, i, 1, MOTH_PADS_MAX, text, size);
}

static const char *check_integer(lua_State *L, int i, char *text, size_t size)
{
    return whole(L, i, LUA_MININTEGER, LUA_MAXINTEGER, text, size);
}

static const char *unit(lua_State *L, int i, double least, char *text, size_t size)
{
    double value = lua_type(L, i) == LUA_TNUMBER ? lua_tonumber(L, i) : (double)NAN;
    if (value >= least && value <= 1)
        return NULL;
    snprintf(text, size, "must be a number from %g to 1, not %s", least, shown(L, i));
    return text;
}

static const char *check_axis_value(lua_State *L, int i, char *text, size_t size)
{
    return unit(L, i, -1, text, size);
}

static const char *check_probability(lua_State *L, int i, char *text, size_t size)
{
    return unit(L, i, 0, text, size);
}

static const char *check_string(lua_State *L, int i, char *text, size_t size)
{
    return of_type(L, i, LUA_TSTRING, "a string", text, size);
}

static const char *check_boolean(lua_State *L, int i, char *text, size_t size)
{
    return of_type(L, i, LUA_TBOOLEAN, "true or false", text, size);
}

static const char *check_function(lua_State *L, int i, char *text, size_t size)
{
    return of_type(L, i, LUA_TFUNCTION, "a function", text, size);
}

static const char *check_table(lua_State *L, int i, char *text, size_t size)
{
    return of_type(L, i, LUA_TTABLE, "a table", text, size);
}

static const char *check_key(lua_State *L, int i, char *text, size_t size)
{
    if (of_type(L, i, LUA_TSTRING, "the name of a key", text, size))
        return text;
    const char *name = lua_tostring(L, i);
    if (moth_key_from_name(name) != 0)
        return NULL;
    const char *near = moth_key_suggest(name);
    snprintf(text, size, "there is no key '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
             near ? "'?" : "");
    return text;
}

static const char *pad_word(lua_State *L, int i, const char *kind, int (*find)(const char *),
                            const char *(*name_of)(int), char *text, size_t size)
{
    if (of_type(L, i, LUA_TSTRING, kind, text, size))
        return text;
    const char *name = lua_tostring(L, i);
    if (find(name) >= 0)
        return NULL;
    int used = snprintf(text, size, "must be %s, and '%.32s' is none of", kind, name);
    for (int code = 0; name_of(code) && used > 0 && (size_t)used < size; code++)
        used += snprintf(text + used, size - (size_t)used, "%s %s", code ? "," : "", name_of(code));
    return text;
}

static const char *check_pad_button(lua_State *L, int i, char *text, size_t size)
{
    return pad_word(L, i, "the name of a pad's button", moth_pad_button_from_name, moth_pad_button_name, text,
                    size);
}

static const char *check_pad_axis(lua_State *L, int i, char *text, size_t size)
{
    return pad_word(L, i, "the name of a pad's axis", moth_pad_axis_from_name, moth_pad_axis_name, text,
                    size);
}

/* May be left out, or be nil or false: it is the truth of it that counts; but not forgotten. */
static const char *check_condition(lua_State *L, int i, char *text, size_t size)
{
    if (lua_type(L, i) != LUA_TNONE)
        return NULL;
    snprintf(text, size, "is missing");
    return text;
}

static const char *check_snapshot(lua_State *L, int i, char *text, size_t size)
{
    if (luaL_testudata(L, i, "moth.snapshot"))
        return NULL;
    snprintf(text, size, "must be a snapshot, not %s", shown(L, i));
    return text;
}

static const struct type types[] = {
    {"frames", "integer", check_frames},
    {"pixels", "integer", check_pixels},
    {"notches", "integer", check_notches},
    {"mouse_button", "integer", check_button},
    {"pad_index", "integer", check_index},
    {"integer", "integer", check_integer},
    {"handle", "integer", check_frames},
    {"axis_value", "number", check_axis_value},
    {"probability", "number", check_probability},
    {"number", "number", NULL},
    {"string", "string", check_string},
    {"key", "string", check_key},
    {"pad_button", "string", check_pad_button},
    {"pad_axis", "string", check_pad_axis},
    {"boolean", "boolean", check_boolean},
    {"function", "function", check_function},
    {"table", "table", check_table},
    {"condition", "any", check_condition},
    {"any", "any", check_condition},
    {"pad", "moth.pad", NULL},
    {"archive", "moth.archive", NULL},
    {"scan", "moth.scan", NULL},
    {"member", "moth.member", NULL},
    {"snapshot", "moth.snapshot", check_snapshot},
};

static const struct type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

const char *moth_lua_type_in_editor(const char *type)
{
    const struct type *found = find_type(type);
    return found ? found->in_editor : NULL;
}

/* ---- signatures ---- */

/* "name: type, name?: type" where `named`, else "type, type?". Returns what follows, NULL when wrong. */
static const char *parse_list(const char *text, bool named, struct moth_lua_param *params, int *n)
{
    for (*n = 0; *text && strncmp(text, "-> ", 3) != 0; text += strspn(text, ", ")) {
        if (*n == MOTH_LUA_PARAMS_MAX)
            return NULL;
        struct moth_lua_param *param = &params[(*n)++];
        int used = 0;
        if (named) {
            if (sscanf(text, "%23[a-z_0-9.]%n", param->name, &used) != 1)
                return NULL;
            text += used;
            param->optional = *text == '?';
            text += param->optional;
            if (strncmp(text, ": ", 2) != 0)
                return NULL;
            text += 2;
        }
        if (sscanf(text, "%15[a-z_]%n", param->type, &used) != 1 || !find_type(param->type))
            return NULL;
        text += used;
        if (!named) {
            param->optional = *text == '?';
            text += param->optional;
        }
    }
    return text;
}

int moth_lua_signature_parse(const char *text, struct moth_lua_signature *signature)
{
    memset(signature, 0, sizeof *signature);
    text = parse_list(text, true, signature->params, &signature->n_params);
    if (text && *text)
        text = parse_list(text + 3, false, signature->results, &signature->n_results);
    return text && !*text ? 0 : -1;
}

/* ---- calls ---- */

static void check_arguments(lua_State *L, const struct binding *binding)
{
    const struct moth_lua_signature *signature = &binding->signature;
    const char *class_name = binding->class->name, *name = binding->entry->name;
    if (!luaL_testudata(L, 1, binding->class->metatable))
        luaL_error(L, "%s.%s: call it with a colon, %s:%s(…)", class_name, name, class_name, name);
    int given = lua_gettop(L) - 1, n = signature->n_params;
    bool open = n > 0 && strcmp(signature->params[n - 1].name, "...") == 0;
    n -= open;
    if (given > n && !open)
        luaL_error(L, "%s:%s takes %d argument%s, not %d", class_name, name, signature->n_params,
                   signature->n_params == 1 ? "" : "s", given);
    for (int i = 0; i < n; i++) {
        const struct moth_lua_param *param = &signature->params[i];
        if (param->optional && lua_isnoneornil(L, i + 2))
            continue;
        char text[256];
        const struct type *type = find_type(param->type);
        const char *wrong = type->check ? type->check(L, i + 2, text, sizeof text) : NULL;
        if (wrong)
            moth_lua_argument_error(L, class_name, name, param->name, "%s", wrong);
    }
    if (!open || given < n)
        lua_settop(L, 1 + n);
}

static int dispatch(lua_State *L)
{
    const struct binding *binding = lua_touserdata(L, lua_upvalueindex(1));
    struct moth_lua_host *host = moth_lua_host_of(L);
    if (host->box.stopped)
        moth_lua_box_stop(L);
    moth_lua_box_see(L, 1);
    check_arguments(L, binding);
    bool member = binding->class->tables == member_tables;
    host->hand = &host->hands[member ? moth_lua_object_index(L, 1) : 0];
    return binding->entry->function(L, host);
}

static bool is_later(const char *name)
{
    for (size_t i = 0; moth_lua_later[i]; i++)
        if (strcmp(moth_lua_later[i], name) == 0)
            return true;
    return false;
}

static const char *nearest_member(const struct moth_lua_class *class, const char *name)
{
    const char *words[64];
    size_t n = 0;
    for (size_t t = 0; class->tables[t]; t++)
        for (const struct moth_lua_entry *entry = class->tables[t]; entry->name && n < 64; entry++)
            words[n++] = entry->name;
    return moth_str_nearest(name, words, n);
}

/* The fields of `game`: numbers that change with each step. */
static bool push_field(lua_State *L, const struct moth_lua_now *now, const char *name)
{
    if (strcmp(name, "time") == 0)
        lua_pushnumber(L, (lua_Number)now->time_ns / 1e9);
    else if (strcmp(name, "frame") == 0)
        lua_pushinteger(L, now->frame);
    else if (strcmp(name, "width") == 0)
        lua_pushinteger(L, now->window_w <= PIXELS_MAX ? now->window_w : 0); /* the game's word for it */
    else if (strcmp(name, "height") == 0)
        lua_pushinteger(L, now->window_h <= PIXELS_MAX ? now->window_h : 0);
    else
        return false;
    return true;
}

/* Upvalues: the class, its methods. */
static int class_index(lua_State *L)
{
    const struct moth_lua_class *class = lua_touserdata(L, lua_upvalueindex(1));
    struct moth_lua_host *host = moth_lua_host_of(L);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNIL)
        return 1;
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    if (class == &moth_lua_classes[0] && push_field(L, &host->now, name))
        return 1;
    if (class == &moth_lua_classes[0] && strcmp(name, "state") == 0) {
        moth_lua_push_state(L);
        return 1;
    }
    if (class->tables == member_tables) {
        host->hand = &host->hands[moth_lua_object_index(L, 1)];
        if (moth_lua_push_member_field(L, host, name))
            return 1;
    }
    if (class == &moth_lua_classes[0] && is_later(name))
        return luaL_error(L, "%s.%s is not in this version of moth", class->name, name);
    const char *near = nearest_member(class, name);
    return luaL_error(L, "%s.%s: there is no such thing%s%s%s", class->name, name,
                      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int class_newindex(lua_State *L)
{
    const struct moth_lua_class *class = lua_touserdata(L, lua_upvalueindex(1));
    return luaL_error(L, "%s.%s: nothing can be stored in %s", class->name, luaL_tolstring(L, 2, NULL),
                      class->name);
}

static void push_method(lua_State *L, const struct moth_lua_class *class, const struct moth_lua_entry *entry)
{
    struct binding *binding = lua_newuserdatauv(L, sizeof *binding, 0);
    binding->class = class;
    binding->entry = entry;
    if (moth_lua_signature_parse(entry->signature, &binding->signature) != 0)
        luaL_error(L, "%s.%s: its signature is wrong", class->name, entry->name);
    lua_pushcclosure(L, dispatch, 1);
}

static void open_class(lua_State *L, const struct moth_lua_class *class)
{
    luaL_newmetatable(L, class->metatable);
    lua_pushstring(L, class->name);
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, (void *)(uintptr_t) class);
    lua_pushcclosure(L, class_newindex, 1);
    lua_setfield(L, -2, "__newindex");

    lua_pushlightuserdata(L, (void *)(uintptr_t) class);
    lua_newtable(L);
    for (size_t t = 0; class->tables[t]; t++)
        for (const struct moth_lua_entry *entry = class->tables[t]; entry->name; entry++)
            if (entry->function) {
                push_method(L, class, entry);
                lua_setfield(L, -2, entry->name);
            }
    lua_pushcclosure(L, class_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void moth_lua_open_api(lua_State *L)
{
    for (size_t i = 0; moth_lua_classes[i].name; i++)
        open_class(L, &moth_lua_classes[i]);
    moth_lua_open_state(L);
    moth_lua_open_events(L);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "moth.pads");
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "moth.findings");
}

void moth_lua_push_object(lua_State *L, const char *metatable, int index)
{
    int *object = lua_newuserdatauv(L, sizeof *object, 0);
    *object = index;
    luaL_setmetatable(L, metatable);
}

int moth_lua_object_index(lua_State *L, int argument)
{
    return *(int *)lua_touserdata(L, argument);
}
