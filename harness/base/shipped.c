/* SPDX-License-Identifier: MIT
 *
 * Where moth's own files are. An installed tree is known by the way from bin/ to lib/ and share/, which
 * is compiled in relative, so that the tree may be moved. A build tree is known by a file at its root,
 * `moth-build-tree`, that names the sources; no program carries a path of the machine it was built on.
 */
#include "base/fs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUILD_MARKER "moth-build-tree"
#define PROBE_FILE "libmoth_probe.so"

const char *moth_fs_own_folder(void)
{
    static char folder[4096];
    if (folder[0])
        return folder;
    char path[sizeof folder];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return ".";
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        slash[slash == path ? 1 : 0] = '\0';
    memcpy(folder, path, strlen(path) + 1);
    return folder;
}

/* `path` if it is there, else freed and NULL. */
static char *if_there(char *path)
{
    if (access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* The build folder that holds the running program, or NULL. */
static char *build_folder(void)
{
    char *folder = moth_fs_path("%s", moth_fs_own_folder());
    while (folder[0]) {
        char *marker = if_there(moth_fs_path("%s/" BUILD_MARKER, folder));
        if (marker) {
            free(marker);
            return folder;
        }
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    free(folder);
    return NULL;
}

static char *in_build_tree(const char *name, bool is_probe)
{
    char *folder = build_folder();
    if (!folder)
        return NULL;
    char *found = if_there(moth_fs_path("%s/%s%s", folder, is_probe ? "harness/probe/" : "", name));
    if (!found && !is_probe) {
        char *marker = moth_fs_path("%s/" BUILD_MARKER, folder);
        char *sources = moth_fs_read(marker, 4096, NULL, NULL);
        if (sources) {
            sources[strcspn(sources, "\n")] = '\0';
            found = if_there(moth_fs_path("%s/%s", sources, name));
        }
        free(sources);
        free(marker);
    }
    free(folder);
    return found;
}

char *moth_fs_shipped(const char *name)
{
    bool is_probe = strcmp(name, PROBE_FILE) == 0;
    char *path =
        moth_fs_path("%s/%s/%s", moth_fs_own_folder(), is_probe ? MOTH_BIN_TO_LIB : MOTH_BIN_TO_DATA, name);
    char *real = realpath(path, NULL);
    free(path);
    return real ? real : in_build_tree(name, is_probe);
}
