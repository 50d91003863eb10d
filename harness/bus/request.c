/* SPDX-License-Identifier: MIT */
#include "bus/request.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "bus/inputs.h"
#include "bus/text.h"

struct decoder {
    struct moth_bus_request *request;
    char *message;
    size_t message_size;
};

static int wrong(const struct decoder *decoder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int wrong(const struct decoder *decoder, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(decoder->message, decoder->message_size, format, args);
    va_end(args);
    return -1;
}

size_t moth_bus_request_size(const struct moth_bus_request *request)
{
    size_t small = offsetof(struct moth_bus_request, events);
    return request->op == MOTH_BUS_OP_CALL ? small + sizeof request->call
                                           : small + request->n_events * sizeof request->events[0];
}

const char *moth_bus_error_name(enum moth_bus_error error)
{
    static const char *const names[] = {
#define X(name, text) text,
        MOTH_BUS_ERRORS(X)
#undef X
    };
    return (size_t)error < sizeof names / sizeof *names ? names[error] : "failed";
}

static const struct {
    const char *name;
    enum moth_bus_needs needs;
} ops[] = {
#define X(name, text, needs) {text, needs},
    MOTH_BUS_OPS(X)
#undef X
};

enum moth_bus_needs moth_bus_op_needs(enum moth_bus_op op)
{
    return ops[op].needs;
}

const char *moth_bus_op_name(enum moth_bus_op op)
{
    return (unsigned)op < MOTH_BUS_OP_END ? ops[op].name : "?";
}

/* ---- values ---- */

static int take_whole(const struct decoder *decoder, const char *key, const json_t *value, uint64_t least,
                      uint64_t most, uint64_t *number)
{
    json_int_t given = json_integer_value(value);
    if (!json_is_integer(value) || given < 0 || (uint64_t)given < least || (uint64_t)given > most)
        return wrong(decoder, "'%s' must be a whole number from %llu to %llu", key, (unsigned long long)least,
                     (unsigned long long)most);
    *number = (uint64_t)given;
    return 0;
}

static int take_u32(const struct decoder *decoder, const char *key, const json_t *value, uint32_t least,
                    uint32_t most, uint32_t *number)
{
    uint64_t wide = 0;
    if (take_whole(decoder, key, value, least, most, &wide) != 0)
        return -1;
    *number = (uint32_t)wide;
    return 0;
}

static int take_text(const struct decoder *decoder, const char *key, const json_t *value, char *text,
                     size_t size)
{
    if (!json_is_string(value) || json_string_length(value) == 0 || json_string_length(value) >= size)
        return wrong(decoder, "'%s' must be a string of 1 to %zu bytes", key, size - 1);
    memcpy(text, json_string_value(value), json_string_length(value) + 1);
    return 0;
}

/* The place of a word in a list that ends with NULL. */
static int take_word(const struct decoder *decoder, const char *key, const json_t *value,
                     const char *const *words)
{
    const char *given = json_string_value(value);
    for (int i = 0; given && words[i]; i++)
        if (strcmp(words[i], given) == 0)
            return i;
    char all[256] = "";
    for (int i = 0; words[i]; i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", words[i]);
    }
    return wrong(decoder, "'%s' must be one of: %s", key, all);
}

/* What names files or clients: nothing that means something to a file system. */
static bool is_plain_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return name[0] && name[0] != '.' && name[n] == '\0';
}

static int take_name(const struct decoder *decoder, const char *key, const json_t *value, char *text)
{
    const char *given = json_string_value(value);
    if (!given || strlen(given) >= MOTH_BUS_NAME_BYTES || strlen(given) != json_string_length(value) ||
        !is_plain_name(given))
        return wrong(
            decoder,
            "'%s' must be at most %d letters, digits, '-', '_' and '.', without a dot at its beginning", key,
            (int)MOTH_BUS_NAME_BYTES - 1);
    strcpy(text, given);
    return 0;
}

/* ---- members ---- */

typedef int (*member_taker)(const struct decoder *decoder, const char *key, const json_t *value);

static int take_instance(const struct decoder *decoder, const char *key, const json_t *value)
{
    decoder->request->has_instance = true;
    return take_u32(decoder, key, value, 0, UINT32_MAX, &decoder->request->instance);
}

static int take_epoch(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_whole(decoder, key, value, 1, MOTH_BUS_NUMBER_MAX, &decoder->request->epoch);
}

static int take_seq(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_whole(decoder, key, value, 1, MOTH_BUS_NUMBER_MAX, &decoder->request->seq);
}

static int take_client(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_name(decoder, key, value, decoder->request->client);
}

static int take_wait(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_u32(decoder, key, value, 0, MOTH_BUS_WAIT_MS_MOST, &decoder->request->wait_ms);
}

static int take_lease(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_u32(decoder, key, value, MOTH_BUS_LEASE_MS_LEAST, MOTH_BUS_LEASE_MS_MOST,
                    &decoder->request->lease_ms);
}

static int take_frames(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_u32(decoder, key, value, 1, MOTH_PROGRAM_FRAMES_MAX, &decoder->request->frames);
}

static int take_observe(const struct decoder *decoder, const char *key, const json_t *value)
{
    static const char *const words[] = {"last", "each", NULL};
    int which = take_word(decoder, key, value, words);
    decoder->request->each = which == 1;
    return which < 0 ? -1 : 0;
}

static int take_picture(const struct decoder *decoder, const char *key, const json_t *value)
{
    static const char *const words[] = {"none", "hash", "shm", "png", NULL};
    int which = take_word(decoder, key, value, words);
    decoder->request->picture = which < 0 ? 0 : (uint32_t)which;
    return which < 0 ? -1 : 0;
}

static int take_snapshot(const struct decoder *decoder, const char *key, const json_t *value)
{
    decoder->request->has_snapshot = true;
    return take_whole(decoder, key, value, 1, MOTH_BUS_NUMBER_MAX, &decoder->request->snapshot);
}

static int take_screenshot_name(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_name(decoder, key, value, decoder->request->name);
}

static int take_mark(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_text(decoder, key, value, decoder->request->text, sizeof decoder->request->text);
}

static int take_waiting(const struct decoder *decoder, const char *key, const json_t *value)
{
    if (!json_is_boolean(value))
        return wrong(decoder, "'%s' must be true or false", key);
    decoder->request->waiting = json_is_true(value);
    return 0;
}

static int take_watches(const struct decoder *decoder, const char *key, const json_t *value)
{
    struct moth_bus_request *request = decoder->request;
    if (!json_is_object(value) || json_object_size(value) > MOTH_WATCHES_MAX)
        return wrong(decoder, "'%s' must be an object of at most %u names, {\"hp\": \"player.health\"}", key,
                     MOTH_WATCHES_MAX);
    const char *alias;
    json_t *name;
    json_object_foreach((json_t *)(uintptr_t)value, alias, name)
    {
        struct moth_bus_alias *pair = &request->watches[request->n_watches];
        if (!alias[0] || strlen(alias) >= sizeof pair->alias)
            return wrong(decoder, "'%s': names must have 1 to %zu bytes", key, sizeof pair->alias - 1);
        if (take_text(decoder, key, name, pair->name, sizeof pair->name) != 0)
            return -1;
        strcpy(pair->alias, alias);
        request->n_watches++;
    }
    return 0;
}

static int take_function(const struct decoder *decoder, const char *key, const json_t *value)
{
    char *function = decoder->request->call.function;
    return take_text(decoder, key, value, function, sizeof decoder->request->call.function);
}

/* What they have to be is known where the function is. */
static int take_arguments(const struct decoder *decoder, const char *key, const json_t *value)
{
    char *arguments = decoder->request->call.arguments;
    size_t room = sizeof decoder->request->call.arguments - 1;
    if (!json_is_array(value) || json_array_size(value) > MOTH_CALL_PARAMS_MAX)
        return wrong(decoder, "'%s' must be an array of at most %u values", key, MOTH_CALL_PARAMS_MAX);
    size_t size = json_dumpb(value, arguments, room, JSON_COMPACT);
    if (size == 0 || size > room)
        return wrong(decoder, "'%s' must have at most %zu bytes", key, room);
    arguments[size] = '\0';
    return 0;
}

static int take_until_value(const struct decoder *decoder, const json_t *value)
{
    struct moth_bus_request *request = decoder->request;
    if (json_is_string(value)) {
        request->until_is_text = true;
        if (request->until_compare > MOTH_BUS_COMPARE_NE)
            return wrong(decoder, "'until': texts can only be compared with eq and ne");
        return take_text(decoder, "until", value, request->until_text, sizeof request->until_text);
    }
    if (!json_is_number(value) && !json_is_boolean(value))
        return wrong(decoder, "'until': the value to compare with must be a number, a string, true or false");
    request->until_value = json_is_boolean(value) ? json_is_true(value) : json_number_value(value);
    return 0;
}

/* {"event": true | "name"}, {"cell": true}, {"watch": "hp", "lt": 10} */
static int take_until(const struct decoder *decoder, const char *key, const json_t *value)
{
    static const char *const compares[] = {"changed", "eq", "ne", "lt", "le", "gt", "ge"};
    struct moth_bus_request *request = decoder->request;
    const json_t *event = json_object_get(value, "event"), *cell = json_object_get(value, "cell");
    const json_t *watch = json_object_get(value, "watch");
    size_t size = json_object_size(value);
    if (event && size == 1) {
        request->until = MOTH_BUS_UNTIL_EVENT;
        if (json_is_true(event))
            return 0;
        return take_text(decoder, "until", event, request->until_name, sizeof request->until_name);
    }
    if (cell && size == 1 && json_is_true(cell)) {
        request->until = MOTH_BUS_UNTIL_CELL;
        return 0;
    }
    if (watch && size == 2) {
        request->until = MOTH_BUS_UNTIL_WATCH;
        if (take_text(decoder, "until", watch, request->until_name, sizeof request->watches[0].name) != 0)
            return -1;
        for (size_t i = 0; i < sizeof compares / sizeof *compares; i++) {
            const json_t *operand = json_object_get(value, compares[i]);
            if (!operand)
                continue;
            request->until_compare = (uint32_t)i;
            if (i != MOTH_BUS_COMPARE_CHANGED)
                return take_until_value(decoder, operand);
            if (json_is_true(operand))
                return 0;
        }
    }
    return wrong(
        decoder,
        "'%s' must be {\"event\": true or a name}, {\"cell\": true} or {\"watch\": a name, and one of "
        "\"changed\": true, \"eq\", \"ne\", \"lt\", \"le\", \"gt\", \"ge\" with a value}",
        key);
}

static int take_inputs(const struct decoder *decoder, const char *key, const json_t *value)
{
    (void)key;
    /* `frames` may come later in the text; inputs are read when it is known. */
    return json_is_array(value) ? 0 : wrong(decoder, "'inputs' must be an array");
}

static int take_nothing(const struct decoder *decoder, const char *key, const json_t *value)
{
    (void)decoder;
    (void)key;
    (void)value;
    return 0; /* was looked at already */
}

static int take_token(const struct decoder *decoder, const char *key, const json_t *value)
{
    return take_text(decoder, key, value, decoder->request->token, sizeof decoder->request->token);
}

#define OP(name) (1u << MOTH_BUS_OP_##name)
#define ALL (~0u)
#define SESSION (~(OP(LIST) | OP(ATTACH)))
#define SEQUENCE (SESSION & ~OP(PING))

static const struct member {
    const char *key;
    unsigned taken, required; /* bits of ops */
    member_taker take;
} members[] = {
    {"v", ALL, ALL, take_nothing},
    {"op", ALL, ALL, take_nothing},
    {"id", ALL, 0, take_nothing},
    {"token", ALL, 0, take_token},
    {"instance", SESSION | OP(ATTACH), SESSION, take_instance},
    {"epoch", SESSION, SESSION, take_epoch},
    {"seq", SEQUENCE, SEQUENCE, take_seq},
    {"client", OP(ATTACH), OP(ATTACH), take_client},
    {"wait_ms", OP(ATTACH), 0, take_wait},
    {"lease_ms", OP(ATTACH) | OP(PING), 0, take_lease},
    {"frames", OP(STEP), 0, take_frames},
    {"inputs", OP(STEP), 0, take_inputs},
    {"observe", OP(STEP), 0, take_observe},
    {"until", OP(STEP), 0, take_until},
    {"picture", OP(STEP) | OP(SCREENSHOT), 0, take_picture},
    {"snapshot", OP(RESTORE) | OP(RELEASE), OP(RESTORE), take_snapshot},
    {"watches", OP(WATCH), OP(WATCH), take_watches},
    {"function", OP(CALL), OP(CALL), take_function},
    {"arguments", OP(CALL), 0, take_arguments},
    {"name", OP(SCREENSHOT), 0, take_screenshot_name},
    {"text", OP(MARK), OP(MARK), take_mark},
    {"waiting", OP(WAITING), OP(WAITING), take_waiting},
};
#define N_MEMBERS (sizeof members / sizeof *members)

static const struct member *find_member(const char *key)
{
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (strcmp(members[i].key, key) == 0)
            return &members[i];
    return NULL;
}

static int unknown_member(const struct decoder *decoder, const char *key, unsigned op)
{
    const char *words[N_MEMBERS];
    size_t n = 0;
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (members[i].taken & 1u << op)
            words[n++] = members[i].key;
    const char *near = moth_str_nearest(key, words, n);
    return wrong(decoder, "'%s' takes no '%.64s'%s%s%s", moth_bus_op_name((enum moth_bus_op)op), key,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int take_members(const struct decoder *decoder, const json_t *json)
{
    unsigned op = decoder->request->op;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct member *member = find_member(key);
        if (!member || !(member->taken & 1u << op))
            return unknown_member(decoder, key, op);
        if (member->take(decoder, key, value) != 0)
            return -1;
    }
    for (size_t i = 0; i < N_MEMBERS; i++)
        if (members[i].required & 1u << op && !json_object_get(json, members[i].key))
            return wrong(decoder, "'%s' needs '%s'", moth_bus_op_name((enum moth_bus_op)op), members[i].key);
    return 0;
}

/* ---- whole requests ---- */

/* Brackets within each other, before the parser is let at them. */
static bool too_deep(const char *bytes, size_t size_bytes)
{
    unsigned depth = 0;
    bool text = false;
    for (size_t i = 0; i < size_bytes; i++) {
        char c = bytes[i];
        if (text && c == '\\')
            i++;
        else if (c == '"')
            text = !text;
        else if (!text && (c == '{' || c == '[') && ++depth > MOTH_BUS_DEPTH_MAX)
            return true;
        else if (!text && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

/* The JSON parser knows no whole numbers from 2^63 on: where one stands, its digits become a string, which is as
 * good as a number for an argument of a call and wrong anywhere else. False: there is none, and `buf` is empty. */
static bool quote_large(const char *bytes, size_t size_bytes, struct moth_buf *buf)
{
    bool text = false;
    size_t done = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        if (text && bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            text = !text;
        if (text || i >= size_bytes || !(bytes[i] >= '0' && bytes[i] <= '9'))
            continue;
        size_t begin = i;
        uint64_t value = 0;
        bool fits = true;
        for (; i < size_bytes && bytes[i] >= '0' && bytes[i] <= '9'; i++)
            fits = fits && !__builtin_mul_overflow(value, 10u, &value) &&
                   !__builtin_add_overflow(value, (uint64_t)(bytes[i] - '0'), &value);
        bool whole = i == size_bytes || !memchr(".eE+-", bytes[i], 5);
        whole = whole && (begin == 0 || !memchr(".eE+-", bytes[begin - 1], 5)) && bytes[begin] != '0';
        if (whole && (!fits || value > INT64_MAX)) {
            moth_buf_put(buf, bytes + done, begin - done);
            moth_buf_put_u8(buf, '"');
            moth_buf_put(buf, bytes + begin, i - begin);
            moth_buf_put_u8(buf, '"');
            done = i;
        }
        i--;
    }
    if (done > 0)
        moth_buf_put(buf, bytes + done, size_bytes - done);
    return done > 0 && !buf->failed;
}

static int keep_id(const struct decoder *decoder, const json_t *id)
{
    if (!id)
        return 0;
    if (!json_is_integer(id) && !(json_is_string(id) && json_string_length(id) < MOTH_BUS_NAME_BYTES))
        return wrong(decoder, "'id' must be a whole number, or a string of at most %d bytes",
                     (int)MOTH_BUS_NAME_BYTES - 1);
    struct moth_buf buf;
    moth_buf_init(&buf);
    if (json_is_integer(id))
        moth_text_integer(&buf, NULL, json_integer_value(id));
    else
        moth_text_string(&buf, NULL, json_string_value(id));
    size_t size = buf.size_bytes < sizeof decoder->request->id ? buf.size_bytes : 0;
    if (size)
        memcpy(decoder->request->id, buf.bytes, size);
    decoder->request->id[size] = '\0';
    moth_buf_fini(&buf);
    return 0;
}

static enum moth_bus_error decode_object(const struct decoder *decoder, const json_t *json)
{
    struct moth_bus_request *request = decoder->request;
    if (!json_is_object(json)) {
        wrong(decoder, "a request is one JSON object");
        return MOTH_BUS_ERROR_BAD_REQUEST;
    }
    if (keep_id(decoder, json_object_get(json, "id")) != 0)
        return MOTH_BUS_ERROR_BAD_REQUEST;
    const json_t *version = json_object_get(json, "v");
    if (!json_is_integer(version) || json_integer_value(version) != MOTH_BUS_VERSION) {
        wrong(decoder, "this is version %d of the bus: each request has \"v\": %d", MOTH_BUS_VERSION,
              MOTH_BUS_VERSION);
        return MOTH_BUS_ERROR_BAD_VERSION;
    }
    const char *op = json_string_value(json_object_get(json, "op"));
    request->op = 0;
    while (op && request->op < MOTH_BUS_OP_END && strcmp(op, ops[request->op].name) != 0)
        request->op++;
    if (!op || request->op == MOTH_BUS_OP_END) {
        const char *words[MOTH_BUS_OP_END];
        for (unsigned i = 0; i < MOTH_BUS_OP_END; i++)
            words[i] = ops[i].name;
        const char *near = op ? moth_str_nearest(op, words, MOTH_BUS_OP_END) : NULL;
        wrong(decoder, "there is no op '%.64s'%s%s%s", op ? op : "", near ? "; did you mean '" : "",
              near ? near : "", near ? "'?" : "");
        return MOTH_BUS_ERROR_UNKNOWN_OP;
    }
    request->frames = 1;
    if (request->op == MOTH_BUS_OP_CALL)
        strcpy(request->call.arguments, "[]");
    if (take_members(decoder, json) != 0)
        return MOTH_BUS_ERROR_BAD_REQUEST;
    const json_t *inputs = json_object_get(json, "inputs");
    if (inputs && moth_bus_inputs_decode(inputs, request->frames, request->events, &request->n_events,
                                         decoder->message, decoder->message_size) != 0)
        return MOTH_BUS_ERROR_BAD_REQUEST;
    if (request->op == MOTH_BUS_OP_SCREENSHOT && !request->name[0] &&
        request->picture == MOTH_BUS_PICTURE_NONE) {
        wrong(decoder, "'screenshot' needs 'name' or 'picture'");
        return MOTH_BUS_ERROR_BAD_REQUEST;
    }
    return MOTH_BUS_ERROR_NONE;
}

enum moth_bus_error moth_bus_request_decode(const char *bytes, size_t size_bytes,
                                            struct moth_bus_request *request, char *message,
                                            size_t message_size)
{
    struct decoder decoder = {request, message, message_size};
    memset(request, 0, offsetof(struct moth_bus_request, events));
    message[0] = '\0';
    if (size_bytes > MOTH_BUS_REQUEST_BYTES_MAX) {
        wrong(&decoder, "a request has at most %u bytes, this one has %zu", MOTH_BUS_REQUEST_BYTES_MAX,
              size_bytes);
        return MOTH_BUS_ERROR_TOO_LARGE;
    }
    if (too_deep(bytes, size_bytes)) {
        wrong(&decoder, "more than %u brackets within each other", MOTH_BUS_DEPTH_MAX);
        return MOTH_BUS_ERROR_BAD_JSON;
    }
    json_error_t why;
    struct moth_buf quoted;
    moth_buf_init(&quoted);
    if (quote_large(bytes, size_bytes, &quoted)) {
        bytes = (const char *)quoted.bytes;
        size_bytes = quoted.size_bytes;
    }
    json_t *json = json_loadb(bytes, size_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    moth_buf_fini(&quoted);
    if (!json) {
        wrong(&decoder, "not JSON: %s (at byte %d)", why.text, why.position);
        return MOTH_BUS_ERROR_BAD_JSON;
    }
    enum moth_bus_error error = decode_object(&decoder, json);
    json_decref(json);
    return error;
}
