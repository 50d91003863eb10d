/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "cli/recorded.h"
#include "compare/compare.h"
#include "findings/finding_json.h"
#include "fleet/reaper.h"
#include "reports/run_json.h"

#define FUNCTIONS_SHOWN 5u
#define PLAIN_PROGRESS_NS (30 * MOTH_NS_PER_S)

struct compare {
    const struct moth_options *options;
    struct moth_compare_config config;
    struct moth_trace **traces;
    char **paths;
    struct moth_comparison *results;
    size_t n, done;
    uint64_t told_ns;
};

/* ---- what is asked for ---- */

/* "1", "0.5", "2%": percent. */
static int read_threshold(const char *text, double *percent, struct moth_err *err)
{
    char *end = NULL;
    *percent = text ? strtod(text, &end) : 1.0;
    bool whole = !text || (end != text && (*end == '\0' || strcmp(end, "%") == 0));
    if (!whole || !(*percent >= 0) || *percent > 1000)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--threshold must be a number of percent, 0 to 1000, not '%s'", text);
    return 0;
}

static char *find_program(const char *name, struct moth_err *err)
{
    struct moth_game_info info;
    return moth_game_inspect(name, &info, err) == 0 ? strdup(info.path) : NULL;
}

static int read_traces(struct compare *compare, struct moth_err *err)
{
    const struct moth_strings *names = &compare->options->compared;
    compare->traces = calloc(names->n + 1, sizeof *compare->traces);
    compare->paths = calloc(names->n + 1, sizeof *compare->paths);
    compare->results = calloc(names->n + 1, sizeof *compare->results);
    if (!compare->traces || !compare->paths || !compare->results)
        abort();
    for (; compare->n < names->n; compare->n++) {
        compare->paths[compare->n] = moth_cli_find_trace(names->items[compare->n], err);
        if (!compare->paths[compare->n])
            return -1;
        compare->traces[compare->n] = moth_trace_read(compare->paths[compare->n], err);
        if (!compare->traces[compare->n])
            return -1;
    }
    return 0;
}

/* ---- playing ---- */

static void show_progress(void *context, const char *what, uint32_t done, uint32_t of)
{
    struct compare *compare = context;
    if (compare->options->quiet)
        return;
    char *line =
        moth_fs_path("trace %zu of %zu: %s %u of %u", compare->done + 1, compare->n, what, done + 1, of);
    moth_log_live(line);
    uint64_t now = moth_clock_monotonic_ns();
    if (!isatty(STDERR_FILENO) && now - compare->told_ns >= PLAIN_PROGRESS_NS) {
        moth_log_info("%s", line);
        compare->told_ns = now;
    }
    free(line);
}

static int compare_trace(struct compare *compare, size_t i, struct moth_err *err)
{
    struct moth_trace *trace = compare->traces[i];
    char **recorded = trace->header.env, **merged = moth_cli_merge_env(trace, compare->options);
    if (!merged)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the environment");
    trace->header.env = merged;
    moth_cli_enter_directory(trace);
    int result = moth_compare(trace, &compare->config, &compare->results[i], err);
    trace->header.env = recorded;
    free(merged);
    return result;
}

static int compare_all(struct compare *compare, struct moth_err *err)
{
    struct moth_reaper reaper;
    if (moth_reaper_start(&reaper, err) != 0)
        return -1;
    moth_cli_stop_on_signals(0);
    int result = 0;
    for (; compare->done < compare->n && result == 0; compare->done += result == 0)
        result = compare_trace(compare, compare->done, err);
    moth_log_live(NULL);
    moth_reaper_stop(&reaper);
    return result;
}

/* ---- telling ---- */

static json_t *change_json(const struct moth_compare_change *change)
{
    json_t *json = json_object();
    json_object_set_new(json, "a_ms", json_real(change->a_ms));
    json_object_set_new(json, "b_ms", json_real(change->b_ms));
    json_object_set_new(json, "change_pct", json_real(change->change * 100));
    json_object_set_new(json, "low_pct", json_real(change->low * 100));
    json_object_set_new(json, "high_pct", json_real(change->high * 100));
    return json;
}

static json_t *places_json(const struct moth_comparison *result)
{
    json_t *places = json_array();
    for (size_t i = 0; i < result->n_places; i++) {
        json_t *place = change_json(&result->places[i].change);
        json_object_set_new(place, "from_frame", json_integer(result->places[i].from));
        json_object_set_new(place, "to_frame", json_integer(result->places[i].to));
        json_object_set_new(place, "mark", moth_json_text(result->places[i].mark));
        json_object_set_new(place, "worse", json_boolean(result->places[i].worse));
        json_array_append_new(places, place);
    }
    return places;
}

static json_t *frames_json(const struct moth_comparison *result)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < result->n_slow; i++) {
        json_t *frame = json_object();
        json_object_set_new(frame, "frame", json_integer(result->slow[i].frame));
        json_object_set_new(frame, "a_ms", json_real(result->slow[i].a_ms));
        json_object_set_new(frame, "b_ms", json_real(result->slow[i].b_ms));
        json_array_append_new(frames, frame);
    }
    return frames;
}

static json_t *functions_json(const struct moth_comparison *result)
{
    json_t *functions = json_array();
    for (size_t i = 0; i < result->n_functions; i++) {
        const struct moth_compare_function *function = &result->functions[i];
        json_t *json = json_object();
        json_object_set_new(json, "function", moth_json_text(function->name));
        json_object_set_new(json, "place", moth_json_text(function->place));
        json_object_set_new(json, "a_ms", json_real(function->a_ms));
        json_object_set_new(json, "b_ms", json_real(function->b_ms));
        json_object_set_new(json, "change_pct", json_real(function->change * 100));
        json_object_set_new(json, "sigmas", json_real(function->sigmas));
        json_object_set_new(json, "samples", json_integer((json_int_t)function->samples));
        json_object_set_new(json, "worse", json_boolean(function->worse));
        json_object_set_new(json, "blamed", json_boolean(moth_comparison_blames(result, i)));
        json_array_append_new(functions, json);
    }
    return functions;
}

static json_t *launch_json(const struct moth_compare_launch *launch)
{
    json_t *json = json_object();
    json_object_set_new(json, "a_ms", json_real(launch->a_ms));
    json_object_set_new(json, "b_ms", json_real(launch->b_ms));
    json_object_set_new(json, "worse", json_boolean(launch->worse));
    return json;
}

static json_t *end_json(const struct moth_compare_end *end)
{
    if (end->frame == 0)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "frame", json_integer(end->frame));
    json_object_set_new(json, "how", moth_json_text(end->how));
    json_object_set_new(json, "bad", json_boolean(end->bad));
    return json;
}

static json_t *trace_json(const struct compare *compare, size_t i)
{
    const struct moth_comparison *result = &compare->results[i];
    json_t *json = change_json(&result->whole);
    json_object_set_new(json, "trace", moth_json_text(compare->paths[i]));
    json_object_set_new(json, "worse", json_boolean(result->worse));
    json_object_set_new(json, "replays", json_integer(result->replays));
    json_object_set_new(json, "frames", json_integer(result->frames));
    json_object_set_new(json, "common_frames", json_integer(result->common));
    json_object_set_new(json, "a", moth_report_frame_times_json(&result->metrics[0]));
    json_object_set_new(json, "b", moth_report_frame_times_json(&result->metrics[1]));
    json_object_set_new(json, "launch", launch_json(&result->launch));
    json_object_set_new(json, "a_ended", end_json(&result->ends[0]));
    json_object_set_new(json, "b_ended", end_json(&result->ends[1]));
    json_object_set_new(json, "places", places_json(result));
    json_object_set_new(json, "slow_frames", frames_json(result));
    json_object_set_new(json, "functions", functions_json(result));
    return json;
}

static void print_json(const struct compare *compare, bool worse)
{
    json_t *json = json_object(), *traces = json_array();
    json_object_set_new(json, "schema", json_string("moth.compare/1"));
    json_object_set_new(json, "verdict", json_string(worse ? "worse" : "not-worse"));
    json_object_set_new(json, "exit_code", json_integer(worse));
    for (int x = 0; x < 2; x++) {
        json_t *build = json_object();
        json_object_set_new(build, "program", moth_json_text(compare->config.programs[x]));
        json_object_set_new(build, "build_id", moth_json_text(compare->results[0].build_ids[x]));
        json_object_set_new(json, x ? "b" : "a", build);
    }
    json_object_set_new(json, "replays", json_integer(compare->config.replays));
    json_object_set_new(json, "threshold_pct", json_real(compare->config.threshold_pct));
    for (size_t i = 0; i < compare->n; i++)
        json_array_append_new(traces, trace_json(compare, i));
    json_object_set_new(json, "traces", traces);
    char *text = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (text)
        puts(text);
    free(text);
    json_decref(json);
}

static void print_trace(const struct compare *compare, size_t i)
{
    const struct moth_comparison *result = &compare->results[i];
    const struct moth_compare_change *whole = &result->whole;
    printf("%s\n  %u frames: A %.2f ms, B %.2f ms of work, %+.2f %% (%+.2f to %+.2f): %s\n",
           compare->paths[i], result->common, whole->a_ms, whole->b_ms, whole->change * 100, whole->low * 100,
           whole->high * 100, result->worse ? "worse" : "not worse");
    if (result->broken)
        printf("  B ends at frame %u, where A goes on: %s\n", result->ends[1].frame, result->ends[1].how);
    if (result->launch.worse)
        printf("  the launch: %.2f ms → %.2f ms\n", result->launch.a_ms, result->launch.b_ms);
    for (size_t k = 0; k < result->n_places; k++) {
        const struct moth_compare_place *place = &result->places[k];
        if (place->worse)
            printf("  frames %u to %u%s%s: %+.2f %% (%+.2f to %+.2f)\n", place->from, place->to,
                   place->mark ? ", after " : "", place->mark ? place->mark : "", place->change.change * 100,
                   place->change.low * 100, place->change.high * 100);
    }
    for (size_t k = 0; k < result->n_slow; k++)
        printf("  frame %u: %.2f ms → %.2f ms\n", result->slow[k].frame, result->slow[k].a_ms,
               result->slow[k].b_ms);
    for (size_t k = 0, shown = 0; k < result->n_functions && shown < FUNCTIONS_SHOWN; k++) {
        const struct moth_compare_function *function = &result->functions[k];
        if (!moth_comparison_blames(result, k))
            continue;
        shown++;
        printf("  in %s: %.2f ms → %.2f ms by itself, %+.1f %% (%.1f standard errors)\n", function->place,
               function->a_ms, function->b_ms, function->change * 100, function->sigmas);
    }
}

static void warn(const struct compare *compare, size_t i)
{
    const struct moth_comparison *result = &compare->results[i];
    if (result->common < result->frames)
        moth_log_warning(
            "%s: the builds go different ways after frame %u of %u; they are compared up to there",
            compare->paths[i], result->common, result->frames);
    for (int x = 0; x < 2; x++)
        if (result->ends[x].frame > 0 && result->frames < compare->traces[i]->frames)
            moth_log_warning("%s: %s ended at frame %u of %u (%s)", compare->paths[i],
                             compare->config.programs[x], result->ends[x].frame, compare->traces[i]->frames,
                             result->ends[x].how);
    if (compare->traces[i]->cut)
        moth_log_warning("%s is cut: it is played up to its last whole block", compare->paths[i]);
}

static int tell(const struct compare *compare)
{
    bool worse = false;
    for (size_t i = 0; i < compare->n; i++) {
        worse = worse || compare->results[i].worse;
        warn(compare, i);
    }
    if (compare->options->json)
        print_json(compare, worse);
    for (size_t i = 0; i < compare->n && !compare->options->json && !compare->options->quiet; i++)
        print_trace(compare, i);
    return worse;
}

/* ---- the verb ---- */

static int compare_builds(struct compare *compare, struct moth_err *err)
{
    const struct moth_options *options = compare->options;
    char *programs[2] = {NULL, NULL};
    compare->config = (struct moth_compare_config){
        .replay = {.limits = moth_cli_limits(options), .interrupted = moth_cli_stopped},
        .replays = (uint32_t)options->replays,
        .profiles = (uint32_t)options->profiles,
        .period_ns = options->sample_us * 1000,
        .seed = 1,
        .progress = show_progress,
        .context = compare,
    };
    int result = read_threshold(options->threshold, &compare->config.threshold_pct, err);
    for (int x = 0; x < 2 && result == 0; x++) {
        compare->config.programs[x] = programs[x] = find_program(options->args.items[x], err);
        result = programs[x] ? 0 : -1;
    }
    if (result == 0)
        result = read_traces(compare, err);
    if (result == 0)
        result = compare_all(compare, err);
    if (result == 0)
        result = tell(compare);
    free(programs[0]);
    free(programs[1]);
    return result;
}

int moth_cli_compare(const struct moth_options *options)
{
    struct compare compare = {.options = options, .told_ns = moth_clock_monotonic_ns()};
    struct moth_err err = {0};
    int code;
    if (options->compared.n == 0) {
        moth_log_error("which trace? moth compare A B --trace FILE (a recording, or a finding's folder)");
        return moth_err_exit_code(MOTH_ERR_USAGE);
    }
    code = compare_builds(&compare, &err);
    for (size_t i = 0; compare.results && i < compare.n; i++)
        moth_comparison_fini(&compare.results[i]);
    for (size_t i = 0; compare.traces && i <= compare.options->compared.n; i++) {
        moth_trace_free(compare.traces[i]);
        free(compare.paths[i]);
    }
    free(compare.results);
    free(compare.traces);
    free(compare.paths);
    if (code >= 0)
        return code;
    moth_log_error("%s", err.message);
    return err.code == MOTH_ERR_NOTHING_RAN || err.code == MOTH_ERR_NONDETERMINISTIC
               ? moth_err_exit_code(MOTH_ERR_SYSTEM)
               : moth_err_exit_code(err.code);
}
