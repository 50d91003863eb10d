/* SPDX-License-Identifier: MIT
 *
 * Which runs are of one build, and which build came after which.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "history/inside.h"

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* ---- builds ---- */

static int compare_builds(const struct moth_history_run *a, const struct moth_history_run *b)
{
    int order = strcmp(a->label, b->label);
    return order ? order : strcmp(a->build_id, b->build_id);
}

static int by_build(const void *a, const void *b)
{
    const struct moth_history_run *left = *(const struct moth_history_run *const *)a;
    const struct moth_history_run *right = *(const struct moth_history_run *const *)b;
    int order = compare_builds(left, right);
    order = order ? order : compare_numbers(left->started_ms, right->started_ms);
    return order ? order : strcmp(left->token, right->token);
}

/* Runs of one build, next to each other, the first one first. */
struct group {
    size_t begin, end;
    int64_t when_ms; /* of its sources, else of its first run */
    const struct moth_history_run *first;
};

static int by_date(const void *a, const void *b)
{
    const struct group *left = a, *right = b;
    int order = compare_numbers(left->when_ms, right->when_ms);
    order = order ? order : compare_numbers(left->first->started_ms, right->first->started_ms);
    return order ? order : compare_builds(left->first, right->first);
}

static struct group *group_runs(const struct moth_history_run **runs, size_t n, size_t *n_groups)
{
    struct group *groups = calloc(n + 1, sizeof *groups);
    *n_groups = 0;
    for (size_t i = 0, end; groups && i < n; i = end) {
        struct group *group = &groups[(*n_groups)++];
        int64_t built_ms = 0;
        for (end = i; end < n && compare_builds(runs[i], runs[end]) == 0; end++)
            if (runs[end]->built_ms > 0 && (built_ms == 0 || runs[end]->built_ms < built_ms))
                built_ms = runs[end]->built_ms;
        *group = (struct group){i, end, built_ms ? built_ms : runs[i]->started_ms, runs[i]};
    }
    if (groups && *n_groups > 0)
        qsort(groups, *n_groups, sizeof *groups, by_date);
    return groups;
}

static struct moth_history_build make_build(const struct group *group)
{
    const struct moth_history_run *run = group->first;
    return (struct moth_history_build){
        .name = *run->label      ? moth_fs_path("%s", run->label)
                : *run->build_id ? moth_fs_path("%.12s", run->build_id)
                                 : moth_fs_path("run %.12s", run->token),
        .label = moth_fs_path("%s", run->label),
        .build_id = moth_fs_path("%s", run->build_id),
        .date_ms = run->started_ms,
        .when_ms = group->when_ms,
        .runs = (uint32_t)(group->end - group->begin),
    };
}

/* Two builds of one label are told apart. */
static void name_apart(struct moth_history_build *builds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool twice = false;
        for (size_t j = 0; j < n && !twice && *builds[i].label; j++)
            twice = j != i && strcmp(builds[i].label, builds[j].label) == 0;
        if (!twice || !*builds[i].build_id)
            continue;
        free(builds[i].name);
        builds[i].name = moth_fs_path("%s (%.12s)", builds[i].label, builds[i].build_id);
    }
}

/* ---- plans ---- */

static int compare_plans(const struct moth_history_run *a, const struct moth_history_run *b)
{
    int order = strcmp(a->plan, b->plan);
    order = order ? order : compare_numbers(a->shard, b->shard);
    return order ? order : compare_numbers(a->shards, b->shards);
}

struct planned {
    const struct moth_history_run *run;
    size_t at;
};

static int by_plan(const void *a, const void *b)
{
    return compare_plans(((const struct planned *)a)->run, ((const struct planned *)b)->run);
}

static bool number_plans(struct moth_history_order *order)
{
    struct planned *planned = calloc(order->n + 1, sizeof *planned);
    for (size_t i = 0; planned && i < order->n; i++)
        planned[i] = (struct planned){order->runs[i], i};
    if (planned && order->n > 0)
        qsort(planned, order->n, sizeof *planned, by_plan);
    order->n_plans = 1;
    for (size_t i = 0; planned && i < order->n; i++) {
        if (!*planned[i].run->plan)
            continue;
        if (i > 0 && *planned[i - 1].run->plan && compare_plans(planned[i - 1].run, planned[i].run) != 0)
            order->n_plans++;
        order->plan[planned[i].at] = (uint32_t)order->n_plans;
    }
    order->n_plans++;
    free(planned);
    return planned != NULL;
}

/* ---- all together ---- */

int moth_history_put_in_order(const struct moth_history_run *runs, size_t n, struct moth_history_order *order,
                              struct moth_err *err)
{
    const struct moth_history_run **sorted = calloc(n + 1, sizeof *sorted);
    *order = (struct moth_history_order){.n = n};
    order->runs = calloc(n + 1, sizeof *order->runs);
    order->build = calloc(n + 1, sizeof *order->build);
    order->plan = calloc(n + 1, sizeof *order->plan);
    order->needed = calloc(n + 1, sizeof *order->needed);
    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = &runs[i];
    if (sorted && n > 0)
        qsort(sorted, n, sizeof *sorted, by_build);
    size_t n_groups = 0, at = 0;
    struct group *groups = sorted ? group_runs(sorted, n, &n_groups) : NULL;
    order->builds = calloc(n_groups + 1, sizeof *order->builds);
    bool good = groups && order->runs && order->build && order->plan && order->needed && order->builds;
    for (size_t i = 0; good && i < n_groups; i++) {
        order->builds[order->n_builds++] = make_build(&groups[i]);
        for (size_t j = groups[i].begin; j < groups[i].end; j++, at++) {
            order->runs[at] = sorted[j];
            order->build[at] = (uint32_t)i;
        }
    }
    free(groups);
    free(sorted);
    good = good && number_plans(order);
    if (good)
        name_apart(order->builds, order->n_builds);
    return good ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu runs", n);
}

void moth_history_order_fini(struct moth_history_order *order)
{
    for (size_t i = 0; i < order->n_builds; i++) {
        free(order->builds[i].name);
        free(order->builds[i].label);
        free(order->builds[i].build_id);
    }
    free(order->builds);
    free(order->runs);
    free(order->build);
    free(order->plan);
    free(order->needed);
    *order = (struct moth_history_order){0};
}
