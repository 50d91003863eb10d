/* SPDX-License-Identifier: MIT
 *
 * --history of `run` and `report`: runs are added to it, and findings learn what it knows of them. Whatever is
 * wrong with the file is a warning: the caller's result does not depend on it.
 */
#ifndef MOTH_CLI_REMEMBER_H
#define MOTH_CLI_REMEMBER_H

#include "baseline/baseline.h"
#include "cli/options.h"
#include "history/history.h"
#include "reports/reports.h"

struct moth_remember {
    const struct moth_options *options;
    struct moth_history_view *view; /* NULL: there is no history, or it cannot be used */
    char *label, *build_id;         /* of the build that was played, may be NULL */
    int64_t when_ms;                /* … of its sources, else of the run */
    char *warning;                  /* the first, or NULL */
    const char **warnings;          /* a summary's, with ours behind them */
};

/* Look at the history before the run is in it, so that what is wrong is said before anything is played. */
void moth_remember_begin(struct moth_remember *remember, const struct moth_options *options);
/* Which build this is about: "had been fixed" means before it. */
void moth_remember_build(struct moth_remember *remember, const char *label, const char *build_id, int64_t built_ms,
                         int64_t started_ms);
/* What the life cycle of a finding wants to know (baseline/baseline.h). */
struct moth_past moth_remember_past(const struct moth_remember *remember, const char *fingerprint);
/* Add these runs. From here on the view has them. */
void moth_remember_runs(struct moth_remember *remember, const struct moth_history_run *runs, size_t n);
/* Put what is known into a summary and its findings. It is borrowed until _end. */
void moth_remember_apply(struct moth_remember *remember, struct moth_run_summary *summary);
void moth_remember_end(struct moth_remember *remember);

#endif
