/* SPDX-License-Identifier: MIT
 *
 * What a folder named on the command line is: a run's, a merged one, one of several such, or nothing of ours.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "merge/inside.h"

#define SOURCES_MAX 100000u

static bool is_file(const char *folder, const char *name)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    struct stat about;
    bool there = stat(path, &about) == 0 && S_ISREG(about.st_mode);
    free(path);
    return there;
}

static int add_source(struct moth_merge *merge, const char *folder, void (*warn)(const char *sentence),
                      struct moth_err *err)
{
    struct moth_source *grown = NULL;
    if (merge->n_sources < SOURCES_MAX)
        grown = realloc(merge->sources, (merge->n_sources + 1) * sizeof *grown);
    if (!grown)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for so many folders");
    merge->sources = grown;
    if (moth_source_read(folder, &grown[merge->n_sources], warn, err) != 0)
        return -1;
    merge->n_sources++;
    return 0;
}

/* A run writes its first report when it begins; one that was killed before that left its folder. */
static bool was_begun(const char *folder)
{
    char *findings = moth_fs_path("%s/findings", folder);
    bool begun = is_file(folder, "run.journal") || access(findings, F_OK) == 0;
    free(findings);
    return begun;
}

/* There is nothing to merge, and yet something was to be played there. */
static void note_begun(struct moth_merge *merge, const char *folder, void (*warn)(const char *sentence))
{
    char *sentence =
        moth_fs_path("%s has no run.json: its run was killed at its beginning; it is left out", folder);
    warn(sentence);
    free(sentence);
    merge->n_without_report++;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A folder of runs' folders, as a download of all jobs' artifacts is. */
static int add_folders_in(struct moth_merge *merge, const char *folder, void (*warn)(const char *sentence),
                          struct moth_err *err)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_visible, alphasort), result = 0;
    size_t before = merge->n_sources;
    if (n < 0)
        return moth_err_sys(err, MOTH_ERR_USAGE, "cannot read %s", folder);
    for (int i = 0; i < n; i++) {
        char *path = moth_fs_path("%s/%s", folder, entries[i]->d_name);
        if (result == 0 && is_file(path, "run.json"))
            result = add_source(merge, path, warn, err);
        else if (result == 0 && was_begun(path))
            note_begun(merge, path, warn);
        free(path);
        free(entries[i]);
    }
    free(entries);
    if (result == 0 && merge->n_sources == before)
        return moth_err_set(
            err, MOTH_ERR_USAGE,
            "%s has no run.json, nor has a folder in it: it is no output folder of `moth run`, or the run "
            "was killed before it could write one",
            folder);
    return result;
}

int moth_merge_read(struct moth_merge *merge, const char *name, void (*warn)(const char *sentence),
                    struct moth_err *err)
{
    static const char file[] = "/run.json";
    size_t length = strlen(name), tail = sizeof file - 1;
    struct stat about;
    char *folder = moth_fs_path("%s", *name ? name : ".");
    if (length > tail && strcmp(name + length - tail, file) == 0)
        folder[length - tail] = '\0';
    else
        while (length > 1 && folder[length - 1] == '/')
            folder[--length] = '\0';
    int result = 0;
    if (stat(folder, &about) != 0)
        result = moth_err_sys(err, MOTH_ERR_USAGE, "%s", folder);
    else if (!S_ISDIR(about.st_mode))
        result =
            moth_err_set(err, MOTH_ERR_USAGE, "%s is no folder; give the output folders of runs", folder);
    else if (is_file(folder, "run.json"))
        result = add_source(merge, folder, warn, err);
    else if (was_begun(folder))
        note_begun(merge, folder, warn);
    else
        result = add_folders_in(merge, folder, warn, err);
    free(folder);
    return result;
}
