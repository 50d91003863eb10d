/* SPDX-License-Identifier: MIT
 *
 * moth.lua: a Lua file that returns a table. It runs in the same box as agents; its keys are the options
 * of the table, by their names or in their sections ("budgets.frames"), and `game`.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "bindings/lua/box.h"
#include "cli/option_table.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)
#define DEPTH_MAX 4
#define NAME_MAX_BYTES 96

struct config {
    struct moth_options *options;
    const char *path, *text;
    bool *given; /* of the command line */
    bool *seen;  /* options that this file has set: once under its name, once in its section is too often */
    lua_State *L;
    const char *names[DEPTH_MAX + 1]; /* where we are: {"budgets", "frames"} */
    size_t n_names;
    struct moth_err *err;
};

/* '-' and '_' are the same in keys: Lua's names have no '-'. */
static bool same(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !((a[i] == '-' || a[i] == '_') && (b[i] == '-' || b[i] == '_')))
            return false;
    return true;
}

static bool equal(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && same(a, b, strlen(a));
}

static int fail(const struct config *config, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "moth.lua:12: …", the line of the key where we are. */
static int fail(const struct config *config, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return moth_err_set(config->err, MOTH_ERR_CONFIG, "%s:%d: %s", config->path,
                        moth_config_line(config->text, config->names, config->n_names), text);
}

/* The dotted name of where we are. */
static const char *where(const struct config *config, char text[NAME_MAX_BYTES])
{
    text[0] = '\0';
    for (size_t i = 0; i < config->n_names; i++) {
        size_t used = strlen(text);
        snprintf(text + used, NAME_MAX_BYTES - used, "%s%s", i ? "." : "", config->names[i]);
    }
    return text;
}

static int wrong_type(const struct config *config, const char *expected)
{
    char name[NAME_MAX_BYTES];
    int type = lua_type(config->L, -1);
    return fail(config, "%s must be %s, not %s%s", where(config, name), expected,
                type == LUA_TSTRING || type == LUA_TNUMBER ? "a " : type == LUA_TTABLE ? "a " : "",
                lua_typename(config->L, type));
}

/* ---- values: the one on the top of the stack ---- */

static int set_text(struct config *config, const struct moth_option *option, const char *text)
{
    struct moth_err why = {0};
    if (moth_option_set(config->options, option, text, MOTH_ERR_CONFIG, &why) == 0)
        return 0;
    char name[NAME_MAX_BYTES];
    return fail(config, "%s %s", where(config, name), why.message);
}

static int set_number(struct config *config, const struct moth_option *option)
{
    int is_integer = 0;
    lua_Integer value = lua_type(config->L, -1) == LUA_TNUMBER ? lua_tointegerx(config->L, -1, &is_integer) : 0;
    if (!is_integer && lua_type(config->L, -1) == LUA_TNUMBER)
        return set_text(config, option, lua_pushfstring(config->L, "%f", lua_tonumber(config->L, -1)));
    if (!is_integer)
        return wrong_type(config, option->type == MOTH_OPTION_DURATION ? "a time like \"30m\" or a number of seconds"
                                    : option->type == MOTH_OPTION_DECIMAL ? "a number"
                                                                         : "a whole number");
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    return set_text(config, option, text);
}

/* Enter list place i, do `each` with its value on the top, leave. */
static int each_place(struct config *config, const struct moth_option *option,
                      int (*each)(struct config *, const struct moth_option *))
{
    lua_Integer n = (lua_Integer)lua_rawlen(config->L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        char place[24];
        snprintf(place, sizeof place, "%lld", (long long)i);
        config->names[config->n_names++] = place;
        lua_rawgeti(config->L, -1, i);
        int result = each(config, option);
        lua_pop(config->L, 1);
        config->n_names--;
        if (result != 0)
            return -1;
    }
    return 0;
}

static int set_string(struct config *config, const struct moth_option *option)
{
    if (lua_type(config->L, -1) != LUA_TSTRING)
        return wrong_type(config, "a string");
    return set_text(config, option, lua_tostring(config->L, -1));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* For each string key of the table on the top, in the order of their bytes: `each` with its value on the
 * top and its name as where we are. Keys that are not strings are list places and passed over. */
static int each_key(struct config *config, const struct moth_option *option,
                    int (*each)(struct config *, const struct moth_option *))
{
    lua_State *L = config->L;
    size_t n = 0;
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        n++;
    const char **keys = calloc(n + 1, sizeof *keys);
    if (!keys)
        abort();
    n = 0;
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            keys[n++] = lua_tostring(L, -2);
    qsort(keys, n, sizeof *keys, by_text);
    int result = 0;
    for (size_t i = 0; i < n && result == 0; i++) {
        config->names[config->n_names++] = keys[i];
        lua_getfield(L, -1, keys[i]);
        result = each(config, option);
        lua_pop(L, 1);
        config->n_names--;
    }
    free(keys);
    return result;
}

static int set_pair(struct config *config, const struct moth_option *option)
{
    int type = lua_type(config->L, -1);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        return wrong_type(config, "a string");
    lua_pushvalue(config->L, -1); /* a number becomes text in place */
    char *pair = moth_fs_path("%s=%s", config->names[config->n_names - 1], lua_tostring(config->L, -1));
    lua_pop(config->L, 1);
    int result = set_text(config, option, pair);
    free(pair);
    return result;
}

static int set_weight(struct config *config, const struct moth_option *option)
{
    (void)option;
    double weight = lua_type(config->L, -1) == LUA_TNUMBER ? lua_tonumber(config->L, -1) : 0;
    if (!(weight > 0) || weight > 1e9)
        return fail(config, "the weight of agent '%s' must be a number over 0", config->names[config->n_names - 1]);
    moth_option_add_agent(config->options, config->names[config->n_names - 1], weight);
    return 0;
}

static bool has_keys(lua_State *L)
{
    bool found = false;
    lua_pushnil(L);
    for (; lua_next(L, -2); lua_pop(L, 1))
        found = found || lua_type(L, -2) == LUA_TSTRING;
    return found;
}

/* A string, or a list of strings; with keys where the type has names. */
static int set_list(struct config *config, const struct moth_option *option)
{
    if (lua_type(config->L, -1) == LUA_TSTRING)
        return set_string(config, option);
    if (!lua_istable(config->L, -1))
        return wrong_type(config, "a string or a list of strings");
    if (option->type == MOTH_OPTION_STRINGS && has_keys(config->L))
        return wrong_type(config, "a list of strings, without names");
    if (each_place(config, option, set_string) != 0)
        return -1;
    if (option->type == MOTH_OPTION_PAIRS || option->type == MOTH_OPTION_WATCHES)
        return each_key(config, option, set_pair);
    if (option->type == MOTH_OPTION_AGENTS)
        return each_key(config, option, set_weight);
    return 0;
}

static int set_set(struct config *config, const struct moth_option *option)
{
    lua_State *L = config->L;
    if (!lua_istable(L, -1))
        return set_string(config, option);
    int list = lua_gettop(L);
    lua_Integer n = (lua_Integer)lua_rawlen(L, list);
    lua_pushliteral(L, "");
    for (lua_Integer i = 1; i <= n; i++) {
        lua_pushstring(L, i > 1 ? "," : "");
        if (lua_rawgeti(L, list, i) != LUA_TSTRING)
            return wrong_type(config, "a list of strings");
        lua_concat(L, 3);
    }
    int result = set_text(config, option, lua_tostring(L, -1));
    lua_settop(L, list);
    return result;
}

static int set_value(struct config *config, const struct moth_option *option)
{
    switch (option->type) {
    case MOTH_OPTION_FLAG:
        if (!lua_isboolean(config->L, -1))
            return wrong_type(config, "true or false");
        return set_text(config, option, lua_toboolean(config->L, -1) ? "true" : "false");
    case MOTH_OPTION_DURATION:
        if (lua_type(config->L, -1) == LUA_TSTRING)
            return set_text(config, option, lua_tostring(config->L, -1));
        return set_number(config, option);
    case MOTH_OPTION_NUMBER:
    case MOTH_OPTION_DECIMAL:
        return set_number(config, option);
    case MOTH_OPTION_CHOICE:
    case MOTH_OPTION_STRING:
    case MOTH_OPTION_SHARD:
        return set_string(config, option);
    case MOTH_OPTION_SET:
        return set_set(config, option);
    default:
        return set_list(config, option);
    }
}

/* ---- keys ---- */

/* Does the path of names where we are lead to this option, or into a section that holds it? */
enum match { MATCH_NONE, MATCH_SECTION, MATCH_OPTION };

static enum match matches(const struct config *config, const struct moth_option *option)
{
    if (option->no_config)
        return MATCH_NONE;
    char path[NAME_MAX_BYTES];
    where(config, path);
    size_t n = strlen(path);
    if (config->n_names == 1 && equal(path, option->name))
        return MATCH_OPTION;
    if (!option->alias || strlen(option->alias) < n || !same(path, option->alias, n))
        return MATCH_NONE;
    return !option->alias[n] ? MATCH_OPTION : option->alias[n] == '.' ? MATCH_SECTION : MATCH_NONE;
}

/* The names that could stand where the last one does. */
static const char *nearest_key(const struct config *config)
{
    static char copies[160][48];
    const char *words[162];
    size_t n = 0;
    char path[NAME_MAX_BYTES];
    struct config above = *config;
    above.n_names--;
    size_t prefix = strlen(where(&above, path));
    for (size_t i = 0; i < moth_option_count && n < 158; i++) {
        const struct moth_option *option = &moth_option_table[i];
        if (option->no_config || option->later)
            continue;
        if (config->n_names == 1)
            snprintf(copies[n], sizeof copies[n], "%s", option->name), words[n] = copies[n], n++;
        if (!option->alias || (prefix && (!same(path, option->alias, prefix) || option->alias[prefix] != '.')))
            continue;
        const char *part = option->alias + prefix + (prefix > 0);
        snprintf(copies[n], sizeof copies[n], "%.*s", (int)strcspn(part, "."), part);
        words[n] = copies[n];
        n++;
    }
    if (config->n_names == 1)
        words[n++] = "game";
    const char *near = moth_str_nearest(config->names[config->n_names - 1], words, n);
    for (char *c = (char *)(uintptr_t)near; c && near != words[n - 1] && *c; c++)
        if (*c == '-')
            *c = '_'; /* as it is written in Lua */
    return near;
}

static int unknown_key(const struct config *config)
{
    char name[NAME_MAX_BYTES];
    const char *near = nearest_key(config);
    return fail(config, "there is no key '%s'%s%s%s", where(config, name), near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
}

static int set_option(struct config *config, size_t i)
{
    const struct moth_option *option = &moth_option_table[i];
    char name[NAME_MAX_BYTES];
    if (option->later)
        return fail(config, "%s is not in this version of moth", where(config, name));
    if (config->seen[i])
        return fail(config, "%s is there twice", option->name);
    config->seen[i] = true;
    if (!(option->verbs & config->options->verb) || config->given[i]) {
        /* Not for this verb, or the command line wins: checked all the same, into nothing. */
        struct moth_options unused = {0};
        struct config aside = *config;
        aside.options = &unused;
        int result = set_value(&aside, option);
        moth_options_free(&unused);
        return result;
    }
    if (set_value(config, option) != 0)
        return -1;
    config->given[i] = true;
    return 0;
}

/* `game`: a string or a list of them. On the command line it wins. */
static int set_game(struct config *config, const struct moth_option *unused)
{
    (void)unused;
    struct moth_options aside = {0};
    struct moth_options *target = config->options->game.n ? &aside : config->options;
    const struct moth_option game = {.name = "game", .type = MOTH_OPTION_STRINGS,
                                     .offset = offsetof(struct moth_options, game)};
    struct config into = *config;
    into.options = target;
    int result = set_list(&into, &game);
    if (result == 0 && target->game.n == 0)
        result = fail(config, "game must not be empty");
    moth_strings_free(&aside.game);
    return result;
}

static int one_key(struct config *config, const struct moth_option *unused);

static int section(struct config *config)
{
    if (!lua_istable(config->L, -1))
        return wrong_type(config, "a table");
    if (config->n_names >= DEPTH_MAX)
        return unknown_key(config);
    if (lua_rawlen(config->L, -1) > 0) {
        config->names[config->n_names++] = "1";
        int result = unknown_key(config);
        config->n_names--;
        return result;
    }
    return each_key(config, NULL, one_key);
}

/* The value on the top stands under names[…]. */
static int one_key(struct config *config, const struct moth_option *unused)
{
    (void)unused;
    if (config->n_names == 1 && strcmp(config->names[0], "game") == 0)
        return set_game(config, NULL);
    bool in_section = false;
    const struct moth_option *found = NULL;
    for (size_t i = 0; i < moth_option_count; i++) {
        enum match match = matches(config, &moth_option_table[i]);
        in_section = in_section || match == MATCH_SECTION;
        /* One name may be two rows, for two verbs: the verb's own goes first. */
        if (match == MATCH_OPTION && (!found || (moth_option_table[i].verbs & config->options->verb)))
            found = &moth_option_table[i];
    }
    if (found)
        return set_option(config, (size_t)(found - moth_option_table));
    return in_section ? section(config) : unknown_key(config);
}

/* ---- the file ---- */

/* 1: light userdata, the config; 2: what the file returned. Pushes nothing; its error is in config->err. */
static int walk(lua_State *L)
{
    struct config *config = lua_touserdata(L, 1);
    luaL_checkstack(L, 64, NULL);
    int result;
    if (!lua_istable(L, 2))
        result = moth_err_set(config->err, MOTH_ERR_CONFIG, "%s: it must return a table, not %s", config->path,
                              luaL_typename(L, 2));
    else
        result = section(config);
    lua_pushboolean(L, result == 0);
    return 1;
}

static int run(struct moth_lua_box *box, struct config *config, size_t size)
{
    char *name = moth_fs_path("@%s", config->path);
    int result = moth_lua_box_compile(box, config->text, size, name);
    free(name);
    if (result == 0)
        result = moth_lua_box_call(box, 0, 1);
    if (result == 0) {
        lua_pushcfunction(box->L, walk);
        lua_insert(box->L, -2);
        lua_pushlightuserdata(box->L, config);
        lua_insert(box->L, -2);
        result = moth_lua_box_call(box, 2, 1);
        if (result == 0)
            return lua_toboolean(box->L, -1) ? 0 : -1;
    }
    bool placed = strstr(box->message, config->path) != NULL;
    return moth_err_set(config->err, MOTH_ERR_CONFIG, "%s%s%s", placed ? "" : config->path, placed ? "" : ": ",
                        box->message);
}

int moth_config_read(struct moth_options *options, const char *path, bool *given, struct moth_err *err)
{
    size_t size;
    struct moth_err why = {0};
    char *text = moth_fs_read(path, CONFIG_BYTES_MAX, &size, &why);
    if (!text)
        return moth_err_set(err, MOTH_ERR_CONFIG, "%s", why.message);
    struct config config = {.options = options, .path = path, .text = text, .given = given, .err = err};
    config.seen = calloc(moth_option_count, sizeof *config.seen);
    if (!config.seen)
        abort();
    const char *slash = strrchr(path, '/');
    char *folder = slash ? moth_fs_path("%.*s", slash == path ? 1 : (int)(slash - path), path) : moth_fs_path(".");
    struct moth_lua_box box;
    struct moth_lua_box_options box_options = {.folder = folder, .limit_words = ""};
    int result = moth_lua_box_open(&box, &box_options, err);
    if (result == 0) {
        config.L = box.L;
        result = run(&box, &config, size);
        moth_lua_box_close(&box);
    }
    free(folder);
    free(config.seen);
    free(text);
    return result;
}
