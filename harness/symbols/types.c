/* SPDX-License-Identifier: MIT
 *
 * Types, read from their DIEs as far as somebody asks: what a pointer points to only when it is followed.
 */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/inside.h"

#define MEMBERS_MAX 4096u
#define PEEL_MAX 32u

static struct moth_type *new_type(struct moth_symbols *symbols, enum moth_type_kind kind, uint64_t size)
{
    struct moth_type *type = moth_arena_take(&symbols->arena, sizeof *type);
    type->symbols = symbols;
    type->kind = kind;
    type->size = size;
    return type;
}

static size_t bucket_of(const void *key)
{
    return (size_t)(((uintptr_t)key * UINT64_C(0x9fb21c651e98df25)) >> 40) % MOTH_TYPE_BUCKETS;
}

static struct moth_type *known(struct moth_symbols *symbols, const void *key, unsigned dimension)
{
    struct moth_type *type = symbols->types[bucket_of(key)];
    while (type && (type->key != key || type->dimension != dimension))
        type = type->next;
    return type;
}

static void remember(struct moth_type *type, const void *key)
{
    struct moth_type **bucket = &type->symbols->types[bucket_of(key)];
    type->key = key;
    type->next = *bucket;
    *bucket = type;
}

/* ---- small things of DIEs ---- */

static bool number(Dwarf_Die *die, unsigned name, Dwarf_Word *value)
{
    Dwarf_Attribute attribute;
    return dwarf_formudata(dwarf_attr_integrate(die, name, &attribute), value) == 0;
}

static bool die_of_type(Dwarf_Die *die, Dwarf_Die *type)
{
    Dwarf_Attribute attribute;
    return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), type) != NULL;
}

static bool is_looked_through(int tag)
{
    return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
           tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type || tag == DW_TAG_packed_type ||
           tag == DW_TAG_immutable_type;
}

/* A struct that is only declared here may be defined elsewhere. */
static void find_definition(struct moth_symbols *symbols, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Die unit;
    if (dwarf_formref_die(dwarf_attr(die, DW_AT_signature, &attribute), &unit)) {
        *die = unit; /* in a unit of its own (-fdebug-types-section) */
        return;
    }
    const struct moth_entry *declared =
        dwarf_attr(die, DW_AT_declaration, &attribute) ? moth_symbols_entry_of(symbols, die) : NULL;
    for (size_t i = 0; declared && i < symbols->n_modules; i++) {
        size_t n;
        const struct moth_entry *entries = moth_module_entries(symbols->modules[i], declared->name, &n);
        for (size_t j = 0; j < n; j++) {
            Dwarf_Die other = entries[j].die;
            int tag = dwarf_tag(&other);
            if (entries[j].kind != MOTH_ENTRY_TYPE || entries[j].declaration || tag == DW_TAG_typedef)
                continue;
            *die = other;
            return;
        }
    }
}

static const char *with_tag(struct moth_symbols *symbols, Dwarf_Die *die, bool *c_plus_plus)
{
    int tag = dwarf_tag(die);
    Dwarf_Die unit;
    Dwarf_Word language = 0;
    Dwarf_Attribute attribute;
    if (dwarf_diecu(die, &unit, NULL, NULL))
        dwarf_formudata(dwarf_attr_integrate(&unit, DW_AT_language, &attribute), &language);
    bool c = language == DW_LANG_C || language == DW_LANG_C89 || language == DW_LANG_C99 || language == DW_LANG_C11;
    *c_plus_plus = !c;
    const struct moth_entry *entry = moth_symbols_entry_of(symbols, die);
    const char *name = entry && entry->name ? entry->name : moth_die_name(die);
    const char *word = tag == DW_TAG_union_type         ? "union"
                       : tag == DW_TAG_enumeration_type ? "enum"
                       : tag == DW_TAG_class_type       ? "class"
                                                        : "struct";
    if (!name)
        return moth_arena_text(&symbols->arena, "%s {…}", word);
    return c ? moth_arena_text(&symbols->arena, "%s %s", word, name) : name;
}

/* ---- one type ---- */

static enum moth_type_kind kind_of_base(Dwarf_Die *die, uint64_t size, const char *name)
{
    Dwarf_Word encoding = 0;
    number(die, DW_AT_encoding, &encoding);
    switch (encoding) {
    case DW_ATE_boolean:
        return MOTH_TYPE_BOOL;
    case DW_ATE_float:
        return size == 4 || size == 8 || size == 16 ? MOTH_TYPE_FLOAT : MOTH_TYPE_OPAQUE;
    case DW_ATE_signed_char:
    case DW_ATE_unsigned_char:
        if (name && (strcmp(name, "char") == 0 || strcmp(name, "char8_t") == 0))
            return MOTH_TYPE_CHAR;
        return encoding == DW_ATE_signed_char ? MOTH_TYPE_SIGNED : MOTH_TYPE_UNSIGNED;
    case DW_ATE_signed:
        return size <= 8 ? MOTH_TYPE_SIGNED : MOTH_TYPE_OPAQUE;
    case DW_ATE_unsigned:
    case DW_ATE_UTF:
    case DW_ATE_address:
        return size <= 8 ? MOTH_TYPE_UNSIGNED : MOTH_TYPE_OPAQUE;
    default:
        return MOTH_TYPE_OPAQUE;
    }
}

/* The dimension-th of an array's dimensions; how many there are. */
static unsigned dimensions_of(Dwarf_Die *die, unsigned dimension, bool *counted, uint64_t *count)
{
    Dwarf_Die child;
    unsigned n = 0;
    *counted = false;
    if (dwarf_child(die, &child) != 0)
        return 0;
    do {
        Dwarf_Word value;
        int tag = dwarf_tag(&child);
        if (tag != DW_TAG_subrange_type && tag != DW_TAG_enumeration_type)
            continue;
        if (n++ != dimension)
            continue;
        Dwarf_Attribute attribute;
        Dwarf_Sword upper;
        if (number(&child, DW_AT_count, &value)) {
            *counted = true;
            *count = value;
        } else if (dwarf_attr_integrate(&child, DW_AT_upper_bound, &attribute) &&
                   dwarf_whatform(&attribute) != DW_FORM_exprloc && dwarf_formsdata(&attribute, &upper) == 0) {
            *counted = upper >= 0; /* GCC's `int a[0]` ends at -1 */
            *count = upper >= 0 ? (uint64_t)upper + 1 : 0;
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    return n;
}

static const struct moth_type *array_of_die(struct moth_symbols *symbols, Dwarf_Die *die, unsigned dimension)
{
    struct moth_type *type = known(symbols, die->addr, dimension);
    if (type)
        return type;
    type = new_type(symbols, MOTH_TYPE_ARRAY, 0);
    type->dimension = dimension;
    type->die = *die;
    remember(type, die->addr);
    unsigned n = dimensions_of(die, dimension, &type->counted, &type->count);
    Dwarf_Die element;
    if (dimension + 1 < n && dimension + 1 < MOTH_SYMBOLS_TYPE_DEPTH)
        type->target = array_of_die(symbols, die, dimension + 1);
    else if (die_of_type(die, &element))
        type->target = moth_type_of_die(symbols, &element);
    type->target_read = true;
    uint64_t each = type->target ? type->target->size : 0;
    if (type->counted && each > 0 && type->count <= UINT64_MAX / each)
        type->size = type->count * each;
    return type;
}

static void fill(struct moth_type *type, Dwarf_Die *die)
{
    struct moth_symbols *symbols = type->symbols;
    Dwarf_Word size = 0;
    Dwarf_Attribute attribute;
    number(die, DW_AT_byte_size, &size);
    type->die = *die;
    type->size = size;
    switch (dwarf_tag(die)) {
    case DW_TAG_base_type:
        type->name = moth_die_name(die);
        type->kind = kind_of_base(die, size, type->name);
        break;
    case DW_TAG_enumeration_type:
        type->kind = MOTH_TYPE_ENUM;
        type->name = with_tag(symbols, die, &type->c_plus_plus);
        type->has_target_die = die_of_type(die, &type->target_die);
        break;
    case DW_TAG_rvalue_reference_type:
    case DW_TAG_reference_type:
        type->reference = true;
        type->kind = MOTH_TYPE_POINTER;
        type->size = 8;
        type->has_target_die = die_of_type(die, &type->target_die);
        break;
    case DW_TAG_pointer_type:
        type->kind = MOTH_TYPE_POINTER;
        type->size = 8;
        type->has_target_die = die_of_type(die, &type->target_die);
        break;
    case DW_TAG_structure_type:
    case DW_TAG_class_type:
    case DW_TAG_union_type:
        type->kind = dwarf_attr(die, DW_AT_declaration, &attribute) ? MOTH_TYPE_OPAQUE
                     : dwarf_tag(die) == DW_TAG_union_type          ? MOTH_TYPE_UNION
                                                                    : MOTH_TYPE_STRUCT;
        type->name = with_tag(symbols, die, &type->c_plus_plus);
        break;
    case DW_TAG_subroutine_type:
        type->kind = MOTH_TYPE_FUNCTION;
        type->has_target_die = die_of_type(die, &type->target_die);
        break;
    default: /* pointers to members, variants, … */
        type->kind = MOTH_TYPE_OPAQUE;
        break;
    }
}

const struct moth_type *moth_type_of_die(struct moth_symbols *symbols, Dwarf_Die *die)
{
    Dwarf_Die at = *die;
    const char *alias = NULL;
    for (unsigned n = 0; is_looked_through(dwarf_tag(&at)); n++) {
        if (!alias && dwarf_tag(&at) == DW_TAG_typedef) {
            const struct moth_entry *entry = moth_symbols_entry_of(symbols, &at);
            alias = entry ? entry->name : moth_die_name(&at);
        }
        if (n > PEEL_MAX || !die_of_type(&at, &at))
            return NULL;
    }
    find_definition(symbols, &at);
    const struct moth_type *type;
    if (dwarf_tag(&at) == DW_TAG_array_type) {
        type = array_of_die(symbols, &at, 0);
    } else if ((type = known(symbols, at.addr, 0)) == NULL) {
        struct moth_type *made = new_type(symbols, MOTH_TYPE_OPAQUE, 0);
        remember(made, at.addr);
        fill(made, &at);
        type = made;
    }
    if (!alias || die->addr == at.addr)
        return type;
    /* By another name: a copy, so that errors and lists call it as the source does. */
    struct moth_type *named = known(symbols, die->addr, 0);
    if (!named) {
        moth_type_target(type); /* filled before it is copied */
        named = new_type(symbols, type->kind, type->size);
        struct moth_type *next = named->next;
        *named = *type;
        named->next = next;
        named->pointer_to = NULL;
        named->name = alias;
        remember(named, die->addr);
        named->dimension = 0;
    }
    return named;
}

const struct moth_type *moth_type_of(struct moth_symbols *symbols, Dwarf_Die *die)
{
    Dwarf_Die type;
    return die_of_type(die, &type) ? moth_type_of_die(symbols, &type) : NULL;
}

/* ---- members ---- */

static uint64_t offset_of(Dwarf_Die *member)
{
    Dwarf_Attribute attribute;
    Dwarf_Word value;
    Dwarf_Op *ops;
    size_t n;
    if (!dwarf_attr_integrate(member, DW_AT_data_member_location, &attribute))
        return 0;
    if (dwarf_formudata(&attribute, &value) == 0)
        return value;
    if (dwarf_getlocation(&attribute, &ops, &n) == 0 && n == 1 && ops[0].atom == DW_OP_plus_uconst)
        return ops[0].number;
    return UINT64_MAX; /* a virtual base: where it lies is only known in the object */
}

/* Both ways to write a bitfield become the lowest bit from a byte on (little-endian). */
static void place_bits(Dwarf_Die *die, struct moth_field *member)
{
    Dwarf_Word size, offset, storage;
    if (!number(die, DW_AT_bit_size, &size) || size == 0 || size > 64)
        return;
    if (number(die, DW_AT_data_bit_offset, &offset)) {
        member->offset += offset / 8;
        member->bit_offset = (uint16_t)(offset % 8);
    } else if (number(die, DW_AT_bit_offset, &offset)) { /* DWARF 3: from the highest bit of the storage */
        if (!number(die, DW_AT_byte_size, &storage))
            storage = member->type ? member->type->size : 4;
        uint64_t low = storage * 8 >= offset + size ? storage * 8 - offset - size : 0;
        member->offset += low / 8;
        member->bit_offset = (uint16_t)(low % 8);
    }
    member->bit_size = (uint16_t)size;
}

static void read_member(struct moth_type *type, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    int tag = dwarf_tag(die);
    bool base = tag == DW_TAG_inheritance;
    if ((tag != DW_TAG_member && !base) || dwarf_attr(die, DW_AT_external, &attribute) ||
        dwarf_attr(die, DW_AT_declaration, &attribute))
        return;
    struct moth_field *member = &type->members[type->n_members];
    *member = (struct moth_field){.name = base ? NULL : moth_die_name(die), .base = base, .offset = offset_of(die)};
    if (member->offset == UINT64_MAX)
        return;
    member->type = moth_type_of(type->symbols, die);
    if (!member->type)
        return;
    place_bits(die, member);
    type->n_members++;
}

static size_t children_of(Dwarf_Die *die)
{
    Dwarf_Die child;
    size_t n = 0;
    if (dwarf_child(die, &child) == 0)
        do
            n++;
        while (n < MEMBERS_MAX && dwarf_siblingof(&child, &child) == 0);
    return n;
}

const struct moth_field *moth_type_members(const struct moth_type *of, size_t *n)
{
    struct moth_type *type = (struct moth_type *)(uintptr_t)of;
    if (!type->members_read && (type->kind == MOTH_TYPE_STRUCT || type->kind == MOTH_TYPE_UNION) && type->die.addr) {
        type->members_read = true;
        size_t left = children_of(&type->die);
        type->members = moth_arena_take(&type->symbols->arena, (left + 1) * sizeof *type->members);
        Dwarf_Die child;
        if (left > 0 && dwarf_child(&type->die, &child) == 0)
            do
                read_member(type, &child);
            while (--left > 0 && dwarf_siblingof(&child, &child) == 0);
    }
    *n = type->n_members;
    return type->members;
}

static bool find_member(const struct moth_type *type, const char *name, uint64_t offset, unsigned depth,
                        struct moth_field *found)
{
    size_t n;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n; i++)
        if (members[i].name && strcmp(members[i].name, name) == 0) {
            *found = members[i];
            found->offset += offset;
            return true;
        }
    for (size_t i = 0; i < n && depth < MOTH_SYMBOLS_TYPE_DEPTH; i++)
        if (!members[i].name && find_member(members[i].type, name, offset + members[i].offset, depth + 1, found))
            return true;
    return false;
}

bool moth_type_member(const struct moth_type *type, const char *name, struct moth_field *found)
{
    return (type->kind == MOTH_TYPE_STRUCT || type->kind == MOTH_TYPE_UNION) && find_member(type, name, 0, 0, found);
}

const struct moth_enumerator *moth_type_enumerators(const struct moth_type *of, size_t *n)
{
    struct moth_type *type = (struct moth_type *)(uintptr_t)of;
    if (!type->enumerators_read && type->kind == MOTH_TYPE_ENUM && type->die.addr) {
        type->enumerators_read = true;
        size_t left = children_of(&type->die);
        type->enumerators = moth_arena_take(&type->symbols->arena, (left + 1) * sizeof *type->enumerators);
        Dwarf_Die child;
        if (left > 0 && dwarf_child(&type->die, &child) == 0)
            do {
                Dwarf_Attribute attribute;
                Dwarf_Sword value;
                const char *name = moth_die_name(&child);
                if (dwarf_tag(&child) == DW_TAG_enumerator && name &&
                    dwarf_formsdata(dwarf_attr(&child, DW_AT_const_value, &attribute), &value) == 0)
                    type->enumerators[type->n_enumerators++] = (struct moth_enumerator){name, value};
            } while (--left > 0 && dwarf_siblingof(&child, &child) == 0);
    }
    *n = type->n_enumerators;
    return type->enumerators;
}

const char *moth_type_enumerator(const struct moth_type *type, int64_t value)
{
    size_t n;
    const struct moth_enumerator *all = moth_type_enumerators(type, &n);
    /* Of a small one only its own bytes count: DWARF does not say whether they had a sign. */
    uint64_t mask = type->size >= 1 && type->size < 8 ? (UINT64_C(1) << 8 * type->size) - 1 : UINT64_MAX;
    for (size_t i = 0; i < n; i++)
        if ((((uint64_t)all[i].value ^ (uint64_t)value) & mask) == 0)
            return all[i].name;
    return NULL;
}

/* ---- what is known of it ---- */

enum moth_type_kind moth_type_kind(const struct moth_type *type)
{
    return type->kind;
}

uint64_t moth_type_size(const struct moth_type *type)
{
    return type->size;
}

bool moth_type_is_reference(const struct moth_type *type)
{
    return type->reference;
}

bool moth_type_count(const struct moth_type *type, uint64_t *count)
{
    *count = type->count;
    return type->counted;
}

const struct moth_type *moth_type_target(const struct moth_type *of)
{
    struct moth_type *type = (struct moth_type *)(uintptr_t)of;
    if (!type->target_read) {
        type->target_read = true;
        if (type->has_target_die)
            type->target = moth_type_of_die(type->symbols, &type->target_die);
    }
    return type->target;
}

static const char *name_of_array(const struct moth_type *type)
{
    char dimensions[256] = "";
    const struct moth_type *at = type;
    for (; at && at->kind == MOTH_TYPE_ARRAY && (at == type || !at->name); at = at->target) {
        size_t used = strlen(dimensions);
        if (at->counted)
            snprintf(dimensions + used, sizeof dimensions - used, "[%llu]", (unsigned long long)at->count);
        else
            snprintf(dimensions + used, sizeof dimensions - used, "[]");
    }
    return moth_arena_text(&type->symbols->arena, "%s%s", at ? moth_type_name(at) : "void", dimensions);
}

const char *moth_type_name(const struct moth_type *of)
{
    struct moth_type *type = (struct moth_type *)(uintptr_t)of;
    if (type->name)
        return type->name;
    const struct moth_type *target = NULL;
    switch (type->kind) {
    case MOTH_TYPE_POINTER:
        type->name = "*"; /* should it point to itself */
        target = moth_type_target(type);
        const char *of_target = target ? moth_type_name(target) : "void";
        size_t n = strlen(of_target);
        type->name = moth_arena_text(&type->symbols->arena, "%s%s%s", of_target,
                                     n && of_target[n - 1] == '*' ? "" : " ", type->reference ? "&" : "*");
        break;
    case MOTH_TYPE_ARRAY:
        type->name = name_of_array(type);
        break;
    case MOTH_TYPE_FUNCTION:
        type->name = "function";
        break;
    default:
        type->name = "?";
    }
    return type->name;
}

const struct moth_type *moth_type_pointer(struct moth_symbols *symbols, const struct moth_type *target)
{
    struct moth_type *made = new_type(symbols, MOTH_TYPE_POINTER, 8);
    made->target = target;
    made->target_read = true;
    return made;
}

const struct moth_type *moth_type_array(struct moth_symbols *symbols, const struct moth_type *target, uint64_t count)
{
    struct moth_type *made = new_type(symbols, MOTH_TYPE_ARRAY, 0);
    made->target = target;
    made->target_read = true;
    made->counted = true;
    made->count = count;
    if (target->size > 0 && count <= UINT64_MAX / target->size)
        made->size = count * target->size;
    return made;
}
