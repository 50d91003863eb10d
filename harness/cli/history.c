/* SPDX-License-Identifier: MIT
 *
 * moth history: what all runs so far came to, for people and for programs.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "cli/options.h"
#include "history/history.h"

#define BUILDS_SHOWN 20u
#define FINDINGS_SHOWN 100u

/* ---- show ---- */

static double value_of(const struct moth_history_view *view, size_t build, const char *metric)
{
    for (size_t i = 0; i < view->n_metrics; i++)
        if (strcmp(view->metrics[i].name, metric) == 0)
            return view->values[build * view->n_metrics + i];
    return NAN;
}

static void print_value(double value)
{
    if (isnan(value))
        printf(" %9s", "-");
    else
        printf(" %9.2f", value);
}

static void print_builds(const struct moth_history_view *view, size_t last)
{
    static const char *const metrics[] = {"frame_time_ms.p99", "memory_mb.rss_peak", "frames_per_s", "coverage.reference_cells"};
    size_t begin = view->n_builds > last ? view->n_builds - last : 0;
    printf("%-24s %-10s %5s %5s %5s %8s %5s %9s %9s %9s %9s\n", "build", "since", "runs", "new", "fixed", "reopened", "open",
           "p99 ms", "RSS MB", "frames/s", "cells");
    if (begin > 0)
        printf("… %zu older ones (--keep N shows N)\n", begin);
    for (size_t i = begin; i < view->n_builds; i++) {
        const struct moth_history_build *build = &view->builds[i];
        char date[MOTH_HISTORY_DATE_BYTES];
        moth_history_date(build->date_ms, date);
        printf("%-24s %-10.10s %5u %5u %5u %8u %5u", build->name, date, build->runs, build->found, build->fixed,
               build->reopened, build->open);
        for (size_t j = 0; j < sizeof metrics / sizeof *metrics; j++)
            print_value(value_of(view, i, metrics[j]));
        putchar('\n');
    }
}

/* Those that need somebody first: open ones, the youngest of them at the top. */
static int by_need(const void *a, const void *b)
{
    const struct moth_history_finding *left = *(const struct moth_history_finding *const *)a;
    const struct moth_history_finding *right = *(const struct moth_history_finding *const *)b;
    bool left_fixed = left->state == MOTH_HISTORY_FIXED, right_fixed = right->state == MOTH_HISTORY_FIXED;
    if (left_fixed != right_fixed)
        return left_fixed ? 1 : -1;
    if (left->first_build != right->first_build)
        return left->first_build > right->first_build ? -1 : 1;
    return strcmp(left->fingerprint, right->fingerprint);
}

static void print_finding(const struct moth_history_view *view, const struct moth_history_finding *finding)
{
    char *title = moth_str_plain(finding->title);
    printf("%-8s %s\n         %s\n         first seen in %s, last in %s, by %" PRIu32 " run%s",
           moth_history_state_name(finding->state), finding->fingerprint, title,
           view->builds[finding->first_build].name, view->builds[finding->last_build].name, finding->runs_seen,
           finding->runs_seen == 1 ? "" : "s");
    free(title);
    if (finding->state == MOTH_HISTORY_FIXED)
        printf("; fixed in %s", view->builds[finding->fixed_build].name);
    if (finding->state == MOTH_HISTORY_REOPENED)
        printf("; had been fixed, and came back in %s", view->builds[finding->reopened_build].name);
    if (finding->state != MOTH_HISTORY_FIXED && finding->chances > 0)
        printf("; missed by %" PRIu32 " run%s since", finding->chances, finding->chances == 1 ? "" : "s");
    putchar('\n');
}

static int print_findings(const struct moth_history_view *view, struct moth_err *err)
{
    const struct moth_history_finding **sorted = calloc(view->n_findings + 1, sizeof *sorted);
    if (!sorted)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu findings", view->n_findings);
    for (size_t i = 0; i < view->n_findings; i++)
        sorted[i] = &view->findings[i];
    if (view->n_findings > 0)
        qsort(sorted, view->n_findings, sizeof *sorted, by_need);
    for (size_t i = 0; i < view->n_findings && i < FINDINGS_SHOWN; i++)
        print_finding(view, sorted[i]);
    if (view->n_findings > FINDINGS_SHOWN)
        printf("… %zu more (--json has all)\n", view->n_findings - FINDINGS_SHOWN);
    free(sorted);
    return 0;
}

static int print_json(const struct moth_history_view *view, size_t last, struct moth_err *err)
{
    json_t *json = moth_history_view_json(view, last);
    char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    if (!text)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the history");
    puts(text);
    free(text);
    return 0;
}

static int show(const struct moth_options *options, const char *const *files, size_t n, struct moth_err *err)
{
    if (n != 1)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth history show takes one file (moth history merge makes one of several)");
    struct moth_history *history = moth_history_open(files[0], MOTH_HISTORY_READ, err);
    struct moth_history_view *view = history ? moth_history_view(history, (uint32_t)options->fixed_after, err) : NULL;
    int result = view ? 0 : -1;
    moth_history_close(history);
    if (view && options->json) {
        result = print_json(view, options->keep, err);
    } else if (view && !options->quiet) {
        print_builds(view, options->keep ? options->keep : BUILDS_SHOWN);
        putchar('\n');
        result = print_findings(view, err);
    }
    moth_history_view_free(view);
    return result;
}

/* ---- merge, prune ---- */

static void tell_count(const struct moth_options *options, const char *file, const char *what, size_t n)
{
    if (options->json)
        printf("{\"schema\": \"moth.history-change/1\", \"%s\": %zu}\n", what, n);
    else if (!options->quiet)
        printf("%s: %zu run%s %s\n", file, n, n == 1 ? "" : "s", what);
}

static int merge(const struct moth_options *options, const char *const *files, size_t n, struct moth_err *err)
{
    if (n < 2)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth history merge takes two files at least: moth history merge INTO FROM…");
    /* A file that is no history is found before a new one is begun. */
    for (size_t i = 1; i < n; i++) {
        struct moth_history *from = moth_history_open(files[i], MOTH_HISTORY_READ, err);
        if (!from)
            return -1;
        moth_history_close(from);
    }
    struct moth_history *into = moth_history_open(files[0], MOTH_HISTORY_CREATE, err);
    size_t added = 0;
    int result = into ? 0 : -1;
    for (size_t i = 1; result == 0 && i < n; i++) {
        size_t more = 0;
        result = moth_history_merge(into, files[i], &more, err);
        added += more;
    }
    moth_history_close(into);
    if (result == 0)
        tell_count(options, files[0], "added", added);
    return result;
}

static int prune(const struct moth_options *options, const char *const *files, size_t n, struct moth_err *err)
{
    if (n != 1 || options->keep == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth history prune takes one file, and how many builds are kept: --keep 100");
    struct moth_history *history = moth_history_open(files[0], MOTH_HISTORY_WRITE, err);
    size_t dropped = 0;
    int result = history ? moth_history_prune(history, options->keep, (uint32_t)options->fixed_after, &dropped, err) : -1;
    moth_history_close(history);
    if (result == 0)
        tell_count(options, files[0], "dropped", dropped);
    return result;
}

/* ---- the verb ---- */

static int act(const struct moth_options *options, const char *const *files, size_t n, struct moth_err *err)
{
    const char *what = options->args.items[0];
    if (strcmp(what, "show") == 0)
        return show(options, files, n, err);
    if (strcmp(what, "merge") == 0)
        return merge(options, files, n, err);
    if (strcmp(what, "prune") == 0)
        return prune(options, files, n, err);
    return moth_err_set(err, MOTH_ERR_USAGE, "moth history cannot '%s': moth history show|merge|prune FILE…", what);
}

int moth_cli_history(const struct moth_options *options)
{
    struct moth_err err = {0};
    const char **files = calloc(options->args.n + 1, sizeof *files);
    size_t n = 0;
    if (files && options->history)
        files[n++] = options->history;
    for (size_t i = 1; files && i < options->args.n; i++)
        files[n++] = options->args.items[i];
    int result = files ? act(options, files, n, &err) : moth_err_set(&err, MOTH_ERR_MEMORY, "no memory");
    free(files);
    if (result == 0)
        return 0;
    moth_log_error("%s", err.message);
    return moth_err_exit_code(err.code);
}
