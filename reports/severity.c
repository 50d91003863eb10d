/* SPDX-License-Identifier: MIT */
#include "reports/severity.h"

#include <stdlib.h>
#include <string.h>

#include "baseline/gate.h"

enum moth_level moth_report_level(const struct moth_run_summary *summary, const struct moth_finding *finding)
{
    if (!moth_finding_counts(finding))
        return MOTH_LEVEL_NOTE;
    bool let_pass = summary->gate && summary->gate->passed; /* --fail-on asks for others, or for more of it */
    bool let_off = moth_finding_is_flaky(finding) && !finding->expired && !summary->fail_on_flaky;
    if (let_pass || let_off)
        return MOTH_LEVEL_WARNING;
    return MOTH_LEVEL_ERROR;
}

unsigned moth_report_kind_rank(enum moth_finding_kind kind)
{
    static const enum moth_finding_kind order[] = {
        MOTH_FINDING_SANITIZER, MOTH_FINDING_CRASH,     MOTH_FINDING_DEADLOCK, MOTH_FINDING_HANG,
        MOTH_FINDING_SOFTLOCK,  MOTH_FINDING_INVARIANT, MOTH_FINDING_EXIT,     MOTH_FINDING_NONDETERMINISM,
        MOTH_FINDING_LEAK,      MOTH_FINDING_SPIKE};
    unsigned rank = 0;
    while (rank < sizeof order / sizeof *order && order[rank] != kind)
        rank++;
    return rank;
}

static double surely(const struct moth_finding *finding)
{
    return finding->attempts > 0 ? (double)finding->reproduced / finding->attempts : 0;
}

static int compare(const void *a, const void *b, void *context)
{
    const struct moth_run_summary *summary = context;
    const struct moth_finding *left = summary->findings[*(const size_t *)a],
                              *right = summary->findings[*(const size_t *)b];
    int by_level = (int)moth_report_level(summary, left) - (int)moth_report_level(summary, right);
    int by_kind = (int)moth_report_kind_rank(left->kind) - (int)moth_report_kind_rank(right->kind);
    if (by_level != 0)
        return by_level;
    if (by_kind != 0)
        return by_kind;
    if (surely(left) != surely(right))
        return surely(left) < surely(right) ? 1 : -1;
    if (left->times_seen != right->times_seen)
        return left->times_seen < right->times_seen ? 1 : -1;
    return strcmp(left->fingerprint, right->fingerprint);
}

size_t *moth_report_worst_first(const struct moth_run_summary *summary)
{
    size_t *places = calloc(summary->n_findings + 1, sizeof *places);
    for (size_t i = 0; places && i < summary->n_findings; i++)
        places[i] = i;
    if (places && summary->n_findings > 0)
        qsort_r(places, summary->n_findings, sizeof *places, compare, (void *)(uintptr_t)summary);
    return places;
}
