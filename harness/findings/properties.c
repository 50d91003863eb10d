/* SPDX-License-Identifier: MIT */
#include "findings/properties.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "findings/finding.h"
#include "findings/finding_json.h"
#include "moth/moth.h"
#include "wire/channel.h"

#define TEXT_MAX 4096u
#define KINDS 4u

const char *moth_property_kind_name(unsigned kind)
{
    static const char *const names[KINDS] = {
        [MOTH_PROPERTY_ALWAYS] = "always",
        [MOTH_PROPERTY_SOMETIMES] = "sometimes",
        [MOTH_PROPERTY_REACHABLE] = "reachable",
        [MOTH_PROPERTY_UNREACHABLE] = "unreachable",
    };
    return kind < KINDS ? names[kind] : "?";
}

bool moth_property_missing(const struct moth_property *property)
{
    return !property->seen &&
           (property->kind == MOTH_PROPERTY_SOMETIMES || property->kind == MOTH_PROPERTY_REACHABLE);
}

static int by_place(const struct moth_property *a, const struct moth_property *b)
{
    int files = strcmp(a->file, b->file);
    if (files != 0 || a->line != b->line)
        return files != 0 ? files : a->line < b->line ? -1 : 1;
    int messages = strcmp(a->message, b->message);
    return messages != 0 ? messages : (int)a->kind - (int)b->kind;
}

static char *copied(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        abort();
    return copy;
}

static void put_in(struct moth_properties *properties, struct moth_property property)
{
    if (properties->n == properties->room) {
        properties->room = properties->room * 2 + 16;
        properties->at = realloc(properties->at, properties->room * sizeof *properties->at);
        if (!properties->at)
            abort();
    }
    size_t place = properties->n;
    while (place > 0 && by_place(&property, &properties->at[place - 1]) < 0)
        place--;
    memmove(&properties->at[place + 1], &properties->at[place], (properties->n - place) * sizeof *properties->at);
    properties->at[place] = property;
    properties->n++;
}

void moth_properties_add(struct moth_properties *properties, const struct moth_property *property)
{
    size_t i = 0;
    while (i < properties->n && (properties->at[i].kind != property->kind ||
                                 strcmp(properties->at[i].message, property->message) != 0))
        i++;
    if (i == properties->n) {
        struct moth_property own = *property;
        if (properties->n >= MOTH_PROPERTY_SET_MAX)
            return;
        own.message = copied(property->message);
        own.file = copied(property->file);
        put_in(properties, own);
        return;
    }
    struct moth_property known = properties->at[i];
    known.seen |= property->seen;
    known.violated |= property->violated;
    properties->at[i] = known;
    if (by_place(property, &known) >= 0)
        return;
    free(known.file);
    known.file = copied(property->file);
    known.line = property->line;
    properties->n--;
    memmove(&properties->at[i], &properties->at[i + 1], (properties->n - i) * sizeof *properties->at);
    put_in(properties, known);
}

void moth_properties_take(struct moth_properties *properties, const struct moth_channel *channel)
{
    uint32_t n = channel->n_properties < MOTH_PROPERTIES_MAX ? channel->n_properties : MOTH_PROPERTIES_MAX;
    if (channel->properties_changed == properties->changed && properties->n > 0)
        return;
    properties->changed = channel->properties_changed;
    for (uint32_t i = 0; i < n; i++) {
        struct moth_property_record record = channel->properties[i]; /* the game may write on it */
        record.message[sizeof record.message - 1] = record.file[sizeof record.file - 1] = '\0';
        struct moth_property property = {.kind = record.kind,
                                         .seen = record.seen != 0,
                                         .violated = record.violated != 0,
                                         .line = record.line,
                                         .message = record.message,
                                         .file = record.file};
        if (record.kind < KINDS)
            moth_properties_add(properties, &property);
    }
}

void moth_properties_merge(struct moth_properties *properties, const struct moth_properties *other)
{
    for (size_t i = 0; i < other->n; i++)
        moth_properties_add(properties, &other->at[i]);
}

void moth_properties_fini(struct moth_properties *properties)
{
    for (size_t i = 0; i < properties->n; i++) {
        free(properties->at[i].message);
        free(properties->at[i].file);
    }
    free(properties->at);
    *properties = (struct moth_properties){0};
}

/* ---- elsewhere ---- */

void moth_properties_put(struct moth_buf *buf, const struct moth_properties *properties)
{
    moth_buf_put_varint(buf, properties->n);
    for (size_t i = 0; i < properties->n; i++) {
        const struct moth_property *property = &properties->at[i];
        moth_buf_put_u8(buf, property->kind);
        moth_buf_put_u8(buf, (uint8_t)(property->seen | property->violated << 1));
        moth_buf_put_varint(buf, property->line);
        moth_buf_put_string(buf, property->message);
        moth_buf_put_string(buf, property->file);
    }
}

bool moth_properties_get(struct moth_cursor *cursor, struct moth_properties *properties)
{
    size_t n = (size_t)moth_cursor_varint_to(cursor, MOTH_PROPERTY_SET_MAX);
    for (size_t i = 0; i < n && !cursor->failed; i++) {
        struct moth_property property = {.kind = moth_cursor_u8(cursor)};
        uint8_t bits = moth_cursor_u8(cursor);
        property.seen = bits & 1;
        property.violated = (bits & 2) != 0;
        property.line = (uint32_t)moth_cursor_varint_to(cursor, UINT32_MAX);
        property.message = moth_cursor_string(cursor, TEXT_MAX, NULL);
        property.file = moth_cursor_string(cursor, TEXT_MAX, NULL);
        if (property.kind >= KINDS || bits > 3)
            cursor->failed = true;
        if (!cursor->failed && property.message && property.file)
            moth_properties_add(properties, &property);
        free(property.message);
        free(property.file);
    }
    return !cursor->failed;
}

json_t *moth_properties_json(const struct moth_properties *properties)
{
    json_t *list = json_array();
    for (size_t i = 0; properties && i < properties->n; i++) {
        const struct moth_property *property = &properties->at[i];
        json_t *one = json_object();
        json_object_set_new(one, "kind", json_string(moth_property_kind_name(property->kind)));
        json_object_set_new(one, "message", moth_json_text(property->message));
        json_object_set_new(one, "file", moth_json_text(property->file));
        json_object_set_new(one, "line", json_integer(property->line));
        json_object_set_new(one, "seen", json_boolean(property->seen));
        json_object_set_new(one, "violated", json_boolean(property->violated));
        json_array_append_new(list, one);
    }
    return list;
}

static bool from_json(const json_t *json, struct moth_property *property)
{
    const char *kind = json_string_value(json_object_get(json, "kind"));
    const json_t *line = json_object_get(json, "line"), *seen = json_object_get(json, "seen"),
                 *violated = json_object_get(json, "violated");
    property->message = (char *)(uintptr_t)json_string_value(json_object_get(json, "message"));
    property->file = (char *)(uintptr_t)json_string_value(json_object_get(json, "file"));
    property->kind = 0;
    while (kind && property->kind < KINDS && strcmp(kind, moth_property_kind_name(property->kind)) != 0)
        property->kind++;
    property->line = (uint32_t)json_integer_value(line);
    property->seen = json_is_true(seen);
    property->violated = json_is_true(violated);
    return kind && property->kind < KINDS && property->message && property->file && json_is_integer(line) &&
           json_integer_value(line) >= 0 && json_integer_value(line) <= UINT32_MAX && json_is_boolean(seen) &&
           json_is_boolean(violated);
}

bool moth_properties_from_json(const json_t *json, struct moth_properties *properties)
{
    size_t i;
    const json_t *one;
    if (!json)
        return true;
    if (!json_is_array(json) || json_array_size(json) > MOTH_PROPERTY_SET_MAX)
        return false;
    json_array_foreach(json, i, one)
    {
        struct moth_property property;
        if (!from_json(one, &property))
            return false;
        moth_properties_add(properties, &property);
    }
    return true;
}

/* ---- violations ---- */

static struct moth_finding *violation(const struct moth_property_record *record)
{
    bool always = record->kind == MOTH_PROPERTY_ALWAYS;
    struct moth_finding *finding = calloc(1, sizeof *finding);
    if (!finding)
        abort();
    const char *slash = strrchr(record->file, '/');
    const char *base = slash ? slash + 1 : record->file; /* where the sources lay is the build's affair */
    finding->kind = MOTH_FINDING_INVARIANT;
    finding->frame = record->violated_frame + 1; /* at which it shows: what led there came before */
    finding->title = moth_fs_path("\"%s\" %s (%s:%u)", record->message, always ? "does not hold" : "is reached", base,
                                  record->line);
    finding->detail = moth_fs_path("%s:%u: moth_%s(\"%s\")", record->file, record->line,
                                   moth_property_kind_name(record->kind), record->message);
    moth_finding_fingerprint(finding);
    return finding;
}

void moth_properties_violations(const struct moth_channel *channel, uint32_t *changed,
                                void (*fn)(void *context, struct moth_finding *finding), void *context)
{
    uint32_t n = channel->n_properties < MOTH_PROPERTIES_MAX ? channel->n_properties : MOTH_PROPERTIES_MAX;
    if (channel->properties_changed == *changed)
        return;
    *changed = channel->properties_changed;
    for (uint32_t i = 0; i < n; i++) {
        struct moth_property_record record = channel->properties[i];
        record.message[sizeof record.message - 1] = record.file[sizeof record.file - 1] = '\0';
        bool can = record.kind == MOTH_PROPERTY_ALWAYS || record.kind == MOTH_PROPERTY_UNREACHABLE;
        if (can && record.violated)
            fn(context, violation(&record));
    }
}
