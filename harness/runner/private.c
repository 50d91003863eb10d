/* SPDX-License-Identifier: MIT */
#include "runner/private.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "runner/cookie.h"

#define REPORT_BYTES_MAX (4u << 20)

static const char *const folders[] = {"home", "home/.config", "home/.local", "home/.local/share",
                                      "home/.local/state", "home/.cache", "tmp", "run"};

int moth_private_make(struct moth_private *folder, struct moth_err *err)
{
    *folder = (struct moth_private){.fd = -1, .log_fd = -1};
    folder->path = moth_cookie_make_folder(err);
    if (folder->path == NULL)
        return -1;
    folder->fd = open(folder->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    bool made = folder->fd >= 0;
    for (size_t i = 0; made && i < sizeof folders / sizeof *folders; i++)
        made = mkdirat(folder->fd, folders[i], 0700) == 0;
    if (made)
        folder->log_fd = openat(folder->fd, "log", O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    if (made && folder->log_fd >= 0)
        return 0;
    moth_err_sys(err, MOTH_ERR_IO, "cannot fill the private folder '%s'", folder->path);
    moth_private_remove(folder);
    return -1;
}

void moth_private_remove(struct moth_private *folder)
{
    if (folder->fd >= 0)
        close(folder->fd);
    if (folder->log_fd >= 0)
        close(folder->log_fd);
    if (folder->path != NULL)
        moth_fs_remove_tree(folder->path, NULL);
    free(folder->path);
    *folder = (struct moth_private){.fd = -1, .log_fd = -1};
}

char *moth_private_sanitizer_report(const struct moth_private *folder)
{
    char *report = NULL;
    DIR *dir = folder->path != NULL ? opendir(folder->path) : NULL;
    struct dirent *entry;
    while (dir != NULL && report == NULL && (entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "sanitizer.", 10) != 0)
            continue;
        char *path = moth_fs_path("%s/%s", folder->path, entry->d_name);
        struct stat st;
        if (stat(path, &st) == 0 && st.st_size > 0)
            report = moth_fs_read(path, REPORT_BYTES_MAX, NULL, NULL);
        free(path);
    }
    if (dir != NULL)
        closedir(dir);
    return report;
}
