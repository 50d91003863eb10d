/* SPDX-License-Identifier: MIT
 *
 * The verdict over several runs. What was found fails the gate whatever else is wrong; without findings the
 * gate passes only if everything that was to be played was played: a shard that is missing, was interrupted
 * or failed is an error, for nobody knows what it would have found.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "merge/inside.h"

#define LISTED_MAX 20u /* names in one sentence */

/* ---- which shards are there ---- */

static bool same_run(const struct moth_part *a, const struct moth_part *b)
{
    return a->of == b->of && a->seed == b->seed && strcmp(a->plan, b->plan) == 0;
}

/* Parts from `i` on that are shards of one run: the order of parts has them together. */
static size_t end_of_group(const struct moth_parts *parts, size_t i)
{
    size_t end = i + 1;
    while (end < parts->n && same_run(&parts->at[i], &parts->at[end]))
        end++;
    return end;
}

static bool has_shard(const struct moth_parts *parts, size_t begin, size_t end, uint32_t shard)
{
    while (begin < end) { /* they are in order */
        size_t middle = begin + (end - begin) / 2;
        if (parts->at[middle].shard == shard)
            return true;
        if (parts->at[middle].shard < shard)
            begin = middle + 1;
        else
            end = middle;
    }
    return false;
}

/* The one run that all parts are shards of, if there is one: where it ends is the end of all. */
static bool is_one_sharded_run(const struct moth_merge *merge)
{
    return merge->parts.n > 0 && merge->parts.at[0].of > 1 &&
           end_of_group(&merge->parts, 0) == merge->parts.n;
}

json_t *moth_merge_shards_json(const struct moth_merge *merge)
{
    if (!is_one_sharded_run(merge))
        return json_null();
    uint32_t of = merge->parts.at[0].of;
    json_t *json = json_object(), *have = json_array(), *missing = json_array();
    for (uint32_t shard = 1; shard <= of; shard++) {
        bool there = has_shard(&merge->parts, 0, merge->parts.n, shard);
        json_array_append_new(there ? have : missing, json_integer(shard));
    }
    json_object_set_new(json, "of", json_integer(of));
    json_object_set_new(json, "have", have);
    json_object_set_new(json, "missing", missing);
    return json;
}

/* "shard 3 of 4 is missing", "shards 2, 3 and 5 of 8 are missing". */
static void warn_of_missing(struct moth_merge *merge, size_t begin, size_t end)
{
    const struct moth_part *part = &merge->parts.at[begin];
    char *list = NULL;
    size_t n = 0;
    for (uint32_t shard = 1; shard <= part->of; shard++) {
        if (has_shard(&merge->parts, begin, end, shard) || n++ >= LISTED_MAX)
            continue;
        char *longer = moth_fs_path("%s%s%u", list ? list : "", list ? ", " : "", shard);
        free(list);
        list = longer;
    }
    char *of = is_one_sharded_run(merge) ? moth_fs_path("%u", part->of)
                                         : moth_fs_path("%u with seed %" PRIu64, part->of, part->seed);
    moth_texts_add(&merge->warnings, n == 1 ? moth_fs_path("shard %s of %s is missing", list, of)
                                            : moth_fs_path("shards %s%s of %s are missing", list,
                                                           n > LISTED_MAX ? ", …" : "", of));
    free(of);
    free(list);
}

/* How many shards are missing, with a warning for each run that lacks some. */
static size_t count_missing(struct moth_merge *merge)
{
    size_t missing = 0;
    for (size_t i = 0, end; i < merge->parts.n; i = end) {
        end = end_of_group(&merge->parts, i);
        if (merge->parts.at[i].of <= 1)
            continue;
        size_t lacks = 0;
        for (uint32_t shard = 1; shard <= merge->parts.at[i].of; shard++)
            lacks += !has_shard(&merge->parts, i, end, shard);
        if (lacks > 0)
            warn_of_missing(merge, i, end);
        missing += lacks;
    }
    return missing;
}

static void name_shard(struct moth_merge *merge)
{
    const struct moth_part *first = &merge->parts.at[0];
    if (merge->parts.n == 1)
        snprintf(merge->shard, sizeof merge->shard, "%u/%u", first->shard, first->of);
    else
        snprintf(merge->shard, sizeof merge->shard, "1/1");
}

/* ---- the verdict ---- */

struct tally {
    size_t lost, nondeterministic;                            /* findings */
    size_t nothing_ran, interrupted, missing, agents, faulty; /* parts */
};

static void count_findings(const struct moth_merge *merge, struct tally *tally)
{
    for (size_t i = 0; i < merge->n_findings; i++) {
        const struct moth_finding *finding = merge->findings[i];
        tally->lost += !finding->trace;
        tally->nondeterministic += finding->kind == MOTH_FINDING_NONDETERMINISM;
    }
}

static void count_parts(struct moth_merge *merge, struct tally *tally)
{
    for (size_t i = 0; i < merge->parts.n; i++) {
        const struct moth_part *part = &merge->parts.at[i];
        bool error = part->verdict == MOTH_VERDICT_ERROR, nothing = part->verdict == MOTH_VERDICT_NOTHING_RAN;
        char *name = moth_part_name(part);
        tally->agents += error && part->exit_code == 2;
        tally->faulty += error && part->exit_code != 2 && part->complete;
        tally->nothing_ran += nothing;
        tally->interrupted += !part->complete;
        if (part->stopped_by)
            merge->summary.stopped_by = part->stopped_by;
        if (!part->complete)
            moth_texts_add(&merge->warnings, moth_fs_path("%s was interrupted before its end", name));
        else if (error)
            moth_texts_add(&merge->warnings,
                           moth_fs_path("%s ended with an error (exit code %d)", name, part->exit_code));
        else if (nothing)
            moth_texts_add(&merge->warnings, moth_fs_path("%s: no instance reached its first frame", name));
        if (!part->has_counts && part->frames > 0)
            moth_texts_add(&merge->warnings,
                           moth_fs_path("%s: its frame times are not known, and not in these", name));
        free(name);
    }
}

/* In the order of moth run's own (fleet/tally.c). */
static enum moth_verdict verdict_of(const struct moth_merge *merge, const struct tally *tally, int *exit_code)
{
    bool lacks = (tally->missing > 0 || tally->interrupted > 0) && !merge->config.allow_missing;
    *exit_code = 0;
    if (tally->lost > 0) {
        *exit_code = moth_err_exit_code(MOTH_ERR_IO);
        return MOTH_VERDICT_ERROR;
    }
    if (merge->config.strict && tally->nondeterministic > 0) {
        *exit_code = moth_err_exit_code(MOTH_ERR_NONDETERMINISTIC);
        return MOTH_VERDICT_NEW_FINDINGS;
    }
    if (merge->gate.findings_fail || merge->gate.metrics_fail) {
        *exit_code = 1;
        return MOTH_VERDICT_NEW_FINDINGS;
    }
    if (tally->nothing_ran == merge->parts.n) {
        *exit_code = moth_err_exit_code(MOTH_ERR_NOTHING_RAN);
        return MOTH_VERDICT_NOTHING_RAN;
    }
    if (tally->agents > 0 || tally->faulty > 0 || tally->nothing_ran > 0 || lacks) {
        *exit_code = moth_err_exit_code(tally->agents > 0 ? MOTH_ERR_SCRIPT : MOTH_ERR_INTERNAL);
        return MOTH_VERDICT_ERROR;
    }
    *exit_code = merge->gate.flaky && merge->config.fail_on_flaky ? 5 : 0;
    return merge->gate.flaky ? MOTH_VERDICT_FLAKY : MOTH_VERDICT_PASS;
}

static void judge_findings(struct moth_merge *merge)
{
    struct moth_gate_rules any;
    struct moth_gate_measured measured;
    merge->summary.frame_times = moth_frame_counts_summary(merge->counts);
    moth_gate_rules_init(&any);
    moth_report_measured(&merge->summary, &measured);
    if (moth_gate_judge(merge->config.gate ? merge->config.gate : &any, merge->config.fail_on_flaky, merge->findings,
                        merge->n_findings, merge->config.baseline, &measured, &merge->gate) == 0 &&
        moth_report_unfinished(merge->records, merge->n_records, &merge->gate) == 0)
        merge->summary.gate = &merge->gate;
    for (size_t i = 0; i < merge->gate.n_warnings; i++)
        moth_texts_add(&merge->warnings, moth_fs_path("%s", merge->gate.warnings[i]));
}

/* One class of machines is all runs' or none's. */
static void name_machine(struct moth_merge *merge)
{
    const char *name = merge->config.machine;
    for (size_t i = 0; !merge->config.machine && i < merge->parts.n; i++) {
        const char *its = json_string_value(json_object_get(merge->parts.at[i].json, "machine"));
        if (!its || (i > 0 && (!name || strcmp(its, name) != 0)))
            its = NULL;
        name = its;
        if (!its)
            break;
    }
    merge->summary.machine = name;
}

void moth_merge_judge(struct moth_merge *merge)
{
    struct tally tally = {.missing = count_missing(merge) + merge->n_without_report};
    if (merge->n_without_report > 0)
        moth_texts_add(&merge->warnings, moth_fs_path("%zu run%s left no report", merge->n_without_report,
                                                      merge->n_without_report == 1 ? "" : "s"));
    if (merge->config.judge_warning)
        moth_texts_add(&merge->warnings, moth_fs_path("%s", merge->config.judge_warning));
    name_machine(merge);
    judge_findings(merge);
    count_findings(merge, &tally);
    count_parts(merge, &tally);
    name_shard(merge);
    merge->summary.complete = tally.missing == 0 && tally.interrupted == 0;
    merge->summary.verdict = verdict_of(merge, &tally, &merge->summary.exit_code);
}
