/* SPDX-License-Identifier: MIT
 *
 * A run's record as JSON, in which it travels with the run's folder.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "findings/finding_json.h"
#include "history/inside.h"

#define TEXT_BYTES_MAX 16384u
#define ROWS_MAX 1000000u
#define DATE_MS_MAX INT64_C(253402300800000) /* the year 10000 */

/* ---- making ---- */

static json_t *text_json(const char *text)
{
    return moth_json_text(text ? text : "");
}

static json_t *finding_json(const struct moth_history_sighting *finding)
{
    json_t *json = json_object();
    json_object_set_new(json, "fingerprint", text_json(finding->fingerprint));
    json_object_set_new(json, "kind", text_json(finding->kind));
    json_object_set_new(json, "title", text_json(finding->title));
    json_object_set_new(json, "status", text_json(finding->status));
    json_object_set_new(json, "reproduced", json_integer(finding->reproduced));
    json_object_set_new(json, "attempts", json_integer(finding->attempts));
    json_object_set_new(json, "times_seen", json_integer(finding->times_seen));
    json_object_set_new(json, "frame", json_integer(finding->frame));
    return json;
}

static json_t *lists_json(const struct moth_history_run *run, json_t *json)
{
    json_t *findings = json_array(), *replayed = json_array(), *metrics = json_object();
    for (size_t i = 0; i < run->n_findings; i++)
        json_array_append_new(findings, finding_json(&run->findings[i]));
    for (size_t i = 0; i < run->n_replayed; i++) {
        json_t *row = json_object();
        json_object_set_new(row, "fingerprint", text_json(run->replayed[i].fingerprint));
        json_object_set_new(row, "happened", json_boolean(run->replayed[i].happened));
        json_array_append_new(replayed, row);
    }
    for (size_t i = 0; i < run->n_metrics; i++)
        json_object_set_new(metrics, run->metrics[i].name, json_real(run->metrics[i].value));
    json_object_set_new(json, "findings", findings);
    json_object_set_new(json, "replayed", replayed);
    json_object_set_new(json, "metrics", metrics);
    return json;
}

json_t *moth_history_run_json(const struct moth_history_run *run)
{
    json_t *json = json_object();
    json_object_set_new(json, "token", text_json(run->token));
    json_object_set_new(json, "build_id", text_json(run->build_id));
    json_object_set_new(json, "label", text_json(run->label));
    json_object_set_new(json, "built_ms", json_integer(run->built_ms));
    json_object_set_new(json, "started_ms", json_integer(run->started_ms));
    json_object_set_new(json, "seed", json_integer((json_int_t)run->seed));
    json_object_set_new(json, "shard", json_integer(run->shard));
    json_object_set_new(json, "shards", json_integer(run->shards));
    json_object_set_new(json, "plan", text_json(run->plan));
    json_object_set_new(json, "machine", text_json(run->machine));
    json_object_set_new(json, "verdict", text_json(run->verdict));
    json_object_set_new(json, "version", text_json(run->version));
    json_object_set_new(json, "exit_code", json_integer(run->exit_code));
    json_object_set_new(json, "complete", json_boolean(run->complete));
    json_object_set_new(json, "frames", json_integer((json_int_t)run->frames));
    json_object_set_new(json, "wall_ms", json_integer((json_int_t)run->wall_ms));
    return lists_json(run, json);
}

/* ---- reading ---- */

struct reader {
    const char *path;
    struct moth_err *err;
    bool failed;
};

static void fail(struct reader *reader, const char *key, const char *should)
{
    if (!reader->failed)
        moth_err_set(reader->err, MOTH_ERR_USAGE, "%s is damaged: `%s` of a run's record should be %s", reader->path, key,
                     should);
    reader->failed = true;
}

static char *read_text(struct reader *reader, const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    if (!text || strlen(text) > TEXT_BYTES_MAX) {
        fail(reader, key, "a text");
        text = "";
    }
    char *copy = strdup(text);
    if (!copy)
        fail(reader, key, "shorter: memory is out");
    return copy;
}

static int64_t read_number(struct reader *reader, const json_t *json, const char *key, int64_t least, int64_t most)
{
    const json_t *member = json_object_get(json, key);
    json_int_t value = json_integer_value(member);
    if (json_is_integer(member) && value >= least && value <= most)
        return value;
    fail(reader, key, "a whole number within its limits");
    return 0;
}

static uint32_t read_u32(struct reader *reader, const json_t *json, const char *key)
{
    return (uint32_t)read_number(reader, json, key, 0, UINT32_MAX);
}

static bool read_bool(struct reader *reader, const json_t *json, const char *key)
{
    const json_t *member = json_object_get(json, key);
    if (!json_is_boolean(member))
        fail(reader, key, "true or false");
    return json_is_true(member);
}

/* An array of as many zeroed rows, at least one. */
static void *make_rows(struct reader *reader, const char *key, size_t n, size_t size_bytes)
{
    void *rows = n <= ROWS_MAX ? calloc(n + 1, size_bytes) : NULL;
    if (!rows)
        fail(reader, key, "shorter");
    return rows;
}

static void read_findings(struct reader *reader, const json_t *list, struct moth_history_run *run)
{
    if (!json_is_array(list))
        fail(reader, "findings", "a list");
    run->findings = make_rows(reader, "findings", json_array_size(list), sizeof *run->findings);
    for (size_t i = 0; run->findings && !reader->failed && i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        run->findings[run->n_findings++] =
            (struct moth_history_sighting){.fingerprint = read_text(reader, row, "fingerprint"),
                                           .kind = read_text(reader, row, "kind"),
                                           .title = read_text(reader, row, "title"),
                                           .status = read_text(reader, row, "status"),
                                           .reproduced = read_u32(reader, row, "reproduced"),
                                           .attempts = read_u32(reader, row, "attempts"),
                                           .times_seen = read_u32(reader, row, "times_seen"),
                                           .frame = read_u32(reader, row, "frame")};
    }
}

static void read_replayed(struct reader *reader, const json_t *list, struct moth_history_run *run)
{
    if (!json_is_array(list))
        fail(reader, "replayed", "a list");
    run->replayed = make_rows(reader, "replayed", json_array_size(list), sizeof *run->replayed);
    for (size_t i = 0; run->replayed && !reader->failed && i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        run->replayed[run->n_replayed++] =
            (struct moth_history_replayed){.fingerprint = read_text(reader, row, "fingerprint"),
                                           .happened = read_bool(reader, row, "happened")};
    }
}

static void read_metrics(struct reader *reader, const json_t *object, struct moth_history_run *run)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        fail(reader, "metrics", "an object");
    run->metrics = make_rows(reader, "metrics", json_object_size(object), sizeof *run->metrics);
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        char *copy = run->metrics && !reader->failed ? strdup(name) : NULL;
        if (!json_is_number(value) || !isfinite(json_number_value(value)) || strlen(name) > TEXT_BYTES_MAX)
            fail(reader, "metrics", "numbers");
        if (copy)
            run->metrics[run->n_metrics++] = (struct moth_history_value){copy, json_number_value(value)};
    }
}

int moth_history_run_from_json(const json_t *json, const char *path, struct moth_history_run *run, struct moth_err *err)
{
    struct reader reader = {.path = path, .err = err};
    *run = (struct moth_history_run){
        .token = read_text(&reader, json, "token"),
        .build_id = read_text(&reader, json, "build_id"),
        .label = read_text(&reader, json, "label"),
        .built_ms = read_number(&reader, json, "built_ms", 0, DATE_MS_MAX),
        .started_ms = read_number(&reader, json, "started_ms", 0, DATE_MS_MAX),
        .seed = (uint64_t)read_number(&reader, json, "seed", INT64_MIN, INT64_MAX),
        .shard = read_u32(&reader, json, "shard"),
        .shards = read_u32(&reader, json, "shards"),
        .plan = read_text(&reader, json, "plan"),
        .machine = read_text(&reader, json, "machine"),
        .verdict = read_text(&reader, json, "verdict"),
        .version = read_text(&reader, json, "version"),
        .exit_code = (int)read_number(&reader, json, "exit_code", 0, 255),
        .complete = read_bool(&reader, json, "complete"),
        .frames = (uint64_t)read_number(&reader, json, "frames", 0, INT64_MAX),
        .wall_ms = (uint64_t)read_number(&reader, json, "wall_ms", 0, INT64_MAX),
    };
    read_findings(&reader, json_object_get(json, "findings"), run);
    read_replayed(&reader, json_object_get(json, "replayed"), run);
    read_metrics(&reader, json_object_get(json, "metrics"), run);
    if (!reader.failed && !run->token[0])
        fail(&reader, "token", "what names the run");
    if (!reader.failed)
        return 0;
    moth_history_run_fini(run);
    return -1;
}

void moth_history_run_fini(struct moth_history_run *run)
{
    for (size_t i = 0; i < run->n_findings; i++) {
        free(run->findings[i].fingerprint);
        free(run->findings[i].kind);
        free(run->findings[i].title);
        free(run->findings[i].status);
    }
    for (size_t i = 0; i < run->n_replayed; i++)
        free(run->replayed[i].fingerprint);
    for (size_t i = 0; i < run->n_metrics; i++)
        free(run->metrics[i].name);
    free(run->findings);
    free(run->replayed);
    free(run->metrics);
    free(run->token);
    free(run->build_id);
    free(run->label);
    free(run->plan);
    free(run->machine);
    free(run->verdict);
    free(run->version);
    *run = (struct moth_history_run){0};
}

/* ---- the same or not ---- */

static uint64_t digest_of(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    uint64_t digest = text ? XXH3_64bits(text, strlen(text)) : 0;
    free(text);
    return digest;
}

int64_t moth_history_digest(const struct moth_history_run *run)
{
    json_t *json = moth_history_run_json(run), *row;
    uint64_t sum = 0;
    size_t i;
    json_array_foreach(json_object_get(json, "findings"), i, row) sum += digest_of(row);
    json_array_foreach(json_object_get(json, "replayed"), i, row) sum += digest_of(row) * 3;
    json_object_del(json, "findings");
    json_object_del(json, "replayed");
    sum += digest_of(json) * 5;
    json_decref(json);
    return (int64_t)sum;
}
