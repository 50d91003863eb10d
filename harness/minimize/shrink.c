/* SPDX-License-Identifier: MIT */
#include "minimize/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "minimize/unit.h"

#define CUT_LEAST 4u /* frames: shorter stretches are left to what takes out single units and idle time */
#define CUT_PATIENCE \
    32u /* so many parts and not one in CUT_WORTH of them could go: time matters to this game */
#define CUT_WORTH 8u
#define LATER_LEAST 30u /* frames that it may happen later by at least, when it happens soon */

/* What is made smaller, the most important first. */
struct size {
    uint64_t events, frame, held, fuss;
};

struct shrink {
    const struct moth_shrink_oracle *oracle;
    uint32_t grace, frame_most;
    struct moth_units best;
    struct moth_input_event *events; /* of best */
    size_t n_events;
    struct size size;
    bool stopped;
};

static bool is_smaller(const struct size *a, const struct size *b)
{
    if (a->events != b->events)
        return a->events < b->events;
    if (a->frame != b->frame)
        return a->frame < b->frame;
    return a->held != b->held ? a->held < b->held : a->fuss < b->fuss;
}

static uint64_t plainness(int32_t value)
{
    return value % 100 == 0 ? 0 : value % 10 == 0 ? 1 : 2;
}

static uint64_t magnitude(int32_t value)
{
    return (uint64_t)(value < 0 ? -(int64_t)value : value);
}

static uint64_t fuss_of(const struct moth_input_event *event)
{
    switch (event->type) {
    case MOTH_INPUT_MOUSE_MOVE:
        return plainness(event->x) + plainness(event->y);
    case MOTH_INPUT_WHEEL:
        return magnitude(event->x) + magnitude(event->y);
    case MOTH_INPUT_PAD_AXIS:
        return event->x != 0 && event->x != INT16_MAX && event->x != INT16_MIN;
    case MOTH_INPUT_TEXT:
        return strnlen(event->text, MOTH_TEXT_MAX);
    default:
        return 0;
    }
}

static struct size size_of(const struct moth_units *units, size_t n_events, uint32_t frame)
{
    struct size size = {.events = n_events, .frame = frame};
    for (size_t i = 0; i < units->n; i++) {
        const struct moth_unit *unit = &units->at[i];
        size.fuss += fuss_of(&unit->event);
        if (unit->held && unit->end != MOTH_UNIT_OPEN)
            size.held += unit->end - unit->event.frame;
    }
    return size;
}

/* ---- one candidate ---- */

static void adopt(struct shrink *shrink, struct moth_units *units, struct moth_input_event *events,
                  size_t n_events, const struct size *size)
{
    moth_units_fini(&shrink->best);
    free(shrink->events);
    shrink->best = *units;
    shrink->events = events;
    shrink->n_events = n_events;
    shrink->size = *size;
    if (shrink->oracle->better &&
        shrink->oracle->better(shrink->oracle->context, events, n_events, (uint32_t)size->frame) != 0)
        shrink->stopped = true;
}

/* What happens sooner may be expected not much later: most candidates are not it, and are played so far. */
static uint32_t until_of(const struct shrink *shrink, uint32_t sooner)
{
    uint64_t later = shrink->size.frame / 2 > LATER_LEAST ? shrink->size.frame / 2 : LATER_LEAST;
    uint64_t until = shrink->size.frame - sooner + (later < shrink->grace ? later : shrink->grace);
    return until < shrink->frame_most ? (uint32_t)until : shrink->frame_most;
}

/* Takes `units` over, in which so many frames of waiting are no more. True when they are the best now. */
static bool try_units(struct shrink *shrink, struct moth_units *units, uint32_t sooner)
{
    size_t n_events;
    struct moth_input_event *events = moth_units_events(units, &n_events);
    bool same = n_events == shrink->n_events &&
                (n_events == 0 || memcmp(events, shrink->events, n_events * sizeof *events) == 0);
    if (!shrink->stopped && !same && n_events <= shrink->n_events) {
        uint32_t frame = 0;
        int answer =
            shrink->oracle->test(shrink->oracle->context, events, n_events, until_of(shrink, sooner), &frame);
        struct size size = size_of(units, n_events, frame);
        if (answer < 0)
            shrink->stopped = true;
        if (answer > 0 && is_smaller(&size, &shrink->size)) {
            adopt(shrink, units, events, n_events, &size);
            return true;
        }
    }
    free(events);
    moth_units_fini(units);
    return false;
}

/* ---- stretches of time ---- */

static void try_cut(struct shrink *shrink, uint32_t from, uint32_t to)
{
    struct moth_units units;
    moth_units_copy(&units, &shrink->best);
    moth_units_cut(&units, from, to);
    try_units(shrink, &units, to - from);
}

static void cut_time(struct shrink *shrink)
{
    for (uint32_t part = (uint32_t)shrink->size.frame / 2; part >= CUT_LEAST; part /= 2) {
        uint32_t before = (uint32_t)shrink->size.frame, tried = 0;
        for (uint32_t to = before; to > 1 && !shrink->stopped; tried++) {
            uint32_t from = to > part + 1 ? to - part : 1;
            try_cut(shrink, from, to);
            to = from;
        }
        uint64_t gone = before - (uint32_t)shrink->size.frame;
        if (shrink->stopped || (tried > CUT_PATIENCE && gone * CUT_WORTH < before))
            return;
    }
}

/* ---- units ---- */

static bool try_drop(struct shrink *shrink, size_t from, size_t to)
{
    struct moth_units units;
    moth_units_copy(&units, &shrink->best);
    moth_units_drop(&units, from, to);
    return try_units(shrink, &units, 0);
}

static void drop_units(struct shrink *shrink)
{
    size_t part = shrink->best.n;
    bool again;
    do {
        bool any = false;
        for (size_t to = shrink->best.n; to > 0 && !shrink->stopped;) {
            size_t from = to > part ? to - part : 0;
            any |= try_drop(shrink, from, to);
            to = from;
        }
        again = part > 1 || any; /* single ones until each of them is needed */
        part = part > 1 ? part / 2 : 1;
    } while (again && !shrink->stopped && shrink->best.n > 0);
}

/* Two presses of one key become one that lasts from the first to the second's end. */
static void merge_units(struct shrink *shrink)
{
    for (size_t i = shrink->best.n; i-- > 0 && !shrink->stopped;) {
        size_t next = shrink->best.at[i].held ? moth_units_next_same(&shrink->best, i) : shrink->best.n;
        if (next == shrink->best.n)
            continue;
        struct moth_units units;
        moth_units_copy(&units, &shrink->best);
        units.at[i].end = units.at[next].end;
        units.at[i].end_order = units.at[next].end_order;
        units.at[i].taken_over = units.at[next].taken_over;
        moth_units_drop(&units, next, next + 1);
        try_units(shrink, &units, 0);
    }
}

/* ---- time held, idle time ---- */

static bool try_held(struct shrink *shrink, size_t i, uint32_t frames)
{
    struct moth_units units;
    moth_units_copy(&units, &shrink->best);
    units.at[i].end = units.at[i].event.frame + frames;
    return try_units(shrink, &units, 0);
}

/* The least number in [1, now] that `attempt` takes, as far as halving finds it. */
static void find_least(struct shrink *shrink, uint32_t now, uint64_t what,
                       bool (*attempt)(struct shrink *shrink, uint64_t what, uint32_t frames, uint32_t now))
{
    if (now <= 1 || shrink->stopped || attempt(shrink, what, 1, now))
        return;
    for (uint32_t low = 1; now - low > 1 && !shrink->stopped;) {
        uint32_t middle = low + (now - low) / 2;
        if (attempt(shrink, what, middle, now))
            now = middle;
        else
            low = middle;
    }
}

static bool hold_for(struct shrink *shrink, uint64_t i, uint32_t frames, uint32_t now)
{
    (void)now;
    return try_held(shrink, (size_t)i, frames);
}

static void hold_shorter(struct shrink *shrink)
{
    for (size_t i = shrink->best.n; i-- > 0;) {
        const struct moth_unit *unit = &shrink->best.at[i];
        if (unit->held && unit->end != MOTH_UNIT_OPEN && !unit->taken_over)
            find_least(shrink, unit->end - unit->event.frame, i, hold_for);
    }
}

/* `frame`: an event's, `now` frames after the event before it. */
static bool come_after(struct shrink *shrink, uint64_t frame, uint32_t frames, uint32_t now)
{
    /* An attempt before this one may have been taken: then the event has come nearer already. */
    for (size_t i = 0; i < shrink->n_events; i++) {
        uint32_t before = i > 0 ? shrink->events[i - 1].frame : 1;
        if (before + now != shrink->events[i].frame || before != frame)
            continue;
        struct moth_units units;
        moth_units_copy(&units, &shrink->best);
        moth_units_pull(&units, shrink->events[i].frame, now - frames);
        return try_units(shrink, &units, now - frames);
    }
    return false;
}

/* Each wait between two events as short as it may be. */
static void wait_less(struct shrink *shrink)
{
    for (size_t i = shrink->n_events; i-- > 0 && !shrink->stopped;) {
        uint32_t before = i > 0 ? shrink->events[i - 1].frame : 1;
        if (shrink->events[i].frame > before)
            find_least(shrink, shrink->events[i].frame - before, before, come_after);
    }
}

/* No wait longer than so many frames, all at once: often it takes no more. */
static void cap_waits(struct shrink *shrink)
{
    for (uint32_t most = 1; most < shrink->size.frame && !shrink->stopped; most *= 2) {
        struct moth_units units;
        uint32_t sooner = 0;
        moth_units_copy(&units, &shrink->best);
        for (size_t i = shrink->n_events; i-- > 0;) {
            uint32_t before = i > 0 ? shrink->events[i - 1].frame : 1;
            uint32_t wait = shrink->events[i].frame - before;
            if (wait <= most)
                continue;
            moth_units_pull(&units, shrink->events[i].frame, wait - most);
            sooner += wait - most;
        }
        if (try_units(shrink, &units, sooner))
            return;
    }
}

/* ---- values ---- */

static int32_t rounded(int32_t value, int32_t to)
{
    return (value + (value < 0 ? -to / 2 : to / 2)) / to * to;
}

/* Half of the characters, at least one; cut between two of them. */
static void shorten_text(char *text, bool to_one)
{
    size_t length = strnlen(text, MOTH_TEXT_MAX), keep = to_one ? 1 : (length + 1) / 2;
    while (keep < length && ((unsigned char)text[keep] & 0xc0) == 0x80)
        keep++;
    memset(text + keep, 0, MOTH_TEXT_MAX - keep);
}

/* The event made plainer, more so at first; false when there is no such way. */
static bool make_plain(struct moth_input_event *event, int way)
{
    switch (event->type) {
    case MOTH_INPUT_MOUSE_MOVE:
        event->x = rounded(event->x, way == 0 ? 100 : 10);
        event->y = rounded(event->y, way == 0 ? 100 : 10);
        return true;
    case MOTH_INPUT_WHEEL:
        event->x = way == 0 ? (event->x > 0) - (event->x < 0) : event->x / 2;
        event->y = way == 0 ? (event->y > 0) - (event->y < 0) : event->y / 2;
        return true;
    case MOTH_INPUT_PAD_AXIS:
        event->x = event->x > 0 ? INT16_MAX : event->x < 0 ? INT16_MIN : 0;
        return way == 0;
    case MOTH_INPUT_TEXT:
        shorten_text(event->text, way == 0);
        return true;
    default:
        return false;
    }
}

static void make_plainer(struct shrink *shrink)
{
    for (size_t i = shrink->best.n; i-- > 0 && !shrink->stopped;) {
        for (int way = 0; way < 2; way++) {
            struct moth_units units;
            moth_units_copy(&units, &shrink->best);
            bool can = make_plain(&units.at[i].event, way);
            if (!can)
                moth_units_fini(&units);
            if (!can || try_units(shrink, &units, 0))
                break;
        }
    }
}

/* ---- all of it ---- */

static void shrink_all(struct shrink *shrink)
{
    static void (*const steps[])(struct shrink *) = {cut_time,     drop_units, merge_units, cap_waits,
                                                     hold_shorter, wait_less,  make_plainer};
    struct size before;
    do {
        before = shrink->size;
        for (size_t i = 0; i < sizeof steps / sizeof *steps && !shrink->stopped; i++)
            steps[i](shrink);
    } while (!shrink->stopped && is_smaller(&shrink->size, &before));
}

/* What comes after it happened never mattered. */
static size_t events_until(const struct moth_input_event *events, size_t n_events, uint32_t frame)
{
    while (n_events > 0 && events[n_events - 1].frame > frame)
        n_events--;
    return n_events;
}

void moth_shrink(const struct moth_input_event *events, size_t n_events, uint32_t frame, uint32_t grace,
                 const struct moth_shrink_oracle *oracle, struct moth_shrink_result *result)
{
    uint64_t most = (uint64_t)frame + grace;
    struct shrink shrink = {
        .oracle = oracle, .grace = grace, .frame_most = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX};
    moth_units_parse(&shrink.best, events, events_until(events, n_events, frame));
    shrink.events = moth_units_events(&shrink.best, &shrink.n_events);
    shrink.size = size_of(&shrink.best, shrink.n_events, frame);
    shrink_all(&shrink);
    *result = (struct moth_shrink_result){.events = shrink.events,
                                          .n_events = shrink.n_events,
                                          .frame = (uint32_t)shrink.size.frame,
                                          .minimal = !shrink.stopped};
    moth_units_fini(&shrink.best);
}
