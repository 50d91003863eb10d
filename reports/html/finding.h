/* SPDX-License-Identifier: MIT
 *
 * One finding on the page: its line, and all that is known of it.
 */
#ifndef MOTH_HTML_FINDING_H
#define MOTH_HTML_FINDING_H

#include <jansson.h>
#include <stdio.h>

#include "reports/reports.h"

/* "high", "medium", "low": how much a finding of a kind hurts. */
const char *moth_html_severity(enum moth_finding_kind kind);
/* The article. `pictures`: bytes that are left for pictures. `rank`: its place on the page. `open`: unfolded. */
void moth_html_finding(FILE *out, const struct moth_run_summary *summary, size_t index, size_t rank, bool open,
                       size_t *pictures);
/* What its line says, for one that is not told in full. New reference. */
json_t *moth_html_finding_row(const struct moth_run_summary *summary, size_t index);

#endif
