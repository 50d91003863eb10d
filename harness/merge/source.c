/* SPDX-License-Identifier: MIT */
#include "merge/source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "findings/finding_json.h"
#include "findings/store.h"
#include "reports/run_json.h"

#define FINDINGS_MAX 100000u

/* ---- parts ---- */

/* Is this merge.json that of this run.json? They are two files, written one after the other. */
static bool belongs(const json_t *run_json, const struct moth_parts *parts)
{
    const json_t *runs = json_object_get(run_json, "runs");
    const char *run = json_string_value(json_object_get(run_json, "run"));
    if (!runs)
        return parts->n == 1 && run && strcmp(parts->at[0].run, run) == 0;
    if (json_array_size(runs) != parts->n)
        return false;
    for (size_t i = 0; i < parts->n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(runs, i), "run"));
        if (strcmp(parts->at[i].run, name ? name : "") != 0)
            return false;
    }
    return true;
}

static int read_parts_file(struct moth_source *source, const json_t *run_json, const char *path,
                           struct moth_err *err)
{
    json_t *json = moth_merge_read_json(path, "moth.merge/1", "record of runs", err);
    int result = json ? moth_parts_read(json, path, &source->parts, err) : -1;
    json_decref(json);
    if (result != 0 || belongs(run_json, &source->parts))
        return result;
    if (json_object_get(run_json, "runs"))
        return moth_err_set(err, MOTH_ERR_USAGE, "%s does not belong to the run.json beside it", path);
    moth_parts_fini(&source->parts);
    return 0;
}

static int read_parts(struct moth_source *source, const json_t *run_json, const char *path,
                      void (*warn)(const char *sentence), struct moth_err *err)
{
    char *file = moth_fs_path("%s/merge.json", source->folder);
    bool there = access(file, F_OK) == 0;
    int result = there ? read_parts_file(source, run_json, file, err) : 0;
    free(file);
    if (result != 0 || source->parts.n > 0)
        return result;
    if (json_object_get(run_json, "runs"))
        return moth_err_set(
            err, MOTH_ERR_USAGE,
            "%s was merged, and its merge.json is missing: merge the folders of its runs again",
            source->folder);
    char *sentence =
        moth_fs_path("%s: %s; its instances and frame times are left out", source->folder,
                     there ? "merge.json is not of the run in run.json" : "merge.json is missing");
    warn(sentence);
    free(sentence);
    struct moth_part part;
    if (moth_part_check(moth_part_json(run_json), path, &part, err) != 0)
        return -1;
    return moth_parts_add(&source->parts, &part, err);
}

/* ---- findings ---- */

static bool has_file(const char *folder, const char *name)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    bool there = access(path, R_OK) == 0;
    free(path);
    return there;
}

/* What its folder says; where that is gone, what run.json says of it. */
static struct moth_finding *read_finding(const struct moth_source *source, const json_t *row,
                                         const char *path, void (*warn)(const char *sentence),
                                         struct moth_err *err)
{
    const char *fingerprint = json_string_value(json_object_get(row, "fingerprint"));
    char *folder = moth_store_folder(source->folder, fingerprint);
    struct moth_finding *finding = moth_finding_load(folder, NULL);
    bool loaded = finding && strcmp(finding->fingerprint, fingerprint) == 0;
    bool stored = loaded && has_file(folder, "trace.moth");
    if (!stored) {
        moth_finding_free(finding);
        finding = moth_finding_from_json(row, path, err);
        if (finding && finding->trace) {
            char *sentence =
                moth_fs_path("%s is not whole: %s", folder,
                             loaded ? "its trace is missing" : "finding.json is missing or damaged");
            warn(sentence);
            free(sentence);
        }
    }
    if (finding) {
        free(finding->trace);
        finding->trace = stored ? moth_fs_path("findings/%s/trace.moth", fingerprint) : NULL;
        bool minimized = stored && finding->trace_minimized && has_file(folder, "minimized.moth");
        uint32_t inputs = finding->inputs_minimized;
        free(finding->trace_minimized);
        finding->trace_minimized = NULL;
        finding->inputs_minimized = 0;
        if (minimized)
            moth_finding_set_minimized(finding, inputs);
    }
    free(folder);
    return finding;
}

static int read_findings(struct moth_source *source, const json_t *run_json, const char *path,
                         void (*warn)(const char *sentence), struct moth_err *err)
{
    const json_t *rows = json_object_get(run_json, "findings"), *row;
    size_t n = json_array_size(rows), i;
    if (!json_is_array(rows) || n > FINDINGS_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "%s is damaged: `findings` should be a list", path);
    source->findings = calloc(n ? n : 1, sizeof *source->findings);
    if (!source->findings)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the findings of %s", source->folder);
    json_array_foreach(rows, i, row)
    {
        struct moth_finding *finding = NULL;
        if (moth_finding_is_fingerprint(json_string_value(json_object_get(row, "fingerprint"))))
            finding = read_finding(source, row, path, warn, err);
        if (!finding)
            return moth_err_set(err, MOTH_ERR_USAGE, "%s is damaged: entry %zu of `findings` is no finding",
                                path, i + 1);
        source->findings[source->n_findings++] = finding;
    }
    return 0;
}

/* ---- the folder ---- */

int moth_source_read(const char *folder, struct moth_source *source, void (*warn)(const char *sentence),
                     struct moth_err *err)
{
    *source = (struct moth_source){.folder = moth_fs_path("%s", folder)};
    char *path = moth_fs_path("%s/run.json", folder);
    json_t *json = moth_merge_read_json(path, MOTH_RUN_SCHEMA, "report of a run", err);
    int result = json ? read_parts(source, json, path, warn, err) : -1;
    if (result == 0)
        result = read_findings(source, json, path, warn, err);
    for (size_t i = 0; i < source->parts.n; i++)
        source->parts.at[i].folder = source->folder;
    json_decref(json);
    free(path);
    if (result != 0)
        moth_source_fini(source);
    return result;
}

void moth_source_fini(struct moth_source *source)
{
    for (size_t i = 0; i < source->n_findings; i++)
        moth_finding_free(source->findings[i]);
    free(source->findings);
    moth_parts_fini(&source->parts);
    free(source->folder);
    *source = (struct moth_source){0};
}
