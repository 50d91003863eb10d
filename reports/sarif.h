/* SPDX-License-Identifier: MIT
 *
 * SARIF 2.1.0 (OASIS), for code scanning and viewers: sarif.c has the run, sarif_result.c the findings,
 * sarif_rules.c what a kind of finding means. Inside reports/ only; others call moth_report_sarif_text (reports.h).
 *
 * Files of stacks are relative to %SRCROOT%, what lies in the output folder to MOTH_OUT; neither is told where it is,
 * so the file says the same on every machine. Messages are plain text in which nothing is a link or a placeholder.
 */
#ifndef MOTH_REPORTS_SARIF_H
#define MOTH_REPORTS_SARIF_H

#include <jansson.h>

#include "reports/reports.h"
#include "reports/workspace.h"

#define MOTH_SARIF_OUT "MOTH_OUT"
#define MOTH_SARIF_SOURCES "%SRCROOT%"

/* Each gives a new reference. */
json_t *moth_sarif_rules(void); /* in the order of enum moth_finding_kind, so that a kind is its ruleIndex */
/* {"text": …}: text from anywhere. */
json_t *moth_sarif_message(const char *text);
/* These members of an object. */
json_t *moth_sarif_members(const json_t *json, const char *const *keys, size_t n);
const char *moth_sarif_level(const struct moth_finding *finding);
const char *moth_sarif_kind_level(enum moth_finding_kind kind);
/* Its files are appended to `artifacts`. */
json_t *moth_sarif_result(const struct moth_run_summary *summary, size_t place,
                          const struct moth_workspace *workspace, json_t *artifacts);

#endif
