/* SPDX-License-Identifier: MIT */
#include "bindings/lua/find.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

static int is_script(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 4 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 4, ".lua") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

char **moth_agent_names(size_t *n)
{
    char *folder = moth_fs_shipped("agents");
    struct dirent **entries = NULL;
    int found = folder ? scandir(folder, &entries, is_script, by_bytes) : 0;
    found = found < 0 ? 0 : found;
    free(folder);
    char **names = calloc((size_t)found + 1, sizeof *names);
    if (!names)
        abort();
    for (int i = 0; i < found; i++) {
        size_t length = strlen(entries[i]->d_name) - 4;
        names[i] = moth_fs_path("%.*s", (int)length, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    *n = (size_t)found;
    return names;
}

void moth_agent_names_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
}

static char *find_file(const char *name, struct moth_err *err)
{
    struct stat info;
    if (stat(name, &info) != 0) {
        moth_err_sys(err, MOTH_ERR_SCRIPT, "agent '%s'", name);
        return NULL;
    }
    if (!S_ISREG(info.st_mode)) {
        moth_err_set(err, MOTH_ERR_SCRIPT, "agent '%s' is not a file", name);
        return NULL;
    }
    return moth_fs_path("%s", name);
}

static char *shipped(const char *folder, const char *name)
{
    char *relative = moth_fs_path("%s/%s.lua", folder, name);
    char *path = moth_fs_shipped(relative);
    free(relative);
    return path;
}

char *moth_agent_find(const char *name, struct moth_err *err)
{
    size_t length = strlen(name);
    if (strchr(name, '/') || (length > 4 && strcmp(name + length - 4, ".lua") == 0))
        return find_file(name, err);
    char *path = shipped("agents", name);
    if (!path)
        path = shipped("scenarios", name);
    if (path)
        return path;
    size_t n;
    char **names = moth_agent_names(&n);
    const char *near = moth_str_nearest(name, (const char *const *)names, n);
    char *beside = moth_fs_path("%s.lua", name);
    if (access(beside, R_OK) == 0)
        moth_err_set(err, MOTH_ERR_SCRIPT, "moth ships no agent '%s'; for the file here say '%s'", name, beside);
    else
        moth_err_set(err, MOTH_ERR_SCRIPT,
                     "moth ships no agent '%s'%s%s%s (`moth list agents` shows them; a file needs its .lua)", name,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(beside);
    moth_agent_names_free(names);
    return NULL;
}
