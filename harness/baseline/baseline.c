/* SPDX-License-Identifier: MIT */
#include "baseline/baseline.h"

#include <stdlib.h>
#include <string.h>

struct moth_baseline *moth_baseline_create(void)
{
    return calloc(1, sizeof(struct moth_baseline));
}

static void free_finding(struct moth_baseline_finding *finding)
{
    free(finding->title);
    free(finding->first_seen);
    free(finding->owner);
    free(finding->reason);
}

static void free_machine(struct moth_baseline_machine *machine)
{
    free(machine->name);
    free(machine->metrics);
}

void moth_baseline_free(struct moth_baseline *baseline)
{
    if (!baseline)
        return;
    for (size_t i = 0; i < baseline->n_findings; i++)
        free_finding(&baseline->findings[i]);
    for (size_t i = 0; i < baseline->n_machines; i++)
        free_machine(&baseline->machines[i]);
    free(baseline->findings);
    free(baseline->machines);
    free(baseline);
}

/* Where it is, or would be. */
static size_t place_of(const struct moth_baseline *baseline, const char *fingerprint, bool *there)
{
    size_t begin = 0, end = baseline->n_findings;
    *there = false;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        int order = strcmp(baseline->findings[middle].fingerprint, fingerprint);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

const struct moth_baseline_finding *moth_baseline_find(const struct moth_baseline *baseline, const char *fingerprint)
{
    bool there;
    size_t place = place_of(baseline, fingerprint, &there);
    return there ? &baseline->findings[place] : NULL;
}

static bool copy_text(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

static int no_memory(struct moth_err *err)
{
    return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the baseline");
}

static int copy_finding(const struct moth_baseline_finding *from, struct moth_baseline_finding *to)
{
    *to = *from;
    bool good = copy_text(&to->title, from->title);
    good = copy_text(&to->first_seen, from->first_seen) && good;
    good = copy_text(&to->owner, from->owner) && good;
    good = copy_text(&to->reason, from->reason) && good;
    if (!good)
        free_finding(to);
    return good ? 0 : -1;
}

/* What was said when it was taken in first goes on. */
static void keep_beginning(const struct moth_baseline_finding *old, struct moth_baseline_finding *entry)
{
    if (old->accepted[0])
        memcpy(entry->accepted, old->accepted, sizeof entry->accepted);
    if (old->first_seen)
        entry->first_seen = old->first_seen;
}

int moth_baseline_put(struct moth_baseline *baseline, const struct moth_baseline_finding *entry, struct moth_err *err)
{
    bool there;
    size_t place = place_of(baseline, entry->fingerprint, &there);
    struct moth_baseline_finding wanted = *entry, copy;
    if (there)
        keep_beginning(&baseline->findings[place], &wanted);
    if (copy_finding(&wanted, &copy) != 0)
        return no_memory(err);
    if (there) {
        free_finding(&baseline->findings[place]);
        baseline->findings[place] = copy;
        return 0;
    }
    struct moth_baseline_finding *grown =
        realloc(baseline->findings, (baseline->n_findings + 1) * sizeof *grown);
    if (!grown) {
        free_finding(&copy);
        return no_memory(err);
    }
    baseline->findings = grown;
    memmove(grown + place + 1, grown + place, (baseline->n_findings - place) * sizeof *grown);
    grown[place] = copy;
    baseline->n_findings++;
    return 0;
}

bool moth_baseline_remove(struct moth_baseline *baseline, const char *fingerprint)
{
    bool there;
    size_t place = place_of(baseline, fingerprint, &there);
    if (!there)
        return false;
    struct moth_baseline_finding *at = &baseline->findings[place];
    free_finding(at);
    memmove(at, at + 1, (--baseline->n_findings - place) * sizeof *at);
    return true;
}

/* ---- machines ---- */

const struct moth_baseline_machine *moth_baseline_machine(const struct moth_baseline *baseline, const char *name)
{
    for (size_t i = 0; i < baseline->n_machines; i++) {
        if (strcmp(baseline->machines[i].name, name) == 0)
            return &baseline->machines[i];
    }
    return NULL;
}

static int by_metric_name(const void *a, const void *b)
{
    const struct moth_baseline_metric *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static int by_machine_name(const void *a, const void *b)
{
    const struct moth_baseline_machine *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static int copy_machine(const struct moth_baseline_machine *from, struct moth_baseline_machine *to)
{
    *to = *from;
    to->name = strdup(from->name);
    to->metrics = calloc(from->n_metrics + 1, sizeof *to->metrics);
    if (!to->name || !to->metrics) {
        free_machine(to);
        return -1;
    }
    if (from->n_metrics > 0) {
        memcpy(to->metrics, from->metrics, from->n_metrics * sizeof *to->metrics);
        qsort(to->metrics, to->n_metrics, sizeof *to->metrics, by_metric_name);
    }
    return 0;
}

int moth_baseline_put_machine(struct moth_baseline *baseline, const struct moth_baseline_machine *machine,
                              struct moth_err *err)
{
    struct moth_baseline_machine *old =
        (struct moth_baseline_machine *)(uintptr_t)moth_baseline_machine(baseline, machine->name);
    struct moth_baseline_machine copy;
    if (copy_machine(machine, &copy) != 0)
        return no_memory(err);
    if (old) {
        free_machine(old);
        *old = copy;
        return 0;
    }
    struct moth_baseline_machine *grown = realloc(baseline->machines, (baseline->n_machines + 1) * sizeof *grown);
    if (!grown) {
        free_machine(&copy);
        return no_memory(err);
    }
    baseline->machines = grown;
    grown[baseline->n_machines++] = copy;
    qsort(grown, baseline->n_machines, sizeof *grown, by_machine_name);
    return 0;
}
