/* SPDX-License-Identifier: MIT
 *
 * The gate: is a run good enough? Two questions, and what was asked of each (`--fail-on`, `--budget`):
 *
 *  - findings that count (new, reopened, quarantined for too long), by kind: so many of a kind fail it;
 *  - metrics, held against the baseline's of the same class of machines: so many percent worse fail it.
 *
 * Pure functions over what they are given; struct moth_gate owns its sentences.
 */
#ifndef MOTH_BASELINE_GATE_H
#define MOTH_BASELINE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baseline/baseline.h"

/* X(name, text in files, does more mean better?) */
#define MOTH_METRICS(X)                  \
    X(P50, "p50", false)                 \
    X(P95, "p95", false)                 \
    X(P99, "p99", false)                 \
    X(MAX, "max", false)                 \
    X(MEMORY, "memory", false)           \
    X(HEAP, "heap", false)               \
    X(FRAMES_PER_S, "frames_per_s", true)

enum moth_metric {
#define X(name, text, more) MOTH_METRIC_##name,
    MOTH_METRICS(X)
#undef X
        MOTH_METRIC_END
};

const char *moth_metric_name(enum moth_metric metric);

struct moth_gate_rules {
    uint32_t least[MOTH_FINDING_KIND_END]; /* so many findings of the kind fail it; 0: no number does */
    double worse_pct[MOTH_METRIC_END];     /* that a metric may be worse than the baseline's; below 0: not asked */
    char today[MOTH_DATE_BYTES];           /* the day that quarantines are held against */
};

/* Any finding fails it; no metric is asked for; today is moth_date_today's. */
void moth_gate_rules_init(struct moth_gate_rules *rules);
/* `--fail-on`: "any", "none", or a list as "crash,hang,softlock:2,any:5,spike:0". KIND[:N]: N findings of it
 * (default 1) fail the gate, 0: no number does; `any` is every kind that is not named. Kinds that nobody named
 * do not fail it. -1 with err (MOTH_ERR_USAGE). */
int moth_gate_parse_fail_on(const char *text, struct moth_gate_rules *rules, struct moth_err *err);
/* `--budget`: "p99=10,memory=20%". */
int moth_gate_parse_budget(const char *text, struct moth_gate_rules *rules, struct moth_err *err);

/* What a run measured; NaN: it did not. */
struct moth_gate_measured {
    const char *machine; /* class of machines; NULL: not known */
    double value[MOTH_METRIC_END];
};

struct moth_gate {
    bool passed;
    bool findings_fail; /* that always come back, or are quarantined for too long … */
    bool flaky;         /* … or not always: what --fail-on-flaky asks for */
    bool metrics_fail;
    char **reasons; /* sentences, why it did not pass */
    size_t n_reasons;
    size_t n_about_findings; /* of them the first; those behind are metrics' */
    size_t n_kinds;    /* of them the first, which say no more than how many findings there are of which kind */
    char **warnings; /* what could not be held against anything, and what to do about it */
    size_t n_warnings;
};

/* `baseline` and `measured` may be NULL. `passed` takes account of flaky findings only where `fail_on_flaky`.
 * -1 when memory is out. */
int moth_gate_judge(const struct moth_gate_rules *rules, bool fail_on_flaky,
                    struct moth_finding *const *findings, size_t n_findings,
                    const struct moth_baseline *baseline, const struct moth_gate_measured *measured,
                    struct moth_gate *gate);
/* One more of its warnings. The sentence is taken. -1 when memory is out. */
int moth_gate_warn(struct moth_gate *gate, char *sentence);
void moth_gate_fini(struct moth_gate *gate);

/* This machine's class: "Intel(R) Xeon(R) CPU @ 2.20GHz x2", processor and how many of them may be used. Caller
 * frees. */
char *moth_machine_class(void);

#endif
