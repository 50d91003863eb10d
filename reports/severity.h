/* SPDX-License-Identifier: MIT
 *
 * How bad a finding is, for reports that have room for some only or know levels. Pure functions.
 */
#ifndef MOTH_REPORTS_SEVERITY_H
#define MOTH_REPORTS_SEVERITY_H

#include <stdbool.h>
#include <stddef.h>

#include "reports/reports.h"

enum moth_level {
    MOTH_LEVEL_ERROR,   /* it counts against the build */
    MOTH_LEVEL_WARNING, /* it would, but does not always come back and nobody said --fail-on-flaky, or the gate asks for others */
    MOTH_LEVEL_NOTE     /* the team knows of it, or it is gone */
};

enum moth_level moth_report_level(const struct moth_run_summary *summary, const struct moth_finding *finding);

/* How bad a kind is by itself, 0 the worst: a crash before a spike. */
unsigned moth_report_kind_rank(enum moth_finding_kind kind);

/* Places in summary->findings, the worst first: by level, kind, how surely it comes back, how often it was seen, and
 * fingerprint. Caller frees; NULL when memory is out. */
size_t *moth_report_worst_first(const struct moth_run_summary *summary);

#endif
