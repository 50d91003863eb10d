/* SPDX-License-Identifier: MIT */
#include "reports/sarif.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/frames.h"
#include "findings/finding_json.h"
#include "reports/evidence.h"

/* ---- text ---- */

/* "[text](target)" would be a link, "{0}" an argument: a blank keeps them from it. */
json_t *moth_sarif_message(const char *text)
{
    size_t size = text ? strlen(text) : 0;
    char *plain = malloc(size * 2 + 1), *at = plain;
    for (size_t i = 0; plain && i < size; i++) {
        *at++ = text[i];
        if ((text[i] == ']' && text[i + 1] == '(') || (text[i] == '{' && isdigit((unsigned char)text[i + 1])))
            *at++ = ' ';
    }
    if (plain)
        *at = '\0';
    json_t *json = json_object();
    json_object_set_new(json, "text", moth_json_text(plain ? plain : ""));
    free(plain);
    return json;
}

/* A path as a relative reference of RFC 3986. Caller frees. */
static char *uri_of(const char *path)
{
    char *uri = malloc(strlen(path) * 3 + 1), *at = uri;
    for (; uri && *path; path++) {
        bool plain = isalnum((unsigned char)*path) || strchr("-._~/+", *path);
        at += plain ? sprintf(at, "%c", *path) : sprintf(at, "%%%02X", (unsigned char)*path);
    }
    if (uri)
        *at = '\0';
    return uri;
}

static json_t *artifact_location(const char *path, const char *base)
{
    char *uri = uri_of(path);
    json_t *json = json_object();
    bool absolute = *path == '/';
    json_object_set_new(json, "uri", absolute ? json_sprintf("file://%s", uri) : json_string(uri));
    if (base && !absolute)
        json_object_set_new(json, "uriBaseId", json_string(base));
    free(uri);
    return json;
}

json_t *moth_sarif_members(const json_t *json, const char *const *keys, size_t n)
{
    json_t *members = json_object();
    for (size_t i = 0; i < n; i++)
        if (json_object_get(json, keys[i]))
            json_object_set(members, keys[i], json_object_get(json, keys[i]));
    return members;
}

/* ---- levels and states ---- */

const char *moth_sarif_level(const struct moth_finding *finding)
{
    const char *level = moth_sarif_kind_level(finding->kind);
    if (!moth_finding_is_flaky(finding))
        return level;
    return strcmp(level, "error") == 0 ? "warning" : "note";
}

static const char *baseline_state(enum moth_finding_status status)
{
    switch (status) {
    case MOTH_FINDING_STATUS_KNOWN:
    case MOTH_FINDING_STATUS_QUARANTINED:
        return "unchanged";
    case MOTH_FINDING_STATUS_FIXED:
        return "absent";
    case MOTH_FINDING_STATUS_REOPENED:
        return "updated";
    case MOTH_FINDING_STATUS_NEW:
    case MOTH_FINDING_STATUS_END:
        break;
    }
    return "new";
}

/* All results have the member or none has, so it is there also when it is empty. */
static json_t *suppressions(const struct moth_finding *finding)
{
    json_t *json = json_array();
    if (finding->status != MOTH_FINDING_STATUS_QUARANTINED || finding->expired)
        return json;
    char *why = moth_fs_path("%s%s%s%s%s", finding->owner ? finding->owner : "", finding->owner ? ": " : "",
                             finding->reason ? finding->reason : "", finding->expires[0] ? ", until " : "",
                             finding->expires);
    json_t *each = json_object();
    json_object_set_new(each, "kind", json_string("external"));
    json_object_set_new(each, "status", json_string("accepted"));
    json_object_set_new(each, "justification", moth_json_text(why));
    json_array_append_new(json, each);
    free(why);
    return json;
}

/* ---- places ---- */

static json_t *frame_location(const char *text, const struct moth_workspace *workspace)
{
    struct moth_frame_parts parts = {0};
    moth_frame_parse(text, &parts);
    json_t *json = json_object();
    if (parts.file[0]) {
        json_t *physical = json_object(), *region = json_object();
        json_object_set_new(physical, "artifactLocation",
                            artifact_location(moth_workspace_path(workspace, parts.file), MOTH_SARIF_SOURCES));
        json_object_set_new(region, "startLine", json_integer(parts.line > 0 ? parts.line : 1));
        json_object_set_new(physical, "region", region);
        json_object_set_new(json, "physicalLocation", physical);
    }
    if (parts.function[0]) {
        json_t *logical = json_object(), *list = json_array();
        json_object_set_new(logical, "fullyQualifiedName", moth_json_text(parts.function));
        json_object_set_new(logical, "kind", json_string("function"));
        json_array_append_new(list, logical);
        json_object_set_new(json, "logicalLocations", list);
    }
    json_object_set_new(json, "message", moth_sarif_message(text));
    return json;
}

/* The innermost frame of the game with a file; where none has, the finding's own folder. */
static json_t *locations(const struct moth_finding *finding, const char *folder, const char *base,
                         const struct moth_workspace *workspace)
{
    json_t *json = json_array();
    for (size_t i = moth_frames_first_own(finding->stack, finding->n_stack); i < finding->n_stack; i++) {
        json_t *location = frame_location(finding->stack[i], workspace);
        if (json_object_get(location, "physicalLocation")) {
            json_array_append_new(json, location);
            return json;
        }
        json_decref(location);
    }
    char *path = moth_fs_path("%s/finding.json", folder);
    json_t *location = json_object(), *physical = json_object();
    json_object_set_new(physical, "artifactLocation", artifact_location(path, base));
    json_object_set_new(location, "physicalLocation", physical);
    json_array_append_new(json, location);
    free(path);
    return json;
}

static json_t *stacks(const struct moth_finding *finding, const struct moth_workspace *workspace)
{
    json_t *frames = json_array(), *stack = json_object(), *json = json_array();
    for (size_t i = 0; i < finding->n_stack; i++) {
        struct moth_frame_parts parts = {0};
        moth_frame_parse(finding->stack[i], &parts);
        json_t *frame = json_object();
        json_object_set_new(frame, "location", frame_location(finding->stack[i], workspace));
        if (parts.module[0])
            json_object_set_new(frame, "module", moth_json_text(parts.module));
        json_array_append_new(frames, frame);
    }
    json_object_set_new(stack, "message", moth_sarif_message("where it happened, innermost first"));
    json_object_set_new(stack, "frames", frames);
    json_array_append_new(json, stack);
    return json;
}

/* How it came there: the same stack from the outermost frame on. */
static json_t *code_flows(const struct moth_finding *finding, const struct moth_workspace *workspace)
{
    json_t *steps = json_array();
    for (size_t i = finding->n_stack; i-- > 0;) {
        json_t *step = json_object();
        json_object_set_new(step, "location", frame_location(finding->stack[i], workspace));
        json_object_set_new(step, "nestingLevel", json_integer((json_int_t)(finding->n_stack - 1 - i)));
        json_object_set_new(step, "importance", json_string(i == 0 ? "essential" : "important"));
        json_array_append_new(steps, step);
    }
    json_t *thread = json_object(), *threads = json_array(), *flow = json_object(), *json = json_array();
    json_object_set_new(thread, "locations", steps);
    json_array_append_new(threads, thread);
    json_object_set_new(flow, "threadFlows", threads);
    json_array_append_new(json, flow);
    return json;
}

/* ---- files ---- */

static json_t *attachments(const struct moth_run_summary *summary, size_t place, const char *folder, const char *base,
                           json_t *artifacts)
{
    char **names = moth_report_attachments(summary, place);
    json_t *json = json_array();
    for (size_t i = 0; names && names[i]; i++) {
        char *path = moth_fs_path("%s/%s", folder, names[i]);
        json_t *artifact = json_object(), *attachment = json_object(), *location = artifact_location(path, base);
        json_t *roles = json_array();
        json_array_append_new(roles, json_string("attachment"));
        json_object_set(artifact, "location", location);
        json_object_set_new(artifact, "roles", roles);
        json_t *indexed = json_deep_copy(location);
        json_object_set_new(indexed, "index", json_integer((json_int_t)json_array_size(artifacts)));
        json_object_set_new(attachment, "artifactLocation", indexed);
        json_object_set_new(attachment, "description", moth_sarif_message(names[i]));
        json_array_append_new(artifacts, artifact);
        json_array_append_new(json, attachment);
        json_decref(location);
        free(path);
    }
    moth_report_names_free(names);
    return json;
}

/* ---- all of it ---- */

/* "1-crash-0123456789abcdef" → {"moth/v1": …}, and the name under which GitHub's code scanning keeps an alert. */
static json_t *fingerprints(const struct moth_finding *finding)
{
    const char *fingerprint = finding->fingerprint, *hash = strrchr(fingerprint, '-');
    char name[24];
    snprintf(name, sizeof name, "moth/v%.*s", (int)strspn(fingerprint, "0123456789"), fingerprint);
    json_t *json = json_object();
    json_object_set_new(json, name, json_string(fingerprint));
    if (hash)
        json_object_set_new(json, "primaryLocationLineHash", json_sprintf("%s:1", hash + 1));
    return json;
}

static json_t *message(const struct moth_finding *finding, const char *folder)
{
    char *command = moth_report_replay_of(folder);
    char *text = moth_fs_path("%s\nreproduced %u/%u, at frame %u of agent %s with seed %" PRIu64 "\n%s",
                              finding->title ? finding->title : "", finding->reproduced, finding->attempts,
                              finding->frame, finding->agent ? finding->agent : "?", finding->seed, command);
    json_t *json = moth_sarif_message(text);
    free(text);
    free(command);
    return json;
}

static json_t *properties(const struct moth_finding *finding)
{
    static const char *const keys[] = {"fingerprint", "status", "reproduced",       "frame",    "agent",          "seed",
                                       "times_seen",  "inputs", "inputs_minimized", "attempts", "trace",          "trace_minimized"};
    json_t *whole = moth_finding_json(finding), *json = moth_sarif_members(whole, keys, sizeof keys / sizeof *keys);
    json_decref(whole);
    return json;
}

json_t *moth_sarif_result(const struct moth_run_summary *summary, size_t place, const struct moth_workspace *workspace,
                          json_t *artifacts)
{
    const struct moth_finding *finding = summary->findings[place];
    bool elsewhere = summary->finding_outs != NULL;
    char *folder = elsewhere ? moth_report_finding_folder(summary, place)
                             : moth_fs_path("findings/%s", finding->fingerprint);
    const char *base = elsewhere ? NULL : MOTH_SARIF_OUT;
    json_t *json = json_object();
    json_object_set_new(json, "ruleId", json_string(moth_finding_kind_name(finding->kind)));
    json_object_set_new(json, "ruleIndex", json_integer(finding->kind));
    json_object_set_new(json, "kind", json_string("fail"));
    json_object_set_new(json, "level", json_string(moth_sarif_level(finding)));
    json_object_set_new(json, "message", message(finding, folder));
    json_object_set_new(json, "locations", locations(finding, folder, base, workspace));
    if (finding->n_stack > 0) {
        json_object_set_new(json, "stacks", stacks(finding, workspace));
        json_object_set_new(json, "codeFlows", code_flows(finding, workspace));
    }
    json_object_set_new(json, "partialFingerprints", fingerprints(finding));
    json_object_set_new(json, "occurrenceCount", json_integer(finding->times_seen > 0 ? finding->times_seen : 1));
    json_object_set_new(json, "baselineState", json_string(baseline_state(finding->status)));
    json_object_set_new(json, "suppressions", suppressions(finding));
    json_object_set_new(json, "attachments", attachments(summary, place, folder, base, artifacts));
    json_object_set_new(json, "properties", properties(finding));
    free(folder);
    return json;
}
