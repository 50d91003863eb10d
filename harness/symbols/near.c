/* SPDX-License-Identifier: MIT
 *
 * Names that are not written as they stand in the debug information: other spellings of the same name, and what
 * comes near one that is not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "symbols/inside.h"

#define NEAR_MAX 4096u
#define INLINES_DEEP 4u

/* ---- other spellings ---- */

static bool is_there(struct moth_symbols *symbols, const char *name)
{
    size_t n;
    for (size_t i = 0; i < symbols->n_modules; i++)
        if (moth_module_entries(symbols->modules[i], name, &n))
            return true;
    return false;
}

/* It, or what it would be a static variable of. */
static bool is_there_or_around(struct moth_symbols *symbols, const char *name)
{
    char around[MOTH_SYMBOLS_NAME_MAX];
    const char *last = NULL;
    for (const char *at = strstr(name, "::"); at; at = strstr(at + 2, "::"))
        last = at;
    if (is_there(symbols, name))
        return true;
    if (!last || (size_t)(last - name) >= sizeof around)
        return false;
    memcpy(around, name, (size_t)(last - name));
    around[last - name] = '\0';
    return is_there(symbols, around);
}

static bool same_but_spaces(const char *a, const char *b)
{
    for (;; a++, b++) {
        a += strspn(a, " ");
        b += strspn(b, " ");
        if (*a != *b || !*a)
            return *a == *b;
    }
}

/* "Ring<int,4>" is called "Ring<int, 4>" there. */
static const char *spaced(struct moth_symbols *symbols, const char *name)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        for (size_t j = 0; moth_module_index(module) && j < module->n_entries; j++)
            if (module->entries[j].name && same_but_spaces(module->entries[j].name, name))
                return module->entries[j].name;
    }
    return NULL;
}

/* The name with the inline namespaces that the source leaves out: "game::score" is "game::v1::score" there. */
static const char *with_inlines(struct moth_symbols *symbols, const char *name, unsigned depth)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        for (size_t j = 0; moth_module_index(module) && j < module->n_inlines; j++) {
            const char *space = module->inlines[j], *last = space;
            for (const char *at = strstr(space, "::"); at; at = strstr(at + 2, "::"))
                last = at + 2;
            size_t outer = (size_t)(last - space), whole = strlen(space);
            if (strncmp(name, space, outer) != 0 || (strncmp(name, space, whole) == 0 && name[whole] == ':'))
                continue;
            const char *longer = moth_arena_text(&symbols->arena, "%s::%s", space, name + outer);
            if (!is_there_or_around(symbols, longer))
                longer = depth < INLINES_DEEP ? with_inlines(symbols, longer, depth + 1) : NULL;
            if (longer)
                return longer;
        }
    }
    return NULL;
}

const char *moth_symbols_respell(struct moth_symbols *symbols, const char *name)
{
    const char *other = strchr(name, '<') ? spaced(symbols, name) : NULL;
    return other ? other : with_inlines(symbols, name, 0);
}

/* ---- what comes near ---- */

struct near {
    const char *words[NEAR_MAX];
    size_t n;
};

static void gather(struct moth_symbols_module *module, enum moth_entry_kind kind, struct near *near, const char *wanted)
{
    size_t length = strlen(wanted);
    for (size_t i = 0; moth_module_index(module) && i < module->n_entries && near->n < NEAR_MAX; i++) {
        const struct moth_entry *entry = &module->entries[i];
        size_t n = entry->name ? strlen(entry->name) : 0;
        bool code = kind != MOTH_ENTRY_FUNCTION || !entry->declaration; /* clang declares all of <cmath> */
        if (entry->kind == kind && code && n + 3 >= length && n <= length + 3 && strcmp(entry->name, wanted) != 0)
            near->words[near->n++] = entry->name;
    }
    moth_module_read_elf(module);
    for (size_t i = 0; i < module->n_elf && near->n < NEAR_MAX; i++) {
        const char *name = module->elf[i].demangled ? module->elf[i].demangled : module->elf[i].name;
        size_t n = strlen(name);
        if (module->elf[i].function == (kind == MOTH_ENTRY_FUNCTION) && n + 3 >= length && n <= length + 3)
            near->words[near->n++] = name;
    }
}

/* The same last word in some namespace, else the nearest spelling. */
static const char *nearest(struct moth_symbols *symbols, enum moth_entry_kind kind, const char *name)
{
    struct near *near = calloc(1, sizeof *near);
    const char *found = NULL;
    char tail[MOTH_SYMBOLS_NAME_MAX + 2];
    snprintf(tail, sizeof tail, "::%s", name);
    size_t n_tail = strlen(tail);
    for (size_t i = 0; near && i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        if (!moth_module_is_games(module))
            continue;
        for (size_t j = 0; moth_module_index(module) && j < module->n_entries && !found; j++) {
            const struct moth_entry *entry = &module->entries[j];
            size_t n = entry->name ? strlen(entry->name) : 0;
            if (entry->kind == kind && !entry->declaration && n > n_tail && strcmp(entry->name + n - n_tail, tail) == 0)
                found = entry->name;
        }
        gather(module, kind, near, name);
    }
    if (!found && near)
        found = moth_str_nearest(name, near->words, near->n);
    free(near);
    return found;
}

void moth_symbols_not_found(struct moth_symbols *symbols, const char *what, enum moth_entry_kind kind, const char *name,
                            const char *module, struct moth_err *err)
{
    if (module) {
        bool loaded = false;
        for (size_t i = 0; i < symbols->n_modules; i++)
            loaded = loaded || moth_module_matches(symbols->modules[i], module);
        moth_err_set(err, MOTH_ERR_USAGE, loaded ? "no %s '%s' in %s" : "no %s '%s': %s is not loaded", what, name, module);
        return;
    }
    const char *near = nearest(symbols, kind, name);
    bool debug = moth_symbols_debug(symbols);
    moth_err_set(err, MOTH_ERR_USAGE, "no %s '%s' in the game%s%s%s%s", what, name, near ? "; did you mean '" : "",
                 near ? near : "", near ? "'?" : "",
                 debug ? "" : " (it has no debug information: only exported symbols can be named; -g, or --debug-dir for separate files)");
}
