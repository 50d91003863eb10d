/* SPDX-License-Identifier: MIT */
#include "minimize/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/call.h"

#define KEYS 512u
#define BUTTONS 32u
#define AXES 8u
#define NONE SIZE_MAX

static void *allocated(size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    if (!memory)
        abort();
    return memory;
}

/* ---- from events ---- */

/* Which unit holds what at the moment. */
struct held {
    size_t keys[KEYS], mouse[BUTTONS], pads[MOTH_PADS_MAX][BUTTONS], axes[MOTH_PADS_MAX][AXES];
};

/* The place for what an event presses, lets go or puts; NULL for others. */
static size_t *place_of(struct held *of_members, const struct moth_input_event *event)
{
    struct held *held = &of_members[event->member % MOTH_MEMBERS_MAX];
    switch (event->type) {
    case MOTH_INPUT_KEY_DOWN:
    case MOTH_INPUT_KEY_UP:
        return event->code < KEYS ? &held->keys[event->code] : NULL;
    case MOTH_INPUT_MOUSE_DOWN:
    case MOTH_INPUT_MOUSE_UP:
        return event->code < BUTTONS ? &held->mouse[event->code] : NULL;
    case MOTH_INPUT_PAD_DOWN:
    case MOTH_INPUT_PAD_UP:
        return event->device < MOTH_PADS_MAX && event->code < BUTTONS
                   ? &held->pads[event->device][event->code]
                   : NULL;
    case MOTH_INPUT_PAD_AXIS:
        return event->device < MOTH_PADS_MAX && event->code < AXES ? &held->axes[event->device][event->code]
                                                                   : NULL;
    default:
        return NULL;
    }
}

static bool begins(const struct moth_input_event *event)
{
    return event->type == MOTH_INPUT_KEY_DOWN || event->type == MOTH_INPUT_MOUSE_DOWN ||
           event->type == MOTH_INPUT_PAD_DOWN || (event->type == MOTH_INPUT_PAD_AXIS && event->x != 0);
}

static void end_unit(struct moth_unit *unit, const struct moth_input_event *event, uint32_t order)
{
    unit->end = event->frame;
    unit->end_order = order;
    unit->taken_over = event->type == MOTH_INPUT_PAD_AXIS && event->x != 0;
}

/* Without what an event of its type does not use, so that equal events are equal bytes. */
static struct moth_input_event bare(const struct moth_input_event *event)
{
    struct moth_input_event clean = {
        .frame = event->frame, .type = event->type, .device = event->device, .code = event->code,
        .member = event->member};
    if (event->type == MOTH_INPUT_TEXT || event->type == MOTH_INPUT_CALL) {
        snprintf(clean.text, sizeof clean.text, "%s", event->text);
    } else {
        clean.x = event->x;
        clean.y = event->y;
    }
    return clean;
}

/* True when the event ended a unit and is none of its own. */
static bool take_end(struct moth_units *units, size_t *place, const struct moth_input_event *event,
                     uint32_t order)
{
    if (!place || *place == NONE || (begins(event) && event->type != MOTH_INPUT_PAD_AXIS))
        return false;
    end_unit(&units->at[*place], event, order);
    *place = NONE;
    return !begins(event);
}

void moth_units_parse(struct moth_units *units, const struct moth_input_event *events, size_t n_events)
{
    struct held *held = allocated(MOTH_MEMBERS_MAX, sizeof *held);
    memset(held, 0xff, MOTH_MEMBERS_MAX * sizeof *held); /* NONE everywhere */
    *units = (struct moth_units){.at = allocated(n_events, sizeof *units->at)};
    for (size_t i = 0; i < n_events; i++) {
        const struct moth_input_event *event = &events[i];
        size_t *place = place_of(held, event);
        if (take_end(units, place, event, (uint32_t)i))
            continue;
        bool holds =
            place && *place == NONE && begins(event); /* pressed while it is down: an event by itself */
        if (holds)
            *place = units->n;
        units->at[units->n++] = (struct moth_unit){
            .event = bare(event), .end = MOTH_UNIT_OPEN, .order = (uint32_t)i, .held = holds};
    }
    free(held);
}

/* ---- to events ---- */

struct placed {
    struct moth_input_event event;
    uint32_t order;
    bool filler; /* puts a stick back where another put it elsewhere before */
};

static int by_place(const void *a, const void *b)
{
    const struct placed *left = a, *right = b;
    if (left->event.frame != right->event.frame)
        return left->event.frame < right->event.frame ? -1 : 1;
    if (left->order != right->order)
        return left->order < right->order ? -1 : 1;
    return (int)right->filler - (int)left->filler;
}

static struct placed ending(const struct moth_unit *unit)
{
    struct placed end = {.event = unit->event, .order = unit->end_order, .filler = unit->taken_over};
    end.event.frame = unit->end;
    end.event.x = end.event.y = 0;
    if (end.event.type != MOTH_INPUT_PAD_AXIS)
        end.event.type++; /* …_UP follows …_DOWN */
    return end;
}

/* Is the stick put somewhere else in the same frame? */
static bool is_needless(const struct placed *all, size_t n, size_t i)
{
    const struct moth_input_event *event = &all[i].event;
    for (size_t j = i + 1; j < n && all[j].event.frame == event->frame; j++)
        if (all[j].event.type == MOTH_INPUT_PAD_AXIS && all[j].event.device == event->device &&
            all[j].event.member == event->member && all[j].event.code == event->code)
            return true;
    return false;
}

/* Calls of which pieces were taken out. */
static void drop_torn_calls(struct moth_input_event *events, size_t *n_events)
{
    char text[MOTH_CALL_TEXT_BYTES];
    size_t kept = 0;
    for (size_t i = 0; i < *n_events;) {
        size_t next = i + 1;
        bool whole = true;
        if (events[i].type == MOTH_INPUT_CALL) {
            next = i;
            whole = moth_call_join(events, *n_events, &next, text, sizeof text) == NULL;
        }
        for (; i < next; i++)
            if (whole)
                events[kept++] = events[i];
    }
    *n_events = kept;
}

struct moth_input_event *moth_units_events(const struct moth_units *units, size_t *n_events)
{
    struct placed *all = allocated(units->n * 2, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < units->n; i++) {
        const struct moth_unit *unit = &units->at[i];
        all[n++] = (struct placed){.event = unit->event, .order = unit->order};
        if (unit->held && unit->end != MOTH_UNIT_OPEN)
            all[n++] = ending(unit);
    }
    qsort(all, n, sizeof *all, by_place);
    struct moth_input_event *events = allocated(n, sizeof *events);
    *n_events = 0;
    for (size_t i = 0; i < n; i++)
        if (!all[i].filler || !is_needless(all, n, i))
            events[(*n_events)++] = all[i].event;
    free(all);
    drop_torn_calls(events, n_events);
    return events;
}

/* ---- changing them ---- */

void moth_units_copy(struct moth_units *to, const struct moth_units *from)
{
    *to = (struct moth_units){.at = allocated(from->n, sizeof *to->at), .n = from->n};
    if (from->n > 0)
        memcpy(to->at, from->at, from->n * sizeof *to->at);
}

void moth_units_fini(struct moth_units *units)
{
    free(units->at);
    *units = (struct moth_units){0};
}

void moth_units_drop(struct moth_units *units, size_t from, size_t to)
{
    memmove(&units->at[from], &units->at[to], (units->n - to) * sizeof *units->at);
    units->n -= to - from;
}

static uint32_t without(uint32_t frame, uint32_t from, uint32_t to)
{
    if (frame == MOTH_UNIT_OPEN || frame < from)
        return frame;
    return frame < to ? from : frame - (to - from);
}

void moth_units_cut(struct moth_units *units, uint32_t from, uint32_t to)
{
    size_t kept = 0;
    for (size_t i = 0; i < units->n; i++) {
        struct moth_unit unit = units->at[i];
        if (unit.event.frame >= from && unit.event.frame < to)
            continue;
        unit.event.frame = without(unit.event.frame, from, to);
        unit.end = without(unit.end, from, to);
        units->at[kept++] = unit;
    }
    units->n = kept;
}

void moth_units_pull(struct moth_units *units, uint32_t from, uint32_t frames)
{
    for (size_t i = 0; i < units->n; i++) {
        struct moth_unit *unit = &units->at[i];
        if (unit->event.frame >= from)
            unit->event.frame -= frames;
        if (unit->held && unit->end != MOTH_UNIT_OPEN && unit->end >= from)
            unit->end -= frames;
    }
}

size_t moth_units_next_same(const struct moth_units *units, size_t i)
{
    const struct moth_input_event *event = &units->at[i].event;
    for (size_t j = i + 1; j < units->n; j++) {
        const struct moth_input_event *other = &units->at[j].event;
        if (units->at[j].held && other->type == event->type && other->device == event->device &&
            other->member == event->member && other->code == event->code)
            return j;
    }
    return units->n;
}
