/* SPDX-License-Identifier: MIT
 *
 * The page's sections that are text: what the run came to, the list of findings, and what was played.
 */
#ifndef MOTH_HTML_SECTIONS_H
#define MOTH_HTML_SECTIONS_H

#include <jansson.h>
#include <stdio.h>

#include "reports/reports.h"

/* "3 new findings", "passed": the verdict in a few words. */
void moth_html_verdict_words(FILE *out, const struct moth_run_summary *summary);
/* The game's file name. */
const char *moth_html_game(const struct moth_run_summary *summary);

void moth_html_nav(FILE *out, const struct moth_run_summary *summary, const json_t *history);
void moth_html_verdict(FILE *out, const struct moth_run_summary *summary, const json_t *history);
/* Those that are told in full, in the page; *told gets how many places of `order` they took. */
void moth_html_findings(FILE *out, const struct moth_run_summary *summary, const json_t *history, const size_t *order, size_t *told);
/* Members of the data for those that are not, and for what earlier builds had. */
void moth_html_findings_data(json_t *data, const struct moth_run_summary *summary, const json_t *history, const size_t *order, size_t told);
void moth_html_run(FILE *out, const struct moth_run_summary *summary);

#endif
