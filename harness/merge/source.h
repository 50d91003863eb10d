/* SPDX-License-Identifier: MIT
 *
 * A folder that is merged: its parts and its findings, read and checked.
 */
#ifndef MOTH_MERGE_SOURCE_H
#define MOTH_MERGE_SOURCE_H

#include "findings/finding.h"
#include "merge/part.h"

struct moth_source {
    char *folder;
    struct moth_parts parts;
    struct moth_finding **findings; /* of its run.json; `trace` is NULL for one whose folder is not there */
    size_t n_findings;
};

/* Read the output folder of a run, or a merged one. 0, or -1 with err (MOTH_ERR_USAGE, MOTH_ERR_MEMORY). */
int moth_source_read(const char *folder, struct moth_source *source, void (*warn)(const char *sentence),
                     struct moth_err *err);
void moth_source_fini(struct moth_source *source);

#endif
