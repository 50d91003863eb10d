/* SPDX-License-Identifier: MIT
 *
 * An instance's private folder: HOME, the XDG folders, TMP, the log. The game reaches it through a
 * descriptor (/proc/self/fd/901), so that its paths are the same in every run.
 */
#ifndef MOTH_RUNNER_PRIVATE_H
#define MOTH_RUNNER_PRIVATE_H

#include <stdbool.h>

#include "base/err.h"

struct moth_private {
    char *path;
    int fd, log_fd;
    bool mapped;          /* files in it are, or were, written through memory: their times do not tell it */
    unsigned *references; /* of an image that several snapshots share; NULL: one's own */
};

int moth_private_make(struct moth_private *folder, struct moth_err *err);
/* Make a copy for a branch: contents, modes, times; of the log, the end. */
int moth_private_copy(const struct moth_private *from, struct moth_private *to, struct moth_err *err);
/* Make an image for a snapshot, which will not write to it: the last one made, if nothing has changed since. */
int moth_private_freeze(const struct moth_private *from, struct moth_private *to, struct moth_err *err);
/* Nobody uses it any more: keep it for the next copy. */
void moth_private_spare(struct moth_private *folder);
void moth_private_clear_spares(void);
/* Remove it and all in it; of an image, the reference. */
void moth_private_remove(struct moth_private *folder);
/* What a sanitizer wrote, or NULL. Caller frees. */
char *moth_private_sanitizer_report(const struct moth_private *folder);

#endif
