/* SPDX-License-Identifier: MIT
 *
 * Writing what was merged: run.json with its list of runs, and a folder as a run leaves it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "findings/store.h"
#include "merge/inside.h"
#include "reports/reporters.h"
#include "reports/run_json.h"

#define RUNS_SHOWN 32u

int moth_merge_save(const struct moth_run_summary *summary, const char *out, struct moth_err *err)
{
    json_t *run = moth_report_json_object(summary), *json = moth_part_json(run);
    moth_part_add(json, summary, out);
    json_decref(run);
    char *path = moth_fs_path("%s/merge.json", out);
    struct moth_part part;
    struct moth_parts parts = {0};
    int result = moth_part_check(json, path, &part, err);
    if (result == 0)
        result = moth_parts_add(&parts, &part, err);
    char *text = result == 0 ? moth_parts_text(&parts) : NULL;
    if (result == 0)
        result = text ? moth_fs_write_atomic(path, text, strlen(text), err)
                      : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    free(text);
    free(path);
    moth_parts_fini(&parts);
    return result;
}

/* ---- for people ---- */

void moth_merge_list_runs(const struct moth_merge *merge, FILE *out)
{
    size_t n = merge->parts.n, shown = n > RUNS_SHOWN ? RUNS_SHOWN : n;
    for (size_t i = 0; n > 1 && i < shown; i++) {
        const struct moth_part *part = &merge->parts.at[i];
        char *name = moth_part_name(part);
        fprintf(out, "%-24s %-13s %6" PRIu64 " instances %10" PRIu64 " frames%s\n", name,
                moth_verdict_name(part->verdict), part->instances, part->frames,
                part->complete ? "" : ", interrupted");
        free(name);
    }
    if (shown < n)
        fprintf(out, "… and %zu more\n", n - shown);
}

/* ---- run.json ---- */

static json_t *runs_json(const struct moth_parts *parts)
{
    static const char *const keys[] = {"run",       "seed",      "shard",        "plan",  "verdict",
                                       "exit_code", "instances", "frames_total", "wall_s"};
    json_t *runs = json_array();
    for (size_t i = 0; i < parts->n; i++) {
        json_t *run = json_object();
        for (size_t j = 0; j < sizeof keys / sizeof *keys; j++) {
            json_t *value = json_object_get(parts->at[i].json, keys[j]);
            json_object_set(run, keys[j], value ? value : json_null());
        }
        json_object_set_new(run, "complete", json_boolean(parts->at[i].complete));
        json_array_append_new(runs, run);
    }
    return runs;
}

static bool is_added_up(const char *key)
{
    static const char *const keys[] = {"verdict",      "exit_code", "complete",  "game",         "seed",      "stopped_by",
                                       "shard",        "workers",   "instances", "frames_total", "virtual_s",
                                       "wall_s",       "findings",  "coverage",  "properties", "warnings",     "agents",
                                       "agent_faults", "moth",      "run",       "plan",         "played",
                                       "frame_counts", "reference", "clock",     "record",     "replayed",
                                       "survey",       "machine",   "gate"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

/* What is a property of all runs and no sum is kept: how they were played. */
static void keep_common(const struct moth_parts *parts, json_t *json)
{
    const char *key;
    json_t *value;
    json_object_foreach(parts->at[0].json, key, value)
    {
        bool common = !is_added_up(key);
        for (size_t i = 1; common && i < parts->n; i++)
            common = json_equal(value, json_object_get(parts->at[i].json, key));
        if (common)
            json_object_set(json, key, value);
    }
}

char *moth_merge_json_text(const struct moth_merge *merge)
{
    json_t *json = moth_report_json_object(&merge->summary);
    keep_common(&merge->parts, json);
    json_object_set_new(json, "shards", moth_merge_shards_json(merge));
    json_object_set_new(json, "runs", runs_json(&merge->parts));
    char *text = json_dumps(json, MOTH_RUN_JSON_FLAGS);
    json_decref(json);
    return text;
}

/* ---- the folder ---- */

static int copy_files(const char *from, const char *to, struct moth_err *err)
{
    DIR *entries = opendir(from);
    struct dirent *entry;
    if (!entries)
        return moth_err_sys(err, MOTH_ERR_IO, "cannot read %s", from);
    int result = 0;
    while (result == 0 && (entry = readdir(entries))) {
        char *source = moth_fs_path("%s/%s", from, entry->d_name);
        char *target = moth_fs_path("%s/%s", to, entry->d_name);
        struct stat about;
        if (entry->d_name[0] != '.' && lstat(source, &about) == 0 && S_ISREG(about.st_mode))
            result = moth_fs_copy(source, target, 0666, err);
        free(source);
        free(target);
    }
    closedir(entries);
    return result;
}

static int write_finding(const struct moth_finding *finding, const char *from, const char *to,
                         struct moth_err *err)
{
    char *source = moth_store_folder(from, finding->fingerprint),
         *target = moth_store_folder(to, finding->fingerprint);
    int result = moth_fs_make_dirs(target, err);
    if (result == 0 && finding->trace)
        result = copy_files(source, target, err);
    if (result == 0)
        result = moth_finding_save(finding, target, err); /* with the times that all saw it */
    free(source);
    free(target);
    return result;
}

static int write_text(const char *folder, const char *name, char *text, struct moth_err *err)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    int result = text ? moth_fs_write_atomic(path, text, strlen(text), err)
                      : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    free(path);
    free(text);
    return result;
}

static int fill(const struct moth_merge *merge, const char *folder, uint64_t reporters, struct moth_err *err)
{
    char *findings = moth_fs_path("%s/findings", folder);
    int result = moth_fs_make_dirs(findings, err);
    free(findings);
    for (size_t i = 0; result == 0 && i < merge->n_findings; i++)
        result = write_finding(merge->findings[i], merge->finding_outs[i], folder, err);
    if (result == 0)
        result = moth_report_coverage(&merge->summary, folder, err);
    if (result == 0)
        result = moth_reporters_write(reporters, &merge->summary, folder, false, err);
    if (result == 0)
        result = write_text(folder, "merge.json", moth_parts_text(&merge->parts), err);
    if (result == 0)
        result = write_text(folder, "run.json", moth_merge_json_text(merge), err);
    return result;
}

static bool is_empty(const char *folder)
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    bool empty = entries != NULL;
    while (empty && (entry = readdir(entries)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (entries)
        closedir(entries);
    return empty;
}

static bool was_merged(const char *folder)
{
    char *path = moth_fs_path("%s/run.json", folder);
    json_t *json = moth_merge_read_json(path, MOTH_RUN_SCHEMA, "report", NULL);
    bool merged = json_is_array(json_object_get(json, "runs"));
    json_decref(json);
    free(path);
    return merged;
}

/* What stands in the way of a merged folder, and may it go? 1: an old one, to be replaced; 0: nothing. */
static int look_at(const char *out, struct moth_err *err)
{
    struct stat about;
    if (lstat(out, &about) != 0 && errno == ENOENT)
        return 0;
    if (!S_ISDIR(about.st_mode))
        return moth_err_set(err, MOTH_ERR_USAGE, "%s is no folder; give the merged run another -o", out);
    if (is_empty(out) || was_merged(out))
        return 1;
    return moth_err_set(
        err, MOTH_ERR_USAGE,
        "%s holds something else than an earlier merge and is left alone; give the merged run another -o",
        out);
}

static int put_in_place(const char *filled, const char *out, bool exists, struct moth_err *err)
{
    int result = exists ? renameat2(AT_FDCWD, filled, AT_FDCWD, out, RENAME_EXCHANGE) : rename(filled, out);
    if (result != 0 && exists && errno == EINVAL) /* a file system that cannot exchange */
        result = moth_fs_remove_tree(out, err) == 0 ? rename(filled, out) : -1;
    if (result != 0)
        return moth_err_sys(err, MOTH_ERR_IO, "cannot rename %s to %s", filled, out);
    return exists ? moth_fs_remove_tree(filled, err) : 0;
}

static char *without_slashes(const char *path)
{
    char *copy = moth_fs_path("%s", path);
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
        copy[n - 1] = '\0';
    return copy;
}

int moth_merge_write(struct moth_merge *merge, const char *out, uint64_t reporters, struct moth_err *err)
{
    char *target = without_slashes(out), *parent = moth_fs_path("%s", target);
    char *filled = moth_fs_path("%s.half-%d", target, (int)getpid()), *slash = strrchr(parent, '/');
    int exists = look_at(target, err), result = exists < 0 ? -1 : 0;
    if (slash)
        *slash = '\0';
    if (result == 0 && slash && *parent)
        result = moth_fs_make_dirs(parent, err);
    if (result == 0)
        result = moth_fs_remove_tree(filled, err) == 0 ? moth_fs_make_dirs(filled, err) : -1;
    merge->summary.out = out;
    merge->summary.finding_outs = NULL;
    merge->summary.files = filled;
    merge->summary.no_json = false;
    if (result == 0)
        result = fill(merge, filled, reporters, err);
    if (result == 0)
        result = put_in_place(filled, target, exists, err);
    if (result != 0)
        moth_fs_remove_tree(filled, NULL);
    merge->summary.files = NULL;
    free(filled);
    free(parent);
    free(target);
    return result;
}
