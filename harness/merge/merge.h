/* SPDX-License-Identifier: MIT
 *
 * Putting runs together: shards of one run, or whole runs, each known by its output folder.
 *
 * What was once merged can be merged again. The result is a function of the set of runs that were played, in
 * whatever order and grouping they come, and a run that comes twice counts once: a merged folder keeps what
 * each of its runs came to (merge.json, see part.h), and everything else is computed from that anew.
 *
 * moth_merge_save beside each run.json; moth_merge_folders → summary, report, write → moth_merge_free. Reads
 * what machines elsewhere have written, so nothing in it is trusted. One thread.
 */
#ifndef MOTH_MERGE_MERGE_H
#define MOTH_MERGE_MERGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "baseline/gate.h"
#include "reports/reports.h"

struct moth_merge; /* opaque */

struct moth_merge_config {
    bool force;                 /* also mixed builds, versions, and shards that were played twice */
    bool allow_missing;         /* shards that are missing or were interrupted are no error */
    bool strict, fail_on_flaky; /* as of a run */
    const struct moth_gate_rules *gate;   /* likewise, and may be NULL, as all behind it */
    const struct moth_baseline *baseline;
    void (*know)(void *context, struct moth_finding *finding);
    void (*read)(void *context, const struct moth_merge *merge); /* before it is asked: the records are there */
    void *know_context;
    const char *machine;       /* class of machines that they are held against; NULL: the runs' own, where it is one */
    const char *judge_warning;
};

/* Write `<out>/merge.json` for a run. To be called before run.json is written. */
int moth_merge_save(const struct moth_run_summary *summary, const char *out, struct moth_err *err);

/* Read and merge. NULL and err: MOTH_ERR_USAGE for what is no run, is damaged, or does not belong together.
 * `warn` is told what is odd about a folder and no property of the runs. */
struct moth_merge *moth_merge_folders(const char *const *folders, size_t n,
                                      const struct moth_merge_config *config,
                                      void (*warn)(const char *sentence), struct moth_err *err);
/* Its findings lie where they were found. */
const struct moth_run_summary *moth_merge_summary(const struct moth_merge *merge);
/* The same, to put into it what is known of the runs from elsewhere, before it is written. */
struct moth_run_summary *moth_merge_edit(struct moth_merge *merge);
/* Its runs, each with the record for a history that it left (reports/record.h); NULL: it left none. */
size_t moth_merge_n_runs(const struct moth_merge *merge);
const json_t *moth_merge_record(const struct moth_merge *merge, size_t i);
/* For people: what was put together, a line a run, where it is more than one. */
void moth_merge_list_runs(const struct moth_merge *merge, FILE *out);
/* run.json of the whole. Caller frees. */
char *moth_merge_json_text(const struct moth_merge *merge);
/* Write the merged folder, whole or not at all: findings, run.json, merge.json, and the files of
 * `reporters` (bits of enum moth_reporter).
 * An earlier merged folder is replaced, anything else that is not empty is left alone (MOTH_ERR_USAGE). The
 * summary's findings lie in `out` afterwards. */
int moth_merge_write(struct moth_merge *merge, const char *out, uint64_t reporters, struct moth_err *err);
void moth_merge_free(struct moth_merge *merge);

#endif
