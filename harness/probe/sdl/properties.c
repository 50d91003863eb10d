/* SPDX-License-Identifier: MIT
 *
 * Properties that a game states through moth.h: which there are, which were seen, which did not hold.
 *
 * Sites register when their object is loaded, which may be long before this process is known to be the game; they are
 * noted here and go into the channel at the first boundary. What is met then is an entry of a table in the channel, by
 * kind and message.
 */
#include <stdio.h>
#include <string.h>

#include "sdl/sdl.h"

#define RANGES_MAX 1024u
#define MET_SLOTS 512u /* a power of two */

struct site { /* struct moth_property_site of moth.h */
    int32_t kind, line;
    const char *file, *message;
};

enum { ALWAYS, SOMETIMES, REACHABLE, UNREACHABLE, KINDS }; /* as in moth.h */

static struct {
    const struct site *begin, *end;
} ranges[RANGES_MAX];
static uint32_t n_ranges, n_known;

/* Where the message at an address was found last. */
static struct {
    const char *message;
    uint32_t index;
} met[MET_SLOTS];

void moth_probe_properties(const struct site *begin, const struct site *end);
void moth_probe_property(int kind, int condition, const char *message, const char *file, int line);

static bool is_it(const struct moth_property_record *record, int kind, const char *message)
{
    size_t n = sizeof record->message - 1;
    return record->kind == kind && strncmp(record->message, message, n) == 0;
}

/* The record of a property, made where there is none. NULL: no room. */
static struct moth_property_record *record_of(int kind, const char *message, const char *file, int line)
{
    struct moth_channel *c = moth_channel;
    uint32_t slot = (uint32_t)((uintptr_t)message >> 2 ^ (uintptr_t)message >> 11 ^ (uint32_t)kind) % MET_SLOTS;
    uint32_t n = c->n_properties < MOTH_PROPERTIES_MAX ? c->n_properties : MOTH_PROPERTIES_MAX, at = met[slot].index;
    if (met[slot].message == message && at < n && is_it(&c->properties[at], kind, message))
        return &c->properties[at];
    for (at = 0; at < n && !is_it(&c->properties[at], kind, message); at++)
        continue;
    if (at == MOTH_PROPERTIES_MAX) {
        c->properties_lost++;
        return NULL;
    }
    struct moth_property_record *record = &c->properties[at];
    if (at == n) {
        memset(record, 0, sizeof *record);
        record->kind = (uint8_t)kind;
        record->line = line > 0 ? (uint32_t)line : 0;
        snprintf(record->message, sizeof record->message, "%s", message);
        snprintf(record->file, sizeof record->file, "%s", file != NULL ? file : "");
        c->n_properties = at + 1;
        c->properties_changed++;
    }
    met[slot].message = message;
    met[slot].index = at;
    return record;
}

MOTH_HOOK void moth_probe_properties(const struct site *begin, const struct site *end)
{
    for (uint32_t i = 0; i < n_ranges; i++)
        if (ranges[i].begin == begin)
            return; /* each file of an object registers all of them */
    if (begin >= end)
        return;
    if (n_ranges == RANGES_MAX) {
        moth_warn("more properties (moth_always, moth_sometimes, …) than are kept: some are known when they are met only", NULL);
        return;
    }
    ranges[n_ranges].begin = begin;
    ranges[n_ranges++].end = end;
}

void moth_properties_tell(void)
{
    for (; n_known < n_ranges; n_known++)
        for (const struct site *site = ranges[n_known].begin; site < ranges[n_known].end; site++)
            if (site->message != NULL && site->kind >= 0 && site->kind < KINDS)
                record_of(site->kind, site->message, site->file, site->line);
}

MOTH_HOOK void moth_probe_property(int kind, int condition, const char *message, const char *file, int line)
{
    if (moth_mode == MOTH_DORMANT || message == NULL || kind < 0 || kind >= KINDS || !moth_claim())
        return;
    struct moth_property_record *record = record_of(kind, message, file, line);
    bool violated = (kind == ALWAYS && !condition) || kind == UNREACHABLE;
    bool seen = kind != SOMETIMES || condition;
    if (record == NULL || (record->seen >= seen && record->violated >= violated))
        return;
    bool first = violated && !record->violated;
    record->seen |= seen;
    if (first)
        record->violated_frame = moth_channel->frame;
    record->violated |= violated;
    moth_channel->properties_changed++;
    if (!first)
        return;
    char place[160];
    snprintf(place, sizeof place, "%s:%d", file != NULL ? file : "?", line);
    moth_announce(kind == ALWAYS ? MOTH_ANNOUNCE_VIOLATION : MOTH_ANNOUNCE_UNREACHABLE, message, place);
}
