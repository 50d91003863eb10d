/* SPDX-License-Identifier: MIT
 *
 * require(): modules beside the script, then those moth ships in agents/ and scenarios/. Nothing else: no search path,
 * no C libraries, no way up and out of the folder.
 */
#include "bindings/lua/box.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define SOURCE_BYTES_MAX ((size_t)16 << 20)
#define NAME_BYTES_MAX 128

void moth_lua_sources_free(struct moth_lua_sources *sources)
{
    for (size_t i = 0; i < sources->n; i++) {
        free(sources->items[i].name);
        free(sources->items[i].path);
        free(sources->items[i].text);
    }
    free(sources->items);
    sources->items = NULL;
    sources->n = 0;
}

static const struct moth_lua_source *find(const struct moth_lua_sources *sources, const char *name)
{
    for (size_t i = 0; sources && i < sources->n; i++)
        if (strcmp(sources->items[i].name, name) == 0)
            return &sources->items[i];
    return NULL;
}

/* Takes over path and text. */
static const struct moth_lua_source *add(struct moth_lua_sources *sources, const char *name, char *path,
                                         char *text, size_t size_bytes)
{
    struct moth_lua_source *items = realloc(sources->items, (sources->n + 1) * sizeof *items);
    char *copy = strdup(name);
    if (items)
        sources->items = items;
    if (!items || !copy) {
        free(copy);
        free(path);
        free(text);
        return NULL;
    }
    items[sources->n] = (struct moth_lua_source){copy, path, text, size_bytes};
    return &items[sources->n++];
}

/* "a.b-c" → "a/b-c"; false where a part is empty or has another character. */
static bool name_to_file(const char *name, char file[NAME_BYTES_MAX])
{
    size_t n = strlen(name);
    if (n == 0 || n >= NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool dot = name[i] == '.';
        if (dot ? i == 0 || i + 1 == n || name[i + 1] == '.'
                : !isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
            return false;
        file[i] = dot ? '/' : name[i];
    }
    file[n] = '\0';
    return true;
}

static const struct moth_lua_source *read_source(struct moth_lua_box *box, const char *name, const char *file)
{
    const char *folder = box->options.folder;
    char *agent = moth_fs_path("agents/%s.lua", file), *scenario = moth_fs_path("scenarios/%s.lua", file);
    char *candidates[] = {
        folder ? moth_fs_path("%s/%s.lua", folder, file) : NULL,
        folder ? moth_fs_path("%s/%s/init.lua", folder, file) : NULL,
        moth_fs_shipped(agent),
        moth_fs_shipped(scenario),
    };
    free(agent);
    free(scenario);
    const struct moth_lua_source *source = NULL;
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        size_t size = 0;
        char *text = source || !candidates[i] ? NULL : moth_fs_read(candidates[i], SOURCE_BYTES_MAX, &size, NULL);
        if (!text) {
            free(candidates[i]);
            continue;
        }
        bool keep = box->options.keep_sources && box->options.sources;
        source = add(keep ? box->options.sources : &box->own_sources, name, candidates[i], text, size);
    }
    return source;
}

static int box_require(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    struct moth_lua_box *box = moth_lua_box_of(L);
    lua_settop(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* 2 */
    if (lua_getfield(L, 2, name) != LUA_TNIL) {
        if (lua_toboolean(L, -1))
            return 1;
        return luaL_error(L, "module '%s' requires itself", name);
    }
    char file[NAME_BYTES_MAX];
    if (!name_to_file(name, file))
        return luaL_error(L, "'%s' is no module's name: letters, digits, '_' and '-', with dots for folders", name);
    const struct moth_lua_source *source = find(box->options.sources, name);
    if (!source)
        source = find(&box->own_sources, name);
    if (!source)
        source = read_source(box, name, file);
    if (!source)
        return luaL_error(L, "module '%s' is neither beside the script (%s/%s.lua) nor one that moth ships", name,
                          box->options.folder ? box->options.folder : ".", file);
    lua_pushboolean(L, 0);
    lua_setfield(L, 2, name);
    lua_pushfstring(L, "@%s", source->path);
    if (luaL_loadbufferx(L, source->text, source->size_bytes, lua_tostring(L, -1), "t") != LUA_OK) {
        lua_pushnil(L);
        lua_setfield(L, 2, name);
        return lua_error(L);
    }
    lua_pushvalue(L, 1);
    lua_pushstring(L, source->path);
    lua_call(L, 2, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, 2, name);
    return 1;
}

/* Unsafe: Lua's own require, which also looks beside the script and among what moth ships. */
static void extend_path(lua_State *L)
{
    const char *folder = moth_lua_box_of(L)->options.folder;
    char *agents = moth_fs_shipped("agents"), *scenarios = moth_fs_shipped("scenarios");
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s/?.lua;%s/?.lua;%s", folder ? folder : ".", folder ? folder : ".",
                    agents ? agents : "agents", scenarios ? scenarios : "scenarios", lua_tostring(L, -1));
    free(agents);
    free(scenarios);
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

void moth_lua_open_modules(lua_State *L)
{
    if (moth_lua_box_of(L)->options.unsafe_lua) {
        extend_path(L);
        return;
    }
    lua_pushboolean(L, 1);
    lua_pushcclosure(L, box_require, 1);
    lua_setglobal(L, "require");
}
