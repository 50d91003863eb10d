/* SPDX-License-Identifier: MIT */
#include "symbols/layout.h"

#include <string.h>

#define DEPTH_MAX 8u

/* A member of this name and kind, wherever it lies in `type`: bases first to last, then members. */
static bool find_deep(const struct moth_type *type, const char *name, enum moth_type_kind kind, uint64_t offset,
                      unsigned depth, struct moth_field *found)
{
    size_t n;
    if (moth_type_kind(type) != MOTH_TYPE_STRUCT || depth > DEPTH_MAX)
        return false;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n; i++) {
        if (members[i].name && strcmp(members[i].name, name) == 0 && moth_type_kind(members[i].type) == kind) {
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

bool moth_layout_span(const struct moth_type *type, struct moth_layout_span *span)
{
    struct moth_field begin, end, length;
    *span = (struct moth_layout_span){0};
    if (!is_library(type))
        return false;
    if (find_deep(type, "_M_p", MOTH_TYPE_POINTER, 0, 0, &begin)) { /* std::string */
        span->has_length = find_deep(type, "_M_string_length", MOTH_TYPE_UNSIGNED, 0, 0, &length);
    } else if (find_deep(type, "_M_str", MOTH_TYPE_POINTER, 0, 0, &begin)) { /* std::string_view */
        span->has_length = find_deep(type, "_M_len", MOTH_TYPE_UNSIGNED, 0, 0, &length);
        if (!span->has_length)
            return false;
    } else if (find_deep(type, "_M_start", MOTH_TYPE_POINTER, 0, 0, &begin)) { /* std::vector */
        span->has_end = find_deep(type, "_M_finish", MOTH_TYPE_POINTER, 0, 0, &end);
        if (!span->has_end)
            return false;
    } else {
        return false;
    }
    span->element = moth_type_target(begin.type);
    span->begin = begin.offset;
    span->end = span->has_end ? end.offset : 0;
    span->length = span->has_length ? length.offset : 0;
    return span->element != NULL && moth_type_size(span->element) > 0;
}

bool moth_layout_array(const struct moth_type *type, struct moth_field *elements)
{
    return is_library(type) && find_deep(type, "_M_elems", MOTH_TYPE_ARRAY, 0, 0, elements);
}

bool moth_layout_pointer(const struct moth_type *type, struct moth_field *pointer)
{
    return is_library(type) && (find_deep(type, "_M_head_impl", MOTH_TYPE_POINTER, 0, 0, pointer) ||
                                find_deep(type, "_M_ptr", MOTH_TYPE_POINTER, 0, 0, pointer));
}
