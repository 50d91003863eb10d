/* SPDX-License-Identifier: MIT
 *
 * The history as a report wants it: builds with their counts and metrics, findings with what became of them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "history/inside.h"

const char *moth_history_state_name(enum moth_history_state state)
{
    static const char *const names[] = {"open", "fixed", "reopened"};
    return (unsigned)state < sizeof names / sizeof *names ? names[state] : "open";
}

/* ---- metrics ---- */

/* What is known of metrics by their names' beginnings; the first that fits. */
static const struct {
    const char *prefix, *unit;
    int better;
    bool machine_bound;
} kinds[] = {
    {"frame_time_ms.stutter_time_pct", "%", -1, true},
    {"frame_time_ms.hitches_per_min", "/min", -1, true},
    {"frame_time_ms.", "ms", -1, true},
    {"frames_per_s", "/s", 1, true},
    {"memory_mb.", "MB", -1, false},
    {"coverage.", "cells", 1, false},
};

static struct moth_history_metric describe(const char *name)
{
    struct moth_history_metric metric = {.name = moth_fs_path("%s", name), .unit = "", .machine_bound = true};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
            continue;
        metric.unit = kinds[i].unit;
        metric.better = kinds[i].better;
        metric.machine_bound = kinds[i].machine_bound;
        break;
    }
    return metric;
}

struct point {
    const char *name;
    uint32_t build;
    bool same_machine;
    double value;
};

static int by_name_build_value(const void *a, const void *b)
{
    const struct point *left = a, *right = b;
    int order = strcmp(left->name, right->name);
    if (order == 0)
        order = (left->build > right->build) - (left->build < right->build);
    return order ? order : (left->value > right->value) - (left->value < right->value);
}

static struct point *collect(const struct moth_history_order *order, const char *machine, size_t *n)
{
    size_t room = 1;
    for (size_t i = 0; i < order->n; i++)
        room += order->runs[i]->n_metrics;
    struct point *points = calloc(room, sizeof *points);
    *n = 0;
    for (size_t i = 0; points && i < order->n; i++) {
        const struct moth_history_run *run = order->runs[i];
        bool same = strcmp(run->machine, machine) == 0;
        for (size_t j = 0; run->complete && j < run->n_metrics; j++)
            points[(*n)++] = (struct point){run->metrics[j].name, order->build[i], same, run->metrics[j].value};
    }
    if (*n > 0)
        qsort(points, *n, sizeof *points, by_name_build_value);
    return points;
}

static double median(const struct point *points, size_t n)
{
    return n == 0 ? NAN : n % 2 ? points[n / 2].value : (points[n / 2 - 1].value + points[n / 2].value) / 2;
}

/* Leave out what was measured elsewhere, where that matters. */
static size_t keep_comparable(struct point *points, size_t n)
{
    struct moth_history_metric about = describe(n ? points[0].name : "");
    free(about.name);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (points[i].same_machine || !about.machine_bound)
            points[kept++] = points[i];
    return kept;
}

static bool fill_metrics(struct moth_history_view *view, struct point *points, size_t n)
{
    size_t names = 0;
    for (size_t i = 0; i < n; i++)
        names += i == 0 || strcmp(points[i].name, points[i - 1].name) != 0;
    view->metrics = calloc(names + 1, sizeof *view->metrics);
    view->values = calloc(names * view->n_builds + 1, sizeof *view->values);
    if (!view->metrics || !view->values)
        return false;
    for (size_t i = 0; i < names * view->n_builds; i++)
        view->values[i] = NAN;
    for (size_t i = 0, end; i < n; i = end) {
        if (i == 0 || strcmp(points[i].name, view->metrics[view->n_metrics - 1].name) != 0)
            view->metrics[view->n_metrics++] = describe(points[i].name);
        for (end = i + 1; end < n && points[end].build == points[i].build && strcmp(points[end].name, points[i].name) == 0;)
            end++;
        size_t at = points[i].build * names + view->n_metrics - 1;
        view->values[at] = median(points + i, keep_comparable(points + i, end - i));
    }
    return true;
}

/* ---- the view ---- */

static char *newest_machine(const struct moth_history_order *order)
{
    const struct moth_history_run *newest = NULL;
    for (size_t i = 0; i < order->n; i++) {
        const struct moth_history_run *run = order->runs[i];
        if (!newest || run->started_ms > newest->started_ms ||
            (run->started_ms == newest->started_ms && strcmp(run->token, newest->token) > 0))
            newest = run;
    }
    return moth_fs_path("%s", newest ? newest->machine : "");
}

static int fill(struct moth_history_view *view, struct moth_history_order *order, uint32_t fixed_after,
                struct moth_err *err)
{
    if (moth_history_walk(order, fixed_after, &view->findings, &view->n_findings, err) != 0)
        return -1;
    view->builds = order->builds;
    view->n_builds = order->n_builds;
    view->n_runs = order->n;
    order->builds = NULL;
    order->n_builds = 0;
    view->machine = newest_machine(order);
    size_t n;
    struct point *points = collect(order, view->machine, &n);
    bool good = points && fill_metrics(view, points, n);
    free(points);
    return good ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the metrics of the history");
}

struct moth_history_view *moth_history_view(struct moth_history *history, uint32_t fixed_after, struct moth_err *err)
{
    struct moth_history_view *view = calloc(1, sizeof *view);
    struct moth_history_run *runs = NULL;
    struct moth_history_order order = {0};
    size_t n = 0;
    int result = view ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a history");
    if (result == 0)
        result = moth_history_load(history, &runs, &n, err);
    if (result == 0)
        result = moth_history_put_in_order(runs, n, &order, err);
    if (result == 0)
        result = fill(view, &order, fixed_after, err);
    moth_history_order_fini(&order);
    moth_history_free_runs(runs, n);
    if (result == 0)
        return view;
    moth_history_view_free(view);
    return NULL;
}

void moth_history_view_free(struct moth_history_view *view)
{
    if (!view)
        return;
    for (size_t i = 0; i < view->n_builds; i++) {
        free(view->builds[i].name);
        free(view->builds[i].label);
        free(view->builds[i].build_id);
    }
    for (size_t i = 0; i < view->n_metrics; i++)
        free(view->metrics[i].name);
    moth_history_free_findings(view->findings, view->n_findings);
    free(view->builds);
    free(view->metrics);
    free(view->values);
    free(view->machine);
    free(view);
}

static int compare_fingerprint(const void *key, const void *member)
{
    return strcmp(key, ((const struct moth_history_finding *)member)->fingerprint);
}

size_t moth_history_find_build(const struct moth_history_view *view, const char *label, const char *build_id)
{
    size_t i = 0;
    while (i < view->n_builds && (strcmp(view->builds[i].label, label ? label : "") != 0 ||
                                  strcmp(view->builds[i].build_id, build_id ? build_id : "") != 0))
        i++;
    return i;
}

bool moth_history_had_gone(const struct moth_history_view *view, const struct moth_history_finding *finding,
                           const char *label, const char *build_id, int64_t when_ms)
{
    size_t at = moth_history_find_build(view, label, build_id), end = at + 1;
    if (at == view->n_builds)
        for (end = 0; end < view->n_builds && view->builds[end].when_ms <= when_ms;)
            end++;
    return finding->times_fixed > 0 && finding->known_fixed_build < end;
}

const struct moth_history_finding *moth_history_find(const struct moth_history_view *view, const char *fingerprint)
{
    if (!view || view->n_findings == 0)
        return NULL;
    return bsearch(fingerprint, view->findings, view->n_findings, sizeof *view->findings, compare_fingerprint);
}
