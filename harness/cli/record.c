/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/group.h"
#include "cli/person.h"
#include "cli/recorded.h"
#include "findings/finding_json.h"
#include "findings/store.h"
#include "fleet/plan.h"
#include "fleet/reaper.h"
#include "headed/recording.h"
#include "reports/evidence.h"

#define OUT_DEFAULT "moth-recording"
#define SPEED_MOST 1000.0

/* ---- options ---- */

int moth_cli_speed(const struct moth_options *options, double *speed, struct moth_err *err)
{
    char *end = NULL;
    *speed = strcmp(options->speed, "max") == 0 ? 0 : strtod(options->speed, &end);
    if (!end || (end != options->speed && *end == '\0' && *speed > 0 && *speed <= SPEED_MOST))
        return 0;
    return moth_err_set(err, MOTH_ERR_USAGE, "--speed '%s': must be a number over 0, at most %g, or max", options->speed,
                        SPEED_MOST);
}

static int host_key(const struct moth_options *options, struct moth_record_config *config, struct moth_err *err)
{
    config->host_key_name = options->host_key;
    config->host_key = moth_key_from_name(options->host_key);
    if (config->host_key != 0)
        return 0;
    const char *near = moth_key_suggest(options->host_key);
    return moth_err_set(err, MOTH_ERR_USAGE, "--host-key: there is no key '%s'%s%s%s", options->host_key,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool holds_recording(const char *folder)
{
    char *path = moth_fs_path("%s/" MOTH_RECORDING_TRACE, folder);
    bool holds = access(path, F_OK) == 0;
    free(path);
    return holds;
}

/* A recording is a person's time: none is written over unless they say so. */
static char *out_folder(const struct moth_options *options, struct moth_err *err)
{
    char *out = moth_fs_path("%s", options->out ? options->out : OUT_DEFAULT);
    for (unsigned n = 2; !options->out && holds_recording(out); n++) {
        free(out);
        out = moth_fs_path(OUT_DEFAULT "-%u", n);
    }
    if (options->force || !holds_recording(out))
        return out;
    moth_err_set(err, MOTH_ERR_USAGE, "%s holds a recording already: name another folder, or write over it with --force",
                 out);
    free(out);
    return NULL;
}

int moth_cli_person(const struct moth_options *options, struct moth_record_config *config, char **out,
                    struct moth_told **told, struct moth_err *err)
{
    *out = NULL;
    *told = NULL;
    if (moth_cli_speed(options, &config->speed, err) != 0 || host_key(options, config, err) != 0)
        return -1;
    *out = out_folder(options, err);
    if (!*out || moth_fs_make_dirs(*out, err) != 0)
        return -1;
    char *absolute = realpath(*out, NULL); /* a trace's folder is entered before it is played */
    if (absolute) {
        free(*out);
        *out = absolute;
    }
    if (options->events && !(*told = moth_told_open(options->events, err)))
        return -1;
    config->out = *out;
    config->told = *told;
    config->how = (struct moth_replay_config){.limits = moth_cli_limits(options),
                                             .interrupted = moth_cli_stopped,
                                             .watches = (const char *const *)options->watches.items,
                                             .debug_dirs = (const char *const *)options->debug_dirs.items};
    config->key_repeat = options->key_repeat == 0;
    config->memory_bytes = options->snapshot_memory_mb << 20;
    config->replays = (uint32_t)options->replays;
    config->run_seed = moth_plan_run_seed;
    return 0;
}

/* ---- telling ---- */

static void print_json(const struct moth_record_config *config, const struct moth_record_outcome *outcome, int code)
{
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string("moth.record/1"));
    json_object_set_new(json, "exit_code", json_integer(code));
    json_object_set_new(json, "ended", json_string(outcome->how_it_ended));
    json_object_set_new(json, "frames", json_integer(outcome->frames));
    json_object_set_new(json, "inputs", json_integer((json_int_t)outcome->inputs));
    json_object_set_new(json, "marks", json_integer((json_int_t)outcome->marks));
    json_object_set_new(json, "rewound", json_integer(outcome->rewound));
    json_object_set_new(json, "trace", json_sprintf("%s/" MOTH_RECORDING_TRACE, config->out));
    json_object_set_new(json, "scenario", json_sprintf("%s/" MOTH_RECORDING_SCENARIO, config->out));
    json_object_set_new(json, "finding", outcome->finding ? moth_finding_json(outcome->finding) : json_null());
    char *text = json_dumps(json, JSON_INDENT(2));
    if (text)
        puts(text);
    free(text);
    json_decref(json);
}

static void print_text(const struct moth_record_config *config, const struct moth_record_outcome *outcome)
{
    const struct moth_finding *finding = outcome->finding;
    uint32_t hz = config->header.hz ? config->header.hz : 60;
    printf("recorded %u frames (%.1f s), %zu input%s, %zu mark%s (%s)\n", outcome->frames,
           (double)outcome->frames / hz, outcome->inputs, outcome->inputs == 1 ? "" : "s", outcome->marks,
           outcome->marks == 1 ? "" : "s", outcome->how_it_ended);
    printf("  %s/" MOTH_RECORDING_TRACE "\n  %s/" MOTH_RECORDING_SCENARIO "\n", config->out, config->out);
    if (!finding)
        return;
    char *title = moth_str_plain(finding->title);
    printf("%s\n  %s\n  reproduced %u/%u\n", finding->fingerprint, title, finding->reproduced, finding->attempts);
    free(title);
    for (size_t i = 0; i < finding->n_stack; i++)
        printf("    #%zu %s\n", i, finding->stack[i]);
    char *folder = moth_store_folder(config->out, finding->fingerprint), *command = moth_report_replay_of(folder);
    printf("  %s\n", command);
    free(command);
    free(folder);
}

int moth_cli_recorded(const struct moth_options *options, const struct moth_record_config *config,
                      const struct moth_record_outcome *outcome)
{
    int code = outcome->finding ? 1 : 0;
    if (outcome->interrupted)
        code = moth_err_exit_code(MOTH_ERR_INTERRUPTED);
    if (options->json)
        print_json(config, outcome, code);
    else if (!options->quiet)
        print_text(config, outcome);
    return code;
}

/* ---- the verb ---- */

static struct moth_trace_header header_of(const struct moth_options *options, const struct moth_group *group,
                                          char *directory)
{
    return (struct moth_trace_header){
        .argv = options->game.items,
        .env = options->env.items,
        .agent = (char *)(uintptr_t)"record",
        .moth_version = (char *)(uintptr_t)MOTH_VERSION,
        .directory = directory,
        .seed = moth_plan_seed(options->seed, 0),
        .schedule_seed = options->schedule_seed,
        .hz = (uint32_t)options->hz,
        .video = (uint32_t)options->video,
        .render = (uint32_t)options->render,
        .threads = (uint32_t)options->threads,
        .members = group->members,
        .n_members = group->n_members,
        .link = group->link,
    };
}

static int record(const struct moth_options *options, const struct moth_record_config *config, struct moth_err *err)
{
    struct moth_reaper reaper;
    struct moth_record_outcome outcome;
    if (moth_reaper_start(&reaper, err) != 0)
        return -1;
    moth_cli_stop_on_signals(0);
    int code = moth_record(config, &outcome, err);
    moth_reaper_stop(&reaper);
    if (code == 0)
        code = moth_cli_recorded(options, config, &outcome);
    moth_record_outcome_fini(&outcome);
    return code;
}

int moth_cli_record(const struct moth_options *options)
{
    static char *no_env[] = {NULL};
    struct moth_err err = {0};
    struct moth_group group = {0};
    struct moth_record_config config = {.pads = (uint32_t)options->pads};
    char *out = NULL, *directory = getcwd(NULL, 0);
    struct moth_told *told = NULL;
    int code = moth_group_parse(options, &group, &err);
    config.header = header_of(options, &group, directory ? directory : (char *)(uintptr_t)"/");
    if (!config.header.env)
        config.header.env = no_env;
    if (code == 0)
        code = moth_cli_person(options, &config, &out, &told, &err);
    if (code == 0)
        code = record(options, &config, &err);
    moth_told_close(told);
    moth_group_fini(&group);
    free(directory);
    free(out);
    if (code >= 0)
        return code;
    moth_log_error("%s", err.message);
    return moth_err_exit_code(err.code);
}
