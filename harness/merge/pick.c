/* SPDX-License-Identifier: MIT
 *
 * Of several sightings of one finding, the one that is kept: reproduced best, then reached with the fewest
 * inputs, then as the store of a run chooses. The order is total, so it does not matter who comes first.
 */
#include <stdlib.h>
#include <string.h>

#include "findings/store.h"
#include "merge/inside.h"

static uint32_t fewest_inputs(const struct moth_finding *finding)
{
    return finding->trace_minimized ? finding->inputs_minimized : finding->inputs;
}

static int compare_texts(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Below 0: `a` is the better one. */
static int compare(const struct moth_finding *a, const struct moth_finding *b)
{
    if ((a->trace != NULL) != (b->trace != NULL))
        return a->trace ? -1 : 1;
    uint64_t left = (uint64_t)a->reproduced * (b->attempts ? b->attempts : 1);
    uint64_t right = (uint64_t)b->reproduced * (a->attempts ? a->attempts : 1);
    if (left != right)
        return left > right ? -1 : 1;
    if (a->attempts != b->attempts) /* as good, and tried more often */
        return a->attempts > b->attempts ? -1 : 1;
    if (fewest_inputs(a) != fewest_inputs(b))
        return fewest_inputs(a) < fewest_inputs(b) ? -1 : 1;
    if (moth_store_is_better(a, b) != moth_store_is_better(b, a))
        return moth_store_is_better(a, b) ? -1 : 1;
    if (a->inputs != b->inputs)
        return a->inputs < b->inputs ? -1 : 1;
    int order = compare_texts(a->agent, b->agent);
    order = order ? order : compare_texts(a->run, b->run);
    return order ? order : compare_texts(a->title, b->title);
}

/* What the worst of them says counts: a baseline that only some shards had is no excuse. */
static int rank(enum moth_finding_status status)
{
    static const int ranks[] = {[MOTH_FINDING_STATUS_FIXED] = 0,
                                [MOTH_FINDING_STATUS_KNOWN] = 1,
                                [MOTH_FINDING_STATUS_QUARANTINED] = 2,
                                [MOTH_FINDING_STATUS_NEW] = 3,
                                [MOTH_FINDING_STATUS_REOPENED] = 4};
    return ranks[status];
}

struct candidate {
    struct moth_finding *finding;
    const char *out;
};

static int by_fingerprint_best_first(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    int order = strcmp(left->finding->fingerprint, right->finding->fingerprint);
    return order ? order : compare(left->finding, right->finding);
}

static struct candidate *collect(const struct moth_merge *merge, size_t *n)
{
    size_t room = 1;
    for (size_t i = 0; i < merge->n_sources; i++)
        room += merge->sources[i].n_findings;
    struct candidate *all = calloc(room, sizeof *all);
    *n = 0;
    for (size_t i = 0; all && i < merge->n_sources; i++)
        for (size_t j = 0; j < merge->sources[i].n_findings; j++)
            all[(*n)++] = (struct candidate){merge->sources[i].findings[j], merge->sources[i].folder};
    if (*n > 0)
        qsort(all, *n, sizeof *all, by_fingerprint_best_first);
    return all;
}

static uint32_t times_seen(const struct moth_parts *parts, const char *fingerprint)
{
    uint64_t times = 0;
    for (size_t i = 0; i < parts->n; i++) {
        const json_t *rows = json_object_get(parts->at[i].json, "findings"), *row;
        size_t at;
        json_array_foreach(rows, at, row)
        {
            if (strcmp(json_string_value(json_object_get(row, "fingerprint")), fingerprint) == 0)
                times += (uint64_t)json_integer_value(json_object_get(row, "times_seen"));
        }
    }
    return times < UINT32_MAX ? (uint32_t)times : UINT32_MAX;
}

/* The best of those with one fingerprint; all of them have a say in its status. */
static void keep(struct moth_merge *merge, const struct candidate *same, size_t n)
{
    struct moth_finding *best = same[0].finding;
    for (size_t i = 1; i < n; i++)
        if (rank(same[i].finding->status) > rank(best->status))
            moth_finding_take_status(best, same[i].finding);
    if (merge->config.know)
        merge->config.know(merge->config.know_context, best);
    best->times_seen = times_seen(&merge->parts, best->fingerprint);
    merge->findings[merge->n_findings] = best;
    merge->finding_outs[merge->n_findings++] = same[0].out;
}

/* ---- order ---- */

struct ordered {
    struct candidate kept;
    uint32_t first; /* instance that saw it first, as far as is known */
};

static int by_first_instance(const void *a, const void *b)
{
    const struct ordered *left = a, *right = b;
    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    return strcmp(left->kept.finding->fingerprint, right->kept.finding->fingerprint);
}

/* As in the report of a run: in the order of the instances that met them first. */
static int put_in_order(struct moth_merge *merge)
{
    struct ordered *order = calloc(merge->n_findings + 1, sizeof *order);
    for (size_t i = 0; order && i < merge->n_findings; i++) {
        order[i] = (struct ordered){{merge->findings[i], merge->finding_outs[i]}, UINT32_MAX};
        for (size_t j = 0; j < merge->n_records; j++) {
            const struct moth_instance_record *record = &merge->records[j];
            if (record->fingerprint && record->index < order[i].first &&
                strcmp(record->fingerprint, merge->findings[i]->fingerprint) == 0)
                order[i].first = record->index;
        }
    }
    if (order && merge->n_findings > 0)
        qsort(order, merge->n_findings, sizeof *order, by_first_instance);
    for (size_t i = 0; order && i < merge->n_findings; i++) {
        merge->findings[i] = order[i].kept.finding;
        merge->finding_outs[i] = order[i].kept.out;
    }
    free(order);
    return order ? 0 : -1;
}

int moth_merge_pick(struct moth_merge *merge, struct moth_err *err)
{
    size_t n;
    struct candidate *all = collect(merge, &n);
    merge->findings = calloc(n + 1, sizeof *merge->findings);
    merge->finding_outs = calloc(n + 1, sizeof *merge->finding_outs);
    bool good = all && merge->findings && merge->finding_outs;
    for (size_t i = 0, end; good && i < n; i = end) {
        for (end = i + 1; end < n && strcmp(all[end].finding->fingerprint, all[i].finding->fingerprint) == 0;)
            end++;
        keep(merge, all + i, end - i);
    }
    good = good && put_in_order(merge) == 0;
    free(all);
    return good ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the findings");
}
