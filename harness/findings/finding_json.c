/* SPDX-License-Identifier: MIT */
#include "findings/finding_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/utf8.h"

#define FINDING_SCHEMA "moth.finding/1"
#define FINDING_BYTES_MAX (16u << 20)
#define ATTEMPTS_MAX 100000u

json_t *moth_json_text(const char *text)
{
    char *clean = moth_utf8_clean(text);
    json_t *json = clean ? json_string(clean) : json_null();
    free(clean);
    return json;
}

static json_t *stack_json(const struct moth_finding *finding)
{
    json_t *stack = json_array();
    for (size_t i = 0; i < finding->n_stack; i++)
        json_array_append_new(stack, moth_json_text(finding->stack[i]));
    return stack;
}

static json_t *spike_json(const struct moth_spike_facts *spike)
{
    json_t *threads = json_array();
    for (uint32_t i = 0; i < spike->n_threads && i < MOTH_SPIKE_THREADS_MAX; i++) {
        json_t *thread = json_object();
        json_object_set_new(thread, "name", moth_json_text(spike->threads[i].name));
        json_object_set_new(thread, "ms", json_real(spike->threads[i].ms));
        json_array_append_new(threads, thread);
    }
    json_t *json = json_object();
    json_object_set_new(json, "budget_ms", json_real(spike->budget_ms));
    json_object_set_new(json, "least_ms", json_real(spike->least_ms));
    json_object_set_new(json, "most_ms", json_real(spike->most_ms));
    json_object_set_new(json, "spread_ms", json_real(spike->most_ms - spike->least_ms));
    json_object_set_new(json, "before_ms", json_real(spike->before_ms));
    json_object_set_new(json, "replays", json_integer(spike->replays));
    json_object_set_new(json, "share", json_real(spike->share));
    json_object_set_new(json, "samples", json_integer(spike->samples));
    json_object_set_new(json, "threads", threads);
    json_object_set_new(json, "allocations", json_integer((json_int_t)spike->allocations));
    json_object_set_new(json, "allocated_bytes", json_integer((json_int_t)spike->allocated_bytes));
    json_object_set_new(json, "reads", json_integer((json_int_t)spike->reads));
    json_object_set_new(json, "read_bytes", json_integer((json_int_t)spike->read_bytes));
    json_object_set_new(json, "lock_waits", json_integer((json_int_t)spike->lock_waits));
    json_object_set_new(json, "page_faults", json_integer((json_int_t)spike->page_faults));
    return json;
}

static double get_real(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static uint64_t get_count(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));
    return value < 0 ? 0 : (uint64_t)value;
}

static char *get_text(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? strdup(text) : NULL;
}

static uint32_t get_u32(const json_t *json, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(json, key));
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static struct moth_spike_facts *get_spike(const json_t *json)
{
    struct moth_spike_facts *spike = json_is_object(json) ? calloc(1, sizeof *spike) : NULL;
    if (!spike)
        return NULL;
    *spike = (struct moth_spike_facts){.budget_ms = get_real(json, "budget_ms"),
                                       .least_ms = get_real(json, "least_ms"),
                                       .most_ms = get_real(json, "most_ms"),
                                       .before_ms = get_real(json, "before_ms"),
                                       .replays = (uint32_t)get_count(json, "replays"),
                                       .share = get_real(json, "share"),
                                       .samples = (uint32_t)get_count(json, "samples"),
                                       .allocations = get_count(json, "allocations"),
                                       .allocated_bytes = get_count(json, "allocated_bytes"),
                                       .reads = get_count(json, "reads"),
                                       .read_bytes = get_count(json, "read_bytes"),
                                       .lock_waits = get_count(json, "lock_waits"),
                                       .page_faults = get_count(json, "page_faults")};
    const json_t *threads = json_object_get(json, "threads");
    for (size_t i = 0; i < json_array_size(threads) && i < MOTH_SPIKE_THREADS_MAX; i++) {
        const json_t *thread = json_array_get(threads, i);
        const char *name = json_string_value(json_object_get(thread, "name"));
        snprintf(spike->threads[i].name, sizeof spike->threads[i].name, "%s", name ? name : "");
        spike->threads[i].ms = get_real(thread, "ms");
        spike->n_threads++;
    }
    return spike;
}

static json_t *attempts_json(const struct moth_finding *finding)
{
    json_t *attempts = json_array();
    for (uint32_t i = 0; i < finding->n_tries; i++) {
        const struct moth_finding_attempt *attempt = &finding->tries[i];
        json_t *json = json_object();
        json_object_set_new(json, "outcome", json_string(moth_finding_outcome_name(attempt->outcome)));
        json_object_set_new(json, "frame", json_integer(attempt->frame));
        json_object_set_new(json, "diverged", attempt->diverged ? json_integer(attempt->diverged_frame) : json_null());
        if (attempt->outcome == MOTH_OUTCOME_OTHER) {
            json_object_set_new(json, "fingerprint", moth_json_text(attempt->fingerprint));
            json_object_set_new(json, "title", moth_json_text(attempt->title));
        }
        json_array_append_new(attempts, json);
    }
    return attempts;
}

/* Who has it in hand; null where it is not quarantined. */
static json_t *quarantine_json(const struct moth_finding *finding)
{
    if (finding->status != MOTH_FINDING_STATUS_QUARANTINED)
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "owner", moth_json_text(finding->owner));
    json_object_set_new(json, "reason", moth_json_text(finding->reason));
    json_object_set_new(json, "expires", finding->expires[0] ? json_string(finding->expires) : json_null());
    json_object_set_new(json, "expired", json_boolean(finding->expired));
    return json;
}

/* null where nobody knows. */
static json_t *seen_json(const struct moth_seen *seen)
{
    if (!seen->build && !seen->date[0])
        return json_null();
    json_t *json = json_object();
    json_object_set_new(json, "build", moth_json_text(seen->build));
    json_object_set_new(json, "date", seen->date[0] ? json_string(seen->date) : json_null());
    return json;
}

json_t *moth_finding_json(const struct moth_finding *finding)
{
    json_t *json = json_object();
    json_object_set_new(json, "fingerprint", json_string(finding->fingerprint));
    json_object_set_new(json, "kind", json_string(moth_finding_kind_name(finding->kind)));
    json_object_set_new(json, "title", moth_json_text(finding->title ? finding->title : ""));
    json_object_set_new(json, "status", json_string(moth_finding_status_name(finding->status)));
    json_object_set_new(json, "reproduced", json_sprintf("%u/%u", finding->reproduced, finding->attempts));
    json_object_set_new(json, "frame", json_integer(finding->frame));
    json_object_set_new(json, "agent", moth_json_text(finding->agent));
    json_object_set_new(json, "seed", json_integer((json_int_t)finding->seed));
    json_object_set_new(json, "times_seen", json_integer(finding->times_seen));
    json_object_set_new(json, "stack", stack_json(finding));
    json_object_set_new(json, "inputs", json_integer(finding->inputs));
    json_object_set_new(json, "inputs_minimized",
                        finding->trace_minimized ? json_integer(finding->inputs_minimized) : json_null());
    json_object_set_new(json, "trace", moth_json_text(finding->trace));
    json_object_set_new(json, "trace_minimized", moth_json_text(finding->trace_minimized));
    json_object_set_new(json, "attempts", attempts_json(finding));
    json_object_set_new(json, "accepted", finding->accepted[0] ? json_string(finding->accepted) : json_null());
    json_object_set_new(json, "quarantine", quarantine_json(finding));
    json_object_set_new(json, "first_seen", seen_json(&finding->first_seen));
    json_object_set_new(json, "last_seen", seen_json(&finding->last_seen));
    json_object_set_new(json, "runs_seen", finding->runs_seen ? json_integer(finding->runs_seen) : json_null());
    if (finding->spike)
        json_object_set_new(json, "spike", spike_json(finding->spike));
    return json;
}

static int save_json(const struct moth_finding *finding, const char *folder, struct moth_err *err)
{
    json_t *json = moth_finding_json(finding);
    json_object_set_new(json, "schema", json_string(FINDING_SCHEMA));
    json_object_set_new(json, "detail", moth_json_text(finding->detail));
    json_object_set_new(json, "stacks", moth_json_text(finding->stacks));
    json_object_set_new(json, "scripted", json_boolean(finding->scripted));
    if (finding->played > 0)
        json_object_set_new(json, "played", json_integer(finding->played));
    json_object_set_new(json, "run", moth_json_text(finding->run));
    char *text = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    if (!text)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a finding");
    char *path = moth_fs_path("%s/finding.json", folder);
    int result = moth_fs_write_atomic(path, text, strlen(text), err);
    free(path);
    free(text);
    return result;
}

static int save_stacks(const struct moth_finding *finding, const char *folder, struct moth_err *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a finding");
    fprintf(out, "%s\n\n", finding->title ? finding->title : "");
    if (finding->detail)
        fprintf(out, "%s\n\n", finding->detail);
    for (size_t i = 0; !finding->stacks && i < finding->n_stack; i++)
        fprintf(out, "  #%zu %s\n", i, finding->stack[i]);
    if (finding->stacks)
        fputs(finding->stacks, out);
    fclose(out);
    char *path = moth_fs_path("%s/stack.txt", folder);
    int result = moth_fs_write_atomic(path, text, size, err);
    free(path);
    free(text);
    return result;
}

static int save_folded(const struct moth_finding *finding, const char *folder, struct moth_err *err)
{
    if (!finding->folded)
        return 0;
    char *path = moth_fs_path("%s/stacks.folded", folder);
    int result = moth_fs_write_atomic(path, finding->folded, strlen(finding->folded), err);
    free(path);
    return result;
}

int moth_finding_save(const struct moth_finding *finding, const char *folder, struct moth_err *err)
{
    if (moth_fs_make_dirs(folder, err) != 0 || save_stacks(finding, folder, err) != 0 ||
        save_folded(finding, folder, err) != 0)
        return -1;
    return save_json(finding, folder, err);
}

static void get_seen(const json_t *json, struct moth_seen *seen)
{
    const char *date = json_string_value(json_object_get(json, "date"));
    seen->build = get_text(json, "build");
    snprintf(seen->date, sizeof seen->date, "%s", date ? date : "");
}

static void get_stack(const json_t *json, struct moth_finding *finding)
{
    const json_t *stack = json_object_get(json, "stack");
    size_t n = json_array_size(stack);
    finding->stack = calloc(n ? n : 1, sizeof *finding->stack);
    for (size_t i = 0; finding->stack && i < n; i++) {
        const char *frame = json_string_value(json_array_get(stack, i));
        if (frame)
            finding->stack[finding->n_stack++] = strdup(frame);
    }
}

static void get_attempts(const json_t *list, struct moth_finding *finding)
{
    size_t n = json_array_size(list);
    finding->tries = n > 0 && n <= ATTEMPTS_MAX ? calloc(n, sizeof *finding->tries) : NULL;
    for (size_t i = 0; finding->tries && i < n; i++) {
        const json_t *json = json_array_get(list, i), *diverged = json_object_get(json, "diverged");
        const char *outcome = json_string_value(json_object_get(json, "outcome"));
        const char *fingerprint = json_string_value(json_object_get(json, "fingerprint"));
        const char *title = json_string_value(json_object_get(json, "title"));
        struct moth_finding_attempt *attempt = &finding->tries[finding->n_tries++];
        *attempt = (struct moth_finding_attempt){.outcome = MOTH_OUTCOME_CLEAN,
                                         .frame = get_u32(json, "frame"),
                                         .diverged = json_is_integer(diverged),
                                         .diverged_frame = get_u32(json, "diverged")};
        for (int k = 0; outcome && k < MOTH_OUTCOME_END; k++) {
            if (strcmp(outcome, moth_finding_outcome_name((enum moth_finding_outcome)k)) == 0)
                attempt->outcome = (enum moth_finding_outcome)k;
        }
        snprintf(attempt->fingerprint, sizeof attempt->fingerprint, "%s", fingerprint ? fingerprint : "");
        snprintf(attempt->title, sizeof attempt->title, "%s", title ? title : "");
    }
}

static void get_status(const json_t *json, struct moth_finding *finding)
{
    const char *name = json_string_value(json_object_get(json, "status"));
    int status = name ? moth_finding_status_from_name(name) : -1;
    const json_t *quarantine = json_object_get(json, "quarantine");
    const char *expires = json_string_value(json_object_get(quarantine, "expires"));
    const char *accepted = json_string_value(json_object_get(json, "accepted"));
    finding->status = status < 0 ? MOTH_FINDING_STATUS_NEW : (enum moth_finding_status)status;
    finding->owner = get_text(quarantine, "owner");
    finding->reason = get_text(quarantine, "reason");
    finding->expired = json_is_true(json_object_get(quarantine, "expired"));
    snprintf(finding->expires, sizeof finding->expires, "%s", expires ? expires : "");
    snprintf(finding->accepted, sizeof finding->accepted, "%s", accepted ? accepted : "");
}

struct moth_finding *moth_finding_from_json(const json_t *json, const char *path, struct moth_err *err)
{
    const char *fingerprint = json_string_value(json_object_get(json, "fingerprint"));
    const char *kind_text = json_string_value(json_object_get(json, "kind"));
    int kind = kind_text ? moth_finding_kind_from_name(kind_text) : -1;
    if (!fingerprint || kind < 0) {
        moth_err_set(err, MOTH_ERR_IO, "%s is no finding of this version of moth", path);
        return NULL;
    }
    struct moth_finding *finding = calloc(1, sizeof *finding);
    if (!finding) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a finding");
        return NULL;
    }
    finding->kind = (enum moth_finding_kind)kind;
    snprintf(finding->fingerprint, sizeof finding->fingerprint, "%s", fingerprint);
    finding->title = get_text(json, "title");
    finding->detail = get_text(json, "detail");
    finding->stacks = get_text(json, "stacks");
    finding->agent = get_text(json, "agent");
    finding->trace = get_text(json, "trace");
    finding->trace_minimized = get_text(json, "trace_minimized");
    finding->run = get_text(json, "run");
    finding->scripted = json_is_true(json_object_get(json, "scripted"));
    finding->played = json_object_get(json, "played") ? get_u32(json, "played") : 0;
    finding->seed = (uint64_t)json_integer_value(json_object_get(json, "seed"));
    finding->frame = get_u32(json, "frame");
    finding->inputs = get_u32(json, "inputs");
    finding->inputs_minimized = get_u32(json, "inputs_minimized");
    finding->times_seen = get_u32(json, "times_seen");
    const char *reproduced = json_string_value(json_object_get(json, "reproduced"));
    if (!reproduced || sscanf(reproduced, "%u/%u", &finding->reproduced, &finding->attempts) != 2)
        finding->reproduced = finding->attempts = 0;
    get_seen(json_object_get(json, "first_seen"), &finding->first_seen);
    get_seen(json_object_get(json, "last_seen"), &finding->last_seen);
    finding->runs_seen = get_u32(json, "runs_seen");
    get_stack(json, finding);
    get_attempts(json_object_get(json, "attempts"), finding);
    get_status(json, finding);
    finding->spike = get_spike(json_object_get(json, "spike"));
    return finding;
}

static struct moth_finding *from_file(const json_t *json, const char *path, struct moth_err *err)
{
    const char *schema = json_string_value(json_object_get(json, "schema"));
    if (schema && strcmp(schema, FINDING_SCHEMA) == 0)
        return moth_finding_from_json(json, path, err);
    moth_err_set(err, MOTH_ERR_IO, "%s is no finding of this version of moth", path);
    return NULL;
}

struct moth_finding *moth_finding_load(const char *folder, struct moth_err *err)
{
    char *path = moth_fs_path("%s/finding.json", folder);
    size_t size;
    struct moth_finding *finding = NULL;
    char *text = moth_fs_read(path, FINDING_BYTES_MAX, &size, err);
    json_error_t why;
    json_t *json = text ? json_loadb(text, size, 0, &why) : NULL;
    if (json)
        finding = from_file(json, path, err);
    else if (text)
        moth_err_set(err, MOTH_ERR_IO, "%s is damaged: line %d: %s", path, why.line, why.text);
    json_decref(json);
    free(text);
    free(path);
    return finding;
}
