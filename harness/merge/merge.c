/* SPDX-License-Identifier: MIT */
#include "merge/merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "merge/inside.h"
#include "reports/run_json.h"
#include "survey/survey.h"

void moth_texts_add(struct moth_texts *texts, char *text)
{
    for (size_t i = 0; i < texts->n; i++) {
        if (strcmp(texts->at[i], text) == 0) {
            free(text);
            return;
        }
    }
    char **grown = realloc(texts->at, (texts->n + 1) * sizeof *grown);
    if (!grown)
        abort(); /* a sentence */
    texts->at = grown;
    grown[texts->n++] = text;
}

void moth_texts_fini(struct moth_texts *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        free(texts->at[i]);
    free(texts->at);
}

/* ---- each run once ---- */

static int by_what_it_is(const void *a, const void *b)
{
    return moth_part_compare(a, b);
}

/* Of two records of one run the later one, of two equal plays the first: whichever, the same is kept. */
static bool is_fuller(const struct moth_part *a, const struct moth_part *b)
{
    if (a->complete != b->complete)
        return a->complete;
    if (a->frames != b->frames)
        return a->frames > b->frames;
    return a->instances > b->instances;
}

static bool same_member(const struct moth_part *a, const struct moth_part *b, const char *key)
{
    return json_equal(json_object_get(a->json, key), json_object_get(b->json, key));
}

/* The same was played and the same came out: a job that its engine started twice. */
static bool same_outcome(const struct moth_part *a, const struct moth_part *b)
{
    static const char *const keys[] = {"plan",         "game",      "seed",     "shard",  "instances",
                                       "frames_total", "virtual_s", "findings", "verdict"};
    if (!*a->plan || !*b->plan) /* who does not say what it was to play is like nobody but itself */
        return json_equal(a->json, b->json);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!same_member(a, b, keys[i]))
            return false;
    return true;
}

static bool same_shard(const struct moth_part *a, const struct moth_part *b)
{
    return a->of > 1 && a->of == b->of && a->shard == b->shard && a->seed == b->seed &&
           strcmp(a->plan, b->plan) == 0;
}

static int refuse_twice(const struct moth_part *a, const struct moth_part *b, struct moth_err *err)
{
    return moth_err_set(
        err, MOTH_ERR_USAGE,
        "shard %u/%u is there twice, and the two are not the same: %s and %s (--force counts both)", a->shard,
        a->of, a->folder, b->folder);
}

/* Sort the parts, and drop what is there twice. */
static int sort_out(struct moth_merge *merge, struct moth_err *err)
{
    struct moth_parts *parts = &merge->parts;
    if (parts->n > 0)
        qsort(parts->at, parts->n, sizeof *parts->at, by_what_it_is);
    size_t kept = 0;
    for (size_t i = 0; i < parts->n; i++) {
        struct moth_part *part = &parts->at[i], *last = kept > 0 ? &parts->at[kept - 1] : NULL;
        bool same_run = last && *part->run && strcmp(last->run, part->run) == 0;
        bool equal = last && same_outcome(last, part);
        if (same_run || equal) {
            struct moth_part *less = same_run && is_fuller(part, last) ? last : part;
            struct moth_part more = less == part ? *last : *part;
            moth_part_fini(less);
            *last = more;
            continue;
        }
        if (last && same_shard(last, part)) {
            if (!merge->config.force) {
                int result = refuse_twice(last, part, err);
                memmove(&parts->at[kept], part, (parts->n - i) * sizeof *part);
                parts->n -= i - kept;
                return result;
            }
            moth_texts_add(&merge->warnings, moth_fs_path("shard %u/%u was played twice, and both count",
                                                          part->shard, part->of));
        }
        parts->at[kept++] = *part;
    }
    parts->n = kept;
    return 0;
}

static int take_parts(struct moth_merge *merge, struct moth_err *err)
{
    for (size_t i = 0; i < merge->n_sources; i++) {
        struct moth_parts *from = &merge->sources[i].parts;
        for (size_t j = 0; j < from->n; j++) {
            struct moth_part part = from->at[j];
            from->at[j] = (struct moth_part){0};
            if (moth_parts_add(&merge->parts, &part, err) != 0)
                return -1;
        }
        from->n = 0;
    }
    return sort_out(merge, err);
}

/* ---- what belongs together ---- */

static const json_t *argv_of(const struct moth_part *part)
{
    return json_object_get(json_object_get(part->json, "game"), "argv");
}

static const char *word(const json_t *argv, size_t i)
{
    const char *text = json_string_value(json_array_get(argv, i));
    const char *slash = i == 0 && text ? strrchr(text, '/') : NULL;
    return slash ? slash + 1 : text ? text : "";
}

/* Machines keep the program in different folders; its build id says whether it is the same. */
static bool same_command(const struct moth_part *a, const struct moth_part *b)
{
    size_t n = json_array_size(argv_of(a));
    bool same = n == json_array_size(argv_of(b));
    for (size_t i = 0; same && i < n; i++)
        same = strcmp(word(argv_of(a), i), word(argv_of(b), i)) == 0;
    return same;
}

static bool differ(const char *a, const char *b)
{
    return *a && *b && strcmp(a, b) != 0;
}

/* What makes two parts no runs of one thing, or NULL. */
static char *difference(const struct moth_part *a, const struct moth_part *b)
{
    if (differ(a->version, b->version))
        return moth_fs_path("they were played by different versions of moth (%s is of %s, %s of %s)",
                            a->folder, a->version, b->folder, b->version);
    if (differ(a->build_id, b->build_id))
        return moth_fs_path("they are of different builds of the game (%s is of build %.12s, %s of %.12s)",
                            a->folder, a->build_id, b->folder, b->build_id);
    if (!same_command(a, b))
        return moth_fs_path(
            "they are of different games or arguments (%s is of %s, %s of %s, with arguments)", a->folder,
            word(argv_of(a), 0), b->folder, word(argv_of(b), 0));
    return NULL;
}

/* A part that reached no frame may not know its build: then it is no measure for the others. */
static const struct moth_part *measure(const struct moth_parts *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        if (*parts->at[i].version && *parts->at[i].build_id)
            return &parts->at[i];
    return &parts->at[0];
}

static int check_mixed(struct moth_merge *merge, struct moth_err *err)
{
    const struct moth_part *first = measure(&merge->parts);
    char *why = NULL;
    for (size_t i = 0; !why && i < merge->parts.n; i++)
        why = difference(first, &merge->parts.at[i]);
    if (!why)
        return 0;
    if (merge->config.force)
        moth_texts_add(&merge->warnings,
                       moth_fs_path("runs of different builds, games or versions of moth were merged; "
                                    "what they say of each other means little"));
    else
        moth_err_set(err, MOTH_ERR_USAGE,
                     "these runs do not belong together: %s; --force merges them all the same", why);
    free(why);
    return merge->config.force ? 0 : -1;
}

/* ---- adding up ---- */

static void add_texts(struct moth_texts *texts, const json_t *list)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item) moth_texts_add(texts, moth_fs_path("%s", json_string_value(item)));
}

static void add_records(struct moth_merge *merge, const json_t *rows)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) merge->records[merge->n_records++] = (struct moth_instance_record){
        .index = (uint32_t)json_integer_value(json_array_get(row, 0)),
        .agent = json_string_value(json_array_get(row, 1)),
        .seed = (uint64_t)json_integer_value(json_array_get(row, 2)),
        .frames = (uint32_t)json_integer_value(json_array_get(row, 3)),
        .wall_s = json_number_value(json_array_get(row, 4)),
        .ended = json_string_value(json_array_get(row, 5)),
        .fingerprint = json_string_value(json_array_get(row, 6)),
        .fault = json_string_value(json_array_get(row, 7)),
        .scenario = json_string_value(json_array_get(row, 8)),
        .scenario_case = json_string_value(json_array_get(row, 9)),
    };
}

/* Each part's, one after the other: a trace is played by one of them. */
static void add_replayed(struct moth_merge *merge, const json_t *rows)
{
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row)
    {
        const json_t *happened = json_object_get(row, "happened");
        merge->replayed[merge->n_replayed++] =
            (struct moth_replayed_trace){.path = json_string_value(json_object_get(row, "trace")),
                                         .fingerprint = json_string_value(json_object_get(row, "fingerprint")),
                                         .tried = json_is_boolean(happened),
                                         .happened = json_is_true(happened)};
    }
}

static int by_seed_and_index(const void *a, const void *b)
{
    const struct moth_instance_record *left = a, *right = b;
    if (left->index != right->index)
        return left->index < right->index ? -1 : 1;
    return (left->seed > right->seed) - (left->seed < right->seed);
}

/* What shards know may be the same places, so the most that one of them knows is what is sure; of the fixed
 * grid more is known, see unite_cells. */
static void add_coverage(struct moth_coverage *sum, const struct moth_coverage *part)
{
    if (!part->known)
        return;
    sum->known = true;
    sum->cells = part->cells > sum->cells ? part->cells : sum->cells;
    sum->reference = part->reference > sum->reference ? part->reference : sum->reference;
    sum->deepest_frame = part->deepest_frame > sum->deepest_frame ? part->deepest_frame : sum->deepest_frame;
    sum->rollouts += part->rollouts;
    sum->restores += part->restores;
    sum->rebuilds += part->rebuilds;
    sum->frames_rebuilt += part->frames_rebuilt;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Cells of the fixed grid that any part came to, each once. */
static void unite_cells(struct moth_merge *merge)
{
    size_t n = 0, different = 0;
    for (size_t i = 0; i < merge->parts.n; i++)
        n += merge->parts.at[i].n_cells;
    uint64_t *all = calloc(n + 1, sizeof *all);
    n = 0;
    for (size_t i = 0; all && i < merge->parts.n; i++) {
        const struct moth_part *part = &merge->parts.at[i];
        if (part->n_cells > 0)
            memcpy(all + n, part->cells, part->n_cells * sizeof *all);
        n += part->n_cells;
    }
    if (all && n > 0)
        qsort(all, n, sizeof *all, by_value);
    for (size_t i = 0; all && i < n; i++)
        different += i == 0 || all[i] != all[i - 1];
    if (different > merge->summary.coverage.reference)
        merge->summary.coverage.reference = different;
    free(all);
}

/* What they saw on their way. */
static void unite_surveys(struct moth_merge *merge)
{
    struct moth_survey *all = moth_survey_create();
    for (size_t i = 0; all && i < merge->parts.n; i++) {
        const json_t *json = json_object_get(merge->parts.at[i].json, "survey");
        struct moth_survey *part = json_is_object(json) ? moth_survey_from_json(json) : NULL;
        if (part)
            moth_survey_merge(all, part);
        moth_survey_free(part);
    }
    if (all && !moth_survey_is_empty(all))
        merge->survey = moth_survey_json(all);
    moth_survey_free(all);
}

static void add_part(struct moth_merge *merge, const struct moth_part *part)
{
    struct moth_run_summary *summary = &merge->summary;
    summary->workers += (uint32_t)part->workers;
    summary->instances += (uint32_t)part->instances;
    summary->frames_total += part->frames;
    summary->virtual_s += part->virtual_s;
    summary->wall_s += part->wall_s;
    if (part->has_counts)
        moth_frame_counts_merge(merge->counts, part->counts);
    moth_properties_merge(&merge->properties, &part->properties);
    add_coverage(&summary->coverage, &part->coverage);
    add_records(merge, json_object_get(part->json, "played"));
    add_replayed(merge, json_object_get(part->json, "replayed"));
}

static int make_room(struct moth_merge *merge, struct moth_err *err)
{
    size_t rows = 1, replayed = 1, words = json_array_size(argv_of(&merge->parts.at[0])) + 1;
    for (size_t i = 0; i < merge->parts.n; i++) {
        rows += json_array_size(json_object_get(merge->parts.at[i].json, "played"));
        replayed += json_array_size(json_object_get(merge->parts.at[i].json, "replayed"));
    }
    merge->replayed = calloc(replayed, sizeof *merge->replayed);
    merge->records = calloc(rows, sizeof *merge->records);
    merge->counts = calloc(1, sizeof *merge->counts);
    merge->argv = calloc(words, sizeof *merge->argv);
    if (!merge->records || !merge->replayed || !merge->counts || !merge->argv)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu instances", rows);
    return 0;
}

static int add_up(struct moth_merge *merge, struct moth_err *err)
{
    if (make_room(merge, err) != 0)
        return -1;
    if (merge->config.read)
        merge->config.read(merge->config.know_context, merge);
    const struct moth_parts *parts = &merge->parts;
    for (size_t i = 0; i < json_array_size(argv_of(&parts->at[0])); i++)
        merge->argv[i] = json_string_value(json_array_get(argv_of(&parts->at[0]), i));
    for (size_t i = 0; i < parts->n; i++)
        add_part(merge, &parts->at[i]);
    unite_cells(merge);
    unite_surveys(merge);
    merge->summary.survey = merge->survey;
    if (merge->n_records > 0)
        qsort(merge->records, merge->n_records, sizeof *merge->records, by_seed_and_index);
    moth_merge_agents(merge);
    if (moth_merge_pick(merge, err) != 0)
        return -1;
    moth_merge_judge(merge);
    for (size_t i = 0; i < parts->n; i++) {
        add_texts(&merge->warnings, json_object_get(parts->at[i].json, "warnings"));
        add_texts(&merge->agent_faults, json_object_get(parts->at[i].json, "agent_faults"));
    }
    return 0;
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

static void fill_summary(struct moth_merge *merge)
{
    const struct moth_part *first = &merge->parts.at[0];
    const char *build_id = "";
    for (size_t i = 0; !*build_id && i < merge->parts.n; i++)
        build_id = merge->parts.at[i].build_id;
    struct moth_run_summary *summary = &merge->summary;
    summary->argv = merge->argv;
    summary->build_id = or_null(build_id);
    summary->seed = first->seed;
    summary->shard = merge->shard;
    summary->findings = merge->findings;
    summary->n_findings = merge->n_findings;
    summary->finding_outs = merge->finding_outs;
    summary->fail_on_flaky = merge->config.fail_on_flaky;
    summary->records = merge->records;
    summary->n_records = merge->n_records;
    summary->replayed = merge->replayed;
    summary->n_replayed = merge->n_replayed;
    summary->build_label = json_string_value(json_object_get(json_object_get(first->json, "game"), "label"));
    summary->agents = merge->agents;
    summary->n_agents = merge->n_agents;
    summary->warnings = (const char *const *)merge->warnings.at;
    summary->n_warnings = merge->warnings.n;
    summary->properties = &merge->properties;
    summary->agent_faults = (const char *const *)merge->agent_faults.at;
    summary->n_agent_faults = merge->agent_faults.n;
    summary->frame_times = moth_frame_counts_summary(merge->counts);
    for (size_t i = 0; i < merge->parts.n; i++)
        summary->frame_times.wall = summary->frame_times.wall || merge->parts.at[i].wall_clock;
    summary->frame_counts = merge->counts;
    summary->version = or_null(first->version);
    summary->no_json = true;
    summary->out = merge->sources[0].folder;
}

struct moth_merge *moth_merge_folders(const char *const *folders, size_t n,
                                      const struct moth_merge_config *config,
                                      void (*warn)(const char *sentence), struct moth_err *err)
{
    struct moth_merge *merge = calloc(1, sizeof *merge);
    if (!merge) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a merge");
        return NULL;
    }
    merge->config = *config;
    int result = 0;
    for (size_t i = 0; result == 0 && i < n; i++)
        result = moth_merge_read(merge, folders[i], warn, err);
    if (result == 0 && merge->n_sources == 0)
        result = moth_err_set(err, MOTH_ERR_USAGE, "no runs to report on");
    if (result != 0 || take_parts(merge, err) != 0 || check_mixed(merge, err) != 0 ||
        add_up(merge, err) != 0) {
        moth_merge_free(merge);
        return NULL;
    }
    fill_summary(merge);
    return merge;
}

struct moth_run_summary *moth_merge_edit(struct moth_merge *merge)
{
    return &merge->summary;
}

size_t moth_merge_n_runs(const struct moth_merge *merge)
{
    return merge->parts.n;
}

const json_t *moth_merge_record(const struct moth_merge *merge, size_t i)
{
    const json_t *record = json_object_get(merge->parts.at[i].json, "record");
    return json_is_object(record) ? record : NULL;
}

const struct moth_run_summary *moth_merge_summary(const struct moth_merge *merge)
{
    return &merge->summary;
}

void moth_merge_free(struct moth_merge *merge)
{
    if (!merge)
        return;
    moth_parts_fini(&merge->parts);
    for (size_t i = 0; i < merge->n_sources; i++)
        moth_source_fini(&merge->sources[i]);
    free(merge->sources);
    free(merge->findings);
    free(merge->finding_outs);
    free(merge->records);
    free(merge->replayed);
    free(merge->agents);
    free(merge->counts);
    json_decref(merge->survey);
    moth_gate_fini(&merge->gate);
    free(merge->argv);
    moth_texts_fini(&merge->warnings);
    moth_properties_fini(&merge->properties);
    moth_texts_fini(&merge->agent_faults);
    free(merge);
}
