/* SPDX-License-Identifier: MIT */
#include "reports/workspace.h"

#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/frames.h"

struct name {
    char *name, *path; /* path NULL: not seen, or seen more than once */
    unsigned times;
};

struct moth_workspace {
    struct name *names; /* by name */
    size_t n;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct name *)a)->name, ((const struct name *)b)->name);
}

static struct name *find(const struct moth_workspace *workspace, const char *name)
{
    struct name key = {.name = (char *)(uintptr_t)name};
    return workspace->n > 0 ? bsearch(&key, workspace->names, workspace->n, sizeof key, by_name) : NULL;
}

/* The files of all frames, each once. */
static void collect(struct moth_workspace *workspace, const struct moth_run_summary *summary)
{
    for (size_t i = 0; i < summary->n_findings; i++) {
        const struct moth_finding *finding = summary->findings[i];
        for (size_t j = 0; j < finding->n_stack; j++) {
            struct moth_frame_parts frame = {0};
            moth_frame_parse(finding->stack[j], &frame);
            if (frame.file[0])
                workspace->names[workspace->n++] = (struct name){.name = moth_fs_path("%s", frame.file)};
        }
    }
    if (workspace->n > 0)
        qsort(workspace->names, workspace->n, sizeof *workspace->names, by_name);
    size_t kept = 0;
    for (size_t i = 0; i < workspace->n; i++) {
        if (kept > 0 && strcmp(workspace->names[kept - 1].name, workspace->names[i].name) == 0)
            free(workspace->names[i].name);
        else
            workspace->names[kept++] = workspace->names[i];
    }
    workspace->n = kept;
}

static void see(struct moth_workspace *workspace, const FTSENT *entry, size_t root_length)
{
    struct name *name = find(workspace, entry->fts_name);
    if (!name)
        return;
    free(name->path);
    const char *below = entry->fts_path + root_length;
    name->path = ++name->times == 1 ? moth_fs_path("%s", below + strspn(below, "/")) : NULL;
}

static void walk(struct moth_workspace *workspace, const char *root)
{
    char *roots[] = {(char *)(uintptr_t)root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT, NULL);
    FTSENT *entry;
    for (size_t seen = 0; tree && seen < MOTH_WORKSPACE_FILES && (entry = fts_read(tree)); seen++) {
        bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
        if (entry->fts_info == FTS_D && hidden)
            fts_set(tree, entry, FTS_SKIP);
        else if (entry->fts_info != FTS_D && entry->fts_info != FTS_DP && !hidden)
            see(workspace, entry, strlen(root));
    }
    if (tree)
        fts_close(tree);
}

const char *moth_workspace_root(void)
{
    return getenv("GITHUB_WORKSPACE");
}

struct moth_workspace *moth_workspace_open(const char *root, const struct moth_run_summary *summary)
{
    struct moth_workspace *workspace = root && *root ? calloc(1, sizeof *workspace) : NULL;
    if (!workspace)
        return NULL;
    size_t frames = 0;
    for (size_t i = 0; i < summary->n_findings; i++)
        frames += summary->findings[i]->n_stack;
    workspace->names = calloc(frames + 1, sizeof *workspace->names);
    if (!workspace->names) {
        free(workspace);
        return NULL;
    }
    collect(workspace, summary);
    if (workspace->n > 0)
        walk(workspace, root);
    return workspace;
}

const char *moth_workspace_path(const struct moth_workspace *workspace, const char *name)
{
    const struct name *found = workspace ? find(workspace, name) : NULL;
    return found && found->path ? found->path : name;
}

void moth_workspace_close(struct moth_workspace *workspace)
{
    for (size_t i = 0; workspace && i < workspace->n; i++) {
        free(workspace->names[i].name);
        free(workspace->names[i].path);
    }
    if (workspace)
        free(workspace->names);
    free(workspace);
}
