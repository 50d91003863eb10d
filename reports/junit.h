/* SPDX-License-Identifier: MIT
 *
 * Between junit.c (suites and cases) and junit_case.c (what went wrong in one). Not for others.
 */
#ifndef MOTH_REPORTS_JUNIT_H
#define MOTH_REPORTS_JUNIT_H

#include <stdio.h>

#include "reports/reports.h"

struct moth_junit_case {
    const char *name, *suite;
    double wall_s;
    const struct moth_run_summary *summary;
    size_t finding;    /* place in summary->findings; n_findings: it met none */
    const char *elsewhere; /* name of the case that tells of the finding in full; NULL: this one does */
    const char *fault; /* the harness's or the agent's, or NULL */
    const char *unfinished; /* why it counts as skipped though it was played, or NULL */
};

struct moth_junit_counts {
    size_t tests, failures, errors, skipped;
    double wall_s;
};

/* Write <testcase>, and count it. */
void moth_junit_case(FILE *out, const struct moth_junit_case *each, struct moth_junit_counts *counts);
/* Text from a game: what it writes cannot make a build server attach a file ("[[ATTACHMENT|…"). */
void moth_junit_text(FILE *out, const char *text);

#endif
