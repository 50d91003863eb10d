/* SPDX-License-Identifier: MIT */
#include "runner/watches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "runner/state.h"

struct watch {
    char name[sizeof((struct moth_watch_value *)0)->name];
    char *expression;
    struct moth_compiled compiled;
    enum moth_lookup state;
    char why[256];
    int peek; /* in the table; -1: none */
};

struct moth_watches {
    const char *const *debug_dirs;
    struct moth_symbols *symbols;
    struct watch *items[MOTH_PEEKS_MAX];
    size_t n;
    uint64_t generation;      /* of what the items are compiled to */
    uint32_t objects_opened;  /* by the game when it was last looked for what is missing */
    struct moth_watch_value *all;
};

static struct moth_channel *channel_of(const struct moth_instance *instance)
{
    return (struct moth_channel *)(uintptr_t)moth_instance_channel(instance);
}

pid_t moth_instance_player(const struct moth_instance *instance)
{
    return moth_process_player(moth_instance_process(instance));
}

struct moth_watches *moth_watches_create(const char *const *debug_dirs)
{
    struct moth_watches *watches = calloc(1, sizeof *watches);
    if (!watches)
        return NULL;
    watches->debug_dirs = debug_dirs;
    watches->all = calloc(MOTH_WATCHES_ALL_MAX, sizeof *watches->all);
    if (watches->all)
        return watches;
    free(watches);
    return NULL;
}

static void drop(struct watch *watch)
{
    free(watch->expression);
    free(watch);
}

void moth_watches_begin(struct moth_watches *watches)
{
    for (size_t i = 0; i < watches->n; i++)
        drop(watches->items[i]);
    watches->n = 0;
    watches->generation++;
}

void moth_watches_destroy(struct moth_watches *watches)
{
    if (!watches)
        return;
    moth_watches_begin(watches);
    moth_symbols_close(watches->symbols);
    free(watches->all);
    free(watches);
}

/* ---- resolving ---- */

struct moth_symbols *moth_watches_symbols(struct moth_watches *watches, struct moth_instance *instance,
                                          struct moth_err *err)
{
    pid_t pid = moth_instance_player(instance);
    if (!watches->symbols)
        watches->symbols = moth_symbols_open(pid, watches->debug_dirs, err);
    else if (moth_symbols_refresh(watches->symbols, pid, err) != 0)
        return NULL;
    if (watches->symbols)
        moth_symbols_thread(watches->symbols, channel_of(instance)->fibers[0].fs_base);
    return watches->symbols;
}

static enum moth_lookup resolve(struct moth_watches *watches, struct watch *watch, struct moth_err *err)
{
    watch->state = moth_compile(watches->symbols, watch->expression, &watch->compiled, err);
    snprintf(watch->why, sizeof watch->why, "%.*s", (int)sizeof watch->why - 1,
             watch->state == MOTH_LOOKUP_FOUND ? "" : err->message);
    return watch->state;
}

static void resolve_all(struct moth_watches *watches, struct moth_instance *instance, bool only_missing)
{
    struct moth_err err = {0};
    if (!moth_watches_symbols(watches, instance, &err))
        return;
    watches->objects_opened = channel_of(instance)->objects_opened;
    for (size_t i = 0; i < watches->n; i++)
        if (!only_missing || watches->items[i]->state != MOTH_LOOKUP_FOUND)
            resolve(watches, watches->items[i], &err);
    watches->generation++;
}

/* ---- the table in the channel ---- */

static bool put_peek(struct moth_peek_table *table, const struct moth_compiled *compiled)
{
    uint32_t size = (compiled->size + 7) & ~7u;
    if (table->n >= MOTH_PEEKS_MAX || table->n_ops + compiled->n_ops > MOTH_PEEK_OPS_MAX ||
        table->n_bytes + size > MOTH_PEEK_BYTES_MAX)
        return false;
    table->peeks[table->n] = (struct moth_peek){.first_op = table->n_ops,
                                                .n_ops = (uint32_t)compiled->n_ops,
                                                .at = table->n_bytes,
                                                .size = compiled->size,
                                                .fetch = (uint8_t)compiled->fetch};
    memcpy(&table->ops[table->n_ops], compiled->ops, compiled->n_ops * sizeof *compiled->ops);
    table->n_ops += (uint32_t)compiled->n_ops;
    table->n_bytes += size;
    table->n++;
    return true;
}

static void send(struct moth_watches *watches, struct moth_instance *instance)
{
    struct moth_peek_table *table = &channel_of(instance)->peeks;
    table->n = table->n_ops = table->n_bytes = 0;
    for (size_t i = 0; i < watches->n; i++) {
        struct watch *watch = watches->items[i];
        watch->peek = -1;
        if (watch->state != MOTH_LOOKUP_FOUND)
            continue;
        if (put_peek(table, &watch->compiled))
            watch->peek = (int)table->n - 1;
        else
            snprintf(watch->why, sizeof watch->why, "all watches together are larger than %u bytes",
                     MOTH_PEEK_BYTES_MAX);
    }
    table->generation = watches->generation;
    memset(table->bytes, 0, table->n_bytes);
    moth_instance_sample(instance, NULL);
}

void moth_watches_attach(struct moth_watches *watches, struct moth_instance *instance)
{
    const struct moth_channel *channel = moth_instance_channel(instance);
    if ((watches->n == 0 && channel->peeks.n == 0) || instance->over)
        return;
    bool other = channel->peeks.generation != watches->generation, missing = false;
    for (size_t i = 0; i < watches->n; i++)
        missing = missing || watches->items[i]->state != MOTH_LOOKUP_FOUND;
    missing = missing && channel->objects_opened != watches->objects_opened;
    if (!other && !missing)
        return;
    if (watches->n > 0)
        resolve_all(watches, instance, !other);
    send(watches, instance);
}

/* ---- choosing ---- */

static struct watch *find(const struct moth_watches *watches, const char *name)
{
    for (size_t i = 0; watches && i < watches->n; i++)
        if (strcmp(watches->items[i]->name, name) == 0)
            return watches->items[i];
    return NULL;
}

static void forget(struct moth_watches *watches, const struct watch *watch)
{
    size_t at = 0;
    while (watches->items[at] != watch)
        at++;
    drop(watches->items[at]);
    watches->n--;
    memmove(&watches->items[at], &watches->items[at + 1], (watches->n - at) * sizeof(struct watch *));
}

static struct watch *make(struct moth_watches *watches, const char *name, const char *expression, struct moth_err *err)
{
    if (watches->n == MOTH_PEEKS_MAX) {
        moth_err_set(err, MOTH_ERR_USAGE, "more than %u watches", MOTH_PEEKS_MAX);
        return NULL;
    }
    struct watch *watch = calloc(1, sizeof *watch);
    char *copy = strdup(expression);
    if (!watch || !copy)
        abort();
    snprintf(watch->name, sizeof watch->name, "%s", name);
    watch->expression = copy;
    watch->state = MOTH_LOOKUP_NOT_FOUND;
    watch->peek = -1;
    watches->items[watches->n++] = watch;
    return watch;
}

enum moth_lookup moth_watches_add(struct moth_watches *watches, struct moth_instance *instance, const char *name,
                                  const char *expression, struct moth_err *err)
{
    if (name[0] == '\0' || strlen(name) >= sizeof((struct watch *)0)->name) {
        moth_err_set(err, MOTH_ERR_USAGE, "a watch's name has 1 to %zu bytes", sizeof((struct watch *)0)->name - 1);
        return MOTH_LOOKUP_WRONG;
    }
    struct watch *before = find(watches, name);
    if (before && strcmp(before->expression, expression) == 0 && before->state == MOTH_LOOKUP_FOUND)
        return MOTH_LOOKUP_FOUND;
    if (instance && !moth_watches_symbols(watches, instance, err))
        return MOTH_LOOKUP_WRONG;
    struct watch *watch = make(watches, name, expression, err);
    if (!watch)
        return MOTH_LOOKUP_WRONG;
    if (!instance) {
        if (before)
            forget(watches, before);
        watches->generation++;
        return MOTH_LOOKUP_FOUND;
    }
    enum moth_lookup state = resolve(watches, watch, err);
    if (state == MOTH_LOOKUP_WRONG) {
        forget(watches, watch);
        return state;
    }
    if (before)
        forget(watches, before);
    watches->objects_opened = channel_of(instance)->objects_opened;
    watches->generation++;
    send(watches, instance);
    return state;
}

void moth_watches_missing(const struct moth_watches *watches,
                          void (*fn)(void *, const char *, const char *, const char *), void *context)
{
    for (size_t i = 0; i < watches->n; i++)
        if (watches->items[i]->why[0])
            fn(context, watches->items[i]->name, watches->items[i]->expression, watches->items[i]->why);
}

/* ---- values ---- */

/* Where the probe put its bytes; NULL: not known. What is in the channel may have been written by the game. */
static const uint8_t *bytes_of(const struct moth_watches *watches, const struct moth_instance *instance,
                               const struct watch *watch, size_t *length)
{
    const struct moth_peek_table *table = &channel_of(instance)->peeks;
    if (watch->peek < 0 || table->generation != watches->generation || (uint32_t)watch->peek >= table->n)
        return NULL;
    struct moth_peek peek = table->peeks[watch->peek];
    if (!peek.ok || peek.at > MOTH_PEEK_BYTES_MAX || peek.length > watch->compiled.size ||
        peek.length > MOTH_PEEK_BYTES_MAX - peek.at)
        return NULL;
    *length = peek.length;
    return table->bytes + peek.at;
}

static void value_of(const struct moth_watches *watches, const struct moth_instance *instance,
                     const struct watch *watch, struct moth_watch_value *value)
{
    size_t length;
    const uint8_t *bytes = bytes_of(watches, instance, watch, &length);
    memset(value, 0, sizeof *value);
    if (bytes)
        moth_value_decode(watch->compiled.type, bytes, length, value);
    memcpy(value->name, watch->name, sizeof value->name);
}

static void copy_published(struct moth_watch_value *value, const struct moth_watch_value *untrusted)
{
    *value = *untrusted;
    value->name[sizeof value->name - 1] = value->text[sizeof value->text - 1] = '\0';
    if (value->type > MOTH_VALUE_STR)
        value->ok = 0;
    value->integer = value->type == MOTH_VALUE_I32 && value->number >= INT32_MIN && value->number <= INT32_MAX
                         ? (int64_t)value->number
                         : 0;
}

static uint32_t published(const struct moth_instance *instance)
{
    uint32_t n = channel_of(instance)->n_watches;
    return n < MOTH_WATCHES_MAX ? n : MOTH_WATCHES_MAX;
}

bool moth_watches_get(const struct moth_watches *watches, const struct moth_instance *instance, const char *name,
                      struct moth_watch_value *value)
{
    const struct watch *watch = find(watches, name);
    if (watch) {
        value_of(watches, instance, watch, value);
        return true;
    }
    for (uint32_t i = 0; i < published(instance); i++) {
        copy_published(value, &channel_of(instance)->watches[i]);
        if (strcmp(value->name, name) == 0)
            return true;
    }
    return false;
}

const struct moth_watch_value *moth_watches_values(struct moth_watches *watches, const struct moth_instance *instance,
                                                   uint32_t *n)
{
    *n = 0;
    if (!watches) {
        *n = published(instance);
        return channel_of(instance)->watches;
    }
    for (size_t i = 0; i < watches->n; i++)
        value_of(watches, instance, watches->items[i], &watches->all[(*n)++]);
    for (uint32_t i = 0; i < published(instance); i++) {
        struct moth_watch_value *value = &watches->all[*n];
        copy_published(value, &channel_of(instance)->watches[i]);
        if (!find(watches, value->name))
            ++*n;
    }
    return watches->all;
}

bool moth_watches_visit(const struct moth_watches *watches, const struct moth_instance *instance, const char *name,
                        const struct moth_value_visitor *visitor)
{
    const struct watch *watch = find(watches, name);
    size_t length = 0;
    const uint8_t *bytes = watch ? bytes_of(watches, instance, watch, &length) : NULL;
    if (!bytes)
        return false;
    moth_value_visit(watch->compiled.type, bytes, length, visitor);
    return true;
}

/* ---- from outside ---- */

static bool read_process(void *context, void *to, uint64_t address, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)(uintptr_t)address, size};
    return process_vm_readv(*(const pid_t *)context, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

long moth_compiled_read(const struct moth_compiled *compiled, pid_t pid, uint8_t *bytes)
{
    struct moth_peek peek = {
        .n_ops = (uint32_t)compiled->n_ops, .size = compiled->size, .fetch = (uint8_t)compiled->fetch};
    moth_peek_fetch(&peek, compiled->ops, read_process, &pid, bytes);
    return peek.ok ? (long)peek.length : -1;
}
