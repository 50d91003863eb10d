/* SPDX-License-Identifier: MIT
 *
 * What a report shows of a finding beside its own words: the command that plays it again, the files that lie in its
 * folder, the end of the game's log. Reads the folder where it lies now (moth_report_finding_files); what is
 * missing there is left out. Names of files come from games' screenshots, so only plain ones are shown.
 */
#ifndef MOTH_REPORTS_EVIDENCE_H
#define MOTH_REPORTS_EVIDENCE_H

#include <stddef.h>

#include "reports/reports.h"

/* `text` as one word of a shell, quoted where it has to be. Caller frees. */
char *moth_report_shell_word(const char *text);
/* "moth replay 'my game/findings/1-crash-…'", to be copied into a shell. Caller frees. */
char *moth_report_replay_of(const char *folder);
/* Of the i-th finding. "moth replay moth-out/findings/1-crash-…", to be copied into a shell. Caller frees. */
char *moth_report_replay_command(const struct moth_run_summary *summary, size_t i);

/* Names of the files in the i-th finding's folder, sorted, NULL-terminated; finding.json is not among them. Caller
 * frees with moth_report_names_free. NULL when memory is out. */
char **moth_report_attachments(const struct moth_run_summary *summary, size_t i);
void moth_report_names_free(char **names);

#define MOTH_REPORT_LOG_BYTES 8192u
/* The last whole lines of the i-th finding's game.log, at most MOTH_REPORT_LOG_BYTES, as the game wrote them; NULL
 * when there is none. Caller frees. */
char *moth_report_log_tail(const struct moth_run_summary *summary, size_t i);

#endif
