/* SPDX-License-Identifier: MIT */
#include "bus/arguments.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/text.h"

struct taker {
    struct moth_call *call;
    char *strings;
    size_t size;
    char *problem;
    size_t problem_size;
    char where[64]; /* for errors: "arguments[0].x" */
};

static int wrong(const struct taker *taker, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(const struct taker *taker, const char *format, ...)
{
    va_list args;
    int n = snprintf(taker->problem, taker->problem_size, "%s ", taker->where);
    va_start(args, format);
    if (n >= 0 && (size_t)n < taker->problem_size)
        vsnprintf(taker->problem + n, taker->problem_size - (size_t)n, format, args);
    va_end(args);
    return -1;
}

static int wrong_value(const struct taker *taker, const char *expected, const json_t *value)
{
    char given[48] = "null";
    size_t size = value ? json_dumpb(value, given, sizeof given - 1, JSON_COMPACT | JSON_ENCODE_ANY) : 4;
    if (size >= sizeof given)
        return wrong(taker, "must be %s", expected);
    given[size] = '\0';
    return wrong(taker, "must be %s, not %s", expected, given);
}

/* ---- numbers ---- */

/* Digits in a string, with a sign perhaps: for whole numbers that a program's JSON cannot hold. */
static bool read_digits(const char *text, bool *negative, uint64_t *magnitude)
{
    *negative = *text == '-';
    text += *negative;
    *magnitude = 0;
    bool any = *text != '\0';
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(*magnitude, 10u, magnitude) ||
            __builtin_add_overflow(*magnitude, (uint64_t)(*text - '0'), magnitude))
            return false;
    return any && *text == '\0';
}

static bool read_whole(const json_t *value, bool *negative, uint64_t *magnitude)
{
    if (json_is_string(value))
        return read_digits(json_string_value(value), negative, magnitude);
    json_int_t number = json_integer_value(value);
    double real = json_real_value(value);
    if (json_is_real(value) && fabs(real) < 0x1p53 && real == trunc(real))
        number = (json_int_t)real; /* 3.0 is 3, as some write it */
    else if (!json_is_integer(value))
        return false;
    *negative = number < 0;
    *magnitude = *negative ? 0 - (uint64_t)number : (uint64_t)number;
    return true;
}

static int take_whole(const struct taker *taker, uint8_t type, const json_t *value, struct moth_call_value *taken)
{
    static const struct {
        uint64_t below, above; /* how far from zero */
    } limits[] = {[MOTH_CALL_I8] = {128, INT8_MAX},
                  [MOTH_CALL_U8] = {0, UINT8_MAX},
                  [MOTH_CALL_I16] = {32768, INT16_MAX},
                  [MOTH_CALL_U16] = {0, UINT16_MAX},
                  [MOTH_CALL_I32] = {2147483648u, INT32_MAX},
                  [MOTH_CALL_U32] = {0, UINT32_MAX},
                  [MOTH_CALL_I64] = {UINT64_C(1) << 63, INT64_MAX},
                  [MOTH_CALL_U64] = {0, UINT64_MAX}};
    char expected[80];
    bool negative = false;
    uint64_t magnitude = 0;
    if (!read_whole(value, &negative, &magnitude) ||
        magnitude > (negative ? limits[type].below : limits[type].above)) {
        snprintf(expected, sizeof expected, "a whole number from %s%" PRIu64 " to %" PRIu64,
                 limits[type].below ? "-" : "", limits[type].below, limits[type].above);
        return wrong_value(taker, expected, value);
    }
    taken->u = negative ? 0 - magnitude : magnitude;
    return 0;
}

static int take_real(const struct taker *taker, const json_t *value, struct moth_call_value *taken)
{
    const char *text = json_string_value(value);
    if (json_is_number(value))
        taken->d = json_number_value(value);
    else if (text && strcmp(text, "nan") == 0)
        taken->d = NAN;
    else if (text && (strcmp(text, "inf") == 0 || strcmp(text, "-inf") == 0))
        taken->d = text[0] == '-' ? -HUGE_VAL : HUGE_VAL;
    else if (text && text[0] && strspn(text, "0123456789") == strlen(text))
        taken->d = strtod(text, NULL); /* a number that is too large for a whole one came as a string */
    else
        return wrong_value(taker, "a number", value);
    return 0;
}

/* ---- the rest ---- */

static int take_text(struct taker *taker, const json_t *value, struct moth_call_value *taken)
{
    size_t size = json_string_length(value) + 1;
    if (!value || json_is_null(value))
        return 0;
    if (!json_is_string(value))
        return wrong_value(taker, "a string or null", value);
    if (strlen(json_string_value(value)) + 1 != size)
        return wrong(taker, "is no string of C: there is a zero byte in it");
    if (size > taker->size)
        return wrong(taker, "is too long: a call has at most %u bytes", MOTH_CALL_TEXT_BYTES - 1);
    taken->text = memcpy(taker->strings, json_string_value(value), size);
    taker->strings += size;
    taker->size -= size;
    return 0;
}

static int take_value(struct taker *taker, unsigned at, const json_t *value);

static bool has_member(const struct moth_call_node *nodes, unsigned at, const char *name)
{
    for (unsigned k = at + 1; k < nodes[at].end; k = nodes[k].end)
        if (strcmp(nodes[k].name, name) == 0 && name[0])
            return true;
    return false;
}

/* A struct: its members by place in an array, or by name in an object. */
static int take_struct(struct taker *taker, unsigned at, const json_t *value)
{
    const struct moth_call_node *nodes = taker->call->signature.nodes;
    char outer[sizeof taker->where];
    const char *name;
    json_t *member;
    size_t place = 0;
    memcpy(outer, taker->where, sizeof outer);
    if (!json_is_object(value) && !json_is_array(value))
        return wrong_value(taker, "an array or an object of its members", value);
    json_object_foreach((json_t *)(uintptr_t)value, name, member)
        if (!has_member(nodes, at, name))
            return wrong(taker, "has no member '%.64s'", name);
    for (unsigned k = at + 1; k < nodes[at].end; k = nodes[k].end, place++) {
        const json_t *given =
            json_is_array(value) ? json_array_get(value, place) : json_object_get(value, nodes[k].name);
        if (json_is_object(value) && !nodes[k].name[0])
            return wrong(taker, "must be an array: not all of its members have names");
        if (nodes[k].name[0])
            snprintf(taker->where, sizeof taker->where, "%.40s.%.20s", outer, nodes[k].name);
        else
            snprintf(taker->where, sizeof taker->where, "%.40s[%zu]", outer, place);
        if (take_value(taker, k, given) != 0)
            return -1;
        memcpy(taker->where, outer, sizeof outer);
    }
    if (json_array_size(value) > place)
        return wrong(taker, "has %zu members, not %zu", place, json_array_size(value));
    return 0;
}

static int take_value(struct taker *taker, unsigned at, const json_t *value)
{
    struct moth_call_value *taken = &taker->call->values[at];
    uint8_t type = taker->call->signature.nodes[at].type;
    bool nothing = !value || json_is_null(value);
    *taken = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    if (!value && type != MOTH_CALL_STRING && type != MOTH_CALL_POINTER)
        return wrong(taker, "is missing: %s",
                     type == MOTH_CALL_STRUCT ? "a struct" : moth_call_type_name(type));
    switch (type) {
    case MOTH_CALL_BOOL:
        taken->i = json_is_true(value);
        return json_is_boolean(value) ? 0 : wrong_value(taker, "true or false", value);
    case MOTH_CALL_F32:
    case MOTH_CALL_F64:
        return take_real(taker, value, taken);
    case MOTH_CALL_STRING:
        return take_text(taker, value, taken);
    case MOTH_CALL_POINTER:
        return nothing ? 0 : take_whole(taker, MOTH_CALL_U64, value, taken);
    case MOTH_CALL_STRUCT:
        return take_struct(taker, at, value);
    default:
        return take_whole(taker, type, value, taken);
    }
}

static int take_all(struct taker *taker, const json_t *array)
{
    const struct moth_call_signature *signature = &taker->call->signature;
    char spelled[160] = "";
    size_t place = 0;
    if (json_array_size(array) > signature->n_params) {
        (void)moth_call_spell(signature, spelled, sizeof spelled);
        snprintf(taker->problem, taker->problem_size, "%s takes %u argument%s, not %zu", spelled, signature->n_params,
                 signature->n_params == 1 ? "" : "s", json_array_size(array));
        return -1;
    }
    for (unsigned at = signature->nodes[0].end; at < signature->n_nodes; at = signature->nodes[at].end, place++) {
        const char *name = signature->nodes[at].name;
        snprintf(taker->where, sizeof taker->where, "arguments[%zu]%s%s%s", place, name[0] ? " (" : "", name,
                 name[0] ? ")" : "");
        if (take_value(taker, at, json_array_get(array, place)) != 0)
            return -1;
    }
    return 0;
}

int moth_bus_arguments_decode(const char *json, struct moth_call *call, char *strings, size_t size, char *problem,
                              size_t problem_size)
{
    struct taker taker = {call, strings, size, problem, problem_size, ""};
    json_t *array = json_loads(json, 0, NULL);
    int result = -1;
    if (json_is_array(array))
        result = take_all(&taker, array);
    else
        snprintf(problem, problem_size, "'arguments' must be an array");
    json_decref(array);
    return result;
}

/* ---- what came back ---- */

static bool is_named(const struct moth_call_node *nodes, unsigned at)
{
    for (unsigned k = at + 1; k < nodes[at].end; k = nodes[k].end)
        if (!nodes[k].name[0])
            return false;
    return true;
}

static void write_unsigned(struct moth_buf *buf, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    moth_text_key(buf, key);
    moth_text_raw(buf, text);
}

static void write_real(struct moth_buf *buf, const char *key, double value)
{
    if (isfinite(value))
        moth_text_number(buf, key, value);
    else
        moth_text_string(buf, key, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
}

static void write_value(struct moth_buf *buf, const char *key, const struct moth_call *call, unsigned at)
{
    const struct moth_call_node *nodes = call->signature.nodes;
    const struct moth_call_value *value = &call->values[at];
    bool named;
    switch (nodes[at].type) {
    case MOTH_CALL_VOID:
        moth_text_null(buf, key);
        break;
    case MOTH_CALL_BOOL:
        moth_text_bool(buf, key, value->u != 0);
        break;
    case MOTH_CALL_F32:
    case MOTH_CALL_F64:
        write_real(buf, key, value->d);
        break;
    case MOTH_CALL_STRING:
        if (value->text)
            moth_text_string(buf, key, value->text);
        else
            moth_text_null(buf, key);
        break;
    case MOTH_CALL_POINTER:
        if (value->u)
            write_unsigned(buf, key, value->u);
        else
            moth_text_null(buf, key);
        break;
    case MOTH_CALL_STRUCT:
        named = is_named(nodes, at);
        moth_text_key(buf, key);
        moth_text_raw(buf, named ? "{" : "[");
        for (unsigned k = at + 1; k < nodes[at].end; k = nodes[k].end)
            write_value(buf, named ? nodes[k].name : NULL, call, k);
        moth_text_raw(buf, named ? "}" : "]");
        break;
    case MOTH_CALL_U8:
    case MOTH_CALL_U16:
    case MOTH_CALL_U32:
    case MOTH_CALL_U64:
        write_unsigned(buf, key, value->u);
        break;
    default:
        moth_text_integer(buf, key, value->i);
        break;
    }
}

void moth_bus_result_write(struct moth_buf *buf, const struct moth_call *call)
{
    write_value(buf, "result", call, 0);
}
