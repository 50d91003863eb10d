/* SPDX-License-Identifier: MIT
 *
 * Telling what a run came to: run.json for machines, JUnit XML for build servers, a list for people.
 *
 * Each report is a function of one struct moth_run_summary and nothing else; the summary is filled by
 * the fleet and borrowed. Reports are written whole or not at all. Text from a game (titles, frames,
 * logs) is made valid for the format it goes into.
 */
#ifndef MOTH_REPORTS_REPORTS_H
#define MOTH_REPORTS_REPORTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "findings/finding.h"
#include "wire/trace.h"

/* X(name, text in files) */
#define MOTH_VERDICTS(X)            \
    X(PASS, "pass")                 \
    X(NEW_FINDINGS, "new-findings") \
    X(FLAKY, "flaky")               \
    X(ERROR, "error")               \
    X(NOTHING_RAN, "nothing-ran")

enum moth_verdict {
#define X(name, text) MOTH_VERDICT_##name,
    MOTH_VERDICTS(X)
#undef X
        MOTH_VERDICT_END
};

/* One played instance. */
struct moth_instance_record {
    uint32_t index;
    const char *agent;
    uint64_t seed;
    uint32_t frames;
    double wall_s;
    const char *ended;       /* "exit", "crash", "budget", … */
    const char *fingerprint; /* of its finding, or NULL */
    const char *fault;       /* the harness's or the agent's, or NULL */
    const char *scenario;      /* the scenario's name, where it is one that was asked for; else NULL */
    const char *scenario_case; /* of its cases, the one that was played; or NULL */
};

#define MOTH_MEMORY_POINTS 64u

struct moth_memory_point {
    uint32_t frame;
    uint64_t rss_bytes, heap_bytes;
};

#define MOTH_SCENE_BYTES 48u
#define MOTH_MEMORY_SCENES 48u

/* The most that the game held in a part of it that has a name. */
struct moth_memory_scene {
    char name[MOTH_SCENE_BYTES];
    uint64_t rss_bytes, heap_bytes; /* heap 0: not known */
};

/* Memory of the game: the most over all instances, the fastest growth in the second half of any, in a minute of
 * game time, and how it went in the instance that had the most. */
struct moth_memory_summary {
    double rss_mb, heap_mb, rss_growth_mb, heap_growth_mb;
    struct moth_memory_point points[MOTH_MEMORY_POINTS];
    uint32_t n; /* 0: not known */
    struct moth_memory_scene scenes[MOTH_MEMORY_SCENES]; /* by name */
    uint32_t n_scenes;
};

struct moth_frame_times { /* CPU milliseconds of a frame, over all instances; n 0: not measured */
    uint64_t n;
    double p50, p95, p99, max;
    double low1_avg, low1_integral, low1_pct, stutter_time_pct, hitches_per_min; /* reports/metrics.h */
    uint64_t spikes_suspected, spikes_confirmed, spikes_gone; /* frames; those that did not return are no findings */
    bool wall; /* --threads native: wall time, not CPU time */
    struct moth_memory_summary memory;
};

/* What an agent did, and how often it was let play. */
struct moth_agent_share {
    const char *name;
    double weight; /* the user's, as a share of 1 */
    double share;  /* what it had come to at the end, likewise */
    uint64_t instances, frames;
    uint64_t cells, findings; /* that it was the first to come to */
};

/* What agents that explore came to: cells of their archives and of the fixed grid, and what it took. */
struct moth_coverage {
    bool known; /* false: none of them played */
    uint64_t cells, reference, rollouts, restores, rebuilds, frames_rebuilt;
    uint32_t deepest_frame;
};

/* A trace of an earlier run that this one played first. */
struct moth_replayed_trace {
    const char *path, *fingerprint; /* of the finding that it leads to; NULL: to none */
    bool tried;                     /* it was played to its end, or to a finding */
    bool happened;                  /* … to that finding */
};

struct moth_frame_counts; /* fleet/frame_times.h */
struct json_t;
struct moth_gate;         /* baseline/gate.h */
struct moth_gate_measured;
struct moth_gate_rules;
struct moth_properties;   /* findings/properties.h */
struct moth_history_view; /* history/history.h */

#define MOTH_STOPPED_BY_MAX_FINDINGS "max-findings"

struct moth_run_summary {
    enum moth_verdict verdict;
    int exit_code;
    bool interrupted;
    bool complete; /* the run came to its end; false: written while it lasts, or interrupted */
    const char *stopped_by; /* what ended it though there was more to play (MOTH_STOPPED_BY_…); NULL: nothing did */
    const char *const *argv; /* NULL-terminated */
    const struct moth_trace_member *members; /* who played with the game */
    size_t n_members;
    struct moth_link link; /* between them */
    const char *build_id;    /* may be NULL */
    uint64_t seed;
    const char *shard; /* "1/1" where there is none */
    uint32_t workers;
    uint32_t instances; /* that reached their first frame */
    uint64_t frames_total;
    double virtual_s, wall_s;
    struct moth_finding *const *findings;
    size_t n_findings;
    bool fail_on_flaky;
    const struct moth_instance_record *records;
    size_t n_records;
    const char *const *warnings;
    size_t n_warnings;
    const struct moth_properties *properties; /* that the game stated (findings/properties.h); NULL: none */
    const char *const *agent_faults; /* message and traceback */
    size_t n_agent_faults;
    struct moth_frame_times frame_times;
    struct moth_coverage coverage;
    const struct moth_agent_share *agents;
    size_t n_agents;
    bool adaptive;   /* their weights followed what they found */
    const char *out; /* output folder */
    const char *files; /* where its files lie while it is still being made, and `out` is not there yet; NULL: `out` */
    const char *const *finding_outs; /* of each finding, the output folder that it lies in; NULL: `out` */
    /* So that `moth report` can put runs together. */
    const char *run;     /* token of the run; NULL: it is several */
    const char *plan;    /* what names all that was to be played, whatever the shard and the workers; or NULL */
    const char *builds_plan; /* the same for a history: whatever a build's program is called; or NULL */
    const char *version; /* of moth; or NULL */
    const struct moth_frame_counts *frame_counts; /* what frame_times was made of; or NULL */
    const char *machine; /* class of machines it was played on (baseline/gate.h); NULL: not known, or several */
    const struct moth_gate *gate; /* why it passed or did not; NULL: nobody asked */
    bool no_json;    /* run.json was not written */
    /* What a history wants to know of it. */
    int64_t started_ms;      /* Unix time; 0: not known */
    const char *build_label; /* how people call the build; or NULL */
    int64_t built_ms;        /* when its sources were committed; 0: not known */
    const struct moth_replayed_trace *replayed; /* traces that were played before everything else */
    size_t n_replayed;
    const struct moth_history_view *history; /* all builds so far, this run among them; NULL: there is none */
    const struct json_t *survey;  /* coverage.json: where it went and how fast ("moth.coverage/1"); NULL: not known */
};

/* What became of a scenario: passed, failed (it met a finding), error (the script's or the harness's), left (the game
 * ended, without a finding), stopped (before its end, by the run's budget). */
const char *moth_scenario_result(const struct moth_instance_record *record);
/* Did it not come to its end though nobody interrupted it? Without a budget of its own that is no finding, for a script
 * may mean to play for ever, but not a pass either: a warning. */
bool moth_scenario_is_unfinished(const struct moth_instance_record *record);
#define MOTH_SCENARIO_UNFINISHED "it did not come to its end"
int moth_report_unfinished(const struct moth_instance_record *records, size_t n, struct moth_gate *gate);
/* "name" or "name: case". Caller frees. */
char *moth_scenario_title(const struct moth_instance_record *record);
/* What a gate holds against a baseline. */
void moth_report_measured(const struct moth_run_summary *summary, struct moth_gate_measured *measured);

const char *moth_verdict_name(enum moth_verdict verdict);

#define MOTH_REPORT_CUT_SHORT "interrupted: it did not come to its end"
/* Interrupted, and nothing was found by then that fails it: that is no pass. */
static inline bool moth_report_cut_short(const struct moth_run_summary *summary)
{
    return summary->interrupted && summary->verdict == MOTH_VERDICT_ERROR;
}
/* The folder of the i-th finding, to be given to `moth replay`. Caller frees. */
char *moth_report_finding_folder(const struct moth_run_summary *summary, size_t i);
/* The same folder, where it can be read now (see `files`). Caller frees. */
char *moth_report_finding_files(const struct moth_run_summary *summary, size_t i);
/* Replayed, and not met again in each replay. */
bool moth_finding_is_flaky(const struct moth_finding *finding);

/* Contract "moth.run/1". The text, caller frees; or written to `path`. */
char *moth_report_json_text(const struct moth_run_summary *summary);
int moth_report_json(const struct moth_run_summary *summary, const char *path, struct moth_err *err);

/* Write `<folder>/coverage.json` where there is something to say. */
#define MOTH_COVERAGE_FILE "coverage.json"
int moth_report_coverage(const struct moth_run_summary *summary, const char *folder, struct moth_err *err);

/* JUnit as Surefire writes it: a suite an agent, a test case an instance. */
char *moth_report_junit_text(const struct moth_run_summary *summary);
int moth_report_junit(const struct moth_run_summary *summary, const char *path, struct moth_err *err);

/* One file for people to open: html/html.h. */
char *moth_report_html_text(const struct moth_run_summary *summary);

/* SARIF 2.1.0: a rule a kind, a result a finding. */
char *moth_report_sarif_text(const struct moth_run_summary *summary);

/* For people, at the end of a run. */
void moth_report_list(const struct moth_run_summary *summary, FILE *out);

/* What goes on while a run lasts. */
struct moth_run_progress {
    uint32_t instances_done, instances_running;
    uint64_t frames, frames_budget; /* budget 0: none */
    double wall_s, wall_budget_s;   /* likewise */
    size_t findings;
    uint64_t places;        /* that any agent saw */
    double virtual_s;       /* game time */
    uint32_t workers;       /* that there may be */
    uint32_t workers_alive; /* that there are */
    const struct moth_agent_share *agents; /* and how much they are let play */
    size_t n_agents;
    uint32_t replaying; /* findings whose replays are under way or queued */
    uint32_t shrinking; /* likewise, whose inputs are being shrunk */
};

/* One line without newline. Caller frees. */
char *moth_report_progress(const struct moth_run_progress *progress);

#endif
