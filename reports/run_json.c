/* SPDX-License-Identifier: MIT */
#include "reports/reports.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "baseline/gate.h"
#include "findings/finding_json.h"
#include "findings/properties.h"
#include "history/history.h"
#include "reports/run_json.h"


static const char *const verdict_names[] = {
#define X(name, text) [MOTH_VERDICT_##name] = text,
    MOTH_VERDICTS(X)
#undef X
};

const char *moth_verdict_name(enum moth_verdict verdict)
{
    return (unsigned)verdict < MOTH_VERDICT_END ? verdict_names[verdict] : "error";
}

bool moth_finding_is_flaky(const struct moth_finding *finding)
{
    return finding->status != MOTH_FINDING_STATUS_FIXED && finding->attempts > 0 &&
           finding->reproduced < finding->attempts;
}

char *moth_report_finding_folder(const struct moth_run_summary *summary, size_t i)
{
    return moth_fs_path("%s/findings/%s", summary->finding_outs ? summary->finding_outs[i] : summary->out,
                        summary->findings[i]->fingerprint);
}

char *moth_report_finding_files(const struct moth_run_summary *summary, size_t i)
{
    if (summary->finding_outs || !summary->files)
        return moth_report_finding_folder(summary, i);
    return moth_fs_path("%s/findings/%s", summary->files, summary->findings[i]->fingerprint);
}

static json_t *texts(const char *const *items, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, moth_json_text(items[i]));
    return array;
}

/* Who played with the game. */
static json_t *members_json(const struct moth_run_summary *summary)
{
    json_t *members = json_array();
    for (size_t i = 0; i < summary->n_members; i++) {
        const struct moth_trace_member *member = &summary->members[i];
        size_t n = 0;
        while (member->argv[n])
            n++;
        json_t *each = json_object();
        json_object_set_new(each, "name", moth_json_text(member->name));
        json_object_set_new(each, "argv", texts((const char *const *)member->argv, n));
        json_array_append_new(members, each);
    }
    return members;
}

/* Traces that were played before everything else. */
static json_t *replayed_json(const struct moth_run_summary *summary)
{
    json_t *list = json_array();
    for (size_t i = 0; i < summary->n_replayed; i++) {
        const struct moth_replayed_trace *trace = &summary->replayed[i];
        json_t *json = json_object();
        json_object_set_new(json, "trace", moth_json_text(trace->path));
        json_object_set_new(json, "fingerprint", moth_json_text(trace->fingerprint));
        json_object_set_new(json, "happened", trace->tried ? json_boolean(trace->happened) : json_null());
        json_array_append_new(list, json);
    }
    return list;
}

static json_t *date_json(int64_t date_ms)
{
    char text[MOTH_HISTORY_DATE_BYTES];
    moth_history_date(date_ms, text);
    return text[0] ? json_string(text) : json_null();
}

static json_t *link_json(const struct moth_link *link)
{
    json_t *json = json_object();
    json_object_set_new(json, "latency_ms", json_real(link->latency_us / 1000.0));
    json_object_set_new(json, "jitter_ms", json_real(link->jitter_us / 1000.0));
    json_object_set_new(json, "loss_pct", json_real(link->loss_ppm / 10000.0));
    return json;
}

static json_t *game_json(const struct moth_run_summary *summary)
{
    size_t n = 0;
    while (summary->argv && summary->argv[n])
        n++;
    json_t *game = json_object();
    json_object_set_new(game, "argv", texts(summary->argv, n));
    json_object_set_new(game, "build_id", moth_json_text(summary->build_id));
    json_object_set_new(game, "label", moth_json_text(summary->build_label));
    if (summary->n_members > 0) {
        json_object_set_new(game, "members", members_json(summary));
        json_object_set_new(game, "link", link_json(&summary->link));
    }
    return game;
}

static json_t *findings_json(const struct moth_run_summary *summary)
{
    json_t *findings = json_array();
    for (size_t i = 0; i < summary->n_findings; i++)
        json_array_append_new(findings, moth_finding_json(summary->findings[i]));
    return findings;
}

/* Nothing measured is null, so that a reader can tell it from zero. */
json_t *moth_report_frame_times_json(const struct moth_frame_times *times)
{
    const struct {
        const char *name;
        double value;
    } members[] = {{"p50", times->p50},
                   {"p95", times->p95},
                   {"p99", times->p99},
                   {"max", times->max},
                   {"low1_avg", times->low1_avg},
                   {"low1_integral", times->low1_integral},
                   {"low1_pct", times->low1_pct},
                   {"stutter_time_pct", times->stutter_time_pct},
                   {"hitches_per_min", times->hitches_per_min}};
    json_t *json = json_object();
    bool known = times->n > 0;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set_new(json, members[i].name, known ? json_real(members[i].value) : json_null());
    json_object_set_new(json, "clock", json_string(times->wall ? "wall" : "cpu"));
    return json;
}

static double mb(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

/* In the order of their names. */
static json_t *scenes_json(const struct moth_memory_summary *memory)
{
    json_t *scenes = json_array();
    for (uint32_t i = 0; i < memory->n_scenes && i < MOTH_MEMORY_SCENES; i++) {
        const struct moth_memory_scene *scene = &memory->scenes[i];
        json_t *json = json_object();
        json_object_set_new(json, "name", moth_json_text(scene->name));
        json_object_set_new(json, "rss_peak", json_real(mb(scene->rss_bytes)));
        json_object_set_new(json, "heap_peak",
                            scene->heap_bytes > 0 ? json_real(mb(scene->heap_bytes)) : json_null());
        json_array_append_new(scenes, json);
    }
    return scenes;
}

static json_t *memory_json(const struct moth_memory_summary *memory)
{
    json_t *json = json_object(), *points = json_array();
    bool known = memory->n > 0;
    json_object_set_new(json, "rss_peak", known ? json_real(memory->rss_mb) : json_null());
    json_object_set_new(json, "heap_peak", known ? json_real(memory->heap_mb) : json_null());
    json_object_set_new(json, "rss_growth_per_min", known ? json_real(memory->rss_growth_mb) : json_null());
    json_object_set_new(json, "heap_growth_per_min", known ? json_real(memory->heap_growth_mb) : json_null());
    for (uint32_t i = 0; i < memory->n && i < MOTH_MEMORY_POINTS; i++) {
        const struct moth_memory_point *point = &memory->points[i];
        json_t *entry = json_object();
        json_object_set_new(entry, "frame", json_integer(point->frame));
        json_object_set_new(entry, "rss", json_real(mb(point->rss_bytes)));
        json_object_set_new(entry, "heap", json_real(mb(point->heap_bytes)));
        json_array_append_new(points, entry);
    }
    json_object_set_new(json, "points", points);
    json_object_set_new(json, "scenes", scenes_json(memory));
    return json;
}

static json_t *spikes_json(const struct moth_frame_times *times)
{
    json_t *json = json_object();
    json_object_set_new(json, "suspected", json_integer((json_int_t)times->spikes_suspected));
    json_object_set_new(json, "confirmed", json_integer((json_int_t)times->spikes_confirmed));
    json_object_set_new(json, "not_returned", json_integer((json_int_t)times->spikes_gone));
    uint64_t looked_into = times->spikes_confirmed + times->spikes_gone;
    uint64_t left = times->spikes_suspected > looked_into ? times->spikes_suspected - looked_into : 0;
    json_object_set_new(json, "not_played_again", json_integer((json_int_t)left));
    return json;
}

static json_t *coverage_json(const struct moth_run_summary *summary)
{
    const struct moth_coverage *coverage = &summary->coverage;
    const struct {
        const char *name;
        uint64_t value;
    } members[] = {{"cells", coverage->cells},
                   {"reference_cells", coverage->reference},
                   {"deepest_frame", coverage->deepest_frame},
                   {"rollouts", coverage->rollouts},
                   {"restores", coverage->restores},
                   {"rebuilds", coverage->rebuilds},
                   {"frames_rebuilt", coverage->frames_rebuilt}};
    json_t *json = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set_new(json, members[i].name,
                            coverage->known ? json_integer((json_int_t)members[i].value) : json_null());
    json_object_set_new(json, "file", summary->survey ? json_string(MOTH_COVERAGE_FILE) : json_null());
    return json;
}

/* Who played how much: `weight` is the user's, `share` what the agent had come to at the end, both parts of 1. */
static json_t *agents_json(const struct moth_run_summary *summary)
{
    json_t *agents = json_array();
    for (size_t i = 0; i < summary->n_agents; i++) {
        const struct moth_agent_share *agent = &summary->agents[i];
        json_t *json = json_object();
        json_object_set_new(json, "name", moth_json_text(agent->name));
        json_object_set_new(json, "weight", json_real(agent->weight));
        json_object_set_new(json, "share", json_real(agent->share));
        json_object_set_new(json, "instances", json_integer((json_int_t)agent->instances));
        json_object_set_new(json, "frames", json_integer((json_int_t)agent->frames));
        json_object_set_new(json, "new_places", json_integer((json_int_t)agent->cells));
        json_object_set_new(json, "new_findings", json_integer((json_int_t)agent->findings));
        json_array_append_new(agents, json);
    }
    return agents;
}

/* Null where nobody asked: the verdict is that of the findings. */
static json_t *gate_json(const struct moth_gate *gate)
{
    if (!gate)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "passed", json_boolean(gate->passed));
    json_object_set_new(json, "reasons", texts((const char *const *)gate->reasons, gate->n_reasons));
    return json;
}

json_t *moth_report_json_object(const struct moth_run_summary *summary)
{
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string(MOTH_RUN_SCHEMA));
    json_object_set_new(json, "verdict", json_string(moth_verdict_name(summary->verdict)));
    json_object_set_new(json, "exit_code", json_integer(summary->exit_code));
    json_object_set_new(json, "complete", json_boolean(summary->complete));
    json_object_set_new(json, "stopped_by", moth_json_text(summary->stopped_by));
    json_object_set_new(json, "game", game_json(summary));
    json_object_set_new(json, "seed", json_integer((json_int_t)summary->seed));
    json_object_set_new(json, "shard", moth_json_text(summary->shard ? summary->shard : "1/1"));
    json_object_set_new(json, "workers", json_integer(summary->workers));
    json_object_set_new(json, "instances", json_integer(summary->instances));
    json_object_set_new(json, "frames_total", json_integer((json_int_t)summary->frames_total));
    json_object_set_new(json, "virtual_s", json_real(summary->virtual_s));
    json_object_set_new(json, "wall_s", json_real(summary->wall_s));
    json_object_set_new(json, "frames_per_s",
                        json_real(summary->wall_s > 0 ? (double)summary->frames_total / summary->wall_s : 0));
    json_object_set_new(json, "findings", findings_json(summary));
    json_object_set_new(json, "replayed", replayed_json(summary));
    json_object_set_new(json, "started", date_json(summary->started_ms));
    json_object_set_new(json, "frame_time_ms", moth_report_frame_times_json(&summary->frame_times));
    json_object_set_new(json, "memory_mb", memory_json(&summary->frame_times.memory));
    json_object_set_new(json, "spikes", spikes_json(&summary->frame_times));
    json_object_set_new(json, "machine", moth_json_text(summary->machine));
    json_object_set_new(json, "gate", gate_json(summary->gate));
    json_object_set_new(json, "scenarios", moth_report_scenarios(summary));
    json_object_set_new(json, "coverage", coverage_json(summary));
    json_object_set_new(json, "properties", moth_properties_json(summary->properties));
    json_object_set_new(json, "warnings", texts(summary->warnings, summary->n_warnings));
    json_object_set_new(json, "agents", agents_json(summary));
    json_object_set_new(json, "agent_faults", texts(summary->agent_faults, summary->n_agent_faults));
    json_object_set_new(json, "moth", moth_json_text(summary->version));
    json_object_set_new(json, "run", moth_json_text(summary->run));
    json_object_set_new(json, "plan", moth_json_text(summary->plan));
    return json;
}

char *moth_report_json_text(const struct moth_run_summary *summary)
{
    json_t *json = moth_report_json_object(summary);
    char *text = json_dumps(json, MOTH_RUN_JSON_FLAGS);
    json_decref(json);
    return text;
}

int moth_report_json(const struct moth_run_summary *summary, const char *path, struct moth_err *err)
{
    char *text = moth_report_json_text(summary);
    if (!text)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    int result = moth_fs_write_atomic(path, text, strlen(text), err);
    free(text);
    return result;
}

int moth_report_coverage(const struct moth_run_summary *summary, const char *folder, struct moth_err *err)
{
    if (!summary->survey)
        return 0;
    char *path = moth_fs_path("%s/" MOTH_COVERAGE_FILE, folder), *text = json_dumps(summary->survey, JSON_COMPACT | JSON_REAL_PRECISION(17));
    int result = text ? moth_fs_write_atomic(path, text, strlen(text), err) : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    free(text);
    free(path);
    return result;
}
