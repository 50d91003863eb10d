/* SPDX-License-Identifier: MIT
 *
 * The names of a module's debug information: one walk over the top of each unit, into namespaces and
 * classes, not into functions. Sorted by name, and by place to find the qualified name of a DIE again.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/inside.h"

#define DEPTH_MAX 24u
#define ENTRIES_MAX 8000000u
#define INLINES_MAX 64u
#define LOOK_BACK 256u

struct walk {
    struct moth_symbols_module *module;
    Dwarf_Addr bias;
    const char *unit;
    bool c_plus_plus;
};

const char *moth_die_name(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
}

static bool flag(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attribute;
    bool value = false;
    return dwarf_attr_integrate(die, name, &attribute) && dwarf_formflag(&attribute, &value) == 0 && value;
}

static void add(struct walk *walk, Dwarf_Die *die, const char *name, enum moth_entry_kind kind)
{
    struct moth_symbols_module *module = walk->module;
    if (module->n_entries == module->room) {
        size_t room = module->room * 2 + 1024;
        struct moth_entry *grown = room <= ENTRIES_MAX ? realloc(module->entries, room * sizeof *grown) : NULL;
        if (!grown)
            return;
        module->entries = grown;
        module->room = room;
    }
    Dwarf_Attribute attribute;
    bool declared = dwarf_attr(die, DW_AT_declaration, &attribute) != NULL;
    module->entries[module->n_entries++] = (struct moth_entry){.name = name,
                                                               .unit = walk->unit,
                                                               .die = *die,
                                                               .bias = walk->bias,
                                                               .kind = (uint8_t)kind,
                                                               .declaration = declared,
                                                               .external = flag(die, DW_AT_external)};
}

static const char *qualified(struct walk *walk, const char *scope, const char *name)
{
    return scope && *scope ? moth_arena_text(&walk->module->symbols->arena, "%s::%s", scope, name) : name;
}

/* Each file has them again. */
static void note_inline(struct walk *walk, const char *name)
{
    struct moth_symbols_module *module = walk->module;
    for (size_t i = 0; i < module->n_inlines; i++)
        if (strcmp(module->inlines[i], name) == 0)
            return;
    const char **grown = module->n_inlines < INLINES_MAX
                             ? realloc(module->inlines, (module->n_inlines + 1) * sizeof *grown)
                             : NULL;
    if (!grown)
        return;
    module->inlines = grown;
    module->inlines[module->n_inlines++] = name;
}

static void walk_children(struct walk *walk, Dwarf_Die *parent, const char *scope, unsigned depth);

static void add_enumerators(struct walk *walk, Dwarf_Die *type, const char *scope)
{
    Dwarf_Die child;
    if (dwarf_child(type, &child) != 0)
        return;
    do {
        const char *name = moth_die_name(&child);
        if (dwarf_tag(&child) == DW_TAG_enumerator && name)
            add(walk, &child, qualified(walk, scope, name), MOTH_ENTRY_ENUMERATOR);
    } while (dwarf_siblingof(&child, &child) == 0);
}

/* What is defined apart from its declaration gets its name when all names are known. */
static bool is_defined_apart(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    return dwarf_attr(die, DW_AT_specification, &attribute) || dwarf_attr(die, DW_AT_abstract_origin, &attribute);
}

/* A class that is declared in its namespace and defined behind it, as units of one type have it: the name that the
 * declaration was just given. */
static const char *declared_name(const struct walk *walk, Dwarf_Die *die)
{
    const struct moth_symbols_module *module = walk->module;
    Dwarf_Attribute attribute;
    Dwarf_Die declared;
    if (!dwarf_formref_die(dwarf_attr(die, DW_AT_specification, &attribute), &declared))
        return NULL;
    for (size_t i = module->n_entries, n = 0; i-- > 0 && n < LOOK_BACK; n++)
        if (module->entries[i].die.addr == declared.addr)
            return module->entries[i].name;
    return NULL;
}

static void walk_die(struct walk *walk, Dwarf_Die *die, const char *scope, unsigned depth)
{
    Dwarf_Attribute attribute;
    const char *name = moth_die_name(die);
    int tag = dwarf_tag(die);
    switch (tag) {
    case DW_TAG_variable:
    case DW_TAG_member: /* DWARF 4: a static member */
        if (name && (tag == DW_TAG_variable || dwarf_attr(die, DW_AT_external, &attribute)))
            add(walk, die, is_defined_apart(die) ? NULL : qualified(walk, scope, name), MOTH_ENTRY_VARIABLE);
        break;
    case DW_TAG_subprogram:
        if (name)
            add(walk, die, is_defined_apart(die) ? NULL : qualified(walk, scope, name), MOTH_ENTRY_FUNCTION);
        break;
    case DW_TAG_namespace:
        if (name && flag(die, DW_AT_export_symbols))
            note_inline(walk, qualified(walk, scope, name));
        walk_children(walk, die, name ? qualified(walk, scope, name) : scope, depth + 1);
        break;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type: {
        const char *full = declared_name(walk, die);
        full = full ? full : name ? qualified(walk, scope, name) : scope;
        if (name)
            add(walk, die, full, MOTH_ENTRY_TYPE);
        if (walk->c_plus_plus)
            walk_children(walk, die, full, depth + 1);
        break;
    }
    case DW_TAG_enumeration_type: {
        const char *full = name ? qualified(walk, scope, name) : scope;
        if (name)
            add(walk, die, full, MOTH_ENTRY_TYPE);
        add_enumerators(walk, die, flag(die, DW_AT_enum_class) ? full : scope);
        break;
    }
    case DW_TAG_typedef:
    case DW_TAG_base_type:
        if (name)
            add(walk, die, qualified(walk, scope, name), MOTH_ENTRY_TYPE);
        break;
    default:
        break;
    }
}

static void walk_children(struct walk *walk, Dwarf_Die *parent, const char *scope, unsigned depth)
{
    Dwarf_Die child;
    if (depth > DEPTH_MAX || dwarf_child(parent, &child) != 0)
        return;
    do
        walk_die(walk, &child, scope, depth);
    while (dwarf_siblingof(&child, &child) == 0);
}

static bool is_c_plus_plus(Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    Dwarf_Word language = 0;
    dwarf_formudata(dwarf_attr_integrate(unit, DW_AT_language, &attribute), &language);
    return language != DW_LANG_C && language != DW_LANG_C89 && language != DW_LANG_C99 && language != DW_LANG_C11;
}

static void walk_dwarf(struct moth_symbols_module *module, Dwarf *dwarf, Dwarf_Addr bias)
{
    Dwarf_CU *unit = NULL;
    Dwarf_Die top, split;
    uint8_t kind;
    while (dwarf_get_units(dwarf, unit, &unit, NULL, &kind, &top, &split) == 0) {
        if (kind == DW_UT_skeleton) { /* what it stands for lies in a .dwo file */
            if (!split.addr)
                continue;
            top = split;
        }
        struct walk walk = {.module = module, .bias = bias, .unit = dwarf_diename(&top)};
        walk.c_plus_plus = is_c_plus_plus(&top);
        walk_children(&walk, &top, NULL, 0);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct moth_entry *x = a, *y = b;
    int order = strcmp(x->name ? x->name : "", y->name ? y->name : "");
    return order ? order : ((char *)x->die.addr > (char *)y->die.addr) - ((char *)x->die.addr < (char *)y->die.addr);
}

static int by_die(const void *a, const void *b)
{
    const char *x = (*(struct moth_entry *const *)a)->die.addr, *y = (*(struct moth_entry *const *)b)->die.addr;
    return (x > y) - (x < y);
}

static void order_by_die(struct moth_symbols_module *module)
{
    free(module->by_die);
    module->by_die = calloc(module->n_entries + 1, sizeof(struct moth_entry *));
    if (!module->by_die)
        abort();
    for (size_t i = 0; i < module->n_entries; i++)
        module->by_die[i] = &module->entries[i];
    qsort(module->by_die, module->n_entries, sizeof(struct moth_entry *), by_die);
}

/* The name of what is defined apart is that of its declaration. */
static void name_definitions(struct moth_symbols_module *module)
{
    for (size_t i = 0; i < module->n_entries; i++) {
        struct moth_entry *entry = &module->entries[i];
        Dwarf_Die at = entry->die;
        for (unsigned n = 0; !entry->name && n < 4; n++) {
            Dwarf_Attribute attribute;
            Dwarf_Die next;
            if (!dwarf_formref_die(dwarf_attr(&at, DW_AT_specification, &attribute), &next) &&
                !dwarf_formref_die(dwarf_attr(&at, DW_AT_abstract_origin, &attribute), &next))
                break;
            const struct moth_entry *of = moth_module_entry_of(module, &next);
            entry->name = of ? of->name : NULL;
            at = next;
        }
        if (!entry->name)
            entry->name = moth_die_name(&entry->die);
    }
}

bool moth_module_index(struct moth_symbols_module *module)
{
    if (module->looked)
        return module->indexed;
    module->looked = true;
    Dwarf_Addr bias = 0;
    Dwarf *dwarf = dwfl_module_getdwarf(module->dwfl, &bias);
    if (!dwarf)
        return false;
    walk_dwarf(module, dwarf, bias);
    Dwarf *shared = dwarf_getalt(dwarf);
    if (shared)
        walk_dwarf(module, shared, bias);
    order_by_die(module);
    name_definitions(module);
    if (module->n_entries > 0)
        qsort(module->entries, module->n_entries, sizeof *module->entries, by_name);
    order_by_die(module);
    module->indexed = module->n_entries > 0;
    return module->indexed;
}

struct moth_entry *moth_module_entries(struct moth_symbols_module *module, const char *name, size_t *n)
{
    *n = 0;
    if (!moth_module_index(module))
        return NULL;
    size_t low = 0, high = module->n_entries;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(module->entries[middle].name ? module->entries[middle].name : "", name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    while (low + *n < module->n_entries && module->entries[low + *n].name &&
           strcmp(module->entries[low + *n].name, name) == 0)
        ++*n;
    return *n ? &module->entries[low] : NULL;
}

const struct moth_entry *moth_module_entry_of(struct moth_symbols_module *module, const Dwarf_Die *die)
{
    size_t low = 0, high = module->by_die ? module->n_entries : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *at = module->by_die[middle]->die.addr;
        if (at == (const char *)die->addr)
            return module->by_die[middle];
        if (at < (const char *)die->addr)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct moth_entry *moth_symbols_entry_of(struct moth_symbols *symbols, const Dwarf_Die *die)
{
    for (size_t i = 0; i < symbols->n_modules; i++) {
        const struct moth_entry *entry = moth_module_entry_of(symbols->modules[i], die);
        if (entry)
            return entry;
    }
    return NULL;
}
