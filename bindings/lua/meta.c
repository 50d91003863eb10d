/* SPDX-License-Identifier: MIT
 *
 * moth-lua-meta: prints meta/moth.lua, the API's description for editors (lua-language-server), from the
 * tables that the host registers.
 */
#include <stdio.h>
#include <string.h>

#include "bindings/lua/api.h"

#define WIDTH 100

/* Text in comment lines of at most WIDTH columns. */
static void comment(const char *text)
{
    while (*text) {
        size_t n = strlen(text);
        if (n > WIDTH - 4) {
            n = WIDTH - 4;
            while (n > 0 && text[n] != ' ')
                n--;
        }
        printf("--- %.*s\n", (int)n, text);
        text += n;
        text += strspn(text, " ");
    }
}

static int method(const struct moth_lua_class *class, const struct moth_lua_entry *entry)
{
    struct moth_lua_signature signature;
    if (moth_lua_signature_parse(entry->signature, &signature) != 0) {
        fprintf(stderr, "%s.%s: wrong signature \"%s\"\n", class->name, entry->name, entry->signature);
        return -1;
    }
    printf("\n");
    comment(entry->doc);
    for (int i = 0; i < signature.n_params; i++)
        printf("---@param %s%s %s\n", signature.params[i].name, signature.params[i].optional ? "?" : "",
               moth_lua_type_in_editor(signature.params[i].type));
    for (int i = 0; i < signature.n_results; i++)
        printf("---@return %s%s\n", moth_lua_type_in_editor(signature.results[i].type),
               signature.results[i].optional ? "?" : "");
    printf("function %s:%s(", class->name, entry->name);
    for (int i = 0; i < signature.n_params; i++)
        printf("%s%s", i ? ", " : "", signature.params[i].name);
    printf(") end\n");
    return 0;
}

static int class(const struct moth_lua_class *class)
{
    printf("\n");
    comment(class->doc);
    printf("---@class moth.%s\n", class->name);
    for (size_t t = 0; class->tables[t]; t++)
        for (const struct moth_lua_entry *entry = class->tables[t]; entry->name; entry++)
            if (!entry->function)
                printf("---@field %s %s %s\n", entry->name, entry->signature + 3, entry->doc);
    printf("local %s = {}\n", class->name);
    for (size_t t = 0; class->tables[t]; t++)
        for (const struct moth_lua_entry *entry = class->tables[t]; entry->name; entry++)
            if (entry->function && method(class, entry) != 0)
                return -1;
    return 0;
}

int main(void)
{
    printf("---@meta moth\n"
           "-- Made by moth-lua-meta from the tables in bindings/lua/api_*.c; not to be edited.\n");
    for (size_t i = 0; moth_lua_classes[i].name; i++)
        if (class(&moth_lua_classes[i]) != 0)
            return 1;
    printf("\n--- What an agent's file returns: this function, or a table.\n"
           "---@alias moth.Play fun(game: moth.game, rng: moth.rng, case: table?)\n"
           "\n---@class moth.Agent\n"
           "---@field name? string\n"
           "---@field play? moth.Play Without it the table is the explorer's.\n"
           "---@field budget? string|number|table Of game time (\"60s\", \"600 frames\"), or milliseconds a frame (16.7).\n"
           "---@field tags? string[] By which `moth run --tag` chooses scenarios.\n"
           "---@field cases? table A list: each is played by itself, and given to setup, play and teardown.\n"
           "---@field setup? moth.Play Before `play`.\n"
           "---@field teardown? moth.Play After it, also where it failed.\n"
           "---@field actions? table Keys for the explorer: names, or { key, opposite, weight }.\n"
           "---@field cell? fun(state: table): any Where one is: the same key, the same place.\n"
           "---@field prefer? fun(state: table): number Of two states in one cell the one with more is kept.\n"
           "---@field mouse? boolean Whether the explorer uses the mouse.\n"
           "---@field pad? boolean Whether it uses a controller.\n");
    return fflush(stdout) == 0 ? 0 : 1;
}
