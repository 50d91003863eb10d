/* SPDX-License-Identifier: MIT
 *
 * From a file's name in a stack to its path in a checked out repository. Frames have the names of files without
 * their folders (a build lies elsewhere on each machine); one that the repository has exactly once is that file.
 */
#ifndef MOTH_REPORTS_WORKSPACE_H
#define MOTH_REPORTS_WORKSPACE_H

#include "reports/reports.h"

#define MOTH_WORKSPACE_FILES 100000u /* that are looked at, at most */

struct moth_workspace; /* opaque */

/* Where a build server says that the repository lies (GITHUB_WORKSPACE), or NULL. */
const char *moth_workspace_root(void);
/* Look for the files that the findings' stacks name below `root`, hidden folders aside. NULL where there is no root,
 * or no memory. */
struct moth_workspace *moth_workspace_open(const char *root, const struct moth_run_summary *summary);
/* Its path below the root, or `name` itself where it is not known or there are several. NULL workspace is allowed. */
const char *moth_workspace_path(const struct moth_workspace *workspace, const char *name);
void moth_workspace_close(struct moth_workspace *workspace);

#endif
