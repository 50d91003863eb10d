/* SPDX-License-Identifier: MIT
 *
 * The history: what all runs of a game came to, build after build, in one SQLite file.
 *
 * A history is a set of runs, each known by its token; everything else is worked out from them when it is asked
 * for. So a run that is added twice is there once (of two records of it the fuller one), and merging two
 * histories is the union of their runs: whatever the order and the grouping, the same comes out.
 *
 * It supplies facts: where a finding was first and last seen, whether it went away and came back, how a metric
 * went from build to build. What passes the gate is the baseline's to say (baseline/baseline.h).
 *
 * open → add, merge, prune, view → close. A handle is one process's and must not be carried over a fork. Several
 * processes may write to one file at a time: each change is one transaction, and waits for its turn. A file that
 * is no history, is damaged, or was made by a newer moth is refused and left as it is; no function here removes
 * or replaces one. Whoever adds a run to it treats a failure as a warning: a run's result never hangs on it.
 */
#ifndef MOTH_HISTORY_HISTORY_H
#define MOTH_HISTORY_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* ---- one run ---- */

struct moth_history_sighting {
    char *fingerprint, *kind, *title, *status;
    uint32_t reproduced, attempts, times_seen, frame;
};

/* A trace of an earlier finding that the run played first, to its end or to the finding. */
struct moth_history_replayed {
    char *fingerprint;
    bool happened;
};

struct moth_history_value {
    char *name; /* "frame_time_ms.p99" */
    double value;
};

/* Texts are "" where they are not known. */
struct moth_history_run {
    char *token; /* of the run: what makes it that run and no other */
    char *build_id, *label;
    int64_t built_ms; /* when its sources were committed; 0: not known. Unix time in ms, as all dates here */
    int64_t started_ms;
    uint64_t seed;
    uint32_t shard, shards;
    char *plan;    /* what names all that was to be played */
    char *machine; /* its class: metrics of one class can be compared */
    char *verdict, *version;
    int exit_code;
    bool complete; /* it came to its end */
    uint64_t frames, wall_ms;
    struct moth_history_sighting *findings;
    size_t n_findings;
    struct moth_history_replayed *replayed;
    size_t n_replayed;
    struct moth_history_value *metrics;
    size_t n_metrics;
};

/* As JSON, to travel with a run's folder. New reference. */
json_t *moth_history_run_json(const struct moth_history_run *run);
/* From such JSON, which may come from anywhere; `path` is named in err (MOTH_ERR_USAGE). */
int moth_history_run_from_json(const json_t *json, const char *path, struct moth_history_run *run,
                               struct moth_err *err);
void moth_history_run_fini(struct moth_history_run *run);

/* ---- the file ---- */

struct moth_history; /* opaque */

enum moth_history_access {
    MOTH_HISTORY_READ,  /* it must be there */
    MOTH_HISTORY_WRITE, /* it must be there */
    MOTH_HISTORY_CREATE /* made where it is not there */
};

/* NULL and err: MOTH_ERR_USAGE for what is no history, damaged, newer, or not there; MOTH_ERR_IO. */
struct moth_history *moth_history_open(const char *path, enum moth_history_access access, struct moth_err *err);
void moth_history_close(struct moth_history *history);
/* Add a run, or put the fuller record in the place of the one that is there. */
int moth_history_add(struct moth_history *history, const struct moth_history_run *run, struct moth_err *err);
/* Add all runs of another file. *added: how many were not there, or not as full. */
int moth_history_merge(struct moth_history *history, const char *from, size_t *added, struct moth_err *err);
/* Drop runs of all builds but the last `keep`. A run by which a finding is known to be new, gone or back stays,
 * without its metrics, so that what is said of findings stays true; only the counts of runs get smaller. *dropped:
 * how many runs went. Merging with a history that still has them brings them back. */
int moth_history_prune(struct moth_history *history, size_t keep, uint32_t fixed_after, size_t *dropped,
                       struct moth_err *err);

/* ---- what it says ---- */

#define MOTH_HISTORY_FIXED_AFTER 3u

enum moth_history_state {
    MOTH_HISTORY_OPEN,    /* seen, and nothing says that it is gone */
    MOTH_HISTORY_FIXED,   /* see moth_history_view */
    MOTH_HISTORY_REOPENED /* open again, after it had been fixed */
};

/* Builds and runs are named by their place in the view. */
struct moth_history_build {
    char *name; /* its label, else the beginning of its build id, else the beginning of its first run's token */
    char *label, *build_id;
    int64_t date_ms; /* of its first run */
    int64_t when_ms; /* its place in the order is by this: of its sources where that is known, else of its first run */
    uint32_t runs;
    uint32_t found, reopened, fixed; /* findings first seen in it, come back in it, gone since it */
    uint32_t open;                   /* that were not fixed by then */
};

struct moth_history_finding {
    char *fingerprint, *kind, *title; /* as its last run has it */
    enum moth_history_state state;
    uint32_t first_build, last_build;    /* that it was seen in */
    uint32_t fixed_build;                /* FIXED: the first build that it was looked for in vain in */
    uint32_t reopened_build;             /* REOPENED: in which it came back */
    uint32_t times_fixed;                /* how often it went away so far */
    uint32_t known_fixed_build;          /* times_fixed > 0: whose runs were the first to tell that it had gone */
    int64_t first_ms, last_ms;           /* of the runs that saw it first and last */
    char *first_run, *last_run;          /* their tokens */
    uint32_t runs_seen, runs_since;      /* runs that saw it, and all runs after the last of them */
    uint32_t chances;                    /* runs since that should have seen it, and did not */
};

struct moth_history_metric {
    char *name;
    const char *unit;   /* "ms"; "" where it has none */
    int better;         /* -1: lower is better, 1: higher, 0: neither */
    bool machine_bound; /* only runs on `machine` count */
};

/* Ordered, so that a report can be made of it: builds from the oldest to the newest, findings by fingerprint,
 * metrics by name. */
struct moth_history_view {
    struct moth_history_build *builds;
    size_t n_builds, n_runs;
    struct moth_history_finding *findings;
    size_t n_findings;
    struct moth_history_metric *metrics;
    size_t n_metrics;
    double *values;  /* [build * n_metrics + metric]: the median of its complete runs; NaN: not measured */
    char *machine;   /* class of the newest run */
};

/* Work it out. Builds follow each other by the date of their sources where it is known, else by their first run.
 *
 * A finding is fixed when runs of later builds than the last that had it should have seen it and did not, in sum
 * `fixed_after` of them (0: 3). Such a run has come to its end, and either played the same plan and shard as one
 * that had seen it, or played its trace: where all replays of the finding had met it, one trace played in vain is
 * enough. A run of the same build says nothing: there the finding is only not met each time. */
struct moth_history_view *moth_history_view(struct moth_history *history, uint32_t fixed_after, struct moth_err *err);
void moth_history_view_free(struct moth_history_view *view);
/* NULL when it was never seen. */
const struct moth_history_finding *moth_history_find(const struct moth_history_view *view, const char *fingerprint);
/* The place of a build; n_builds where no run of it is there. NULL is "". */
size_t moth_history_find_build(const struct moth_history_view *view, const char *label, const char *build_id);
/* Had it gone by the time of a build that meets it, in the order of builds? For one that is not there, `when_ms`
 * tells its place. An old build that is played again brings nothing back. */
bool moth_history_had_gone(const struct moth_history_view *view, const struct moth_history_finding *finding,
                           const char *label, const char *build_id, int64_t when_ms);
const char *moth_history_state_name(enum moth_history_state state);

#define MOTH_HISTORY_DATE_BYTES 24u
/* "2026-11-23T22:14:36Z"; "" where it is not known. */
void moth_history_date(int64_t date_ms, char text[MOTH_HISTORY_DATE_BYTES]);

/* As JSON, schema "moth.history/1", with the last `builds` builds (0: all). New reference. */
json_t *moth_history_view_json(const struct moth_history_view *view, size_t builds);

#endif
