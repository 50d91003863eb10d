/* SPDX-License-Identifier: MIT */
#include "merge/part.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "findings/finding_json.h"
#include "fleet/explore.h"
#include "reports/record.h"

#define MERGE_SCHEMA "moth.merge/1"
#define HASH_DIGITS 16u
#define TOKEN_BYTES_MAX 64u
#define ROW_MEMBERS 8u /* of an instance: index, agent, seed, frames, wall_s, ended, fingerprint, fault */

json_t *moth_merge_read_json(const char *path, const char *schema, const char *what, struct moth_err *err)
{
    size_t size;
    struct moth_err why;
    char *text = moth_fs_read(path, MOTH_PART_BYTES_MAX, &size, &why);
    if (!text) {
        moth_err_set(err, MOTH_ERR_USAGE, "%s", why.message);
        return NULL;
    }
    json_error_t where;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    free(text);
    const char *found = json_string_value(json_object_get(json, "schema"));
    size_t family = strcspn(schema, "/") + 1;
    if (found && strcmp(found, schema) == 0)
        return json;
    if (!json)
        moth_err_set(err, MOTH_ERR_USAGE, "%s is damaged: line %d: %s", path, where.line, where.text);
    else if (found && strncmp(found, schema, family) == 0)
        moth_err_set(err, MOTH_ERR_USAGE,
                     "%s was written by another version of moth: its schema is %.40s, and this one "
                     "reads %s",
                     path, found, schema);
    else
        moth_err_set(err, MOTH_ERR_USAGE, "%s is no %s of moth", path, what);
    json_decref(json);
    return NULL;
}

/* ---- making ---- */

static json_t *sightings(const json_t *findings)
{
    json_t *rows = json_array();
    size_t i;
    const json_t *finding;
    json_array_foreach(findings, i, finding)
    {
        json_t *row = json_object();
        json_object_set(row, "fingerprint", json_object_get(finding, "fingerprint"));
        json_object_set(row, "times_seen", json_object_get(finding, "times_seen"));
        json_array_append_new(rows, row);
    }
    return rows;
}

json_t *moth_part_json(const json_t *run_json)
{
    json_t *part = json_copy((json_t *)(uintptr_t)run_json);
    json_object_del(part, "schema");
    json_object_set(part, "clock", json_object_get(json_object_get(run_json, "frame_time_ms"), "clock"));
    json_object_del(part, "frame_time_ms");
    json_object_del(part, "spikes");
    json_object_del(part, "frames_per_s");
    json_object_set_new(part, "findings", sightings(json_object_get(run_json, "findings")));
    return part;
}

static json_t *instance_row(const struct moth_instance_record *record)
{
    json_t *row = json_array();
    json_array_append_new(row, json_integer(record->index));
    json_array_append_new(row, moth_json_text(record->agent));
    json_array_append_new(row, json_integer((json_int_t)record->seed));
    json_array_append_new(row, json_integer(record->frames));
    json_array_append_new(row, json_real(record->wall_s));
    json_array_append_new(row, moth_json_text(record->ended));
    json_array_append_new(row, moth_json_text(record->fingerprint));
    json_array_append_new(row, moth_json_text(record->fault));
    if (record->scenario) {
        json_array_append_new(row, moth_json_text(record->scenario));
        json_array_append_new(row, moth_json_text(record->scenario_case));
    }
    return row;
}

/* Which cells of the fixed grid it came to, so that those of several parts can be told apart. */
static json_t *cells_json(const char *out)
{
    char *path = moth_fleet_archive_path(out), *text = NULL;
    uint64_t *cells = NULL;
    size_t n = 0;
    if (moth_explore_reference(path, &cells, &n, NULL) == 0 && n <= MOTH_PART_CELLS_MAX)
        text = malloc(n * HASH_DIGITS + 1);
    for (size_t i = 0; text && i < n; i++)
        snprintf(text + i * HASH_DIGITS, HASH_DIGITS + 1, "%016" PRIx64, cells[i]);
    json_t *json = text && n > 0 ? json_string(text) : json_null();
    free(text);
    free(cells);
    free(path);
    return json;
}

static json_t *counts_json(const struct moth_frame_counts *counts)
{
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_frame_counts_put(&buf, counts);
    char *text = malloc(buf.size_bytes * 2 + 1);
    for (size_t i = 0; text && i < buf.size_bytes; i++)
        snprintf(text + i * 2, 3, "%02x", buf.bytes[i]);
    json_t *json = text && !buf.failed ? json_string(text) : json_null();
    free(text);
    moth_buf_fini(&buf);
    return json;
}

void moth_part_add(json_t *part, const struct moth_run_summary *summary, const char *out)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < summary->n_records; i++)
        json_array_append_new(rows, instance_row(&summary->records[i]));
    json_object_set_new(part, "played", rows);
    json_object_set_new(part, "frame_counts",
                        summary->frame_counts ? counts_json(summary->frame_counts) : json_null());
    json_object_set_new(part, "record", moth_report_record_json(summary));
    if (summary->survey)
        json_object_set(part, "survey", (json_t *)(uintptr_t)summary->survey);
    json_object_set_new(part, "reference", summary->coverage.known ? cells_json(out) : json_null());
}

/* ---- checking ---- */

struct check {
    const json_t *json;
    const char *path;
    struct moth_err *err;
    bool failed;
};

static void fail(struct check *check, const char *key, const char *should)
{
    if (!check->failed)
        moth_err_set(check->err, MOTH_ERR_USAGE, "%s is damaged: `%s` should be %s", check->path, key,
                     should);
    check->failed = true;
}

static uint64_t integer(struct check *check, const char *key, uint64_t most)
{
    const json_t *json = json_object_get(check->json, key);
    json_int_t value = json_integer_value(json);
    if (!json_is_integer(json) || value < 0 || (uint64_t)value > most) {
        fail(check, key, "a whole number, not below 0");
        return 0;
    }
    return (uint64_t)value;
}

static double real(struct check *check, const char *key)
{
    const json_t *json = json_object_get(check->json, key);
    double value = json_number_value(json);
    if (!json_is_number(json) || !isfinite(value) || value < 0 || value > 1e15) {
        fail(check, key, "a number, not below 0");
        return 0;
    }
    return value;
}

/* A short text; null and a missing one are "". */
static const char *text(struct check *check, const json_t *json, const char *key, size_t most)
{
    const json_t *member = json_object_get(json, key);
    const char *value = json_string_value(member);
    if (!member || json_is_null(member))
        return "";
    if (!value || strlen(value) > most) {
        fail(check, key, "a short text");
        return "";
    }
    return value;
}

/* Names of runs are compared and shown, so they are plain. */
static const char *token(struct check *check, const char *key)
{
    const char *value = text(check, check->json, key, TOKEN_BYTES_MAX);
    for (const char *at = value; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr(".-+~", *at))
            fail(check, key, "a plain name");
    return check->failed ? "" : value;
}

static void texts(struct check *check, const json_t *json, const char *key)
{
    const json_t *list = json_object_get(json, key);
    bool good = json_is_array(list);
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item) good = good && json_is_string(item);
    if (!good)
        fail(check, key, "a list of texts");
}

static void check_shard(struct check *check, struct moth_part *part)
{
    const char *shard = text(check, check->json, "shard", 24);
    unsigned index = 0, of = 0;
    int end = 0;
    bool plain = sscanf(shard, "%6u/%6u%n", &index, &of, &end) == 2 && !shard[end];
    if (!plain || index < 1 || index > of || of > MOTH_PARTS_MAX)
        fail(check, "shard", "I/N");
    part->shard = index;
    part->of = of;
}

static void check_verdict(struct check *check, struct moth_part *part)
{
    const char *verdict = text(check, check->json, "verdict", 24);
    part->verdict = 0;
    while (part->verdict < MOTH_VERDICT_END && strcmp(verdict, moth_verdict_name(part->verdict)) != 0)
        part->verdict++;
    if (part->verdict == MOTH_VERDICT_END)
        fail(check, "verdict", "pass, new-findings, flaky, error or nothing-ran");
    part->exit_code = (int)integer(check, "exit_code", 255);
    const json_t *complete = json_object_get(check->json, "complete");
    if (complete && !json_is_boolean(complete))
        fail(check, "complete", "true or false");
    part->complete = !json_is_false(complete) && part->exit_code != 130;
    const char *stopped_by = text(check, check->json, "stopped_by", 24);
    if (*stopped_by && strcmp(stopped_by, MOTH_STOPPED_BY_MAX_FINDINGS) != 0)
        fail(check, "stopped_by", "\"" MOTH_STOPPED_BY_MAX_FINDINGS "\" or null");
    part->stopped_by = *stopped_by ? MOTH_STOPPED_BY_MAX_FINDINGS : NULL;
}

static void check_findings(struct check *check)
{
    const json_t *findings = json_object_get(check->json, "findings"), *finding;
    bool good = json_is_array(findings);
    size_t i;
    json_array_foreach(findings, i, finding)
    {
        const json_t *seen = json_object_get(finding, "times_seen");
        json_int_t times = json_integer_value(seen);
        good = good &&
               moth_finding_is_fingerprint(json_string_value(json_object_get(finding, "fingerprint"))) &&
               json_is_integer(seen) && times >= 0 && times <= UINT32_MAX;
    }
    if (!good)
        fail(check, "findings", "a list of fingerprints with times_seen");
}

/* Two more: the scenario's name, and its case or null. */
static bool is_scenarios(const json_t *row)
{
    const json_t *of = json_array_get(row, ROW_MEMBERS + 1);
    return json_array_size(row) == ROW_MEMBERS + 2 && json_is_string(json_array_get(row, ROW_MEMBERS)) &&
           (json_is_string(of) || json_is_null(of));
}

static bool is_row(const json_t *row)
{
    static const json_type types[ROW_MEMBERS] = {JSON_INTEGER, JSON_STRING, JSON_INTEGER, JSON_INTEGER,
                                                 JSON_REAL,    JSON_STRING, JSON_STRING,  JSON_STRING};
    if (json_array_size(row) != ROW_MEMBERS && !is_scenarios(row))
        return false;
    for (size_t i = 0; i < ROW_MEMBERS; i++) {
        const json_t *member = json_array_get(row, i);
        bool may_lack = i >= 6 && json_is_null(member), number = i == 4 && json_is_number(member);
        if (json_typeof(member) != types[i] && !may_lack && !number)
            return false;
        if (json_is_integer(member) && json_integer_value(member) < 0)
            return false;
    }
    const char *fingerprint = json_string_value(json_array_get(row, 6));
    return json_integer_value(json_array_get(row, 0)) <= UINT32_MAX &&
           json_integer_value(json_array_get(row, 3)) <= UINT32_MAX &&
           (!fingerprint || moth_finding_is_fingerprint(fingerprint));
}

static void check_played(struct check *check)
{
    const json_t *played = json_object_get(check->json, "played"), *row;
    size_t i;
    bool good = !played || json_is_array(played);
    json_array_foreach(played, i, row) good = good && is_row(row);
    if (!good)
        fail(check, "played", "a list of instances");
}

static void check_replayed(struct check *check)
{
    const json_t *rows = json_object_get(check->json, "replayed"), *row;
    size_t i;
    bool good = !rows || json_is_array(rows);
    json_array_foreach(rows, i, row)
    {
        const char *fingerprint = json_string_value(json_object_get(row, "fingerprint"));
        good = good && json_is_string(json_object_get(row, "trace")) &&
               (!fingerprint || moth_finding_is_fingerprint(fingerprint));
    }
    if (!good)
        fail(check, "replayed", "a list of traces");
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Another version of moth may count otherwise: then the counts are not there. */
static void check_counts(struct check *check, struct moth_part *part)
{
    const json_t *json = json_object_get(check->json, "frame_counts");
    if (!json || json_is_null(json))
        return;
    const char *hex = json_string_value(json);
    struct moth_buf buf;
    moth_buf_init(&buf);
    for (; hex && digit(hex[0]) >= 0 && digit(hex[1]) >= 0; hex += 2)
        moth_buf_put_u8(&buf, (uint8_t)(digit(hex[0]) << 4 | digit(hex[1])));
    part->counts = calloc(1, sizeof *part->counts);
    if (part->counts && hex && !*hex && buf.size_bytes > 0 && !buf.failed) {
        struct moth_cursor cursor = moth_cursor_on(buf.bytes, buf.size_bytes);
        moth_frame_counts_get(&cursor, part->counts);
        part->has_counts = !cursor.failed && moth_cursor_left(&cursor) == 0;
    }
    moth_buf_fini(&buf);
}

static void check_cells(struct check *check, struct moth_part *part)
{
    const char *hex = json_string_value(json_object_get(check->json, "reference"));
    size_t n = hex ? strlen(hex) / HASH_DIGITS : 0;
    if (n == 0 || n > MOTH_PART_CELLS_MAX || strlen(hex) != n * HASH_DIGITS)
        return;
    part->cells = calloc(n, sizeof *part->cells);
    for (size_t i = 0; part->cells && i < n * HASH_DIGITS; i++) {
        if (digit(hex[i]) < 0)
            fail(check, "reference", "the hashes of cells");
        part->cells[i / HASH_DIGITS] = part->cells[i / HASH_DIGITS] << 4 | (uint64_t)(digit(hex[i]) & 15);
    }
    part->n_cells = part->cells ? n : 0;
}

static void check_coverage(struct check *check, struct moth_part *part)
{
    const json_t *json = json_object_get(check->json, "coverage");
    struct moth_coverage *to = &part->coverage;
    struct check inner = *check;
    inner.json = json;
    if (!json || !json_is_integer(json_object_get(json, "cells")))
        return;
    *to = (struct moth_coverage){.known = true,
                                 .cells = integer(&inner, "cells", INT64_MAX),
                                 .reference = integer(&inner, "reference_cells", INT64_MAX),
                                 .rollouts = integer(&inner, "rollouts", INT64_MAX),
                                 .restores = integer(&inner, "restores", INT64_MAX),
                                 .rebuilds = integer(&inner, "rebuilds", INT64_MAX),
                                 .frames_rebuilt = integer(&inner, "frames_rebuilt", INT64_MAX),
                                 .deepest_frame = (uint32_t)integer(&inner, "deepest_frame", UINT32_MAX)};
    check->failed = inner.failed;
}

int moth_part_check(json_t *json, const char *path, struct moth_part *part, struct moth_err *err)
{
    struct check check = {.json = json, .path = path, .err = err};
    *part = (struct moth_part){.json = json};
    check_shard(&check, part);
    check_verdict(&check, part);
    check_findings(&check);
    check_played(&check);
    check_replayed(&check);
    check_counts(&check, part);
    check_coverage(&check, part);
    check_cells(&check, part);
    if (!moth_properties_from_json(json_object_get(json, "properties"), &part->properties))
        fail(&check, "properties", "a list of properties");
    texts(&check, json, "warnings");
    if (json_object_get(json, "agent_faults"))
        texts(&check, json, "agent_faults");
    const json_t *game = json_object_get(json, "game");
    texts(&check, game, "argv");
    part->build_id = text(&check, game, "build_id", 256);
    part->wall_clock = strcmp(text(&check, json, "clock", 16), "wall") == 0;
    part->run = token(&check, "run");
    part->plan = token(&check, "plan");
    part->version = token(&check, "moth");
    if (!json_is_integer(json_object_get(json, "seed")))
        fail(&check, "seed", "a whole number");
    part->seed =
        (uint64_t)json_integer_value(json_object_get(json, "seed")); /* one over 2^63 is written below 0 */
    part->instances = integer(&check, "instances", UINT32_MAX);
    part->workers = integer(&check, "workers", UINT32_MAX);
    part->frames = integer(&check, "frames_total", INT64_MAX >> 20);
    part->virtual_s = real(&check, "virtual_s");
    part->wall_s = real(&check, "wall_s");
    if (check.failed)
        moth_part_fini(part);
    return check.failed ? -1 : 0;
}

void moth_part_fini(struct moth_part *part)
{
    json_decref(part->json);
    free(part->counts);
    free(part->cells);
    moth_properties_fini(&part->properties);
    *part = (struct moth_part){0};
}

/* ---- several ---- */

int moth_parts_add(struct moth_parts *parts, struct moth_part *part, struct moth_err *err)
{
    struct moth_part *grown =
        parts->n < MOTH_PARTS_MAX ? realloc(parts->at, (parts->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        moth_part_fini(part);
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for so many runs");
    }
    parts->at = grown;
    grown[parts->n++] = *part;
    return 0;
}

void moth_parts_fini(struct moth_parts *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        moth_part_fini(&parts->at[i]);
    free(parts->at);
    *parts = (struct moth_parts){0};
}

char *moth_parts_text(const struct moth_parts *parts)
{
    json_t *json = json_object(), *list = json_array();
    json_object_set_new(json, "schema", json_string(MERGE_SCHEMA));
    for (size_t i = 0; i < parts->n; i++)
        json_array_append(list, parts->at[i].json);
    json_object_set_new(json, "parts", list);
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    return text;
}

int moth_parts_read(const json_t *json, const char *path, struct moth_parts *parts, struct moth_err *err)
{
    const json_t *list = json_object_get(json, "parts");
    size_t n = json_array_size(list);
    if (n == 0 || n > MOTH_PARTS_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "%s is damaged: it holds no runs", path);
    for (size_t i = 0; i < n; i++) {
        struct moth_part part;
        if (moth_part_check(json_incref(json_array_get(list, i)), path, &part, err) != 0 ||
            moth_parts_add(parts, &part, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- comparing ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int moth_part_compare(const struct moth_part *a, const struct moth_part *b)
{
    int order = compare_numbers(a->seed, b->seed);
    order = order ? order : compare_numbers(a->of, b->of);
    order = order ? order : strcmp(a->plan, b->plan);
    order = order ? order : compare_numbers(a->shard, b->shard);
    return order ? order : strcmp(a->run, b->run);
}

char *moth_part_name(const struct moth_part *part)
{
    if (part->of > 1)
        return moth_fs_path("shard %u/%u", part->shard, part->of);
    return moth_fs_path("the run with seed %" PRIu64, part->seed);
}
