/* SPDX-License-Identifier: MIT */
#include "cli/shard.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Digits only, at most `most`. */
static bool number(const char *text, uint64_t most, uint64_t *value)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && !*end && *value <= most;
}

bool moth_shard_parse(const char *text, struct moth_shard *shard)
{
    const char *slash = strchr(text, '/');
    char index[16];
    uint64_t i, n;
    if (!slash || (size_t)(slash - text) >= sizeof index)
        return false;
    memcpy(index, text, (size_t)(slash - text));
    index[slash - text] = '\0';
    if (!number(index, MOTH_SHARDS_MAX, &i) || !number(slash + 1, MOTH_SHARDS_MAX, &n) || i < 1 || i > n)
        return false;
    *shard = (struct moth_shard){(uint32_t)i, (uint32_t)n};
    return true;
}

/* Engines that say it plainly: my number, counted from `first`, and how many we are. */
static const struct {
    const char *engine, *index, *count;
    uint32_t first;
} plain_engines[] = {
    {"a Kubernetes indexed job", "JOB_COMPLETION_INDEX", "MOTH_SHARDS", 0},
    {"MOTH_SHARD_INDEX of MOTH_SHARDS", "MOTH_SHARD_INDEX", "MOTH_SHARDS", 0},
    {"GitLab", "CI_NODE_INDEX", "CI_NODE_TOTAL", 1},
    {"CircleCI", "CIRCLE_NODE_INDEX", "CIRCLE_NODE_TOTAL", 0},
    {"Buildkite", "BUILDKITE_PARALLEL_JOB", "BUILDKITE_PARALLEL_JOB_COUNT", 0},
};

struct search {
    const char *(*variable)(const char *name);
    const char *engine; /* who said it; NULL: nobody yet */
    struct moth_shard shard;
    struct moth_err *err;
};

/* An engine that says "one of one" was not asked for several: it gives way to one that was. */
static int take(struct search *search, const char *engine, struct moth_shard shard)
{
    bool weak = shard.of == 1, had = search->engine && search->shard.of > 1;
    bool same = shard.index == search->shard.index && shard.of == search->shard.of;
    if (had && !weak && !same)
        return moth_err_set(search->err, MOTH_ERR_USAGE,
                            "--shard auto: %s says %u/%u and %s says %u/%u; say which with --shard I/N",
                            search->engine, search->shard.index, search->shard.of, engine, shard.index,
                            shard.of);
    if (!search->engine || (!had && !weak)) {
        search->engine = engine;
        search->shard = shard;
    }
    return 0;
}

static const char *value_of(const struct search *search, const char *name)
{
    const char *value = search->variable(name);
    return value && *value ? value : NULL;
}

static int ask_plain(struct search *search, size_t i)
{
    const char *index = value_of(search, plain_engines[i].index),
               *count = value_of(search, plain_engines[i].count);
    uint32_t first = plain_engines[i].first;
    uint64_t at, n;
    if (!index)
        return 0;
    if (!count)
        return moth_err_set(
            search->err, MOTH_ERR_USAGE,
            "--shard auto: %s is %s, but %s does not say of how many: put the number of shards into "
            "the environment as %s",
            plain_engines[i].index, index, plain_engines[i].count, plain_engines[i].count);
    if (!number(index, MOTH_SHARDS_MAX, &at) || !number(count, MOTH_SHARDS_MAX, &n) || at < first ||
        at - first >= n)
        return moth_err_set(
            search->err, MOTH_ERR_USAGE,
            "--shard auto: %s is %s and %s is %s, which is no part of a whole (%s counts from %u)",
            plain_engines[i].index, index, plain_engines[i].count, count, plain_engines[i].index, first);
    return take(search, plain_engines[i].engine,
                (struct moth_shard){(uint32_t)(at - first + 1), (uint32_t)n});
}

/* A Slurm array may begin anywhere and go in steps: --array=10-40:10 is four tasks. A list with gaps
 * (--array=1,2,7) is not told apart from a range by the variables, but for a count that does not fit. */
static int ask_slurm(struct search *search)
{
    static const char *const names[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX",
                                        "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_COUNT"};
    enum { ID, MIN, MAX, STEP, COUNT };
    const char *texts[5];
    uint64_t values[5];
    for (size_t i = 0; i < 5; i++)
        texts[i] = value_of(search, names[i]);
    if (!texts[ID])
        return 0;
    texts[STEP] = texts[STEP] ? texts[STEP] : "1";
    for (size_t i = 0; i < 5; i++) {
        if (i == COUNT && !texts[i])
            values[i] = values[STEP] ? (values[MAX] - values[MIN]) / values[STEP] + 1 : 0;
        else if (!texts[i] || !number(texts[i], UINT32_MAX, &values[i]))
            return moth_err_set(search->err, MOTH_ERR_USAGE, "--shard auto: %s is %s, but %s is %s",
                                names[ID], texts[ID], names[i], texts[i] ? texts[i] : "not set");
    }
    uint64_t step = values[STEP], at = values[ID] - values[MIN];
    bool range = step > 0 && values[MIN] <= values[ID] && values[ID] <= values[MAX] && at % step == 0 &&
                 (values[MAX] - values[MIN]) / step + 1 == values[COUNT] && values[COUNT] <= MOTH_SHARDS_MAX;
    if (!range)
        return moth_err_set(
            search->err, MOTH_ERR_USAGE,
            "--shard auto: task %s of the Slurm array is none of %s tasks from %s to %s in steps of %s; "
            "give the array as a range, such as --array=1-4, or say --shard I/N",
            texts[ID], texts[COUNT] ? texts[COUNT] : "the", texts[MIN], texts[MAX], texts[STEP]);
    return take(search, "Slurm", (struct moth_shard){(uint32_t)(at / step + 1), (uint32_t)values[COUNT]});
}

int moth_shard_auto(const char *(*variable)(const char *name), struct moth_shard *shard, struct moth_err *err)
{
    struct search search = {.variable = variable, .err = err};
    if (ask_slurm(&search) != 0)
        return -1;
    for (size_t i = 0; i < sizeof plain_engines / sizeof *plain_engines; i++)
        if (ask_plain(&search, i) != 0)
            return -1;
    /* GitLab tells a job without `parallel` that it is one, and not which. */
    const char *total = value_of(&search, "CI_NODE_TOTAL");
    if (!search.engine && total && strcmp(total, "1") == 0)
        take(&search, "GitLab", (struct moth_shard){1, 1});
    if (!search.engine)
        return moth_err_set(
            err, MOTH_ERR_USAGE,
            "--shard auto: nothing in the environment says which part this is: looked for "
            "SLURM_ARRAY_TASK_ID (Slurm), JOB_COMPLETION_INDEX with MOTH_SHARDS (Kubernetes), "
            "CI_NODE_INDEX (GitLab), MOTH_SHARD_INDEX with MOTH_SHARDS (GitHub and others), "
            "CIRCLE_NODE_INDEX, BUILDKITE_PARALLEL_JOB; or say --shard I/N");
    *shard = search.shard;
    return 0;
}
