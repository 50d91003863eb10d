/* SPDX-License-Identifier: MIT
 *
 * From names to variables and functions.
 */
#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "symbols/inside.h"

#define NEAR_MAX 4096u
#define LOCALS_DEPTH 16u

/* ---- where it lies ---- */

enum place { PLACE_FOUND, PLACE_NONE, PLACE_TLS, PLACE_OTHER };

static enum place read_location(Dwarf_Die *die, Dwarf_Addr *address)
{
    Dwarf_Attribute attribute, at;
    Dwarf_Op *ops;
    size_t n;
    if (!dwarf_attr_integrate(die, DW_AT_location, &attribute))
        return PLACE_NONE;
    if (dwarf_getlocation(&attribute, &ops, &n) != 0 || n == 0)
        return dwarf_whatform(&attribute) == DW_FORM_exprloc ? PLACE_NONE : PLACE_OTHER;
    *address = ops[0].number;
    if (ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index) {
        if (dwarf_getlocation_attr(&attribute, &ops[0], &at) != 0 || dwarf_formaddr(&at, address) != 0)
            return PLACE_OTHER;
    } else if (ops[0].atom != DW_OP_addr && ops[0].atom != DW_OP_const8u && ops[0].atom != DW_OP_const4u) {
        return PLACE_OTHER; /* in a register, or on a function's stack */
    }
    for (size_t i = 1; i < n; i++) {
        if (ops[i].atom == DW_OP_plus_uconst)
            *address += ops[i].number;
        else if (ops[i].atom == DW_OP_GNU_push_tls_address || ops[i].atom == DW_OP_form_tls_address)
            return PLACE_TLS;
        else
            return PLACE_OTHER;
    }
    return PLACE_FOUND;
}

/* A thread_local of the program lies at a fixed distance below the thread's pointer (x86-64), or behind its
 * descriptor's 16 bytes (arm64). Those of libraries are reached through a table and are not followed. */
static bool place_in_thread(struct moth_symbols_module *module, uint64_t *address)
{
    uint64_t pointer = module->symbols->thread_pointer;
    GElf_Addr bias;
    size_t n = 0;
    Elf *elf = dwfl_module_getelf(module->dwfl, &bias);
    if (!module->program || pointer == 0 || !elf || elf_getphdrnum(elf, &n) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_TLS)
            continue;
        uint64_t align = header.p_align ? header.p_align : 1;
#if defined(__x86_64__)
        *address += pointer - (header.p_memsz + align - 1) / align * align;
#else
        *address += pointer + (16 + align - 1) / align * align;
#endif
        return true;
    }
    return false;
}

/* The dynamic linker takes the first definition in the order of loading: a variable of a library that the
 * program refers to may lie in the program (a copy relocation). */
static void follow_linker(struct moth_symbols_module *owner, const char *linkage, uint64_t *address, const char **module)
{
    struct moth_symbols *symbols = owner->symbols;
    for (size_t i = 0; linkage && i < symbols->n_modules && symbols->modules[i] != owner; i++) {
        const struct moth_elf_symbol *symbol = moth_module_elf(symbols->modules[i], linkage, false);
        if (!symbol || !symbol->exported || symbol->tls || strcmp(symbol->name, linkage) != 0 || !symbols->modules[i]->program)
            continue;
        *address = symbol->address;
        *module = symbols->modules[i]->name;
        return;
    }
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute));
    return name ? name : moth_die_name(die);
}

static enum place locate(struct moth_symbols_module *module, const struct moth_entry *entry, struct moth_variable *found)
{
    Dwarf_Die die = entry->die;
    Dwarf_Addr address = 0;
    enum place place = read_location(&die, &address);
    *found = (struct moth_variable){.name = entry->name, .module = module->name};
    if (place == PLACE_FOUND) {
        found->address = address + entry->bias;
        if (entry->external && !module->program)
            follow_linker(module, linkage_name(&die), &found->address, &found->module);
    }
    if (place == PLACE_TLS && place_in_thread(module, &address)) {
        found->address = address;
        place = PLACE_FOUND;
    }
    found->type = moth_type_of(module->symbols, &die);
    found->size = found->type ? moth_type_size(found->type) : 0;
    return place;
}

/* ---- candidates ---- */

struct candidates {
    struct moth_symbols_module *module;
    const char *name;
    const char *unit; /* of "file.c::name", or NULL */
    struct moth_variable found;
    unsigned n;          /* at different places */
    bool external;       /* the one that was found is seen by other files */
    enum place problem;  /* of those without a place */
    bool any;
    char files[160]; /* where they are, when there are several */
};

static bool unit_matches(const char *unit, const char *wanted)
{
    size_t n = strlen(wanted), m = unit ? strlen(unit) : 0;
    return m >= n && strcmp(unit + m - n, wanted) == 0 && (m == n || unit[m - n - 1] == '/');
}

static void note_file(struct candidates *c, const char *unit)
{
    const char *slash = unit ? strrchr(unit, '/') : NULL;
    size_t used = strlen(c->files);
    snprintf(c->files + used, sizeof c->files - used, "%s%s::%s", used ? ", " : "", slash ? slash + 1 : unit ? unit : "?",
             c->name);
}

static void consider(struct candidates *c, const struct moth_entry *entry)
{
    struct moth_variable found;
    if (entry->kind != MOTH_ENTRY_VARIABLE || (c->unit && !unit_matches(entry->unit, c->unit)))
        return;
    enum place place = locate(c->module, entry, &found);
    if (place == PLACE_NONE && entry->declaration)
        return;
    c->any = true;
    if (place != PLACE_FOUND) {
        c->problem = place;
        return;
    }
    if (c->n > 0 && found.address == c->found.address)
        return;
    note_file(c, entry->unit);
    if (c->n == 0 || (entry->external && !c->external)) {
        c->found = found;
        c->external = entry->external;
        c->n = entry->external ? 1 : c->n + 1;
    } else if (entry->external || !c->external) {
        c->n++;
    }
}

/* Static variables inside a function. */
static void walk_locals(struct candidates *c, Dwarf_Die *parent, const struct moth_entry *function, const char *local,
                        unsigned depth)
{
    Dwarf_Die child;
    if (depth > LOCALS_DEPTH || dwarf_child(parent, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_lexical_block)
            walk_locals(c, &child, function, local, depth + 1);
        const char *name = tag == DW_TAG_variable ? moth_die_name(&child) : NULL;
        if (!name || strcmp(name, local) != 0)
            continue;
        struct moth_entry entry = *function;
        entry.die = child;
        entry.kind = MOTH_ENTRY_VARIABLE;
        entry.declaration = entry.external = false;
        entry.name = c->name;
        consider(c, &entry);
    } while (dwarf_siblingof(&child, &child) == 0);
}

static void consider_locals(struct candidates *c, const char *scope, const char *local)
{
    size_t n;
    struct moth_entry *entries = moth_module_entries(c->module, scope, &n);
    for (size_t i = 0; i < n; i++)
        if (entries[i].kind == MOTH_ENTRY_FUNCTION)
            walk_locals(c, &entries[i].die, &entries[i], local, 0);
}

static void consider_all(struct candidates *c, const char *name)
{
    size_t n;
    struct moth_entry *entries = moth_module_entries(c->module, name, &n);
    for (size_t i = 0; i < n; i++)
        consider(c, &entries[i]);
}

/* As written; then "file.c::name"; then "function::local". */
static void search_debug(struct candidates *c)
{
    char scope[MOTH_SYMBOLS_NAME_MAX];
    consider_all(c, c->name);
    const char *full = c->name, *split = NULL;
    for (const char *at = strstr(full, "::"); at; at = strstr(at + 2, "::"))
        split = at;
    if (c->any || !split || (size_t)(split - full) >= sizeof scope)
        return;
    memcpy(scope, full, (size_t)(split - full));
    scope[split - full] = '\0';
    consider_locals(c, scope, split + 2);
    const char *first = strstr(full, "::");
    if (c->any || !memchr(full, '.', (size_t)(first - full)))
        return;
    scope[first - full] = '\0'; /* file.c::name, file.c::function::local */
    c->unit = scope;
    consider_all(c, first + 2);
    if (!c->any && first != split) {
        char function[MOTH_SYMBOLS_NAME_MAX];
        snprintf(function, sizeof function, "%.*s", (int)(split - first - 2), first + 2);
        consider_locals(c, function, split + 2);
    }
    c->unit = NULL;
}

static enum moth_lookup judge(const struct candidates *c, struct moth_variable *found, struct moth_err *err)
{
    if (c->n == 1) {
        *found = c->found;
        found->name = moth_arena_text(&c->module->symbols->arena, "%s", c->name);
        return MOTH_LOOKUP_FOUND;
    }
    if (c->n > 1)
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' is in several files; say which: %s", c->name, c->files);
    else if (c->problem == PLACE_TLS)
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' is thread_local: only the main thread's, in the program itself, can be reached", c->name);
    else if (c->problem == PLACE_NONE)
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' has no place in memory (a constant, or optimised out)", c->name);
    else
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' has no fixed place in memory", c->name);
    return MOTH_LOOKUP_WRONG;
}

static bool search_elf(struct moth_symbols_module *module, const char *name, struct moth_variable *found)
{
    const struct moth_elf_symbol *symbol = moth_module_elf(module, name, false);
    if (!symbol || symbol->tls || (!symbol->exported && !moth_module_is_games(module)))
        return false;
    *found = (struct moth_variable){
        .name = symbol->demangled ? symbol->demangled : symbol->name, .address = symbol->address, .size = symbol->size, .module = module->name};
    return true;
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
        if (entry->kind == kind && n + 3 >= length && n <= length + 3)
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
            if (entry->kind == kind && n > n_tail && strcmp(entry->name + n - n_tail, tail) == 0)
                found = entry->name;
        }
        gather(module, kind, near, name);
    }
    if (!found && near)
        found = moth_str_nearest(name, near->words, near->n);
    free(near);
    return found;
}

static void not_found(struct moth_symbols *symbols, const char *what, enum moth_entry_kind kind, const char *name,
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

enum moth_lookup moth_symbols_variable(struct moth_symbols *symbols, const char *name, const char *module,
                                       struct moth_variable *found, struct moth_err *err)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct candidates c = {.module = symbols->modules[i], .name = name, .problem = PLACE_OTHER};
        if (module && !moth_module_matches(c.module, module))
            continue;
        search_debug(&c);
        if (c.any)
            return judge(&c, found, err);
    }
    for (size_t i = 0; i < symbols->n_modules; i++)
        if ((!module || moth_module_matches(symbols->modules[i], module)) && search_elf(symbols->modules[i], name, found))
            return MOTH_LOOKUP_FOUND;
    not_found(symbols, "variable", MOTH_ENTRY_VARIABLE, name, module, err);
    return MOTH_LOOKUP_NOT_FOUND;
}

void moth_symbols_each_variable(struct moth_symbols *symbols, const char *wanted,
                                bool (*fn)(void *, const struct moth_variable *), void *context)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        if (wanted ? !moth_module_matches(module, wanted) : !moth_module_is_games(module))
            continue;
        const char *before = NULL;
        for (size_t j = 0; moth_module_index(module) && j < module->n_entries; j++) {
            const struct moth_entry *entry = &module->entries[j];
            struct moth_variable found;
            if (entry->kind != MOTH_ENTRY_VARIABLE || locate(module, entry, &found) != PLACE_FOUND)
                continue;
            size_t n;
            moth_module_entries(module, entry->name, &n);
            struct moth_variable chosen;
            struct candidates c = {.module = module, .name = entry->name};
            if (n > 1) { /* several: statics of files by their file's name */
                consider_all(&c, entry->name);
                if (c.n == 1 && before && strcmp(before, entry->name) == 0)
                    continue;
                const char *slash = entry->unit ? strrchr(entry->unit, '/') : NULL;
                if (c.n > 1 && !entry->external)
                    found.name = moth_arena_text(&symbols->arena, "%s::%s", slash ? slash + 1 : entry->unit ? entry->unit : "?",
                                                 entry->name);
            }
            before = entry->name;
            chosen = found;
            if (!fn(context, &chosen))
                return;
        }
    }
}

void moth_symbols_each_exported(struct moth_symbols *symbols, bool (*fn)(void *, const struct moth_variable *),
                                void *context)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        if (!moth_module_is_games(module))
            continue;
        moth_module_read_elf(module);
        for (size_t j = 0; j < module->n_elf; j++) {
            const struct moth_elf_symbol *symbol = &module->elf[j];
            struct moth_variable found = {.name = symbol->demangled ? symbol->demangled : symbol->name,
                                          .address = symbol->address,
                                          .size = symbol->size,
                                          .module = module->name};
            if (symbol->exported && !symbol->function && !symbol->tls && symbol->size > 0 && !fn(context, &found))
                return;
        }
    }
}

/* ---- functions ---- */

enum function_place { FUNCTION_NOWHERE, FUNCTION_CLONED, FUNCTION_THERE };

/* Where it begins. One that is in several pieces (the seldom used ones lie elsewhere) has no lowest address;
 * its beginning is the piece with its symbol. */
static enum function_place find_place(struct moth_symbols_module *module, struct moth_entry *entry, uint64_t *address)
{
    Dwarf_Addr start = 0, end, base;
    ptrdiff_t at = 0;
    enum function_place place = FUNCTION_NOWHERE;
    if (dwarf_entrypc(&entry->die, &start) == 0 && start != 0) {
        *address = start + entry->bias;
        return moth_module_is_clone(module, *address) ? FUNCTION_CLONED : FUNCTION_THERE;
    }
    while ((at = dwarf_ranges(&entry->die, at, &base, &start, &end)) > 0) {
        if (start == 0 || start >= end)
            continue;
        *address = start + entry->bias;
        place = moth_module_is_clone(module, *address) ? FUNCTION_CLONED : FUNCTION_THERE;
        if (place == FUNCTION_THERE)
            break;
    }
    return place;
}

static void read_params(struct moth_symbols *symbols, Dwarf_Die *die, struct moth_function *function)
{
    Dwarf_Die child;
    Dwarf_Attribute attribute;
    if (dwarf_child(die, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_unspecified_parameters)
            function->variadic = true;
        if (tag != DW_TAG_formal_parameter)
            continue;
        if (function->n_params == 0 && dwarf_attr_integrate(&child, DW_AT_artificial, &attribute))
            function->method = true;
        if (function->n_params == MOTH_FUNCTION_PARAMS_MAX) {
            function->typed = false;
            return;
        }
        function->params[function->n_params++] = moth_type_of(symbols, &child);
    } while (dwarf_siblingof(&child, &child) == 0);
}

static void describe_function(struct moth_symbols_module *module, struct moth_entry *entry, uint64_t address,
                              struct moth_function *function)
{
    *function = (struct moth_function){
        .name = entry->name, .address = address, .typed = true, .module = module->name};
    function->result = moth_type_of(module->symbols, &entry->die);
    read_params(module->symbols, &entry->die, function);
}

size_t moth_symbols_functions(struct moth_symbols *symbols, const char *name, const char *wanted,
                              struct moth_function *found, size_t room, struct moth_err *err)
{
    size_t n_found = 0;
    bool inlined = false, cloned = false;
    for (size_t i = 0; i < symbols->n_modules && n_found == 0; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        size_t n;
        struct moth_entry *entries =
            wanted && !moth_module_matches(module, wanted) ? NULL : moth_module_entries(module, name, &n);
        for (size_t j = 0; entries && j < n; j++) {
            uint64_t address;
            if (entries[j].kind != MOTH_ENTRY_FUNCTION)
                continue;
            enum function_place place = find_place(module, &entries[j], &address);
            cloned = cloned || place == FUNCTION_CLONED;
            inlined = inlined || (place == FUNCTION_NOWHERE && !entries[j].declaration);
            if (place != FUNCTION_THERE)
                continue;
            if (n_found < room)
                describe_function(module, &entries[j], address, &found[n_found]);
            n_found++;
        }
    }
    for (size_t i = 0; i < symbols->n_modules && n_found == 0; i++) {
        struct moth_symbols_module *module = symbols->modules[i];
        const struct moth_elf_symbol *symbol =
            wanted && !moth_module_matches(module, wanted) ? NULL : moth_module_elf(module, name, true);
        if (!symbol)
            continue;
        if (room > 0)
            found[0] = (struct moth_function){.name = symbol->demangled ? symbol->demangled : symbol->name,
                                              .address = symbol->address,
                                              .module = module->name};
        n_found = 1;
    }
    if (n_found == 0 && cloned)
        moth_err_set(err, MOTH_ERR_USAGE,
                     "'%s' is there only with other parameters than were written: the compiler has optimized a copy of it. "
                     "Build it with __attribute__((noipa)), or without optimization",
                     name);
    else if (n_found == 0 && inlined)
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' was inlined everywhere: there is nothing to call", name);
    else if (n_found == 0)
        not_found(symbols, "function", MOTH_ENTRY_FUNCTION, name, wanted, err);
    return n_found;
}
