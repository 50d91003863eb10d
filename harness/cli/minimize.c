/* SPDX-License-Identifier: MIT */
#include "cli/recorded.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "findings/finding_json.h"
#include "fleet/plan.h"
#include "fleet/reaper.h"
#include "minimize/minimize.h"

#define PROGRESS_NS (250 * MOTH_NS_PER_MS)
#define PLAIN_PROGRESS_NS (30 * MOTH_NS_PER_S) /* between lines where there is no terminal */
#define PROGRESS_FOLDER ".minimize"

struct work {
    const struct moth_options *options;
    char *path;                   /* of the trace that was named */
    char *folder;                 /* where it lies */
    char *out;                    /* where the result goes */
    struct moth_finding *finding; /* finding.json beside the trace, or NULL */
    uint64_t begin_ns, told_ns, told_plain_ns;
};

/* ---- what goes on ---- */

static void show_progress(void *context, const struct moth_minimize_progress *progress)
{
    struct work *work = context;
    uint64_t now = moth_clock_monotonic_ns();
    if (work->options->quiet || now - work->told_ns < PROGRESS_NS)
        return;
    work->told_ns = now;
    char *line = moth_fs_path("inputs %u → %u, frames %u → %u; %" PRIu64 " tried, %" PRIu64 " frames played",
                              progress->inputs_before, progress->inputs, progress->frame_before,
                              progress->frame, progress->asked, progress->frames);
    moth_log_live(line);
    if (!isatty(STDERR_FILENO) && now - work->told_plain_ns >= PLAIN_PROGRESS_NS) {
        moth_log_info("%s", line);
        work->told_plain_ns = now;
    }
    free(line);
}

static void show_warning(void *context, const char *sentence)
{
    (void)context;
    moth_log_warning("%s", sentence);
}

/* ---- the search ---- */

static int minimize(struct work *work, const struct moth_trace *trace, struct moth_minimize_outcome *outcome,
                    struct moth_err *err)
{
    const struct moth_options *options = work->options;
    char *progress = moth_fs_path("%s/" PROGRESS_FOLDER, work->out);
    struct moth_minimize_config config = {
        .out = work->out,
        .progress = progress,
        .replay = {.limits = moth_cli_limits(options),
                   .softlock_s = (uint32_t)options->softlock_s,
                   .spike_ms = options->spike_ms,
                   .interrupted = moth_cli_stopped},
        .duration_ms = options->duration_ms,
        .memory_bytes = options->snapshot_memory_mb << 20,
        .replays = (uint32_t)options->replays,
        .run_seed = moth_plan_run_seed,
        .tell = show_progress,
        .warn = show_warning,
        .context = work,
    };
    int result = moth_minimize(trace, &config, outcome, err);
    moth_log_live(NULL);
    free(progress);
    return result;
}

/* What an earlier search came to, when the finding's folder was named: the next one goes on from there. */
static struct moth_trace *earlier_result(const struct work *work, const struct moth_trace *trace)
{
    if (strcmp(work->folder, work->out) != 0 || strcmp(strrchr(work->path, '/'), "/trace.moth") != 0)
        return NULL;
    char *path = moth_fs_path("%s/" MOTH_MINIMIZED_TRACE, work->folder);
    struct moth_trace *earlier = access(path, F_OK) == 0 ? moth_trace_read(path, NULL) : NULL;
    free(path);
    if (earlier && earlier->end.fingerprint && trace->end.fingerprint &&
        strcmp(earlier->end.fingerprint, trace->end.fingerprint) == 0 && earlier->n_events < trace->n_events)
        return earlier;
    moth_trace_free(earlier);
    return NULL;
}

static int search(struct work *work, struct moth_trace *trace, struct moth_minimize_outcome *outcome,
                  struct moth_err *err)
{
    struct moth_trace *earlier = earlier_result(work, trace);
    int result = 0;
    if (earlier) {
        char **recorded = earlier->header.env;
        earlier->header.env = trace->header.env;
        result = minimize(work, earlier, outcome, err);
        earlier->header.env = recorded;
    }
    if (!earlier || (result == 0 && !outcome->happened && !outcome->interrupted))
        result = minimize(work, trace, outcome, err);
    moth_trace_free(earlier);
    outcome->inputs_before = (uint32_t)trace->n_events;
    outcome->frame_before = trace->end.finding_frame;
    return result;
}

/* ---- telling ---- */

/* finding.json says what is there now, where the result lies beside it. */
static int note_in_finding(const struct work *work, const struct moth_minimize_outcome *outcome,
                           struct moth_err *err)
{
    if (!work->finding || !outcome->written || strcmp(work->folder, work->out) != 0)
        return 0;
    moth_finding_set_minimized(work->finding, outcome->inputs);
    return moth_finding_save(work->finding, work->folder, err);
}

static void print_json(const struct work *work, const struct moth_trace *trace,
                       const struct moth_minimize_outcome *outcome, int code)
{
    json_t *json = json_object();
    json_object_set_new(json, "schema", json_string("moth.minimize/1"));
    json_object_set_new(json, "fingerprint", moth_json_text(trace->end.fingerprint));
    json_object_set_new(json, "happened", json_boolean(outcome->happened));
    json_object_set_new(json, "exit_code", json_integer(code));
    json_object_set_new(json, "minimal", json_boolean(outcome->minimal));
    json_object_set_new(json, "interrupted", json_boolean(outcome->interrupted));
    json_object_set_new(json, "resumed", json_boolean(outcome->resumed));
    json_object_set_new(json, "branches", json_boolean(outcome->branches));
    json_object_set_new(json, "inputs", json_integer(outcome->inputs_before));
    json_object_set_new(json, "frame", json_integer(outcome->frame_before));
    json_object_set_new(json, "inputs_minimized",
                        outcome->written ? json_integer(outcome->inputs) : json_null());
    json_object_set_new(json, "frame_minimized",
                        outcome->written ? json_integer(outcome->frame) : json_null());
    json_object_set_new(json, "reproduced", json_sprintf("%u/%u", outcome->met, outcome->tried));
    json_object_set_new(json, "tried", json_integer((json_int_t)outcome->asked));
    json_object_set_new(json, "remembered", json_integer((json_int_t)outcome->remembered));
    json_object_set_new(json, "frames_played", json_integer((json_int_t)outcome->frames));
    json_object_set_new(json, "frames_from_launch", json_integer((json_int_t)outcome->frames_whole));
    json_object_set_new(json, "out", outcome->written ? moth_json_text(work->out) : json_null());
    char *text = json_dumps(json, JSON_INDENT(2));
    if (text)
        puts(text);
    free(text);
    json_decref(json);
}

static void print_text(const struct work *work, const struct moth_trace *trace,
                       const struct moth_minimize_outcome *outcome)
{
    char *title = moth_str_plain(trace->end.title);
    printf("%s\n  %s\n", trace->end.fingerprint, title);
    free(title);
    if (!outcome->happened) {
        puts(outcome->interrupted ? "  interrupted before it happened" : "  it did not happen");
        return;
    }
    if (!outcome->written) {
        puts("  nothing yet");
        return;
    }
    printf("  inputs %u → %u, frames %u → %u%s\n", outcome->inputs_before, outcome->inputs,
           outcome->frame_before, outcome->frame,
           outcome->minimal ? "" : " (not finished: the same command goes on)");
    printf("  reproduced %u/%u\n", outcome->met, outcome->tried);
    printf("  %" PRIu64 " tried in %.1f s: %" PRIu64 " frames played", outcome->asked,
           (double)(moth_clock_monotonic_ns() - work->begin_ns) / (double)MOTH_NS_PER_S, outcome->frames);
    if (outcome->branches)
        printf(", %" PRIu64 " had each been played from the launch", outcome->frames_whole);
    putchar('\n');
    printf("  %s/" MOTH_MINIMIZED_TRACE "\n  %s/" MOTH_MINIMIZED_SCRIPT "\n", work->out, work->out);
}

static int tell(const struct work *work, const struct moth_trace *trace,
                const struct moth_minimize_outcome *outcome)
{
    int code = outcome->happened ? 0 : 1;
    if (outcome->written && outcome->met < outcome->tried)
        code = moth_err_exit_code(MOTH_ERR_NONDETERMINISTIC);
    if (moth_cli_stopped(NULL))
        code = moth_err_exit_code(MOTH_ERR_INTERRUPTED);
    if (work->options->json)
        print_json(work, trace, outcome, code);
    else if (!work->options->quiet)
        print_text(work, trace, outcome);
    return code;
}

/* ---- the verb ---- */

static int check_finding(const struct work *work, struct moth_err *err)
{
    if (!work->finding || !work->finding->scripted)
        return 0;
    return moth_err_set(
        err, MOTH_ERR_USAGE,
        "a script (%s) reported this finding, and only the script can say when it happens: there "
        "is no telling it from the inputs alone. Shorten the script instead",
        work->finding->agent ? work->finding->agent : "?");
}

static int work_on(struct work *work, struct moth_trace *trace, struct moth_err *err)
{
    char **recorded = trace->header.env, **merged = moth_cli_merge_env(trace, work->options);
    if (!merged)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the environment");
    struct moth_reaper reaper;
    if (check_finding(work, err) != 0 || moth_reaper_start(&reaper, err) != 0) {
        free(merged);
        return -1;
    }
    moth_cli_stop_on_signals((int)SA_RESETHAND);
    trace->header.env = merged;
    moth_cli_enter_directory(trace);
    struct moth_minimize_outcome outcome;
    int code = search(work, trace, &outcome, err);
    moth_reaper_stop(&reaper);
    if (code == 0)
        code = note_in_finding(work, &outcome, err);
    if (code == 0)
        code = tell(work, trace, &outcome);
    trace->header.env = recorded;
    free(merged);
    return code;
}

/* --out names a folder from here; the game's is entered later. */
static char *absolute_out(const struct work *work, struct moth_err *err)
{
    const char *out = work->options->out;
    if (!out)
        return moth_fs_path("%s", work->folder);
    if (moth_fs_make_dirs(out, err) != 0)
        return NULL;
    char *absolute = realpath(out, NULL);
    if (!absolute)
        moth_err_sys(err, MOTH_ERR_IO, "cannot find %s", out);
    return absolute;
}

static int begin(struct work *work, struct moth_err *err)
{
    work->path = moth_cli_find_trace(work->options->args.items[0], err);
    if (!work->path)
        return -1;
    work->folder = moth_fs_path("%.*s", (int)(strrchr(work->path, '/') - work->path), work->path);
    work->out = absolute_out(work, err);
    if (!work->out)
        return -1;
    work->finding = moth_finding_load(work->folder, NULL);
    struct moth_trace *trace = moth_trace_read(work->path, err);
    int code = trace ? work_on(work, trace, err) : -1;
    moth_trace_free(trace);
    return code;
}

int moth_cli_minimize(const struct moth_options *options)
{
    struct work work = {.options = options, .begin_ns = moth_clock_monotonic_ns()};
    work.told_plain_ns = work.begin_ns;
    struct moth_err err = {0};
    int code = begin(&work, &err);
    moth_finding_free(work.finding);
    free(work.out);
    free(work.folder);
    free(work.path);
    if (code >= 0)
        return code;
    moth_log_error("%s", err.message);
    return moth_err_exit_code(err.code);
}
