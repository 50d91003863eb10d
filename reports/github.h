/* SPDX-License-Identifier: MIT
 *
 * GitHub Actions: annotations as workflow commands on standard output, and a step summary in Markdown.
 *
 * A step may have ten errors, ten warnings and ten notices, and 1 MiB of summary; what is more is summed up, the
 * worst first. Nothing in a game's words becomes a command, markup or HTML: in commands it is escaped as the runner
 * wants it, in Markdown all punctuation becomes character references.
 */
#ifndef MOTH_REPORTS_GITHUB_H
#define MOTH_REPORTS_GITHUB_H

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "reports/reports.h"

#define MOTH_GITHUB_ANNOTATIONS 10u             /* of each level, in a step */
#define MOTH_GITHUB_MESSAGE_BYTES (8u << 10)    /* of one, before it is escaped; the runner takes 64 KiB */
#define MOTH_GITHUB_SUMMARY_BYTES (1024u << 10) /* of a step */

/* The workflow commands. `workspace` (may be NULL): the checked out repository, in which the files of stacks are
 * looked for, so that annotations stand in the change that is reviewed. */
void moth_report_github(const struct moth_run_summary *summary, const char *workspace, FILE *out);
/* One error, for what kept a run from beginning. */
void moth_report_github_fault(const char *message, FILE *out);

/* The step summary, at most `most_bytes` of it. Caller frees; NULL: memory is out. */
char *moth_report_github_summary_text(const struct moth_run_summary *summary, size_t most_bytes);
/* Append it to the file that GITHUB_STEP_SUMMARY names, as far as it takes more. */
int moth_report_github_summary(const struct moth_run_summary *summary, const char *path, struct moth_err *err);

#endif
