/* SPDX-License-Identifier: MIT
 *
 * Calls as text: what stands behind the signature is one word for each value that is no struct, in order.
 */
#include "wire/call.h"

#include <stdio.h>
#include <string.h>

#define ARROW " <- "
#define KEEPS " -> @"

struct out {
    char *text;
    size_t size, n;
};

static void put_char(struct out *out, char c)
{
    if (out->n + 1 < out->size)
        out->text[out->n] = c;
    out->n++;
}

static void put_text(struct out *out, const char *text)
{
    while (*text)
        put_char(out, *text++);
}

static void put_hex(struct out *out, uint64_t value, unsigned digits)
{
    while (digits-- > 0)
        put_char(out, "0123456789abcdef"[value >> (digits * 4) & 15]);
}

static void put_number(struct out *out, uint64_t value, bool negative)
{
    char digits[24];
    size_t n = 0;
    if (negative) {
        put_char(out, '-');
        value = 0 - value;
    }
    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (n > 0)
        put_char(out, digits[--n]);
}

static int finish(struct out *out)
{
    if (out->size > 0)
        out->text[out->n < out->size ? out->n : out->size - 1] = '\0';
    return out->n < out->size ? 0 : -1;
}

/* A string is one word of plain characters, whatever is in it. */
static void put_string(struct out *out, const char *text)
{
    if (!text) {
        put_text(out, "nil");
        return;
    }
    put_char(out, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c > ' ' && c < 0x7f && c != '"' && c != '%') {
            put_char(out, (char)c);
        } else {
            put_char(out, '%');
            put_hex(out, c, 2);
        }
    }
    put_char(out, '"');
}

static void put_value(struct out *out, uint8_t type, const struct moth_call_value *value)
{
    uint64_t bits = 0;
    switch (type) {
    case MOTH_CALL_F32:
    case MOTH_CALL_F64: /* its bits: no rounding, no locale */
        memcpy(&bits, &value->d, sizeof bits);
        put_char(out, '#');
        put_hex(out, bits, 16);
        break;
    case MOTH_CALL_STRING:
        put_string(out, value->text);
        break;
    case MOTH_CALL_POINTER:
        if (value->slot != MOTH_CALL_NO_SLOT) {
            put_char(out, '@');
            put_number(out, value->slot, false);
        } else {
            put_text(out, "0x");
            put_hex(out, value->u, 16);
        }
        break;
    case MOTH_CALL_U8:
    case MOTH_CALL_U16:
    case MOTH_CALL_U32:
    case MOTH_CALL_U64:
        put_number(out, value->u, false);
        break;
    default:
        put_number(out, value->u, value->i < 0);
        break;
    }
}

static void put_values(struct out *out, const struct moth_call *call, unsigned from, unsigned to)
{
    bool first = true;
    for (unsigned i = from; i < to; i++) {
        uint8_t type = call->signature.nodes[i].type;
        if (type == MOTH_CALL_STRUCT || type == MOTH_CALL_VOID)
            continue;
        if (!first)
            put_char(out, ' ');
        first = false;
        put_value(out, type, &call->values[i]);
    }
}

int moth_call_encode(const struct moth_call *call, char *text, size_t size)
{
    struct out out = {text, size, 0};
    if (moth_call_spell(&call->signature, text, size) != 0)
        return -1;
    out.n = strlen(text);
    put_text(&out, ARROW);
    put_values(&out, call, call->signature.nodes[0].end, call->signature.n_nodes);
    if (call->slot != MOTH_CALL_NO_SLOT) {
        put_text(&out, KEEPS);
        put_number(&out, call->slot, false);
    }
    return finish(&out);
}

int moth_call_encode_result(const struct moth_call *call, char *text, size_t size)
{
    struct out out = {text, size, 0};
    put_values(&out, call, 0, call->signature.nodes[0].end);
    return finish(&out);
}

/* ---- and back ---- */

struct in {
    const char *at;
    char *strings;
    size_t size;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(struct in *in, uint64_t *value)
{
    unsigned digits = 0;
    *value = 0;
    for (; hex_digit(*in->at) >= 0 && digits < 17; in->at++, digits++)
        *value = *value << 4 | (uint64_t)hex_digit(*in->at);
    return digits > 0 && digits <= 16;
}

static bool take_decimal(struct in *in, uint64_t *value)
{
    const char *begin = in->at;
    *value = 0;
    for (; *in->at >= '0' && *in->at <= '9'; in->at++)
        if (__builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*in->at - '0'), value))
            return false;
    return in->at > begin;
}

static bool take_number(struct in *in, uint8_t type, struct moth_call_value *value)
{
    static const struct {
        uint64_t below, above; /* how far from zero */
    } limits[] = {[MOTH_CALL_BOOL] = {0, 1},
                  [MOTH_CALL_I8] = {128, INT8_MAX},
                  [MOTH_CALL_U8] = {0, UINT8_MAX},
                  [MOTH_CALL_I16] = {32768, INT16_MAX},
                  [MOTH_CALL_U16] = {0, UINT16_MAX},
                  [MOTH_CALL_I32] = {2147483648u, INT32_MAX},
                  [MOTH_CALL_U32] = {0, UINT32_MAX},
                  [MOTH_CALL_I64] = {1ULL << 63, INT64_MAX},
                  [MOTH_CALL_U64] = {0, UINT64_MAX}};
    bool negative = *in->at == '-';
    uint64_t magnitude;
    in->at += negative;
    if (!take_decimal(in, &magnitude) || magnitude > (negative ? limits[type].below : limits[type].above))
        return false;
    value->u = negative ? 0 - magnitude : magnitude;
    return true;
}

static bool take_string(struct in *in, struct moth_call_value *value)
{
    if (strncmp(in->at, "nil", 3) == 0) {
        in->at += 3;
        value->text = NULL;
        return true;
    }
    if (*in->at != '"' || in->size == 0)
        return false;
    value->text = in->strings;
    for (in->at++; *in->at != '"'; in->at++) {
        char c = *in->at;
        if (c <= ' ' || c >= 0x7f || in->size < 2)
            return false;
        if (c == '%') {
            if (hex_digit(in->at[1]) < 0 || hex_digit(in->at[2]) < 0)
                return false;
            c = (char)(hex_digit(in->at[1]) << 4 | hex_digit(in->at[2]));
            in->at += 2;
            if (c == '\0')
                return false;
        }
        *in->strings++ = c;
        in->size--;
    }
    in->at++;
    *in->strings++ = '\0';
    in->size--;
    return true;
}

static bool take_pointer(struct in *in, struct moth_call_value *value)
{
    uint64_t slot;
    if (*in->at == '@') {
        in->at++;
        if (!take_decimal(in, &slot) || slot >= MOTH_CALL_SLOTS)
            return false;
        value->slot = (uint32_t)slot;
        return true;
    }
    if (strncmp(in->at, "0x", 2) != 0)
        return false;
    in->at += 2;
    return take_hex(in, &value->u);
}

static bool take_value(struct in *in, uint8_t type, struct moth_call_value *value)
{
    *value = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    switch (type) {
    case MOTH_CALL_F32:
    case MOTH_CALL_F64:
        if (*in->at != '#')
            return false;
        in->at++;
        uint64_t bits;
        if (!take_hex(in, &bits))
            return false;
        memcpy(&value->d, &bits, sizeof bits);
        return true;
    case MOTH_CALL_STRING:
        return take_string(in, value);
    case MOTH_CALL_POINTER:
        return take_pointer(in, value);
    default:
        return take_number(in, type, value);
    }
}

static bool take_values(struct in *in, struct moth_call *call, unsigned from, unsigned to)
{
    bool first = true;
    for (unsigned i = from; i < to; i++) {
        uint8_t type = call->signature.nodes[i].type;
        call->values[i] = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
        if (type == MOTH_CALL_STRUCT || type == MOTH_CALL_VOID)
            continue;
        if (!first && *in->at++ != ' ')
            return false;
        first = false;
        if (!take_value(in, type, &call->values[i]))
            return false;
    }
    return true;
}

int moth_call_decode(const char *text, struct moth_call *call, char *strings, size_t size, char *problem,
                     size_t problem_size)
{
    char signature[MOTH_CALL_TEXT_BYTES];
    const char *arrow = strstr(text, ARROW);
    size_t n = arrow ? (size_t)(arrow - text) : 0;
    if (!arrow || n >= sizeof signature) {
        snprintf(problem, problem_size, "it is no call");
        return -1;
    }
    memcpy(signature, text, n);
    signature[n] = '\0';
    if (moth_call_parse(signature, &call->signature, problem, problem_size) != 0)
        return -1;
    struct in in = {arrow + strlen(ARROW), strings, size};
    bool good = take_values(&in, call, 0, 0) &&
                take_values(&in, call, call->signature.nodes[0].end, call->signature.n_nodes);
    call->slot = MOTH_CALL_NO_SLOT;
    for (unsigned i = 0; i < call->signature.nodes[0].end; i++)
        call->values[i] = (struct moth_call_value){.slot = MOTH_CALL_NO_SLOT};
    uint64_t slot;
    if (good && strncmp(in.at, KEEPS, strlen(KEEPS)) == 0) {
        in.at += strlen(KEEPS);
        good = take_decimal(&in, &slot) && slot < MOTH_CALL_SLOTS;
        call->slot = good ? (uint32_t)slot : MOTH_CALL_NO_SLOT;
    }
    if (good && *in.at == '\0')
        return 0;
    snprintf(problem, problem_size, "its arguments are not those of %.64s", call->signature.name);
    return -1;
}

int moth_call_decode_result(const char *text, struct moth_call *call, char *strings, size_t size)
{
    struct in in = {text, strings, size};
    return take_values(&in, call, 0, call->signature.nodes[0].end) && *in.at == '\0' ? 0 : -1;
}

/* ---- as input ---- */

size_t moth_call_split(const char *text, uint32_t frame, struct moth_input_event *events)
{
    size_t n = 0, left = strlen(text);
    while (left > 0 && n < MOTH_CALL_EVENTS_MAX) {
        size_t part = left < MOTH_TEXT_MAX - 1 ? left : MOTH_TEXT_MAX - 1;
        struct moth_input_event *event = &events[n++];
        *event = (struct moth_input_event){
            .frame = frame, .type = MOTH_INPUT_CALL, .device = (uint8_t)(n - 1), .code = left > part};
        memcpy(event->text, text, part);
        text += part;
        left -= part;
    }
    return n;
}

const char *moth_call_join(const struct moth_input_event *events, size_t n_events, size_t *next, char *text,
                           size_t size)
{
    size_t used = 0, first = *next;
    bool more = true;
    while (more) {
        bool follows = *next < n_events && events[*next].type == MOTH_INPUT_CALL &&
                       events[*next].frame == events[first].frame && events[*next].device == *next - first;
        if (!follows) {
            *next += *next == first && first < n_events;
            return "it is not whole";
        }
        const struct moth_input_event *event = &events[(*next)++];
        size_t part = strnlen(event->text, sizeof event->text);
        if (used + part >= size)
            return "it is too long";
        memcpy(text + used, event->text, part);
        used += part;
        more = event->code != 0;
    }
    text[used] = '\0';
    return NULL;
}
