/* SPDX-License-Identifier: MIT */
#include "symbols/value.h"

#include <stdio.h>
#include <string.h>

#include "symbols/inside.h"

struct visit {
    const struct moth_value_visitor *visitor;
    size_t leaves;
    unsigned depth;
};

static uint64_t little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size && i < 8; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

static bool is_signed(const struct moth_type *type)
{
    if (type->kind == MOTH_TYPE_ENUM) {
        const struct moth_type *whole = moth_type_target(type);
        return !whole || is_signed(whole);
    }
    return type->kind == MOTH_TYPE_SIGNED || type->kind == MOTH_TYPE_CHAR;
}

static int64_t whole(const struct moth_type *type, const uint8_t *bytes, size_t size)
{
    uint64_t bits = little_endian(bytes, size);
    unsigned spare = size < 8 ? 64u - 8u * (unsigned)size : 0;
    return is_signed(type) && size > 0 ? (int64_t)(bits << spare) >> spare : (int64_t)bits;
}

static double floating(const uint8_t *bytes, size_t size)
{
    float f;
    double d;
    long double l = 0;
    if (size == 4)
        return memcpy(&f, bytes, 4), (double)f;
    if (size == 8)
        return memcpy(&d, bytes, 8), d;
    memcpy(&l, bytes, sizeof l < size ? sizeof l : size);
    return (double)l;
}

static void set_integer(struct moth_watch_value *value, uint8_t type, int64_t integer, bool is_unsigned)
{
    value->type = type;
    value->integer = integer;
    value->number = is_unsigned ? (double)(uint64_t)integer : (double)integer;
}

static void cut_text(struct moth_watch_value *value, const char *text, size_t length)
{
    size_t n = length < sizeof value->text - 1 ? length : sizeof value->text - 1;
    memset(value->text, 0, sizeof value->text);
    memcpy(value->text, text, n);
}

static void decode_enum(const struct moth_type *type, const uint8_t *bytes, struct moth_watch_value *value)
{
    set_integer(value, MOTH_VALUE_ENUM, whole(type, bytes, type->size), false);
    const char *name = moth_type_enumerator(type, value->integer);
    if (name)
        cut_text(value, name, strlen(name));
}

static size_t text_length(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = memchr(bytes, 0, length);
    return end ? (size_t)(end - bytes) : length;
}

void moth_value_decode(const struct moth_type *type, const uint8_t *bytes, size_t length,
                       struct moth_watch_value *value)
{
    value->ok = 1;
    value->reserved = 0;
    value->number = 0;
    value->integer = 0;
    memset(value->text, 0, sizeof value->text);
    bool scalar = type->kind != MOTH_TYPE_TEXT && type->kind != MOTH_TYPE_ARRAY && type->kind != MOTH_TYPE_STRUCT &&
                  type->kind != MOTH_TYPE_UNION;
    if (scalar && (type->size == 0 || type->size > 16 || length < type->size)) {
        value->ok = 0;
        value->type = MOTH_VALUE_INTEGER;
        return;
    }
    switch (type->kind) {
    case MOTH_TYPE_BOOL:
        value->type = MOTH_VALUE_BOOL;
        value->integer = little_endian(bytes, type->size) != 0;
        value->number = (double)value->integer;
        break;
    case MOTH_TYPE_FLOAT:
        value->type = MOTH_VALUE_F64;
        value->number = floating(bytes, type->size);
        break;
    case MOTH_TYPE_ENUM:
        decode_enum(type, bytes, value);
        break;
    case MOTH_TYPE_TEXT:
        value->type = MOTH_VALUE_STR;
        cut_text(value, (const char *)bytes, text_length(bytes, length));
        break;
    case MOTH_TYPE_ARRAY:
    case MOTH_TYPE_STRUCT:
    case MOTH_TYPE_UNION:
        value->type = MOTH_VALUE_TABLE;
        cut_text(value, moth_type_name(type), strlen(moth_type_name(type)));
        break;
    default:
        set_integer(value, MOTH_VALUE_INTEGER, whole(type, bytes, type->size),
                    type->kind == MOTH_TYPE_UNSIGNED || type->kind == MOTH_TYPE_POINTER);
        break;
    }
}

/* ---- tables ---- */

static void visit(struct visit *v, const char *key, uint64_t index, const struct moth_type *type,
                  const uint8_t *bytes, size_t length);

static void leaf(struct visit *v, const char *key, uint64_t index, const struct moth_type *type, const uint8_t *bytes,
                 size_t length)
{
    struct moth_watch_value value;
    memset(&value, 0, sizeof value);
    moth_value_decode(type, bytes, length, &value);
    bool text = value.type == MOTH_VALUE_STR;
    v->leaves++;
    v->visitor->leaf(v->visitor->context, key, index, &value, text ? (const char *)bytes : value.text,
                     text ? text_length(bytes, length) : strlen(value.text));
}

static void visit_elements(struct visit *v, const struct moth_type *type, const uint8_t *bytes, size_t length)
{
    const struct moth_type *element = moth_type_target(type);
    uint64_t size = element ? moth_type_size(element) : 0;
    for (uint64_t i = 0; size > 0 && i < type->count && (i + 1) * size <= length; i++) {
        if (v->leaves >= MOTH_VALUE_LEAVES_MAX)
            return;
        visit(v, NULL, i, element, bytes + i * size, size);
    }
}

static void visit_bits(struct visit *v, const struct moth_field *member, const uint8_t *bytes, size_t length)
{
    uint8_t own[8];
    struct moth_peek_op op = {
        .size = (uint8_t)member->bit_size, .shift = (uint8_t)member->bit_offset, .is_signed = is_signed(member->type)};
    uint64_t bits = moth_peek_bits(&op, little_endian(bytes, length < 8 ? length : 8));
    for (unsigned i = 0; i < 8; i++)
        own[i] = (uint8_t)(bits >> 8 * i);
    leaf(v, member->name, 0, member->type, own, sizeof own);
}

static void visit_members(struct visit *v, const struct moth_type *type, const uint8_t *bytes, size_t length)
{
    size_t n;
    const struct moth_field *members = moth_type_members(type, &n);
    for (size_t i = 0; i < n && v->leaves < MOTH_VALUE_LEAVES_MAX && v->depth < MOTH_SYMBOLS_TYPE_DEPTH; i++) {
        const struct moth_field *member = &members[i];
        if (member->offset >= length)
            continue;
        const uint8_t *at = bytes + member->offset;
        if (member->bit_size) {
            visit_bits(v, member, at, length - member->offset);
        } else if (!member->name) { /* what lies in it is its owner's */
            v->depth++;
            visit_members(v, member->type, at, length - member->offset);
            v->depth--;
        } else {
            visit(v, member->name, 0, member->type, at, length - member->offset);
        }
    }
}

static void visit(struct visit *v, const char *key, uint64_t index, const struct moth_type *type,
                  const uint8_t *bytes, size_t length)
{
    static const struct moth_type text = {.kind = MOTH_TYPE_TEXT, .target_read = true};
    const struct moth_type *target = type->kind == MOTH_TYPE_ARRAY ? moth_type_target(type) : NULL;
    uint64_t size = moth_type_size(type);
    if (v->depth >= MOTH_SYMBOLS_TYPE_DEPTH)
        return;
    if (target && target->kind == MOTH_TYPE_CHAR) {
        leaf(v, key, index, &text, bytes, size < length ? size : length);
        return;
    }
    if (type->kind == MOTH_TYPE_ARRAY || type->kind == MOTH_TYPE_STRUCT || type->kind == MOTH_TYPE_UNION) {
        v->depth++;
        v->visitor->begin(v->visitor->context, key, index, type->kind == MOTH_TYPE_ARRAY);
        if (type->kind == MOTH_TYPE_ARRAY)
            visit_elements(v, type, bytes, length);
        else
            visit_members(v, type, bytes, size < length ? size : length);
        v->visitor->end(v->visitor->context);
        v->depth--;
    } else if (type->kind != MOTH_TYPE_OPAQUE && type->kind != MOTH_TYPE_FUNCTION && type->kind != MOTH_TYPE_VOID) {
        leaf(v, key, index, type, bytes, length);
    }
}

void moth_value_visit(const struct moth_type *type, const uint8_t *bytes, size_t length,
                      const struct moth_value_visitor *visitor)
{
    struct visit v = {.visitor = visitor};
    visit(&v, NULL, 0, type, bytes, length);
}
