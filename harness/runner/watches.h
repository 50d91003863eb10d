/* SPDX-License-Identifier: MIT
 *
 * Watched variables of an instance: expressions under names, resolved against the game that plays, sampled by
 * its probe at each boundary, and their values.
 *
 * Life cycle: moth_watches_create → moth_watches_begin for each play (what was read of the game's debug
 * information stays) → moth_watches_add, now or later → moth_watches_attach whenever the game may be
 * another process: after a launch, a step, a return to a branch. It is cheap when nothing has changed. What is
 * not found is looked for again as the game loads more. moth_watches_destroy. Values are those of the boundary where
 * the game stands; what the game publishes itself (moth.h) is listed with them. One thread.
 */
#ifndef MOTH_RUNNER_WATCHES_H
#define MOTH_RUNNER_WATCHES_H

#include "runner/instance.h"
#include "symbols/compile.h"
#include "symbols/symbols.h"
#include "symbols/value.h"

#define MOTH_WATCHES_ALL_MAX (MOTH_WATCHES_MAX + MOTH_PEEKS_MAX)

struct moth_watches; /* opaque */

/* `debug_dirs` as for moth_symbols_open; borrowed. NULL when memory is out. */
struct moth_watches *moth_watches_create(const char *const *debug_dirs);
void moth_watches_destroy(struct moth_watches *watches); /* NULL is ignored */
/* Forget all expressions. */
void moth_watches_begin(struct moth_watches *watches);

/* Watch `expression` as `name` (at most 54 bytes), which may be watched as something else so far. FOUND: it has a
 * value from now on. NOT_FOUND: it is kept, and looked for again; err says what is not there. WRONG: it is not
 * kept; err says why. NULL instance: only kept; FOUND. */
enum moth_lookup moth_watches_add(struct moth_watches *watches, struct moth_instance *instance, const char *name,
                                  const char *expression, struct moth_err *err);
/* Make sure that the game's probe samples them. */
void moth_watches_attach(struct moth_watches *watches, struct moth_instance *instance);
/* Tell of each expression that is still not found: fn(context, name, expression, why). */
void moth_watches_missing(const struct moth_watches *watches,
                          void (*fn)(void *context, const char *name, const char *expression, const char *why),
                          void *context);

/* One value by its name, watched or published. False: there is none of that name. */
bool moth_watches_get(const struct moth_watches *watches, const struct moth_instance *instance, const char *name,
                      struct moth_watch_value *value);
/* All of them, watched ones first: good until the next call. `watches` may be NULL in all three. */
const struct moth_watch_value *moth_watches_values(struct moth_watches *watches, const struct moth_instance *instance,
                                                   uint32_t *n);
/* The whole of one watched value, texts uncut and tables with all that is in them. False: it is not watched, or
 * has no value now. */
bool moth_watches_visit(const struct moth_watches *watches, const struct moth_instance *instance, const char *name,
                        const struct moth_value_visitor *visitor);

/* The session behind them, opened on the instance's game; NULL and err when it cannot be looked into. */
struct moth_symbols *moth_watches_symbols(struct moth_watches *watches, struct moth_instance *instance,
                                          struct moth_err *err);
/* One look at an expression from outside, through the kernel, without watching it. `bytes` has room for
 * MOTH_PEEK_VALUE_MAX; how many there are, or -1: not known. */
long moth_compiled_read(const struct moth_compiled *compiled, pid_t pid, uint8_t *bytes);
/* The process that plays. */
pid_t moth_instance_player(const struct moth_instance *instance);

#endif
