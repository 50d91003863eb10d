/* SPDX-License-Identifier: MIT */
#include "symbols/compile.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "symbols/expression.h"
#include "symbols/inside.h"
#include "symbols/layout.h"

#define WORDS_MAX 512u

/* What the operations so far leave on the stack: the address of something of this type, or a value. */
struct place {
    const struct moth_type *type; /* NULL: bytes of no known type */
    bool value;
    bool opened; /* it lies in a std::optional, which `*` looks into as well */
    uint16_t bit_offset, bit_size;
};

struct compiler {
    struct moth_symbols *symbols;
    const struct moth_expression *expression;
    struct moth_compiled *out;
    struct moth_err *err;
    enum moth_lookup result; /* why it failed */
};

static bool wrong(struct compiler *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct compiler *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    moth_err_set(c->err, MOTH_ERR_USAGE, "%s", text);
    c->result = MOTH_LOOKUP_WRONG;
    return false;
}

static bool is_kind(const struct moth_type *type, enum moth_type_kind kind)
{
    return type && moth_type_kind(type) == kind;
}

static bool is_whole(const struct moth_type *type)
{
    return is_kind(type, MOTH_TYPE_BOOL) || is_kind(type, MOTH_TYPE_CHAR) || is_kind(type, MOTH_TYPE_SIGNED) ||
           is_kind(type, MOTH_TYPE_UNSIGNED) || is_kind(type, MOTH_TYPE_ENUM);
}

static bool is_signed(const struct moth_type *type)
{
    if (is_kind(type, MOTH_TYPE_ENUM) && moth_type_target(type))
        return is_signed(moth_type_target(type));
    if (is_kind(type, MOTH_TYPE_ENUM)) { /* C before GCC 5 says no type: signed where a name is negative */
        size_t n;
        const struct moth_enumerator *all = moth_type_enumerators(type, &n);
        for (size_t i = 0; i < n; i++)
            if (all[i].value < 0)
                return true;
        return false;
    }
    return is_kind(type, MOTH_TYPE_SIGNED) || is_kind(type, MOTH_TYPE_CHAR);
}

/* ---- operations ---- */

static bool emit(struct compiler *c, struct moth_peek_op op)
{
    struct moth_compiled *out = c->out;
    struct moth_peek_op *last = out->n_ops ? &out->ops[out->n_ops - 1] : NULL;
    if (op.code == MOTH_PEEK_PLUS && last && (last->code == MOTH_PEEK_PUSH || last->code == MOTH_PEEK_PLUS)) {
        last->number += op.number;
        return true;
    }
    if (op.code == MOTH_PEEK_PLUS && op.number == 0)
        return true;
    if (out->n_ops == MOTH_PEEK_CODE_MAX)
        return wrong(c, "too long an expression");
    out->ops[out->n_ops++] = op;
    return true;
}

static bool emit_number(struct compiler *c, enum moth_peek_code code, uint64_t number)
{
    return emit(c, (struct moth_peek_op){.code = (uint8_t)code, .number = number});
}

static bool emit_load(struct compiler *c, uint64_t size, bool with_sign)
{
    return emit(c, (struct moth_peek_op){.code = MOTH_PEEK_LOAD, .size = (uint8_t)size, .is_signed = with_sign});
}

/* The number at a place of whole numbers. */
static bool load_number(struct compiler *c, struct place *place)
{
    bool with_sign = is_signed(place->type);
    uint64_t size = moth_type_size(place->type);
    if (place->value)
        return true;
    if (size == 0 || size > 8)
        return wrong(c, "%s is no number of at most 8 bytes", moth_type_name(place->type));
    place->value = true;
    if (place->bit_size == 0)
        return emit_load(c, size, with_sign);
    uint64_t bytes = ((uint64_t)place->bit_offset + place->bit_size + 7) / 8;
    struct moth_peek_op bits = {.code = MOTH_PEEK_BITS,
                                .size = (uint8_t)place->bit_size,
                                .shift = (uint8_t)place->bit_offset,
                                .is_signed = with_sign};
    if (bytes > 8)
        return wrong(c, "a bitfield over more than 8 bytes");
    place->bit_size = 0;
    return emit_load(c, bytes, false) && emit(c, bits);
}

/* From a pointer to what it points to. */
static bool follow(struct compiler *c, struct place *place)
{
    if (!place->value && !emit_load(c, 8, false))
        return false;
    const struct moth_type *target = place->type ? moth_type_target(place->type) : NULL;
    *place = (struct place){.type = target};
    return true;
}

/* Nothing is in an empty one: there it leads nowhere. */
static bool open_optional(struct compiler *c, struct place *place, uint64_t engaged, const struct moth_field *inside)
{
    *place = (struct place){.type = inside->type, .opened = true};
    return emit_number(c, MOTH_PEEK_DUP, 0) && emit_number(c, MOTH_PEEK_PLUS, engaged) && emit_load(c, 1, false) &&
           emit_number(c, MOTH_PEEK_PLUS, UINT64_MAX) && emit_number(c, MOTH_PEEK_CHECK, 1) &&
           emit_number(c, MOTH_PEEK_ADD, 0) && emit_number(c, MOTH_PEEK_PLUS, inside->offset);
}

/* Through references, and into what stands for the one thing that it holds. */
static bool settle(struct compiler *c, struct place *place)
{
    struct moth_field inside;
    uint64_t engaged;
    for (unsigned n = 0; n <= MOTH_SYMBOLS_TYPE_DEPTH; n++) {
        if (is_kind(place->type, MOTH_TYPE_POINTER) && moth_type_is_reference(place->type)) {
            if (!follow(c, place))
                return false;
        } else if (!is_kind(place->type, MOTH_TYPE_STRUCT)) {
            return true;
        } else if (moth_layout_optional(place->type, &engaged, &inside)) {
            if (!open_optional(c, place, engaged, &inside))
                return false;
        } else if (moth_layout_atomic(place->type, &inside)) {
            place->type = inside.type;
            if (!emit_number(c, MOTH_PEEK_PLUS, inside.offset))
                return false;
        } else {
            return true;
        }
    }
    return false;
}

/* ---- nodes ---- */

static bool walk(struct compiler *c, uint8_t node, struct place *place);

/* "hp@score": the symbol hp of a module score; where there is no such module, a name for the symbol score. */
static enum moth_lookup find_variable(struct compiler *c, const struct moth_expression_node *node,
                                      struct moth_variable *found)
{
    enum moth_lookup result = moth_symbols_variable(c->symbols, node->text, node->module, found, c->err);
    struct moth_module module;
    if (result != MOTH_LOOKUP_NOT_FOUND || !node->module ||
        moth_symbols_find_module(c->symbols, node->module, &module))
        return result;
    struct moth_err other;
    if (moth_symbols_variable(c->symbols, node->module, NULL, found, &other) == MOTH_LOOKUP_FOUND) {
        snprintf(c->out->label, sizeof c->out->label, "%.*s", (int)sizeof c->out->label - 1, node->text);
        return MOTH_LOOKUP_FOUND;
    }
    moth_err_set(c->err, MOTH_ERR_USAGE, "no module '%s' is loaded, and the game has no variable of that name either",
                 node->module);
    return MOTH_LOOKUP_NOT_FOUND;
}

/* What lies in a namespace without a name is called as if it lay in the one around it. */
static void without_anonymous(char *name)
{
    static const char words[] = "(anonymous namespace)::";
    for (char *at; (at = strstr(name, words)) != NULL;)
        memmove(at, at + sizeof words - 1, strlen(at + sizeof words - 1) + 1);
}

static bool walk_name(struct compiler *c, const struct moth_expression_node *from, struct place *place)
{
    char name[MOTH_EXPRESSION_BYTES_MAX + 1];
    struct moth_expression_node own = *from;
    const struct moth_expression_node *node = &own;
    struct moth_variable found;
    snprintf(name, sizeof name, "%s", from->text);
    without_anonymous(name);
    own.text = name;
    c->result = find_variable(c, node, &found);
    if (c->result != MOTH_LOOKUP_FOUND)
        return false;
    *place = (struct place){.type = found.type, .value = found.constant};
    return emit_number(c, MOTH_PEEK_PUSH, found.address) && (found.constant || settle(c, place));
}

static bool walk_module(struct compiler *c, const struct moth_expression_node *node, struct place *place)
{
    struct moth_module module;
    if (!moth_symbols_find_module(c->symbols, node->module, &module)) {
        moth_err_set(c->err, MOTH_ERR_USAGE, "no module '%s' is loaded", node->module);
        c->result = MOTH_LOOKUP_NOT_FOUND;
        return false;
    }
    *place = (struct place){0};
    return emit_number(c, MOTH_PEEK_PUSH, module.start);
}

static void gather_members(const struct moth_type *type, const char **words, size_t *n, unsigned depth)
{
    size_t n_members;
    const struct moth_field *members = moth_type_members(type, &n_members);
    for (size_t i = 0; i < n_members && *n < WORDS_MAX; i++)
        if (members[i].name)
            words[(*n)++] = members[i].name;
        else if (depth < MOTH_SYMBOLS_TYPE_DEPTH)
            gather_members(members[i].type, words, n, depth + 1);
}

static bool no_member(struct compiler *c, const struct moth_type *type, const char *name)
{
    const char *words[WORDS_MAX];
    size_t n = 0;
    gather_members(type, words, &n, 0);
    const char *near = moth_str_nearest(name, words, n);
    return wrong(c, "no member '%s' in %s%s%s%s", name, moth_type_name(type), near ? "; did you mean '" : "",
                 near ? near : "", near ? "'?" : "");
}

/* Through pointers, plain or smart, to something that has members. */
static bool reach_struct(struct compiler *c, struct place *place, const char *name)
{
    struct moth_field member;
    for (unsigned n = 0; n < MOTH_SYMBOLS_TYPE_DEPTH; n++) {
        if (is_kind(place->type, MOTH_TYPE_POINTER)) {
            if (!follow(c, place))
                return false;
        } else if (is_kind(place->type, MOTH_TYPE_STRUCT) && !moth_type_member(place->type, name, &member) &&
                   moth_layout_pointer(place->type, &member)) {
            if (!emit_number(c, MOTH_PEEK_PLUS, member.offset))
                return false;
            *place = (struct place){.type = member.type};
        } else {
            return true;
        }
    }
    return true;
}

static bool enter_virtual_base(struct compiler *c, struct place *place, const struct moth_virtual_base *base)
{
    *place = (struct place){.type = base->type};
    return emit_number(c, MOTH_PEEK_PLUS, base->offset) && emit_number(c, MOTH_PEEK_DUP, 0) && emit_load(c, 8, false) &&
           emit_number(c, MOTH_PEEK_PLUS, 0 - base->before) && emit_load(c, 8, false) && emit_number(c, MOTH_PEEK_ADD, 0);
}

/* A static member, by way of an object: where the object lies is of no concern. */
static bool walk_static(struct compiler *c, const struct moth_type *type, const char *name, size_t n_ops,
                        struct place *place)
{
    char full[MOTH_SYMBOLS_NAME_MAX];
    struct moth_variable found;
    struct moth_err none;
    int n = snprintf(full, sizeof full, "%s::%s", moth_type_name(type), name);
    if (n < 0 || (size_t)n >= sizeof full ||
        moth_symbols_variable(c->symbols, full, NULL, &found, &none) != MOTH_LOOKUP_FOUND)
        return false;
    c->out->n_ops = n_ops;
    *place = (struct place){.type = found.type, .value = found.constant};
    return emit_number(c, MOTH_PEEK_PUSH, found.address) && (found.constant || settle(c, place));
}

/* How many elements there are. */
static bool walk_size(struct compiler *c, struct place *place)
{
    struct moth_layout_span span;
    struct moth_field elements;
    uint64_t count;
    bool good = false;
    while (is_kind(place->type, MOTH_TYPE_POINTER))
        if (!follow(c, place))
            return false;
    const struct moth_type *type = place->type;
    if (is_kind(type, MOTH_TYPE_STRUCT) && moth_layout_span(type, &span) && span.has_end)
        good = emit_number(c, MOTH_PEEK_DUP, 0) && emit_number(c, MOTH_PEEK_PLUS, span.end) && emit_load(c, 8, false) &&
               emit_number(c, MOTH_PEEK_SWAP, 0) && emit_number(c, MOTH_PEEK_PLUS, span.begin) &&
               emit_load(c, 8, false) && emit_number(c, MOTH_PEEK_COUNT, moth_type_size(span.element));
    else if (is_kind(type, MOTH_TYPE_STRUCT) && moth_layout_span(type, &span) && span.has_length)
        good = emit_number(c, MOTH_PEEK_PLUS, span.length) && emit_load(c, 8, false);
    else if (is_kind(type, MOTH_TYPE_STRUCT) && moth_layout_array(type, &elements) && moth_type_count(elements.type, &count))
        good = emit_number(c, MOTH_PEEK_TIMES, 0) && emit_number(c, MOTH_PEEK_PLUS, count);
    else if (type && moth_layout_count(type, &elements))
        good = emit_number(c, MOTH_PEEK_PLUS, elements.offset) && emit_load(c, 8, false);
    else
        return wrong(c, "'.size()': %s is no container whose size is known", type ? moth_type_name(type) : "void");
    *place = (struct place){.type = moth_type_builtin("u64", 3), .value = true};
    return good;
}

static bool walk_member(struct compiler *c, const struct moth_expression_node *node, struct place *place)
{
    struct moth_field member;
    size_t n_ops = c->out->n_ops;
    if (!walk(c, node->a, place))
        return false;
    if (!place->type)
        return wrong(c, "'.%s': nothing is known of what it is a member of (no debug information)", node->text);
    if (strcmp(node->text, "size()") == 0)
        return walk_size(c, place);
    if (!reach_struct(c, place, node->text))
        return false;
    if (is_kind(place->type, MOTH_TYPE_OPAQUE))
        return wrong(c, "'.%s': %s is only declared; nothing says what is in it", node->text,
                     moth_type_name(place->type));
    if (!is_kind(place->type, MOTH_TYPE_STRUCT) && !is_kind(place->type, MOTH_TYPE_UNION))
        return wrong(c, "'.%s': %s has no members", node->text, place->type ? moth_type_name(place->type) : "void");
    struct moth_virtual_base base;
    if (!moth_type_member(place->type, node->text, &member) && moth_type_virtual_base(place->type, node->text, &base) &&
        !enter_virtual_base(c, place, &base))
        return false;
    if (!moth_type_member(place->type, node->text, &member))
        return walk_static(c, place->type, node->text, n_ops, place) || no_member(c, place->type, node->text);
    *place = (struct place){.type = member.type, .bit_offset = member.bit_offset, .bit_size = member.bit_size};
    return emit_number(c, MOTH_PEEK_PLUS, member.offset) && settle(c, place);
}

/* The address plus index times size; the index is a number, or something of the game's. */
static bool add_index(struct compiler *c, const struct moth_expression_node *index, uint8_t node, uint64_t size,
                      bool counted, uint64_t count)
{
    struct place of_index;
    if (index->kind == MOTH_NODE_NUMBER) {
        if (counted && (uint64_t)index->number >= count)
            return wrong(c, "index %lld is out of bounds: there are %llu", (long long)index->number,
                         (unsigned long long)count);
        return emit_number(c, MOTH_PEEK_PLUS, (uint64_t)index->number * size);
    }
    if (!walk(c, node, &of_index))
        return false;
    if (!is_whole(of_index.type))
        return wrong(c, "an index must be a whole number, not %s",
                     of_index.type ? moth_type_name(of_index.type) : "something without a type");
    return load_number(c, &of_index) && (!counted || emit_number(c, MOTH_PEEK_CHECK, count)) &&
           emit_number(c, MOTH_PEEK_TIMES, size) && emit_number(c, MOTH_PEEK_ADD, 0);
}

/* An element of a vector, or nothing when there are not so many. */
static bool index_span(struct compiler *c, const struct moth_layout_span *span,
                       const struct moth_expression_node *index, uint8_t node)
{
    uint64_t size = moth_type_size(span->element);
    if (!span->has_end)
        return emit_number(c, MOTH_PEEK_PLUS, span->begin) && emit_load(c, 8, false) &&
               add_index(c, index, node, size, false, 0);
    return emit_number(c, MOTH_PEEK_DUP, 0) && emit_number(c, MOTH_PEEK_PLUS, span->end) && emit_load(c, 8, false) &&
           emit_number(c, MOTH_PEEK_SWAP, 0) && emit_number(c, MOTH_PEEK_PLUS, span->begin) && emit_load(c, 8, false) &&
           add_index(c, index, node, size, false, 0) && emit_number(c, MOTH_PEEK_BELOW, size);
}

/* A bit of a vector<bool>. Where it begins and ends is counted in bits, from address 0 on. */
static bool index_bits(struct compiler *c, const struct moth_layout_bits *bits,
                       const struct moth_expression_node *index, struct place *place)
{
    if (index->kind != MOTH_NODE_NUMBER)
        return wrong(c, "an index into a std::vector<bool> must be a number");
    *place = (struct place){
        .type = moth_type_builtin("bool", 4), .bit_offset = (uint16_t)((uint64_t)index->number % 8), .bit_size = 1};
    struct moth_peek_op to_bytes = {.code = MOTH_PEEK_BITS, .size = 61, .shift = 3};
    return emit_number(c, MOTH_PEEK_DUP, 0) && emit_number(c, MOTH_PEEK_DUP, 0) &&
           emit_number(c, MOTH_PEEK_PLUS, bits->end) && emit_load(c, 8, false) &&
           emit_number(c, MOTH_PEEK_TIMES, 8) && emit_number(c, MOTH_PEEK_SWAP, 0) &&
           emit_number(c, MOTH_PEEK_PLUS, bits->end_bit) && emit_load(c, 4, false) &&
           emit_number(c, MOTH_PEEK_ADD, 0) && emit_number(c, MOTH_PEEK_SWAP, 0) &&
           emit_number(c, MOTH_PEEK_PLUS, bits->begin) && emit_load(c, 8, false) &&
           emit_number(c, MOTH_PEEK_TIMES, 8) && emit_number(c, MOTH_PEEK_PLUS, (uint64_t)index->number) &&
           emit_number(c, MOTH_PEEK_BELOW, 1) && emit(c, to_bytes);
}

static bool walk_index(struct compiler *c, const struct moth_expression_node *node, struct place *place)
{
    const struct moth_expression_node *index = &c->expression->nodes[node->b];
    struct moth_layout_span span;
    struct moth_layout_bits bits;
    struct moth_field elements;
    if (!walk(c, node->a, place))
        return false;
    if (is_kind(place->type, MOTH_TYPE_STRUCT) && moth_layout_bits(place->type, &bits))
        return index_bits(c, &bits, index, place);
    if (is_kind(place->type, MOTH_TYPE_STRUCT) && moth_layout_array(place->type, &elements)) {
        *place = (struct place){.type = elements.type};
        if (!emit_number(c, MOTH_PEEK_PLUS, elements.offset))
            return false;
    } else if (is_kind(place->type, MOTH_TYPE_STRUCT) && moth_layout_span(place->type, &span)) {
        *place = (struct place){.type = span.element};
        return index_span(c, &span, index, node->b) && settle(c, place);
    }
    bool array = is_kind(place->type, MOTH_TYPE_ARRAY), pointer = is_kind(place->type, MOTH_TYPE_POINTER);
    if (!array && !pointer)
        return wrong(c, "%s is nothing to take an element of",
                     place->type ? moth_type_name(place->type) : "something without a type");
    uint64_t count = 0;
    bool counted = array && moth_type_count(place->type, &count);
    const struct moth_type *element = moth_type_target(place->type);
    if (!element || moth_type_size(element) == 0)
        return wrong(c, "nothing says how large the elements of %s are", moth_type_name(place->type));
    if (pointer && !follow(c, place))
        return false;
    *place = (struct place){.type = element};
    return add_index(c, index, node->b, moth_type_size(element), counted, count) && settle(c, place);
}

static bool walk_deref(struct compiler *c, const struct moth_expression_node *node, struct place *place)
{
    struct moth_field member;
    if (!walk(c, node->a, place))
        return false;
    if (place->opened) {
        place->opened = false;
        return true;
    }
    if (is_kind(place->type, MOTH_TYPE_ARRAY)) {
        place->type = moth_type_target(place->type);
        return true;
    }
    if (is_kind(place->type, MOTH_TYPE_STRUCT) && moth_layout_pointer(place->type, &member)) {
        *place = (struct place){.type = member.type};
        if (!emit_number(c, MOTH_PEEK_PLUS, member.offset))
            return false;
    }
    if (place->type && !is_kind(place->type, MOTH_TYPE_POINTER))
        return wrong(c, "'*': %s is no pointer", moth_type_name(place->type));
    return follow(c, place) && settle(c, place);
}

/* From a class to one of its bases, or back, C++ moves the pointer. */
static bool move_between_bases(struct compiler *c, const struct moth_type *from, const struct moth_type *to)
{
    uint64_t offset;
    if (!from || !to)
        return true;
    if (moth_layout_base(from, to, &offset))
        return emit_number(c, MOTH_PEEK_PLUS, offset);
    if (moth_layout_base(to, from, &offset))
        return emit_number(c, MOTH_PEEK_PLUS, 0 - offset);
    return true;
}

static bool walk_cast(struct compiler *c, const struct moth_expression_node *node, struct place *place)
{
    const struct moth_type *type = moth_symbols_type(c->symbols, node->text, c->err);
    if (!type)
        return c->result = MOTH_LOOKUP_WRONG, false;
    if (!walk(c, node->a, place))
        return false;
    bool from_pointer = is_kind(place->type, MOTH_TYPE_POINTER), to_pointer = is_kind(type, MOTH_TYPE_POINTER);
    if (!place->type || (!is_whole(place->type) && !from_pointer) || (!is_whole(type) && !to_pointer))
        return wrong(c, "cannot cast %s to %s", place->type ? moth_type_name(place->type) : "something without a type",
                     moth_type_name(type));
    if (from_pointer && !place->value && !emit_load(c, 8, false))
        return false;
    if (from_pointer && to_pointer && !move_between_bases(c, moth_type_target(place->type), moth_type_target(type)))
        return false;
    if (!from_pointer && !load_number(c, place))
        return false;
    *place = (struct place){.type = type, .value = true};
    return true;
}

static bool walk(struct compiler *c, uint8_t at, struct place *place)
{
    const struct moth_expression_node *node = &c->expression->nodes[at];
    switch (node->kind) {
    case MOTH_NODE_NAME:
        return walk_name(c, node, place);
    case MOTH_NODE_MODULE:
        return walk_module(c, node, place);
    case MOTH_NODE_NUMBER:
        *place = (struct place){0};
        return emit_number(c, MOTH_PEEK_PUSH, (uint64_t)node->number);
    case MOTH_NODE_MEMBER:
        return walk_member(c, node, place);
    case MOTH_NODE_INDEX:
        return walk_index(c, node, place);
    case MOTH_NODE_DEREF:
        return walk_deref(c, node, place);
    case MOTH_NODE_ADDRESS:
        if (!walk(c, node->a, place))
            return false;
        if (place->value || place->bit_size)
            return wrong(c, "'&': what is behind it has no address");
        *place = (struct place){.type = moth_type_pointer(c->symbols, place->type), .value = true};
        return true;
    case MOTH_NODE_CAST:
        return walk_cast(c, node, place);
    case MOTH_NODE_OFFSET:
        if (!walk(c, node->a, place))
            return false;
        *place = (struct place){0};
        return emit_number(c, MOTH_PEEK_PLUS, (uint64_t)node->number);
    default: /* MOTH_NODE_POINTER */
        if (!walk(c, node->a, place))
            return false;
        *place = (struct place){0};
        return emit_load(c, 8, false);
    }
}

/* ---- what is fetched in the end ---- */

static bool fetch(struct compiler *c, enum moth_peek_fetch how, uint64_t size, const struct moth_type *type)
{
    c->out->fetch = how;
    c->out->size = size < MOTH_PEEK_VALUE_MAX ? (uint32_t)size : MOTH_PEEK_VALUE_MAX;
    c->out->type = type;
    return true;
}

static bool fetch_text(struct compiler *c, uint64_t size)
{
    return fetch(c, MOTH_FETCH_TEXT, size, moth_type_builtin("str", 3));
}

static bool fetch_span(struct compiler *c, const struct moth_layout_span *span)
{
    bool text = is_kind(span->element, MOTH_TYPE_CHAR);
    if (text && !span->has_length)
        return emit_number(c, MOTH_PEEK_PLUS, span->begin) && emit_load(c, 8, false) && fetch_text(c, MOTH_PEEK_TEXT_MAX);
    /* [length, begin] or [end, begin] */
    uint64_t size = moth_type_size(span->element);
    bool done = emit_number(c, MOTH_PEEK_DUP, 0) &&
                emit_number(c, MOTH_PEEK_PLUS, span->has_length ? span->length : span->end) && emit_load(c, 8, false) &&
                (!span->has_length || emit_number(c, MOTH_PEEK_TIMES, size)) && emit_number(c, MOTH_PEEK_SWAP, 0) &&
                emit_number(c, MOTH_PEEK_PLUS, span->begin) && emit_load(c, 8, false);
    const struct moth_type *type =
        text ? moth_type_builtin("str", 3) : moth_type_array(c->symbols, span->element, MOTH_PEEK_VALUE_MAX / size);
    return done && fetch(c, span->has_length ? MOTH_FETCH_SIZED : MOTH_FETCH_SPAN, MOTH_PEEK_VALUE_MAX, type);
}

static bool finish_array(struct compiler *c, const struct place *place)
{
    uint64_t count;
    const struct moth_type *element = moth_type_target(place->type);
    bool counted = moth_type_count(place->type, &count);
    if (is_kind(element, MOTH_TYPE_CHAR))
        return fetch_text(c, counted ? count : MOTH_PEEK_TEXT_MAX);
    if (!counted || moth_type_size(place->type) == 0)
        return wrong(c, "nothing says how many elements %s has; watch one of them, like name[0]",
                     moth_type_name(place->type));
    return fetch(c, MOTH_FETCH_BYTES, moth_type_size(place->type), place->type);
}

static bool finish_pointer(struct compiler *c, struct place *place)
{
    if (is_kind(moth_type_target(place->type), MOTH_TYPE_CHAR)) {
        if (!place->value && !emit_load(c, 8, false))
            return false;
        return fetch_text(c, MOTH_PEEK_TEXT_MAX);
    }
    return fetch(c, place->value ? MOTH_FETCH_VALUE : MOTH_FETCH_BYTES, 8, place->type);
}

/* What the library has its own classes for is read as what it stands for. */
static bool finish_struct(struct compiler *c, struct place *place)
{
    struct moth_layout_span span;
    struct moth_layout_bits bits;
    struct moth_field inside;
    if (moth_layout_bits(place->type, &bits))
        return wrong(c, "a std::vector<bool> is read bit by bit, like name[0]");
    if (moth_layout_span(place->type, &span))
        return fetch_span(c, &span);
    if (moth_layout_array(place->type, &inside)) {
        *place = (struct place){.type = inside.type};
        return emit_number(c, MOTH_PEEK_PLUS, inside.offset) && finish_array(c, place);
    }
    return fetch(c, MOTH_FETCH_BYTES, moth_type_size(place->type), place->type);
}

static bool finish(struct compiler *c, struct place *place)
{
    if (!place->type)
        return wrong(c, "nothing says of what type it is; say it, like name:int");
    c->out->said = place->type;
    switch (moth_type_kind(place->type)) {
    case MOTH_TYPE_BOOL:
    case MOTH_TYPE_CHAR:
    case MOTH_TYPE_SIGNED:
    case MOTH_TYPE_UNSIGNED:
    case MOTH_TYPE_ENUM:
        if (place->bit_size && !load_number(c, place))
            return false;
        return fetch(c, place->value ? MOTH_FETCH_VALUE : MOTH_FETCH_BYTES, moth_type_size(place->type), place->type);
    case MOTH_TYPE_FLOAT:
        return fetch(c, place->value ? MOTH_FETCH_VALUE : MOTH_FETCH_BYTES, moth_type_size(place->type), place->type);
    case MOTH_TYPE_POINTER:
        return finish_pointer(c, place);
    case MOTH_TYPE_TEXT:
        return fetch_text(c, MOTH_PEEK_TEXT_MAX);
    case MOTH_TYPE_ARRAY:
        return finish_array(c, place);
    case MOTH_TYPE_STRUCT:
        return finish_struct(c, place);
    case MOTH_TYPE_UNION:
        return fetch(c, MOTH_FETCH_BYTES, moth_type_size(place->type), place->type);
    case MOTH_TYPE_FUNCTION:
        return wrong(c, "a function is no value; watch what it changes");
    default:
        return wrong(c, "%s: nothing says what is in it", moth_type_name(place->type));
    }
}

/* ":type" behind an expression: a whole number keeps its value, anything else is read as that type. */
static bool apply_type(struct compiler *c, struct place *place)
{
    const struct moth_type *type = moth_symbols_type(c->symbols, c->expression->type, c->err);
    if (!type)
        return c->result = MOTH_LOOKUP_WRONG, false;
    if (is_kind(type, MOTH_TYPE_TEXT) && is_kind(place->type, MOTH_TYPE_POINTER) && !follow(c, place))
        return false;
    if (is_whole(place->type) && is_whole(type)) {
        if (!load_number(c, place))
            return false;
    } else if (place->value && !is_kind(place->type, MOTH_TYPE_POINTER)) {
        return wrong(c, "%s cannot be read as %s", moth_type_name(place->type), moth_type_name(type));
    }
    place->type = type;
    place->bit_size = 0;
    return true;
}

static bool is_loaded(void *context, const char *name, size_t length)
{
    struct moth_module module;
    char text[MOTH_EXPRESSION_BYTES_MAX + 1];
    if (length >= sizeof text)
        return false;
    memcpy(text, name, length);
    text[length] = '\0';
    return moth_symbols_find_module(context, text, &module);
}

enum moth_lookup moth_compile(struct moth_symbols *symbols, const char *text, struct moth_compiled *compiled,
                              struct moth_err *err)
{
    struct moth_expression expression;
    struct moth_expression_names names = {.is_module = is_loaded, .context = symbols};
    struct compiler c = {.symbols = symbols, .expression = &expression, .out = compiled, .err = err,
                         .result = MOTH_LOOKUP_WRONG};
    struct place place = {0};
    compiled->n_ops = 0;
    compiled->label[0] = '\0';
    if (moth_expression_parse(&expression, text, &names, err) != 0)
        return MOTH_LOOKUP_WRONG;
    if (!walk(&c, expression.root, &place))
        return c.result;
    c.result = MOTH_LOOKUP_WRONG;
    if (expression.type && !apply_type(&c, &place))
        return c.result;
    return finish(&c, &place) ? MOTH_LOOKUP_FOUND : c.result;
}
