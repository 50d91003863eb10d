/* SPDX-License-Identifier: MIT */
#include "fleet/corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "wire/trace.h"

#define DEPTH_MAX 8u /* of folders in folders */

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static void drop(struct moth_corpus_trace *trace)
{
    free(trace->path);
    free(trace->folder);
    free(trace->shorter);
    moth_finding_free(trace->finding);
    moth_agent_free(trace->agent);
    *trace = (struct moth_corpus_trace){0};
}

static bool has_finding(const struct moth_corpus *corpus, const char *fingerprint)
{
    for (size_t i = 0; i < corpus->n; i++)
        if (corpus->at[i].finding && strcmp(corpus->at[i].finding->fingerprint, fingerprint) == 0)
            return true;
    return false;
}

/* Takes what is in `trace`. */
static int add(struct moth_corpus *corpus, struct moth_corpus_trace *trace, struct moth_err *err)
{
    struct moth_corpus_trace *grown = corpus->n < MOTH_CORPUS_MAX ? realloc(corpus->at, (corpus->n + 1) * sizeof *grown) : NULL;
    if (!grown) {
        drop(trace);
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for more than %zu traces", corpus->n);
    }
    corpus->at = grown;
    grown[corpus->n++] = *trace;
    return 0;
}

/* The finding that a trace says it leads to, as far as it says. */
static struct moth_finding *finding_of(const struct moth_trace *trace)
{
    int kind = trace->has_end && trace->end.kind ? moth_finding_kind_from_name(trace->end.kind) : -1;
    struct moth_finding *finding = kind >= 0 && trace->end.fingerprint ? calloc(1, sizeof *finding) : NULL;
    if (!finding)
        return NULL;
    finding->kind = (enum moth_finding_kind)kind;
    snprintf(finding->fingerprint, sizeof finding->fingerprint, "%s", trace->end.fingerprint);
    finding->title = moth_fs_path("%s", trace->end.title ? trace->end.title : "");
    finding->frame = trace->end.finding_frame;
    return finding;
}

/* One that another version of moth named is named as this one would, from its stack. */
static void name_anew(struct moth_finding *finding)
{
    char was[sizeof finding->fingerprint];
    memcpy(was, finding->fingerprint, sizeof was);
    if (finding->n_stack == 0)
        return;
    moth_finding_fingerprint(finding);
    size_t version = strcspn(was, "-");
    if (strcspn(finding->fingerprint, "-") == version && strncmp(finding->fingerprint, was, version) == 0)
        memcpy(finding->fingerprint, was, sizeof was);
}

/* Another build always goes another way somewhere: that says nothing of it. */
static bool is_of_use(const struct moth_finding *finding, const char *path)
{
    if (!finding || finding->kind != MOTH_FINDING_NONDETERMINISM)
        return true;
    moth_log_warning("%s is of a game that was not deterministic, and is not replayed", path);
    return false;
}

static void load_agent(struct moth_corpus_trace *trace)
{
    struct moth_err err;
    if (!trace->finding || !trace->finding->scripted)
        return;
    trace->agent = moth_agent_load(trace->finding->agent ? trace->finding->agent : "", NULL, &err);
    if (!trace->agent)
        moth_log_warning("%s was reported by a script that cannot be loaded, and only its inputs are replayed: %s",
                         trace->path, err.message);
}

/* A trace by itself, or with its finding's folder. What is damaged is left out. */
static int add_trace(struct moth_corpus *corpus, const char *path, const char *folder, struct moth_err *err)
{
    struct moth_err why;
    struct moth_trace *trace = moth_trace_read(path, &why);
    if (!trace) {
        moth_log_warning("%s is not replayed: %s", path, why.message);
        return 0;
    }
    struct moth_corpus_trace entry = {.path = moth_fs_path("%s", path)};
    entry.finding = folder ? moth_finding_load(folder, NULL) : NULL;
    if (entry.finding)
        name_anew(entry.finding);
    if (entry.finding)
        entry.folder = moth_fs_path("%s", folder);
    else
        entry.finding = finding_of(trace);
    moth_trace_free(trace);
    char *shorter = entry.folder ? moth_fs_path("%s/minimized.moth", folder) : NULL;
    if (shorter && access(shorter, R_OK) == 0)
        entry.shorter = shorter;
    else
        free(shorter);
    if (!is_of_use(entry.finding, path) || (entry.finding && has_finding(corpus, entry.finding->fingerprint))) {
        drop(&entry);
        return 0;
    }
    load_agent(&entry);
    return add(corpus, &entry, err);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int read_folder(struct moth_corpus *corpus, const char *folder, unsigned depth, struct moth_err *err);

/* Of a run's output folder its findings count; the ordinary plays beside them are many, and led nowhere. */
static bool is_output(const char *folder)
{
    char *report = moth_fs_path("%s/run.json", folder), *findings = moth_fs_path("%s/findings", folder);
    bool output = access(report, F_OK) == 0 || access(findings, F_OK) == 0;
    free(report);
    free(findings);
    return output;
}

static int read_entry(struct moth_corpus *corpus, const char *path, const char *folder, unsigned depth,
                      struct moth_err *err)
{
    struct stat about;
    if (lstat(path, &about) != 0)
        return 0;
    if (S_ISDIR(about.st_mode))
        return depth < DEPTH_MAX ? read_folder(corpus, path, depth + 1, err) : 0;
    bool minimized = ends_in(path, "/minimized.moth"); /* of the trace beside it */
    if (!S_ISREG(about.st_mode) || !ends_in(path, ".moth") || minimized)
        return 0;
    return add_trace(corpus, path, ends_in(path, "/trace.moth") ? folder : NULL, err);
}

static int read_folder(struct moth_corpus *corpus, const char *folder, unsigned depth, struct moth_err *err)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, visible, alphasort), result = 0;
    bool output = is_output(folder);
    if (n < 0)
        return moth_err_sys(err, MOTH_ERR_USAGE, "--replay-first: cannot read %s", folder);
    for (int i = 0; i < n; i++) {
        char *path = moth_fs_path("%s/%s", folder, entries[i]->d_name);
        if (result == 0 && (!output || strcmp(entries[i]->d_name, "findings") == 0))
            result = read_entry(corpus, path, folder, depth, err);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return result;
}

int moth_corpus_read(const char *const *folders, size_t n, struct moth_corpus *corpus, struct moth_err *err)
{
    int result = 0;
    *corpus = (struct moth_corpus){0};
    for (size_t i = 0; result == 0 && i < n; i++) {
        struct stat about;
        size_t before = corpus->n;
        if (stat(folders[i], &about) != 0)
            result = moth_err_sys(err, MOTH_ERR_USAGE, "--replay-first: cannot read %s", folders[i]);
        else if (S_ISDIR(about.st_mode))
            result = read_folder(corpus, folders[i], 0, err);
        else
            result = add_trace(corpus, folders[i], NULL, err);
        if (result == 0 && corpus->n == before)
            moth_log_warning("--replay-first: there is no trace in %s that is not replayed already", folders[i]);
    }
    if (result != 0)
        moth_corpus_fini(corpus);
    return result;
}

void moth_corpus_fini(struct moth_corpus *corpus)
{
    for (size_t i = 0; i < corpus->n; i++)
        drop(&corpus->at[i]);
    free(corpus->at);
    *corpus = (struct moth_corpus){0};
}
