/* SPDX-License-Identifier: MIT
 *
 * From names to variables and functions.
 */
#include <dwarf.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/inside.h"

#define LOCALS_DEPTH 16u
#define LOCALS_MAX 64u

/* ---- where it lies ---- */

enum place { PLACE_FOUND, PLACE_CONSTANT, PLACE_NONE, PLACE_TLS, PLACE_OTHER };

/* What has no place since the compiler put its value wherever it was used. */
static enum place read_constant(Dwarf_Die *die, Dwarf_Addr *value)
{
    Dwarf_Attribute attribute;
    Dwarf_Sword number;
    Dwarf_Block block;
    if (!dwarf_attr_integrate(die, DW_AT_const_value, &attribute))
        return PLACE_NONE;
    if (dwarf_formblock(&attribute, &block) == 0) {
        uint64_t bytes = 0;
        if (block.length == 0 || block.length > sizeof bytes)
            return PLACE_NONE;
        memcpy(&bytes, block.data, block.length);
        *value = bytes;
        return PLACE_CONSTANT;
    }
    if (dwarf_formsdata(&attribute, &number) != 0)
        return PLACE_NONE; /* a text */
    *value = (Dwarf_Addr)number;
    return PLACE_CONSTANT;
}

static enum place read_location(Dwarf_Die *die, Dwarf_Addr *address)
{
    Dwarf_Attribute attribute, at;
    Dwarf_Op *ops;
    size_t n;
    if (!dwarf_attr_integrate(die, DW_AT_location, &attribute))
        return read_constant(die, address);
    if (dwarf_getlocation(&attribute, &ops, &n) != 0 || n == 0)
        return dwarf_whatform(&attribute) == DW_FORM_exprloc ? PLACE_NONE : PLACE_OTHER;
    *address = ops[0].number;
    if (ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index) {
        if (dwarf_getlocation_attr(&attribute, &ops[0], &at) != 0 || dwarf_formaddr(&at, address) != 0)
            return PLACE_OTHER;
    } else if (ops[0].atom == DW_OP_constx || ops[0].atom == DW_OP_GNU_const_index) { /* of a split file */
        Dwarf_Word value;
        if (dwarf_getlocation_attr(&attribute, &ops[0], &at) != 0 || dwarf_formudata(&at, &value) != 0)
            return PLACE_OTHER;
        *address = value;
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
        if (*address >= header.p_vaddr && *address - header.p_vaddr < header.p_memsz)
            *address -= header.p_vaddr; /* GCC's split files have the address of its first value */
        if (*address >= header.p_memsz)
            return false;
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
        const struct moth_elf_symbol *symbol = moth_module_elf(symbols->modules[i], linkage);
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

static bool is_scalar(const struct moth_type *type)
{
    enum moth_type_kind kind = type ? moth_type_kind(type) : MOTH_TYPE_OPAQUE;
    return type && moth_type_size(type) <= sizeof(uint64_t) &&
           (kind == MOTH_TYPE_BOOL || kind == MOTH_TYPE_CHAR || kind == MOTH_TYPE_SIGNED || kind == MOTH_TYPE_UNSIGNED ||
            kind == MOTH_TYPE_ENUM || kind == MOTH_TYPE_FLOAT);
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
    if (place == PLACE_CONSTANT) {
        found->address = address;
        found->constant = true;
        place = is_scalar(found->type) ? PLACE_FOUND : PLACE_NONE;
    }
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
    if (c->n > 0 && (found.constant || c->found.constant)) { /* one that lies somewhere before a copy of its value */
        bool same = !found.constant || !c->found.constant || found.address == c->found.address;
        if (same) {
            c->found = found.constant ? c->found : found;
            return;
        }
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
    const struct moth_elf_symbol *symbol = moth_module_elf(module, name);
    if (!symbol || symbol->tls || (!symbol->exported && !moth_module_is_games(module)))
        return false;
    *found = (struct moth_variable){
        .name = symbol->demangled ? symbol->demangled : symbol->name, .address = symbol->address, .size = symbol->size, .module = module->name};
    return true;
}

static enum moth_lookup find_variable(struct moth_symbols *symbols, const char *name, const char *module,
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
    return MOTH_LOOKUP_NOT_FOUND;
}

enum moth_lookup moth_symbols_variable(struct moth_symbols *symbols, const char *name, const char *module,
                                       struct moth_variable *found, struct moth_err *err)
{
    enum moth_lookup result = find_variable(symbols, name, module, found, err);
    const char *other = result == MOTH_LOOKUP_NOT_FOUND ? moth_symbols_respell(symbols, name) : NULL;
    if (other)
        result = find_variable(symbols, other, module, found, err);
    if (result == MOTH_LOOKUP_NOT_FOUND)
        moth_symbols_not_found(symbols, "variable", MOTH_ENTRY_VARIABLE, name, module, err);
    return result;
}

/* The static variables of functions, to be told one by one. */
struct locals {
    struct moth_symbols_module *module;
    bool (*fn)(void *, const struct moth_variable *);
    void *context;
    const char *function;
    uint64_t seen[LOCALS_MAX]; /* of this function: what is inlined is described again and again */
    size_t n;
    bool stopped;
};

static bool is_news(struct locals *locals, uint64_t address)
{
    for (size_t i = 0; i < locals->n; i++)
        if (locals->seen[i] == address)
            return false;
    if (locals->n == LOCALS_MAX)
        return false;
    locals->seen[locals->n++] = address;
    return true;
}

static void tell_locals(struct locals *locals, Dwarf_Die *parent, Dwarf_Addr bias, unsigned depth)
{
    Dwarf_Die child;
    if (depth > LOCALS_DEPTH || dwarf_child(parent, &child) != 0)
        return;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_lexical_block)
            tell_locals(locals, &child, bias, depth + 1);
        const char *name = tag == DW_TAG_variable ? moth_die_name(&child) : NULL;
        struct moth_entry entry = {.name = name, .die = child, .bias = bias};
        struct moth_variable found;
        Dwarf_Addr unused;
        enum place place = name ? read_location(&child, &unused) : PLACE_OTHER;
        if ((place != PLACE_FOUND && place != PLACE_TLS) || /* most are on the stack */ locate(locals->module, &entry, &found) != PLACE_FOUND || found.constant ||
            !is_news(locals, found.address))
            continue;
        found.name = moth_arena_text(&locals->module->symbols->arena, "%s::%s", locals->function, name);
        locals->stopped = !locals->fn(locals->context, &found);
    } while (!locals->stopped && dwarf_siblingof(&child, &child) == 0);
}

static void tell_all_locals(struct locals *locals)
{
    struct moth_symbols_module *module = locals->module;
    for (size_t i = 0; i < module->n_entries && !locals->stopped; i++) {
        struct moth_entry *entry = &module->entries[i];
        if (entry->kind != MOTH_ENTRY_FUNCTION || entry->declaration || !entry->name)
            continue;
        if (!locals->function || strcmp(locals->function, entry->name) != 0)
            locals->n = 0;
        locals->function = entry->name;
        tell_locals(locals, &entry->die, entry->bias, 0);
    }
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
        struct locals locals = {.module = module, .fn = fn, .context = context};
        tell_all_locals(&locals);
        if (locals.stopped)
            return;
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

struct function_search {
    const char *name, *module;
    struct moth_function *found;
    size_t room, n;
    bool declared, inlined, cloned;
};

static void search_functions(struct moth_symbols_module *module, struct function_search *search)
{
    size_t n;
    struct moth_entry *entries = moth_module_entries(module, search->name, &n);
    for (size_t j = 0; entries && j < n; j++) {
        uint64_t address;
        if (entries[j].kind != MOTH_ENTRY_FUNCTION)
            continue;
        enum function_place place = find_place(module, &entries[j], &address);
        search->cloned = search->cloned || place == FUNCTION_CLONED;
        search->inlined = search->inlined || (place == FUNCTION_NOWHERE && !entries[j].declaration);
        search->declared = search->declared || entries[j].declaration;
        if (place != FUNCTION_THERE)
            continue;
        if (search->n < search->room)
            describe_function(module, &entries[j], address, &search->found[search->n]);
        search->n++;
    }
}

/* Overloads are symbols of the same name with other parameters. */
static void search_symbols(struct moth_symbols_module *module, struct function_search *search)
{
    size_t at = 0;
    for (const struct moth_elf_symbol *symbol; (symbol = moth_module_elf_function(module, search->name, &at)) != NULL;) {
        bool again = false;
        for (size_t i = 0; i < search->n && i < search->room; i++)
            again = again || search->found[i].address == symbol->address;
        if (again)
            continue;
        if (search->n < search->room)
            search->found[search->n] = (struct moth_function){.name = symbol->demangled ? symbol->demangled : symbol->name,
                                                              .symbol = symbol->demangled,
                                                              .address = symbol->address,
                                                              .module = module->name};
        search->n++;
    }
}

static void find_functions(struct moth_symbols *symbols, struct function_search *search)
{
    for (int elf = 0; elf < 2; elf++)
        for (size_t i = 0; i < symbols->n_modules && search->n == 0; i++) {
            if (search->module && !moth_module_matches(symbols->modules[i], search->module))
                continue;
            (elf ? search_symbols : search_functions)(symbols->modules[i], search);
        }
}

size_t moth_symbols_functions(struct moth_symbols *symbols, const char *name, const char *wanted,
                              struct moth_function *found, size_t room, struct moth_err *err)
{
    struct function_search search = {.name = name, .module = wanted, .found = found, .room = room};
    find_functions(symbols, &search);
    if (search.n == 0 && !search.cloned && !search.inlined && !search.declared &&
        (search.name = moth_symbols_respell(symbols, name)) != NULL)
        find_functions(symbols, &search);
    if (search.n > 0)
        return search.n;
    if (search.cloned)
        moth_err_set(err, MOTH_ERR_USAGE,
                     "'%s' is there only with other parameters than were written: the compiler has optimized a copy of it. "
                     "Build it with __attribute__((noipa)), or without optimization",
                     name);
    else if (search.inlined)
        moth_err_set(err, MOTH_ERR_USAGE, "'%s' was inlined everywhere: there is nothing to call", name);
    else if (search.declared)
        moth_err_set(err, MOTH_ERR_USAGE,
                     "'%s' is declared, and nothing that is loaded has its code (inlined everywhere, or used nowhere)", name);
    else
        moth_symbols_not_found(symbols, "function", MOTH_ENTRY_FUNCTION, name, wanted, err);
    return 0;
}
