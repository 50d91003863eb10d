/* SPDX-License-Identifier: MIT
 *
 * What is drawn over time: coverage, frame times, memory, trends over builds. Each section stands with its figures
 * and tables without JavaScript; the charts are drawn by report.js from the block of data, whose members these
 * functions add.
 */
#ifndef MOTH_HTML_CHARTS_H
#define MOTH_HTML_CHARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "reports/reports.h"

/* Does the page have this section? */
bool moth_html_has_coverage(const struct moth_run_summary *summary);
bool moth_html_has_performance(const struct moth_run_summary *summary);
bool moth_html_has_memory(const struct moth_run_summary *summary);
bool moth_html_has_trends(const json_t *history);

void moth_html_coverage(FILE *out, const struct moth_run_summary *summary);
void moth_html_performance(FILE *out, const struct moth_run_summary *summary);
void moth_html_memory(FILE *out, const struct moth_run_summary *summary);
void moth_html_trends(FILE *out, const json_t *history);

/* What the charts are drawn from. */
void moth_html_chart_data(json_t *data, const struct moth_run_summary *summary, const json_t *history);

#endif
