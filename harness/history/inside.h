/* SPDX-License-Identifier: MIT
 *
 * What the files of history/ share. Not for others.
 */
#ifndef MOTH_HISTORY_INSIDE_H
#define MOTH_HISTORY_INSIDE_H

#include <sqlite3.h>

#include "history/history.h"

struct moth_history {
    sqlite3 *db;
    char *path;
};

/* What SQLite said last, as an error that names the file. Returns -1. */
int moth_history_fail(const struct moth_history *history, struct moth_err *err);
int moth_history_exec(struct moth_history *history, const char *sql, struct moth_err *err);
/* NULL and err. */
sqlite3_stmt *moth_history_prepare(struct moth_history *history, const char *sql, struct moth_err *err);
/* Run a statement that gives no rows, with what was bound to it, and finalize it. */
int moth_history_finish(struct moth_history *history, sqlite3_stmt *statement, struct moth_err *err);

/* change.c: one transaction around `what`: all of it, or nothing. */
int moth_history_change(struct moth_history *history, int (*what)(struct moth_history *, void *, struct moth_err *),
                        void *context, struct moth_err *err);

/* load.c: all runs, in no order, without their metrics if not wanted. Caller frees each and the array. */
int moth_history_load(struct moth_history *history, struct moth_history_run **runs, size_t *n, struct moth_err *err);
void moth_history_free_runs(struct moth_history_run *runs, size_t n);

/* record.c: a number that is the same for the same record, in whatever order its parts come. */
int64_t moth_history_digest(const struct moth_history_run *run);

/* order.c: runs one after the other, builds first, and which build each is of. */
struct moth_history_order {
    const struct moth_history_run **runs;
    uint32_t *build; /* of each run */
    uint32_t *plan;  /* of each run: a number for what it played and which shard; 0: not known */
    bool *needed;    /* of each run: without it something else would be said of a finding; set by the walk */
    size_t n, n_plans;
    struct moth_history_build *builds;
    size_t n_builds;
};

int moth_history_put_in_order(const struct moth_history_run *runs, size_t n, struct moth_history_order *order,
                              struct moth_err *err);
void moth_history_order_fini(struct moth_history_order *order);

/* walk.c: what became of each finding, and the builds' counts of them. */
int moth_history_walk(struct moth_history_order *order, uint32_t fixed_after, struct moth_history_finding **findings,
                      size_t *n, struct moth_err *err);
void moth_history_free_findings(struct moth_history_finding *findings, size_t n);

#endif
