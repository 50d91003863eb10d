/* SPDX-License-Identifier: MIT */
#include "baseline/gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define ROUNDING 1e-4 /* of what it was: the baseline keeps five digits */

static bool add_sentence(char ***list, size_t *n, char *sentence)
{
    char **grown = sentence ? realloc(*list, (*n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(sentence);
        return false;
    }
    *list = grown;
    grown[(*n)++] = sentence;
    return true;
}

static bool add_reason(struct moth_gate *gate, char *sentence)
{
    return add_sentence(&gate->reasons, &gate->n_reasons, sentence);
}

static bool add_warning(struct moth_gate *gate, char *sentence)
{
    return add_sentence(&gate->warnings, &gate->n_warnings, sentence);
}

/* ---- findings ---- */

/* `steady`: what fails the gate without --fail-on-flaky. */
struct count {
    uint32_t steady, flaky, reopened, expired;
};

static bool is_flaky(const struct moth_finding *finding)
{
    return finding->attempts > 0 && finding->reproduced < finding->attempts;
}

static void count_findings(struct moth_finding *const *findings, size_t n, struct count counts[MOTH_FINDING_KIND_END])
{
    for (size_t i = 0; i < n; i++) {
        const struct moth_finding *finding = findings[i];
        if (!moth_finding_counts(finding))
            continue;
        struct count *count = &counts[finding->kind];
        bool expired = finding->status == MOTH_FINDING_STATUS_QUARANTINED;
        bool flaky = is_flaky(finding) && !expired; /* what is overdue is not let off for coming back only sometimes */
        count->steady += !flaky;
        count->flaky += flaky;
        count->reopened += finding->status == MOTH_FINDING_STATUS_REOPENED;
        count->expired += expired;
    }
}

/* "2 new crashes", "3 findings of kind softlock, 1 of them reopened". */
static char *sentence_of(enum moth_finding_kind kind, const struct count *count, uint32_t least, bool with_flaky)
{
    uint32_t n = count->steady + (with_flaky ? count->flaky : 0);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out, "%s: %u finding%s that fail%s the gate", moth_finding_kind_name(kind), n, n == 1 ? "" : "s",
            n == 1 ? "s" : "");
    if (with_flaky && count->flaky > 0)
        fprintf(out, ", %u of them flaky", count->flaky);
    if (count->reopened > 0)
        fprintf(out, ", %u had been fixed and came back", count->reopened);
    if (count->expired > 0)
        fprintf(out, ", %u quarantined for too long", count->expired);
    if (least > 1)
        fprintf(out, " (%u or more do)", least);
    fclose(out);
    return text;
}

static bool is_failed(const struct moth_gate_rules *rules, const struct count counts[MOTH_FINDING_KIND_END],
                      enum moth_finding_kind kind)
{
    return rules->least[kind] > 0 && counts[kind].steady >= rules->least[kind];
}

/* A reason where its kind fails the gate; where it may, by --fail-on, people are told all the same. */
static bool tell_expired(const struct moth_gate_rules *rules, const struct count counts[MOTH_FINDING_KIND_END],
                         struct moth_finding *const *findings, size_t n, struct moth_gate *gate)
{
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        const struct moth_finding *finding = findings[i];
        if (finding->status != MOTH_FINDING_STATUS_QUARANTINED || !finding->expired)
            continue;
        char *sentence = moth_fs_path("the quarantine of %s (%s) ended on %s; it is %s's: %s. Fix it, or accept it "
                                      "again with a later --expires",
                                      finding->fingerprint, finding->title ? finding->title : "",
                                      finding->expires, finding->owner ? finding->owner : "nobody",
                                      finding->reason ? finding->reason : "no reason was given");
        bool fails = is_failed(rules, counts, finding->kind);
        good = (fails ? add_reason(gate, sentence) : add_warning(gate, sentence)) && good;
    }
    return good;
}

static bool is_met(struct moth_finding *const *findings, size_t n, const char *fingerprint)
{
    for (size_t i = 0; i < n; i++) {
        if (findings[i]->status != MOTH_FINDING_STATUS_FIXED && strcmp(findings[i]->fingerprint, fingerprint) == 0)
            return true;
    }
    return false;
}

/* Quarantines that are over, of what this run did not meet: nobody else would ever say so. */
static bool tell_overdue(const struct moth_gate_rules *rules, const struct moth_baseline *baseline,
                         struct moth_finding *const *findings, size_t n, struct moth_gate *gate)
{
    bool good = true;
    for (size_t i = 0; baseline && i < baseline->n_findings; i++) {
        const struct moth_baseline_finding *entry = &baseline->findings[i];
        if (entry->status != MOTH_FINDING_STATUS_QUARANTINED || strcmp(rules->today, entry->expires) <= 0 ||
            is_met(findings, n, entry->fingerprint))
            continue;
        good = add_warning(gate, moth_fs_path("the quarantine of %s (%s) ended on %s, and this run did not meet it; it is "
                                              "%s's: %s. If it is fixed, `moth baseline prune` takes it out",
                                              entry->fingerprint, entry->title ? entry->title : "", entry->expires,
                                              entry->owner ? entry->owner : "nobody",
                                              entry->reason ? entry->reason : "no reason was given")) &&
               good;
    }
    return good;
}

static bool judge_findings(const struct moth_gate_rules *rules, bool fail_on_flaky,
                           struct moth_finding *const *findings, size_t n, const struct moth_baseline *baseline,
                           struct moth_gate *gate)
{
    struct count counts[MOTH_FINDING_KIND_END] = {{0}};
    bool good = true;
    count_findings(findings, n, counts);
    for (int kind = 0; kind < MOTH_FINDING_KIND_END; kind++) {
        const struct count *count = &counts[kind];
        uint32_t least = rules->least[kind];
        bool steady = is_failed(rules, counts, (enum moth_finding_kind)kind);
        bool flaky = least > 0 && !steady && count->flaky > 0 && count->steady + count->flaky >= least;
        gate->findings_fail = gate->findings_fail || steady;
        gate->flaky = gate->flaky || flaky;
        if (steady || (flaky && fail_on_flaky))
            good = add_reason(gate, sentence_of((enum moth_finding_kind)kind, count, least, flaky)) && good;
    }
    gate->n_kinds = gate->n_reasons;
    good = tell_expired(rules, counts, findings, n, gate) && good;
    gate->n_about_findings = gate->n_reasons;
    return tell_overdue(rules, baseline, findings, n, gate) && good;
}

/* ---- metrics ---- */

static const struct {
    const char *unit;
    bool more;
} metrics[] = {
#define X(name, text, more) [MOTH_METRIC_##name] = {MOTH_METRIC_##name <= MOTH_METRIC_MAX    ? " ms" \
                                                    : MOTH_METRIC_##name <= MOTH_METRIC_HEAP ? " MB" \
                                                                                             : "",   \
                                                    more},
    MOTH_METRICS(X)
#undef X
};

static const double *value_of(const struct moth_baseline_machine *machine, enum moth_metric metric)
{
    for (size_t i = 0; i < machine->n_metrics; i++) {
        if (strcmp(machine->metrics[i].name, moth_metric_name(metric)) == 0)
            return &machine->metrics[i].value;
    }
    return NULL;
}

static bool judge_metric(enum moth_metric metric, double allowed_pct, const struct moth_baseline_machine *machine,
                         double measured, struct moth_gate *gate)
{
    const double *was = value_of(machine, metric);
    const char *name = moth_metric_name(metric), *unit = metrics[metric].unit;
    if (!was)
        return add_warning(gate, moth_fs_path("--budget %s: the baseline does not have it for %s; `moth baseline accept "
                                              "--metrics DIR` takes it from a run",
                                              name, machine->name));
    if (isnan(measured))
        return add_warning(gate, moth_fs_path("--budget %s: this run did not measure it", name));
    bool more = metrics[metric].more;
    double limit = more ? *was * (1 - allowed_pct / 100) : *was * (1 + allowed_pct / 100);
    if (more ? measured >= limit - *was * ROUNDING : measured <= limit + *was * ROUNDING)
        return true;
    gate->metrics_fail = true;
    double worse = *was > 0 ? (more ? *was - measured : measured - *was) / *was * 100 : INFINITY;
    return add_reason(gate, moth_fs_path("%s is over its budget: %.4g%s, the baseline has %.4g%s on %s: %.1f %% worse, %g "
                                         "%% are allowed",
                                         name, measured, unit, *was, unit, machine->name, worse, allowed_pct));
}

static bool is_asked(const struct moth_gate_rules *rules)
{
    for (int i = 0; i < MOTH_METRIC_END; i++) {
        if (rules->worse_pct[i] >= 0)
            return true;
    }
    return false;
}

static bool judge_metrics(const struct moth_gate_rules *rules, const struct moth_baseline *baseline,
                          const struct moth_gate_measured *measured, struct moth_gate *gate)
{
    if (!is_asked(rules))
        return true;
    if (!measured || !measured->machine)
        return add_warning(gate, moth_fs_path("--budget: on which machine this was measured is not known, or it were "
                                              "several; nothing is held against the baseline"));
    if (!baseline)
        return add_warning(gate, moth_fs_path("--budget: there is no baseline to hold anything against; `moth baseline "
                                              "accept --metrics DIR` makes one of a run"));
    const struct moth_baseline_machine *machine = moth_baseline_machine(baseline, measured->machine);
    if (!machine)
        return add_warning(gate, moth_fs_path("--budget: the baseline has no metrics of the machine \"%s\"; `moth baseline "
                                              "accept --metrics DIR` takes those of a run",
                                              measured->machine));
    bool good = true;
    for (int i = 0; i < MOTH_METRIC_END; i++) {
        if (rules->worse_pct[i] >= 0)
            good = judge_metric((enum moth_metric)i, rules->worse_pct[i], machine, measured->value[i], gate) && good;
    }
    return good;
}

int moth_gate_judge(const struct moth_gate_rules *rules, bool fail_on_flaky,
                    struct moth_finding *const *findings, size_t n_findings,
                    const struct moth_baseline *baseline, const struct moth_gate_measured *measured,
                    struct moth_gate *gate)
{
    *gate = (struct moth_gate){0};
    bool good = judge_findings(rules, fail_on_flaky, findings, n_findings, baseline, gate);
    good = judge_metrics(rules, baseline, measured, gate) && good;
    gate->passed = !gate->findings_fail && !gate->metrics_fail && !(gate->flaky && fail_on_flaky);
    return good ? 0 : -1;
}

int moth_gate_warn(struct moth_gate *gate, char *sentence)
{
    return add_warning(gate, sentence) ? 0 : -1;
}

static void free_sentences(char **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i]);
    free(list);
}

void moth_gate_fini(struct moth_gate *gate)
{
    free_sentences(gate->reasons, gate->n_reasons);
    free_sentences(gate->warnings, gate->n_warnings);
    *gate = (struct moth_gate){0};
}
