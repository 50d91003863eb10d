/* SPDX-License-Identifier: MIT
 *
 * A run as the history wants it, and what the history says, as the findings of a run carry it.
 */
#include "reports/record.h"

#include <math.h>
#include <stdlib.h>

#include "base/fs.h"

#define WORD_BYTES_MAX 4000 /* of a text in a record */

static char *own(const char *text)
{
    return moth_fs_path("%.*s", WORD_BYTES_MAX, text ? text : "");
}

/* ---- the run ---- */

static void add_metric(struct moth_history_run *run, const char *name, double value)
{
    if (isfinite(value))
        run->metrics[run->n_metrics++] = (struct moth_history_value){own(name), value};
}

static int fill_metrics(const struct moth_run_summary *summary, struct moth_history_run *run)
{
    const struct moth_frame_times *times = &summary->frame_times;
    const struct moth_memory_summary *memory = &times->memory;
    const struct moth_coverage *coverage = &summary->coverage;
    const struct {
        const char *name;
        double value;
        bool known;
    } metrics[] = {
        {"frame_time_ms.p50", times->p50, times->n > 0},
        {"frame_time_ms.p95", times->p95, times->n > 0},
        {"frame_time_ms.p99", times->p99, times->n > 0},
        {"frame_time_ms.max", times->max, times->n > 0},
        {"frame_time_ms.low1_avg", times->low1_avg, times->n > 0},
        {"frame_time_ms.stutter_time_pct", times->stutter_time_pct, times->n > 0},
        {"frame_time_ms.hitches_per_min", times->hitches_per_min, times->n > 0},
        {"memory_mb.rss_peak", memory->rss_mb, memory->n > 0},
        {"memory_mb.heap_peak", memory->heap_mb, memory->n > 0},
        {"memory_mb.rss_growth_per_min", memory->rss_growth_mb, memory->n > 0},
        {"frames_per_s", summary->wall_s > 0 ? (double)summary->frames_total / summary->wall_s : 0, summary->wall_s > 0},
        {"coverage.cells", (double)coverage->cells, coverage->known},
        {"coverage.reference_cells", (double)coverage->reference, coverage->known},
    };
    size_t n = sizeof metrics / sizeof *metrics;
    run->metrics = calloc(n, sizeof *run->metrics);
    for (size_t i = 0; run->metrics && i < n; i++)
        if (metrics[i].known)
            add_metric(run, metrics[i].name, metrics[i].value);
    return run->metrics ? 0 : -1;
}

static int fill_findings(const struct moth_run_summary *summary, struct moth_history_run *run)
{
    run->findings = calloc(summary->n_findings + 1, sizeof *run->findings);
    for (size_t i = 0; run->findings && i < summary->n_findings; i++) {
        const struct moth_finding *finding = summary->findings[i];
        if (finding->status == MOTH_FINDING_STATUS_FIXED) /* it was not seen: its trace was played in vain */
            continue;
        run->findings[run->n_findings++] =
            (struct moth_history_sighting){.fingerprint = own(finding->fingerprint),
                                           .kind = own(moth_finding_kind_name(finding->kind)),
                                           .title = own(finding->title),
                                           .status = own(moth_finding_status_name(finding->status)),
                                           .reproduced = finding->reproduced,
                                           .attempts = finding->attempts,
                                           .times_seen = finding->times_seen,
                                           .frame = finding->frame};
    }
    run->replayed = calloc(summary->n_replayed + 1, sizeof *run->replayed);
    for (size_t i = 0; run->replayed && i < summary->n_replayed; i++)
        if (summary->replayed[i].fingerprint && summary->replayed[i].tried)
            run->replayed[run->n_replayed++] = (struct moth_history_replayed){own(summary->replayed[i].fingerprint),
                                                                              summary->replayed[i].happened};
    return run->findings && run->replayed ? 0 : -1;
}

int moth_report_history_run(const struct moth_run_summary *summary, struct moth_history_run *run)
{
    unsigned shard = 1, shards = 1;
    if (!summary->shard || sscanf(summary->shard, "%6u/%6u", &shard, &shards) != 2)
        shard = shards = 1;
    *run = (struct moth_history_run){.token = own(summary->run),
                                     .build_id = own(summary->build_id),
                                     .label = own(summary->build_label),
                                     .built_ms = summary->built_ms,
                                     .started_ms = summary->started_ms,
                                     .seed = summary->seed,
                                     .shard = shard,
                                     .shards = shards,
                                     .plan = own(summary->builds_plan),
                                     .machine = own(summary->machine),
                                     .verdict = own(moth_verdict_name(summary->verdict)),
                                     .version = own(summary->version),
                                     .exit_code = summary->exit_code,
                                     .complete = summary->complete && !summary->interrupted,
                                     .frames = summary->frames_total,
                                     .wall_ms = (uint64_t)(summary->wall_s * 1000)};
    if (run->token[0] && fill_findings(summary, run) == 0 && fill_metrics(summary, run) == 0)
        return 0;
    moth_history_run_fini(run);
    return -1;
}

json_t *moth_report_record_json(const struct moth_run_summary *summary)
{
    struct moth_history_run run;
    if (moth_report_history_run(summary, &run) != 0)
        return json_null();
    json_t *json = moth_history_run_json(&run);
    moth_history_run_fini(&run);
    return json;
}

/* ---- what the history says ---- */

static void take_seen(struct moth_seen *seen, const char *build, int64_t date_ms)
{
    free(seen->build);
    seen->build = own(build);
    moth_history_date(date_ms, seen->date);
}

void moth_report_take_history(struct moth_finding *finding, const struct moth_history_view *view)
{
    const struct moth_history_finding *known = moth_history_find(view, finding->fingerprint);
    if (!known)
        return;
    take_seen(&finding->first_seen, view->builds[known->first_build].name, known->first_ms);
    take_seen(&finding->last_seen, view->builds[known->last_build].name, known->last_ms);
    finding->runs_seen = known->runs_seen;
}
