/* SPDX-License-Identifier: MIT */
#include "symbols/layout.h"

#include <string.h>

#include "symbols/inside.h"

#define DEPTH_MAX 8u

#define ANY_KIND MOTH_TYPE_VOID

/* A member of this name and kind, wherever it lies in `type`: bases first to last, then members. */
static bool find_deep(const struct moth_type *type, const char *name, enum moth_type_kind kind, uint64_t offset,
                      unsigned depth, struct moth_field *found)
{
    size_t n;
    if ((moth_type_kind(type) != MOTH_TYPE_STRUCT && moth_type_kind(type) != MOTH_TYPE_UNION) || depth > DEPTH_MAX)
        return false;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n; i++) {
        if (members[i].name && strcmp(members[i].name, name) == 0 &&
            (kind == ANY_KIND || moth_type_kind(members[i].type) == kind)) {
            *found = members[i];
            found->offset += offset;
            return true;
        }
    }
    for (size_t i = 0; i < n; i++)
        if ((members[i].base || (members[i].name && strncmp(members[i].name, "_M_", 3) == 0)) &&
            find_deep(members[i].type, name, kind, offset + members[i].offset, depth + 1, found))
            return true;
    return false;
}

static bool is_library(const struct moth_type *type)
{
    size_t n;
    if (moth_type_kind(type) != MOTH_TYPE_STRUCT)
        return false;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n; i++)
        if (members[i].base || (members[i].name && strncmp(members[i].name, "_M_", 3) == 0))
            return true;
    return false;
}

/* std::string. clang says of the class with the pointer only that it is declared; it is the first thing there. */
static bool is_string(const struct moth_type *type, struct moth_layout_span *span)
{
    struct moth_field begin, length, own;
    span->has_length = find_deep(type, "_M_string_length", MOTH_TYPE_UNSIGNED, 0, 0, &length);
    span->length = span->has_length ? length.offset : 0;
    if (find_deep(type, "_M_p", MOTH_TYPE_POINTER, 0, 0, &begin)) {
        span->element = moth_type_target(begin.type);
        span->begin = begin.offset;
        return span->has_length || (span->element && moth_type_kind(span->element) == MOTH_TYPE_CHAR);
    }
    if (!span->has_length || length.offset < sizeof(uint64_t) || !moth_type_member(type, "_M_local_buf", &own))
        return false;
    span->element = moth_type_target(own.type);
    span->begin = length.offset - sizeof(uint64_t);
    return true;
}

static bool is_view(const struct moth_type *type, struct moth_layout_span *span)
{
    struct moth_field begin, length;
    if (!find_deep(type, "_M_str", MOTH_TYPE_POINTER, 0, 0, &begin) ||
        !find_deep(type, "_M_len", MOTH_TYPE_UNSIGNED, 0, 0, &length))
        return false;
    *span = (struct moth_layout_span){.element = moth_type_target(begin.type),
                                      .begin = begin.offset,
                                      .length = length.offset,
                                      .has_length = true};
    return true;
}

static bool is_vector(const struct moth_type *type, struct moth_layout_span *span)
{
    struct moth_field begin, end;
    if (!find_deep(type, "_M_start", MOTH_TYPE_POINTER, 0, 0, &begin) ||
        !find_deep(type, "_M_finish", MOTH_TYPE_POINTER, 0, 0, &end))
        return false;
    *span = (struct moth_layout_span){
        .element = moth_type_target(begin.type), .begin = begin.offset, .end = end.offset, .has_end = true};
    return true;
}

bool moth_layout_span(const struct moth_type *type, struct moth_layout_span *span)
{
    *span = (struct moth_layout_span){0};
    if (!is_library(type))
        return false;
    if (!is_vector(type, span) && !is_string(type, span) && !is_view(type, span))
        return false;
    return span->element != NULL && moth_type_size(span->element) > 0;
}

bool moth_layout_bits(const struct moth_type *type, struct moth_layout_bits *bits)
{
    struct moth_field start, finish, word, place;
    if (!is_library(type) || !find_deep(type, "_M_start", MOTH_TYPE_STRUCT, 0, 0, &start) ||
        !find_deep(type, "_M_finish", MOTH_TYPE_STRUCT, 0, 0, &finish) ||
        !find_deep(start.type, "_M_p", MOTH_TYPE_POINTER, 0, 0, &word) ||
        !find_deep(start.type, "_M_offset", MOTH_TYPE_UNSIGNED, 0, 0, &place))
        return false;
    bits->begin = start.offset + word.offset;
    bits->end = finish.offset + word.offset;
    bits->end_bit = finish.offset + place.offset;
    return true;
}

bool moth_layout_atomic(const struct moth_type *type, struct moth_field *inside)
{
    Dwarf_Die die = type->die;
    const char *name = moth_type_kind(type) == MOTH_TYPE_STRUCT && die.addr ? moth_die_name(&die) : NULL;
    if (!name || (strncmp(name, "atomic<", 7) != 0 && strcmp(name, "atomic_flag") != 0))
        return false;
    return find_deep(type, "_M_i", ANY_KIND, 0, 0, inside) || find_deep(type, "_M_p", MOTH_TYPE_POINTER, 0, 0, inside);
}

bool moth_layout_optional(const struct moth_type *type, uint64_t *engaged, struct moth_field *inside)
{
    struct moth_field flag;
    if (!is_library(type) || !find_deep(type, "_M_engaged", MOTH_TYPE_BOOL, 0, 0, &flag) ||
        !find_deep(type, "_M_value", ANY_KIND, 0, 0, inside))
        return false;
    *engaged = flag.offset;
    return true;
}

/* Each file describes a class anew. */
static bool is_same(const struct moth_type *a, const struct moth_type *b)
{
    Dwarf_Die left = a->die, right = b->die;
    if (a == b || left.addr == right.addr)
        return true;
    const struct moth_entry *one = moth_symbols_entry_of(a->symbols, &left), *other = moth_symbols_entry_of(a->symbols, &right);
    return one && other && one->name && other->name && strcmp(one->name, other->name) == 0 && a->size == b->size;
}

static bool find_base(const struct moth_type *type, const struct moth_type *base, unsigned depth, uint64_t *offset)
{
    size_t n;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n && depth < DEPTH_MAX; i++) {
        uint64_t further = 0;
        if (!members[i].base || (!is_same(members[i].type, base) && !find_base(members[i].type, base, depth + 1, &further)))
            continue;
        *offset = members[i].offset + further;
        return true;
    }
    return false;
}

bool moth_layout_base(const struct moth_type *type, const struct moth_type *base, uint64_t *offset)
{
    return moth_type_kind(type) == MOTH_TYPE_STRUCT && moth_type_kind(base) == MOTH_TYPE_STRUCT && type->die.addr &&
           base->die.addr && find_base(type, base, 0, offset);
}

bool moth_layout_array(const struct moth_type *type, struct moth_field *elements)
{
    return is_library(type) && find_deep(type, "_M_elems", MOTH_TYPE_ARRAY, 0, 0, elements);
}

bool moth_layout_count(const struct moth_type *type, struct moth_field *count)
{
    return is_library(type) && (find_deep(type, "_M_node_count", MOTH_TYPE_UNSIGNED, 0, 0, count) ||
                                find_deep(type, "_M_element_count", MOTH_TYPE_UNSIGNED, 0, 0, count) ||
                                find_deep(type, "_M_size", MOTH_TYPE_UNSIGNED, 0, 0, count));
}

bool moth_layout_pointer(const struct moth_type *type, struct moth_field *pointer)
{
    return is_library(type) && (find_deep(type, "_M_head_impl", MOTH_TYPE_POINTER, 0, 0, pointer) ||
                                find_deep(type, "_M_ptr", MOTH_TYPE_POINTER, 0, 0, pointer));
}
