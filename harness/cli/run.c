/* SPDX-License-Identifier: MIT */
#include "cli/group.h"
#include "cli/judge.h"
#include "cli/launch.h"
#include "cli/options.h"
#include "cli/view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "cli/label.h"
#include "cli/remember.h"
#include "cli/scenarios.h"
#include "cli/shard.h"
#include "fleet/corpus.h"
#include "fleet/disk.h"
#include "fleet/fleet.h"
#include "fleet/outside.h"
#include "findings/store.h"
#include "merge/merge.h"
#include "reports/github.h"
#include "reports/record.h"
#include "reports/reporters.h"
#include "reports/reports.h"

struct run {
    const struct moth_options *options;
    struct moth_fleet_agent *agents;
    struct moth_scenarios scenarios;
    struct moth_shard shard;
    bool report_failed; /* and the user knows */
    struct moth_corpus corpus;
    struct moth_remember remember;
    struct moth_build_label label;
    int64_t started_ms;
    struct moth_group group;
    struct moth_cli_judge judge;
    struct moth_map_names map_names[MOTH_SURVEY_MAPS_MAX];
};

static uint32_t cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (uint32_t)n;
}

/* ---- agents ---- */

static int load_agent(struct moth_fleet_agent *agent, const char *name, double weight,
                      const struct moth_options *options, struct moth_err *err)
{
    struct moth_agent_options limits = moth_cli_agent_options(options);
    agent->name = name;
    agent->weight = weight;
    if (strcmp(name, MOTH_OUTSIDE_NAME) == 0 && !options->bus)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "`" MOTH_OUTSIDE_NAME "` is driven by another program over the bus: say --bus URL, such as "
                            "--bus ipc:///tmp/moth-you/bus");
    if (strcmp(name, MOTH_OUTSIDE_NAME) == 0)
        return 0;
    agent->agent = moth_agent_load(name, &limits, err);
    return agent->agent ? 0 : -1;
}

static int load_agents(struct run *run, struct moth_err *err)
{
    const struct moth_options *options = run->options;
    run->agents = calloc(options->agents.n + 1, sizeof *run->agents);
    if (!run->agents)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the agents");
    if (moth_scenarios_load(&run->scenarios, options, err) != 0)
        return -1;
    for (size_t i = 0; i < options->agents.n; i++) {
        const struct moth_agent_choice *choice = &options->agents.items[i];
        if (load_agent(&run->agents[i], choice->name, choice->weight, options, err) != 0)
            return -1;
    }
    return 0;
}

static void free_agents(struct run *run)
{
    moth_scenarios_free(&run->scenarios);
    for (size_t i = 0; run->agents && i < run->options->agents.n; i++)
        moth_agent_free((struct moth_agent *)(uintptr_t)run->agents[i].agent);
    free(run->agents);
}

/* ---- what goes on ---- */

static void show_progress(void *context, const struct moth_run_progress *progress)
{
    (void)context;
    moth_cli_view_progress(progress);
}

static void show_found(void *context, const char *kind, const char *title, const char *fingerprint)
{
    const struct run *run = context;
    bool known = run->judge.baseline && moth_baseline_find(run->judge.baseline, fingerprint);
    moth_cli_view_found(known ? "known" : "found", kind, title, fingerprint);
}

/* ---- reports ---- */

/* Those that are files. 0, or -1 with err. */
static int try_files(const struct moth_options *options, struct moth_run_summary *summary, bool lasts,
                     struct moth_err *err)
{
    char *json = moth_fs_path("%s/run.json", options->out);
    bool wanted = options->reporters & MOTH_REPORTER_JSON;
    summary->no_json = !wanted || moth_merge_save(summary, options->out, err) != 0 ||
                       moth_report_coverage(summary, options->out, err) != 0 || moth_report_json(summary, json, err) != 0;
    int result = wanted && summary->no_json ? -1 : 0;
    if (result == 0)
        result = moth_reporters_write(options->reporters, summary, options->out, lasts, err);
    free(json);
    return result;
}

/* 0, or the exit code of what went wrong first. `failed`, while the run lasts: it was told of already; NULL: it is over. */
static int write_files(const struct moth_options *options, struct moth_run_summary *summary, bool *failed)
{
    struct moth_err err = {0};
    bool lasts = failed != NULL;
    int result = try_files(options, summary, lasts, &err);
    while (result != 0 && moth_disk_is_full(&err) && moth_disk_make_room(options->out)) /* until there is none */
        result = try_files(options, summary, lasts, &err);
    if (result != 0 && !(failed && *failed))
        moth_log_error("%s", err.message);
    if (failed)
        *failed = result != 0;
    return result != 0 ? moth_err_exit_code(err.code) : 0;
}

/* What only this process knows of the run. */
static struct moth_run_summary complete_summary(struct run *run, const struct moth_run_summary *summary)
{
    struct moth_run_summary whole = *summary;
    whole.started_ms = run->started_ms;
    whole.build_label = run->label.text[0] ? run->label.text : NULL;
    whole.built_ms = run->label.built_ms;
    return whole;
}

/* While it lasts: whatever becomes of us, there is a report. */
static void write_partial(void *context, const struct moth_run_summary *summary)
{
    struct run *run = context;
    struct moth_run_summary copy = complete_summary(run, summary);
    moth_remember_apply(&run->remember, &copy);
    write_files(run->options, &copy, &run->report_failed);
}

/* The run is over: it goes into the history, and its findings learn what that knows. */
static void remember(struct run *run, struct moth_run_summary *summary)
{
    struct moth_history_run record;
    moth_remember_apply(&run->remember, summary); /* whether they are reopened is asked of the runs before */
    if (!run->options->history || moth_report_history_run(summary, &record) != 0)
        return;
    moth_remember_runs(&run->remember, &record, 1);
    moth_history_run_fini(&record);
    moth_remember_apply(&run->remember, summary);
    for (size_t i = 0; i < summary->n_findings; i++) {
        char *folder = moth_store_folder(summary->out, summary->findings[i]->fingerprint);
        struct moth_err err;
        if (summary->findings[i]->trace && moth_finding_save(summary->findings[i], folder, &err) != 0)
            moth_log_warning("%s", err.message);
        free(folder);
    }
}

/* Findings are on disk; a report that cannot be written is an error all the same. */
static int write_reports(struct run *run, const struct moth_run_summary *result)
{
    const struct moth_options *options = run->options;
    struct moth_run_summary summary = complete_summary(run, result);
    struct moth_err err = {0};
    remember(run, &summary);
    int code = write_files(options, &summary, NULL);
    uint64_t told = options->quiet ? options->reporters & ~(uint64_t)MOTH_REPORTER_LIST : options->reporters;
    if (moth_reporters_tell(told, &summary, stdout, &err) != 0) {
        moth_log_error("%s", err.message);
        code = code ? code : moth_err_exit_code(err.code);
    }
    return code ? code : summary.exit_code;
}

/* ---- the verb ---- */

static const char *variable(const char *name)
{
    return getenv(name);
}

static int find_shard(struct run *run, struct moth_err *err)
{
    const char *wanted = run->options->shard;
    run->shard = (struct moth_shard){1, 1};
    if (!wanted || moth_shard_parse(wanted, &run->shard))
        return 0;
    if (moth_shard_auto(variable, &run->shard, err) != 0)
        return -1;
    moth_log_info("shard %u/%u", run->shard.index, run->shard.of);
    return 0;
}

static struct moth_fleet_config fleet_config(struct run *run)
{
    const struct moth_options *options = run->options;
    return (struct moth_fleet_config){
        .argv = (const char *const *)options->game.items,
        .env = (const char *const *)options->env.items,
        .channel = {.hz = (uint32_t)options->hz,
                    .video = (uint32_t)options->video,
                    .render = (uint32_t)options->render,
                    .threads = (uint32_t)options->threads},
        .members = run->group.members,
        .n_members = run->group.n_members,
        .link = run->group.link,
        .watches = (const char *const *)options->watches.items,
        .debug_dirs = (const char *const *)options->debug_dirs.items,
        .limits = {.boundary_cpu_ms = (uint32_t)options->frame_cpu_ms,
                   .boundary_wall_ms = (uint32_t)options->frame_wall_ms,
                   .boot_wall_ms = (uint32_t)options->boot_wall_ms,
                   .memory_mb = (uint32_t)options->memory_mb,
                   .file_mb = (uint32_t)options->file_mb},
        .snapshot_bytes = options->snapshot_memory_mb << 20,
        .corpus = &run->corpus,
        .scenarios = run->scenarios.items,
        .n_scenarios = run->scenarios.n,
        .agents = run->agents,
        .n_agents = options->agents.n,
        .seed = options->seed,
        .schedule_seed = options->schedule_seed,
        .shard = run->shard.index,
        .shards = run->shard.of,
        .frames = options->frames,
        .duration_ms = options->duration_ms,
        .instance_frames = (uint32_t)options->instance_frames,
        .workers = options->workers ? (uint32_t)options->workers : cpus(),
        .max_findings = (uint32_t)options->max_findings,
        .replays = (uint32_t)options->replays,
        .minimize_frames = options->minimize_frames,
        .pads = (uint32_t)options->pads,
        .spike_ms = options->spike_ms,
        .scene_watch = options->scene_watch,
        .softlock_s = (uint32_t)options->softlock_s,
        .strict = options->strict,
        .fail_on_flaky = options->fail_on_flaky,
        .gate = &run->judge.rules,
        .baseline = run->judge.baseline,
        .know = moth_cli_judge_know,
        .know_context = &run->judge,
        .machine = run->judge.machine,
        .judge_warning = run->judge.warning,
        .out = options->out,
        .bus_url = options->bus,
        .bus_token = options->bus_token,
        .bus_remote = options->bus_allow_remote,
        .resume = options->resume,
        .seed_given = options->seed_given,
        .adaptive = options->weights == MOTH_WEIGHTS_ADAPTIVE,
        .stuck_s = (uint32_t)options->stuck_s,
        .disk_bytes = options->disk_mb << 20,
        .traces = (uint32_t)options->traces,
        .map_names = run->map_names,
        .n_map_names = options->map_watches.n,
        .report = write_partial,
        .progress = options->quiet ? NULL : show_progress,
        .found = show_found,
        .context = run,
    };
}

static int name_maps(struct run *run, struct moth_err *err)
{
    const struct moth_strings *given = &run->options->map_watches;
    if (given->n > MOTH_SURVEY_MAPS_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "--map-watches may be given up to %u times", MOTH_SURVEY_MAPS_MAX);
    for (size_t i = 0; i < given->n; i++) {
        struct moth_err why;
        if (moth_survey_names(given->items[i], &run->map_names[i], &why) != 0)
            return moth_err_set(err, MOTH_ERR_USAGE, "--map-watches %s %s", given->items[i], why.message);
    }
    return 0;
}

static int play(struct run *run, struct moth_err *err)
{
    struct moth_game_info game;
    if (name_maps(run, err) != 0 || find_shard(run, err) != 0 || moth_cli_judge_open(&run->judge, run->options, err) != 0 ||
        moth_group_parse(run->options, &run->group, err) != 0 || load_agents(run, err) != 0 ||
        moth_corpus_read((const char *const *)run->options->replay_first.items, run->options->replay_first.n, &run->corpus,
                         err) != 0 ||
        moth_game_inspect(run->options->game.items[0], &game, err) != 0 ||
        moth_cli_check_watches(run->options, err) != 0)
        return -1;
    struct moth_fleet_config config = fleet_config(run);
    run->started_ms = (int64_t)(moth_clock_ns(CLOCK_REALTIME) / MOTH_NS_PER_MS);
    moth_cli_label_build(game.path, run->options->build_label, &run->label);
    moth_remember_begin(&run->remember, run->options);
    moth_remember_build(&run->remember, run->label.text, game.build_id, run->label.built_ms, run->started_ms);
    run->judge.past = &run->remember;
    struct moth_fleet_result *result;
    moth_cli_view_begin(config.argv[0]);
    int failed = moth_fleet_run(&config, &result, err);
    moth_cli_view_end();
    if (failed)
        return -1;
    int code = write_reports(run, moth_fleet_summary(result));
    moth_fleet_result_free(result);
    return code;
}

int moth_cli_run(const struct moth_options *options)
{
    if (options->game.n == 0) {
        moth_log_error("no game: moth run [options] -- GAME [ARG…], or name it in moth.lua");
        return moth_err_exit_code(MOTH_ERR_USAGE);
    }
    struct run run = {.options = options};
    struct moth_err err = {0};
    int code = play(&run, &err);
    if (code < 0) {
        moth_log_error("%s", err.message);
        if (options->reporters & MOTH_REPORTER_GITHUB)
            moth_report_github_fault(err.message, stdout);
        code = moth_err_exit_code(err.code);
    }
    moth_remember_end(&run.remember);
    moth_corpus_fini(&run.corpus);
    moth_group_fini(&run.group);
    moth_cli_judge_close(&run.judge);
    free_agents(&run);
    return code;
}
