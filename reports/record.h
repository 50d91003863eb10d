/* SPDX-License-Identifier: MIT
 *
 * A run as the history wants it, and what the history says of findings, put into them.
 */
#ifndef MOTH_REPORTS_RECORD_H
#define MOTH_REPORTS_RECORD_H

#include "history/history.h"
#include "reports/reports.h"

/* What the history is told of one run; to be released with moth_history_run_fini. -1: it is several runs, or
 * memory is out. */
int moth_report_history_run(const struct moth_run_summary *summary, struct moth_history_run *run);
/* The same as JSON, for the run's folder; null where there is none. New reference. */
json_t *moth_report_record_json(const struct moth_run_summary *summary);
/* Fill `first_seen`, `last_seen` and `runs_seen` of a finding that the history knows. */
void moth_report_take_history(struct moth_finding *finding, const struct moth_history_view *view);

#endif
