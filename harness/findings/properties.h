/* SPDX-License-Identifier: MIT
 *
 * Properties that a game states through moth.h, over all that was played: which of them were seen, which did not
 * hold, and which nobody ever met. A set by kind and message; what is put together in whatever order is the same.
 *
 * Owns its strings. One thread.
 */
#ifndef MOTH_FINDINGS_PROPERTIES_H
#define MOTH_FINDINGS_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct moth_channel;      /* wire/channel.h */
struct moth_finding;      /* findings/finding.h */
struct json_t;

#define MOTH_PROPERTY_SET_MAX 4096u

struct moth_property {
    uint8_t kind; /* enum moth_property_kind of moth.h */
    bool seen;     /* sometimes: it held once; else: the line was met */
    bool violated; /* always: it did not hold; unreachable: it was met */
    uint32_t line;
    char *message, *file;
};

struct moth_properties {
    struct moth_property *at; /* sorted by file, line, message and kind */
    size_t n, room;
    uint32_t changed; /* of the channel that was taken last */
};

/* "always", "sometimes", "reachable", "unreachable". */
const char *moth_property_kind_name(unsigned kind);
/* Has it to be seen, and was not? */
bool moth_property_missing(const struct moth_property *property);

/* Put one in; of several sites with one message the first in the order of the source is kept. */
void moth_properties_add(struct moth_properties *properties, const struct moth_property *property);
/* What a game has said so far; nothing of it is trusted. */
void moth_properties_take(struct moth_properties *properties, const struct moth_channel *channel);
void moth_properties_merge(struct moth_properties *properties, const struct moth_properties *other);
void moth_properties_fini(struct moth_properties *properties);

/* As bytes of a message. get: false on nonsense. */
void moth_properties_put(struct moth_buf *buf, const struct moth_properties *properties);
bool moth_properties_get(struct moth_cursor *cursor, struct moth_properties *properties);
/* As run.json's member. from: false when it is not one; a missing one (NULL) has none. */
struct json_t *moth_properties_json(const struct moth_properties *properties);
bool moth_properties_from_json(const struct json_t *json, struct moth_properties *properties);

/* Tell of each property that does not hold in this game: the finding that it is, with its fingerprint, which fn takes.
 * *changed is kept by the caller, and UINT32_MAX before the first time or when the game stands elsewhere: what has no
 * news is not gone through. */
void moth_properties_violations(const struct moth_channel *channel, uint32_t *changed,
                                void (*fn)(void *context, struct moth_finding *finding), void *context);

#endif
