/* SPDX-License-Identifier: MIT */
#include "history_runs.h"

void history_name(char *to, size_t size, unsigned i)
{
    snprintf(to, size, "1-crash-%016x", i * 2654435761u);
}

/* A complete run of one plan that saw nothing. */
void history_run_make(struct made *made, unsigned build, unsigned k)
{
    memset(made, 0, sizeof *made);
    snprintf(made->token, sizeof made->token, "%08x%u", (build * 7919u + k * 104729u) ^ 0x5a5a5a5au, build);
    snprintf(made->build, sizeof made->build, "b%037u", build);
    snprintf(made->label, sizeof made->label, "v%u", build);
    made->metrics[0] = (struct moth_history_value){text("frame_time_ms.p99"), 10.0 + build + k};
    made->metrics[1] = (struct moth_history_value){text("memory_mb.rss_peak"), 100.0};
    made->run = (struct moth_history_run){
        .token = made->token,
        .build_id = made->build,
        .label = made->label,
        .started_ms = BEGIN_MS + build * DAY_MS + k * 1000,
        .seed = 1,
        .shard = 1,
        .shards = 1,
        .plan = text("plan"),
        .machine = text("x2"),
        .verdict = text("pass"),
        .version = text("0.1.0"),
        .complete = true,
        .frames = 20000,
        .wall_ms = 9000,
        .findings = made->findings,
        .replayed = made->replayed,
        .metrics = made->metrics,
        .n_metrics = 2,
    };
}

void history_run_see(struct made *made, unsigned i, uint32_t reproduced)
{
    size_t n = made->run.n_findings++;
    history_name(made->prints[n], sizeof made->prints[n], i);
    snprintf(made->titles[n], sizeof made->titles[n], "finding %u as %s has it", i, made->label);
    made->findings[n] = (struct moth_history_sighting){.fingerprint = made->prints[n],
                                                       .kind = text("crash"),
                                                       .title = made->titles[n],
                                                       .status = text("new"),
                                                       .reproduced = reproduced,
                                                       .attempts = 10,
                                                       .times_seen = 1,
                                                       .frame = 77};
}

void history_run_play(struct made *made, unsigned i, bool happened)
{
    size_t n = made->run.n_replayed++;
    history_name(made->traces[n], sizeof made->traces[n], i);
    made->replayed[n] = (struct moth_history_replayed){made->traces[n], happened};
}

/* ---- files ---- */

int history_set_up(void **state)
{
    *state = test_scratch();
    return 0;
}

int history_tear_down(void **state)
{
    test_scratch_remove(*state);
    return 0;
}

struct moth_history *history_open_at(const char *folder, const char *name, enum moth_history_access access)
{
    struct moth_err err = {0};
    char *path = moth_fs_path("%s/%s", folder, name);
    struct moth_history *history = moth_history_open(path, access, &err);
    if (!history)
        fail_msg("%s", err.message);
    sqlite3_exec(history->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL); /* no test is about power cuts */
    free(path);
    return history;
}

void history_add(struct moth_history *history, const struct moth_history_run *run)
{
    struct moth_err err;
    if (moth_history_add(history, run, &err) != 0)
        fail_msg("%s", err.message);
}

struct moth_history_view *history_view_of(struct moth_history *history)
{
    struct moth_err err;
    struct moth_history_view *view = moth_history_view(history, FIXED_AFTER, &err);
    if (!view)
        fail_msg("%s", err.message);
    return view;
}

/* All that is said of it, as one text. */
char *history_said_by(const char *folder, const char *name)
{
    struct moth_history *history = history_open_at(folder, name, MOTH_HISTORY_READ);
    struct moth_history_view *view = history_view_of(history);
    json_t *json = moth_history_view_json(view, 0);
    char *said = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    moth_history_view_free(view);
    moth_history_close(history);
    return said;
}

const struct moth_history_finding *history_find(const struct moth_history_view *view, unsigned i)
{
    char fingerprint[40];
    history_name(fingerprint, sizeof fingerprint, i);
    return moth_history_find(view, fingerprint);
}
