/* SPDX-License-Identifier: MIT
 *
 * The baseline: the findings a team already knows, and what its metrics were, as one JSON file for the
 * repository ("moth.baseline/1"). Sorted, one member a line, and a function of what it holds, so that a change
 * is a readable diff. Only `moth baseline` writes it; a run, a report and CI read it.
 *
 * moth_baseline_read (or _create) → apply, accept, remove → moth_baseline_write → moth_baseline_free. What is
 * read is not trusted. No global state; one thread.
 */
#ifndef MOTH_BASELINE_BASELINE_H
#define MOTH_BASELINE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "findings/finding.h"

#define MOTH_BASELINE_SCHEMA "moth.baseline/1"
#define MOTH_BASELINE_FILE "moth-baseline.json" /* where none is named */

struct moth_baseline_finding {
    char fingerprint[40];
    enum moth_finding_kind kind;
    enum moth_finding_status status; /* KNOWN, QUARANTINED or FIXED */
    char *title;
    char accepted[MOTH_DATE_BYTES]; /* the day it was taken in first */
    char *first_seen;               /* build id of the game that it was accepted from, or NULL */
    char *owner, *reason;           /* either may be NULL; a quarantine has both */
    char expires[MOTH_DATE_BYTES];  /* QUARANTINED: its last day */
};

/* What was measured on one class of machines. */
struct moth_baseline_metric {
    char name[24]; /* as in gate.h */
    double value;
};

struct moth_baseline_machine {
    char *name;
    char accepted[MOTH_DATE_BYTES];
    struct moth_baseline_metric *metrics; /* by name */
    size_t n_metrics;
};

struct moth_baseline {
    struct moth_baseline_finding *findings; /* by fingerprint */
    size_t n_findings;
    struct moth_baseline_machine *machines; /* by name */
    size_t n_machines;
};

/* An empty one. NULL when memory is out. */
struct moth_baseline *moth_baseline_create(void);
/* NULL and err: MOTH_ERR_CONFIG naming the line for what is no baseline; MOTH_ERR_IO with sys_errno ENOENT when
 * there is no such file. */
struct moth_baseline *moth_baseline_read(const char *path, struct moth_err *err);
/* The same of a text; `path` is for messages. */
struct moth_baseline *moth_baseline_parse(const char *text, size_t size_bytes, const char *path,
                                          struct moth_err *err);
/* The file's text; caller frees. NULL when memory is out. */
char *moth_baseline_text(const struct moth_baseline *baseline);
int moth_baseline_write(const struct moth_baseline *baseline, const char *path, struct moth_err *err);
void moth_baseline_free(struct moth_baseline *baseline);

/* NULL when it is not in it. */
const struct moth_baseline_finding *moth_baseline_find(const struct moth_baseline *baseline,
                                                       const char *fingerprint);
/* Put an entry in, in the place of one of its fingerprint, whose `accepted` and `first_seen` stay. Copies. */
int moth_baseline_put(struct moth_baseline *baseline, const struct moth_baseline_finding *entry,
                      struct moth_err *err);
/* False when it was not in it. */
bool moth_baseline_remove(struct moth_baseline *baseline, const char *fingerprint);

const struct moth_baseline_machine *moth_baseline_machine(const struct moth_baseline *baseline, const char *name);
/* Replace what is known of a machine. Copies. */
int moth_baseline_put_machine(struct moth_baseline *baseline, const struct moth_baseline_machine *machine,
                              struct moth_err *err);

/* ---- the life cycle of a finding ---- */

/* What is known of a finding from the runs before this one (history/history.h). */
struct moth_past {
    bool fixed; /* it was there, then was looked for and not there, and it is here again */
};

/*
 * Set status, quarantine and `accepted` of a finding that a run met, and `first_seen` where the history did not. This is the only place that
 * decides:
 *
 *   in the baseline as known        → known
 *   in the baseline as quarantined  → quarantined; `expired` when `today` is behind its last day
 *   in the baseline as fixed        → reopened
 *   not in it, past->fixed          → reopened
 *   not in it                       → new
 *
 * One that is FIXED already (its trace was played again, and it did not happen) stays so. `baseline` and `past`
 * may be NULL. `today`: moth_date_today, or another day for a test.
 */
void moth_lifecycle_apply(struct moth_finding *finding, const struct moth_baseline *baseline,
                          const struct moth_past *past, const char *today);

/* Today in UTC; what MOTH_TODAY says instead where it is a date, for tests and for reports of another day. */
void moth_date_today(char date[MOTH_DATE_BYTES]);
/* Is it a day as "2026-11-23"? */
bool moth_date_valid(const char *text);
/* "2026-11-23", or so many days, weeks or months from `today`: "14d", "2w", "3m". False: neither. */
bool moth_date_parse(const char *text, const char *today, char date[MOTH_DATE_BYTES]);

#endif
