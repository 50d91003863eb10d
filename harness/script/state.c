/* SPDX-License-Identifier: MIT */
#include "script/state.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "script/text.h"

#define NONE SIZE_MAX
#define SELDOM 30u      /* at most one change in so many frames … */
#define FEW 4u          /* … or so few in all */
#define CLOCK_TICKS 4u  /* changes at equal distances make it a clock */

void moth_state_log_init(struct moth_state_log *log)
{
    *log = (struct moth_state_log){0};
}

void moth_state_log_fini(struct moth_state_log *log)
{
    free(log->changes);
    *log = (struct moth_state_log){0};
}

/* ---- what is noted ---- */

static struct moth_state_watch *watch_named(struct moth_state_log *log, const char *name)
{
    for (uint32_t i = 0; i < log->n_watches; i++)
        if (strcmp(log->watches[i].name, name) == 0)
            return &log->watches[i];
    if (log->n_watches == MOTH_STATE_WATCHES_MAX)
        return NULL;
    struct moth_state_watch *watch = &log->watches[log->n_watches++];
    *watch = (struct moth_state_watch){.last = NONE};
    snprintf(watch->name, sizeof watch->name, "%s", name);
    return watch;
}

static bool same_value(const struct moth_state_change *a, const struct moth_state_change *b)
{
    if (a->ok != b->ok || a->type != b->type)
        return false;
    if (!a->ok)
        return true;
    if (a->type == MOTH_VALUE_STR || a->type == MOTH_VALUE_TABLE)
        return strcmp(a->text, b->text) == 0;
    if (a->type == MOTH_VALUE_INTEGER || a->type == MOTH_VALUE_ENUM)
        return a->integer == b->integer;
    return !(a->number < b->number || a->number > b->number);
}

static void append(struct moth_state_log *log, const struct moth_state_change *change)
{
    if (log->n == log->room) {
        log->room = log->room ? log->room * 2 : 256;
        log->changes = realloc(log->changes, log->room * sizeof *log->changes);
        if (!log->changes)
            abort();
    }
    log->changes[log->n++] = *change;
}

static void add_value(struct moth_state_log *log, uint32_t frame, const struct moth_watch_value *given)
{
    struct moth_watch_value value = *given;
    value.name[sizeof value.name - 1] = value.text[sizeof value.text - 1] = '\0';
    struct moth_state_watch *watch = watch_named(log, value.name);
    if (!watch)
        return;
    struct moth_state_change change = {.frame = frame,
                                       .watch = (uint32_t)(watch - log->watches),
                                       .before = watch->last,
                                       .ok = value.ok,
                                       .type = value.type,
                                       .number = value.number,
                                       .integer = value.integer};
    memcpy(change.text, value.text, sizeof change.text);
    if (watch->last != NONE && same_value(&log->changes[watch->last], &change))
        return;
    append(log, &change);
    watch->last = log->n - 1;
    watch->changes++;
}

void moth_state_log_add(struct moth_state_log *log, uint32_t frame, const struct moth_watch_value *values, uint32_t n)
{
    for (uint32_t i = 0; i < n && i < MOTH_STATE_WATCHES_MAX; i++)
        add_value(log, frame, &values[i]);
}

void moth_state_log_cut(struct moth_state_log *log, uint32_t frame)
{
    while (log->n > 0 && log->changes[log->n - 1].frame > frame) {
        const struct moth_state_change *change = &log->changes[--log->n];
        log->watches[change->watch].last = change->before;
        log->watches[change->watch].changes--;
    }
}

/* ---- what can be waited for ---- */

/* Seconds, or an animation's step: it comes by itself, and waiting for it is counting frames. */
static bool is_clock(const struct moth_state_log *log, const struct moth_state_watch *watch)
{
    if (watch->changes <= CLOCK_TICKS)
        return false;
    uint32_t least = UINT32_MAX, most = 0;
    for (size_t at = watch->last; log->changes[at].before != NONE; at = log->changes[at].before) {
        const struct moth_state_change *before = &log->changes[log->changes[at].before];
        if (before->before == NONE) /* since when it had its first value is not known */
            break;
        uint32_t distance = log->changes[at].frame - before->frame;
        least = distance < least ? distance : least;
        most = distance > most ? distance : most;
    }
    return most <= least + 1;
}

void moth_state_log_judge(struct moth_state_log *log, uint32_t frames)
{
    for (uint32_t i = 0; i < log->n_watches; i++) {
        struct moth_state_watch *watch = &log->watches[i];
        watch->waited_for = watch->last != NONE && (watch->changes <= FEW || watch->changes <= frames / SELDOM) &&
                            !is_clock(log, watch);
    }
}

/* Was this value there at `from`, or at any frame between? */
static bool was_there(const struct moth_state_log *log, const struct moth_state_change *change, uint32_t from)
{
    const struct moth_state_change *at = change;
    while (at->before != NONE) {
        at = &log->changes[at->before];
        if (same_value(at, change))
            return true;
        if (at->frame <= from)
            return false;
    }
    return false;
}

/* A value that a script can name. */
static bool can_be_named(const struct moth_state_change *change)
{
    if (!change->ok || change->type == MOTH_VALUE_TABLE)
        return false;
    if (change->type == MOTH_VALUE_STR) /* and which is not cut */
        return strlen(change->text) + 1 < sizeof change->text;
    return change->type == MOTH_VALUE_INTEGER || change->type == MOTH_VALUE_ENUM || isfinite(change->number);
}

/* The first change after a frame. */
static size_t first_after(const struct moth_state_log *log, uint32_t frame)
{
    size_t low = 0, high = log->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->changes[middle].frame > frame)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

const struct moth_state_change *moth_state_log_landmark(const struct moth_state_log *log, uint32_t from, uint32_t to)
{
    const struct moth_state_change *best = NULL;
    for (size_t i = first_after(log, from); i < log->n && log->changes[i].frame <= to; i++) {
        const struct moth_state_change *change = &log->changes[i];
        const struct moth_state_watch *watch = &log->watches[change->watch];
        if (!watch->waited_for || !can_be_named(change) || was_there(log, change, from))
            continue;
        if (best && best->frame == change->frame && log->watches[best->watch].changes <= watch->changes)
            continue;
        best = change;
    }
    return best;
}

/* ---- in Lua ---- */

static bool is_name(const char *text)
{
    static const char *const reserved[] = {"and",   "break", "do",  "else", "elseif", "end",    "false", "for",
                                           "function", "goto", "if", "in",  "local",  "nil",    "not",   "or",
                                           "repeat", "return", "then", "true", "until", "while"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (strcmp(reserved[i], text) == 0)
            return false;
    if (!isalpha((unsigned char)text[0]) && text[0] != '_')
        return false;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

static void put_number(FILE *out, double number)
{
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        double again = strtod(text, NULL);
        if (!(again < number || again > number))
            break;
    }
    fputs(text, out);
}

void moth_state_put_key(FILE *out, const char *name)
{
    if (is_name(name)) {
        fputs(name, out);
        return;
    }
    fputc('[', out);
    moth_script_put_string(out, name);
    fputc(']', out);
}

void moth_state_put_condition(FILE *out, const struct moth_state_log *log, const struct moth_state_change *change)
{
    const char *name = log->watches[change->watch].name;
    bool off = change->type == MOTH_VALUE_BOOL && !(change->number < 0 || change->number > 0);
    fprintf(out, "%sgame.state%s", off ? "not " : "", is_name(name) ? "." : "");
    moth_state_put_key(out, name);
    if (change->type == MOTH_VALUE_BOOL)
        return;
    fputs(" == ", out);
    if (change->type == MOTH_VALUE_STR || (change->type == MOTH_VALUE_ENUM && change->text[0]))
        moth_script_put_string(out, change->text);
    else if (change->type == MOTH_VALUE_INTEGER || change->type == MOTH_VALUE_ENUM)
        fprintf(out, "%" PRId64, change->integer);
    else
        put_number(out, change->number);
}
