/* SPDX-License-Identifier: MIT
 *
 * The baseline as a file. People edit it, so what is wrong with it is said with its line.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/str.h"
#include "baseline/baseline.h"
#include "baseline/gate.h"
#include "findings/finding_json.h"

#define BYTES_MAX ((size_t)64 << 20)
#define REAL_DIGITS 7u

struct reader {
    const char *text, *path;
    size_t size;
    struct moth_err *err;
};

/* ---- places ---- */

/* The line on which the value of a member of the outermost object begins ("findings"), or its `place`th item if it
 * is a list. The text is valid JSON. */
static int line_of(const struct reader *reader, const char *member, size_t place)
{
    int line = 1, depth = 0;
    bool inside = false, key = true;
    size_t items = 0, n = strlen(member);
    for (size_t i = 0; i < reader->size; i++) {
        char c = reader->text[i];
        if (c == '\n')
            line++;
        if (c == '"') {
            size_t begin = ++i;
            while (i < reader->size && reader->text[i] != '"')
                i += reader->text[i] == '\\' ? 2 : 1;
            bool found = depth == 1 && key && i - begin == n && memcmp(reader->text + begin, member, n) == 0;
            inside = found || (inside && !(depth == 1 && key));
            if (found && place == SIZE_MAX)
                return line;
        } else if (c == ':' || c == ',') {
            key = c == ',' ? true : key && depth != 1;
        } else if (c == '{' || c == '[') {
            if (inside && depth == 2 && items++ == place)
                return line;
            depth++;
            key = true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 1;
}

static int refuse(const struct reader *reader, const char *member, size_t place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int refuse(const struct reader *reader, const char *member, size_t place, const char *format, ...)
{
    char what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    int line = member ? line_of(reader, member, place) : 1;
    return moth_err_set(reader->err, MOTH_ERR_CONFIG, "%s:%d: %s", reader->path, line, what);
}

/* ---- findings ---- */

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

/* A date, or nothing at all: false for anything else. */
static bool get_date(const json_t *json, const char *key, char date[MOTH_DATE_BYTES])
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);
    if (text && moth_date_valid(text))
        memcpy(date, text, MOTH_DATE_BYTES);
    return !value || json_is_null(value) || (text && moth_date_valid(text));
}

static bool is_text_or_nothing(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);
    return !value || json_is_null(value) || json_is_string(value);
}

/* What is not known would be lost when the file is written again. `of`: whose key it is, for people. */
static int check_keys(const struct reader *reader, const char *member, size_t place, const json_t *json, const char *of,
                      const char *const *known, size_t n_known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < n_known; i++)
            is_known = is_known || strcmp(key, known[i]) == 0;
        if (is_known)
            continue;
        const char *near = moth_str_nearest(key, known, n_known);
        char *plain = moth_str_plain(key);
        refuse(reader, member ? member : key, place, "%s%s\"%.80s\" is no key of a baseline%s%s%s; take it out, or it would be "
                                                     "lost when the file is written again",
               of, *of ? ": " : "", plain, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
        free(plain);
        return -1;
    }
    return 0;
}

static int check_quarantine(const struct reader *reader, const struct moth_baseline_finding *entry, size_t place)
{
    if (entry->status != MOTH_FINDING_STATUS_QUARANTINED)
        return 0;
    const char *lacks = !entry->owner || !*entry->owner     ? "an owner"
                        : !entry->reason || !*entry->reason ? "a reason"
                        : !entry->expires[0]                ? "a date on which it expires (\"expires\": \"2027-01-31\")"
                                                            : NULL;
    return lacks ? refuse(reader, "findings", place, "the quarantine of %s needs %s", entry->fingerprint, lacks) : 0;
}

static int read_finding(const struct reader *reader, const json_t *json, size_t place,
                        struct moth_baseline_finding *entry)
{
    static const char *const texts[] = {"title", "first_seen", "owner", "reason"};
    /* `expired` follows from the date: `moth baseline show --json` says it, so that it may be here. */
    static const char *const keys[] = {"fingerprint", "kind",  "title",  "status",  "accepted",
                                       "first_seen",  "owner", "reason", "expires", "expired"};
    const char *fingerprint = text_of(json, "fingerprint"), *kind = text_of(json, "kind");
    const char *status = text_of(json, "status");
    *entry = (struct moth_baseline_finding){0};
    if (!json_is_object(json))
        return refuse(reader, "findings", place, "a finding must be an object");
    if (!fingerprint || !moth_finding_is_fingerprint(fingerprint))
        return refuse(reader, "findings", place, "a finding needs a fingerprint, such as \"2-crash-0123456789abcdef\"");
    int kind_value = kind ? moth_finding_kind_from_name(kind) : -1;
    if (kind_value < 0)
        return refuse(reader, "findings", place, "%s: there is no kind '%s'", fingerprint, kind ? kind : "");
    int status_value = status ? moth_finding_status_from_name(status) : -1;
    if (status_value != MOTH_FINDING_STATUS_KNOWN && status_value != MOTH_FINDING_STATUS_QUARANTINED &&
        status_value != MOTH_FINDING_STATUS_FIXED)
        return refuse(reader, "findings", place, "%s: status must be known, quarantined or fixed, not '%s'", fingerprint,
                      status ? status : "");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!is_text_or_nothing(json, texts[i]))
            return refuse(reader, "findings", place, "%s: %s must be text", fingerprint, texts[i]);
    }
    if (!get_date(json, "accepted", entry->accepted) || !get_date(json, "expires", entry->expires))
        return refuse(reader, "findings", place, "%s: a date is wanted, such as 2027-01-31", fingerprint);
    snprintf(entry->fingerprint, sizeof entry->fingerprint, "%s", fingerprint);
    entry->kind = (enum moth_finding_kind)kind_value;
    entry->status = (enum moth_finding_status)status_value;
    entry->title = (char *)(uintptr_t)text_of(json, "title");
    entry->first_seen = (char *)(uintptr_t)text_of(json, "first_seen");
    entry->owner = (char *)(uintptr_t)text_of(json, "owner");
    entry->reason = (char *)(uintptr_t)text_of(json, "reason");
    if (check_keys(reader, "findings", place, json, fingerprint, keys, sizeof keys / sizeof *keys) != 0)
        return -1;
    return check_quarantine(reader, entry, place);
}

static int read_findings(const struct reader *reader, const json_t *list, struct moth_baseline *baseline)
{
    if (!json_is_array(list))
        return refuse(reader, "findings", SIZE_MAX, "\"findings\" must be a list");
    size_t i;
    const json_t *json;
    json_array_foreach(list, i, json)
    {
        struct moth_baseline_finding entry;
        if (read_finding(reader, json, i, &entry) != 0)
            return -1;
        if (moth_baseline_find(baseline, entry.fingerprint))
            return refuse(reader, "findings", i, "%s is there twice", entry.fingerprint);
        if (moth_baseline_put(baseline, &entry, reader->err) != 0)
            return -1;
    }
    return 0;
}

/* ---- metrics ---- */

static int read_machine(const struct reader *reader, const char *name, const json_t *json, size_t place,
                        struct moth_baseline *baseline)
{
    const char *keys[MOTH_METRIC_END + 1] = {[MOTH_METRIC_END] = "accepted"};
    struct moth_baseline_metric metrics[MOTH_METRIC_END];
    struct moth_baseline_machine machine = {.name = (char *)(uintptr_t)name, .metrics = metrics};
    if (!json_is_object(json) || !get_date(json, "accepted", machine.accepted))
        return refuse(reader, "metrics", SIZE_MAX, "the metrics of '%s' must be an object, its date such as 2027-01-31",
                      name);
    for (int i = 0; i < MOTH_METRIC_END; i++) {
        const char *metric = keys[i] = moth_metric_name((enum moth_metric)i);
        const json_t *value = json_object_get(json, metric);
        if (!value || json_is_null(value))
            continue;
        if (!json_is_number(value) || json_number_value(value) < 0)
            return refuse(reader, "metrics", place, "'%s' of '%s' must be a number, not below 0", metric, name);
        struct moth_baseline_metric *each = &metrics[machine.n_metrics++];
        *each = (struct moth_baseline_metric){.value = json_number_value(value)};
        snprintf(each->name, sizeof each->name, "%s", metric);
    }
    if (check_keys(reader, "metrics", place, json, name, keys, sizeof keys / sizeof *keys) != 0)
        return -1;
    return moth_baseline_put_machine(baseline, &machine, reader->err);
}

static int read_machines(const struct reader *reader, const json_t *all, struct moth_baseline *baseline)
{
    if (all && !json_is_object(all))
        return refuse(reader, "metrics", SIZE_MAX, "\"metrics\" must be an object: a machine, and what was measured on it");
    const char *name;
    json_t *json;
    size_t place = 0; /* in the order of the file */
    json_object_foreach((json_t *)(uintptr_t)all, name, json)
    {
        if (read_machine(reader, name, json, place++, baseline) != 0)
            return -1;
    }
    return 0;
}

/* ---- the file ---- */

static int read_all(const struct reader *reader, const json_t *json, struct moth_baseline *baseline)
{
    static const char *const keys[] = {"schema", "findings", "metrics"};
    const char *schema = text_of(json, "schema");
    if (!schema || strcmp(schema, MOTH_BASELINE_SCHEMA) != 0)
        return refuse(reader, "schema", SIZE_MAX, "this is no baseline: \"schema\" must be \"%s\"", MOTH_BASELINE_SCHEMA);
    if (check_keys(reader, NULL, SIZE_MAX, json, "", keys, sizeof keys / sizeof *keys) != 0)
        return -1;
    if (read_findings(reader, json_object_get(json, "findings"), baseline) != 0)
        return -1;
    return read_machines(reader, json_object_get(json, "metrics"), baseline);
}

struct moth_baseline *moth_baseline_parse(const char *text, size_t size_bytes, const char *path, struct moth_err *err)
{
    struct reader reader = {text, path, size_bytes, err};
    json_error_t why;
    json_t *json = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &why);
    if (!json) {
        moth_err_set(err, MOTH_ERR_CONFIG, "%s:%d: %s", path, why.line > 0 ? why.line : 1, why.text);
        return NULL;
    }
    struct moth_baseline *baseline = moth_baseline_create();
    if (!baseline)
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the baseline");
    if (baseline && read_all(&reader, json, baseline) != 0) {
        moth_baseline_free(baseline);
        baseline = NULL;
    }
    json_decref(json);
    return baseline;
}

struct moth_baseline *moth_baseline_read(const char *path, struct moth_err *err)
{
    size_t size;
    struct moth_err why = {0};
    char *text = moth_fs_read(path, BYTES_MAX, &size, &why);
    if (!text) {
        if (err)
            *err = why;
        return NULL;
    }
    struct moth_baseline *baseline = moth_baseline_parse(text, size, path, err);
    free(text);
    return baseline;
}

static void put_text(json_t *json, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(json, key, moth_json_text(text));
}

static json_t *finding_json(const struct moth_baseline_finding *entry)
{
    json_t *json = json_object();
    put_text(json, "fingerprint", entry->fingerprint);
    put_text(json, "kind", moth_finding_kind_name(entry->kind));
    json_object_set_new(json, "title", moth_json_text(entry->title ? entry->title : ""));
    put_text(json, "status", moth_finding_status_name(entry->status));
    put_text(json, "accepted", entry->accepted);
    put_text(json, "first_seen", entry->first_seen);
    put_text(json, "owner", entry->owner);
    put_text(json, "reason", entry->reason);
    put_text(json, "expires", entry->expires);
    return json;
}

static json_t *machines_json(const struct moth_baseline *baseline)
{
    json_t *all = json_object();
    for (size_t i = 0; i < baseline->n_machines; i++) {
        const struct moth_baseline_machine *machine = &baseline->machines[i];
        json_t *json = json_object();
        put_text(json, "accepted", machine->accepted);
        for (size_t k = 0; k < machine->n_metrics; k++)
            json_object_set_new(json, machine->metrics[k].name, json_real(machine->metrics[k].value));
        json_object_set_new(all, machine->name, json);
    }
    return all;
}

char *moth_baseline_text(const struct moth_baseline *baseline)
{
    json_t *json = json_object(), *findings = json_array();
    json_object_set_new(json, "schema", json_string(MOTH_BASELINE_SCHEMA));
    for (size_t i = 0; i < baseline->n_findings; i++)
        json_array_append_new(findings, finding_json(&baseline->findings[i]));
    json_object_set_new(json, "findings", findings);
    if (baseline->n_machines > 0)
        json_object_set_new(json, "metrics", machines_json(baseline));
    char *dumped = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(REAL_DIGITS));
    json_decref(json);
    char *text = dumped ? moth_fs_path("%s\n", dumped) : NULL;
    free(dumped);
    return text;
}

int moth_baseline_write(const struct moth_baseline *baseline, const char *path, struct moth_err *err)
{
    char *text = moth_baseline_text(baseline);
    if (!text)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the baseline");
    int result = moth_fs_write_atomic(path, text, strlen(text), err);
    free(text);
    return result;
}
