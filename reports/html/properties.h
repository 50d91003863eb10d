/* SPDX-License-Identifier: MIT
 *
 * The page's section of what the game states about itself (moth.h): what was violated or never seen first, the rest
 * folded.
 */
#ifndef MOTH_HTML_PROPERTIES_H
#define MOTH_HTML_PROPERTIES_H

#include <stdbool.h>
#include <stdio.h>

#include "reports/reports.h"

bool moth_html_has_properties(const struct moth_run_summary *summary);
/* Nothing where the game states none. */
void moth_html_properties(FILE *out, const struct moth_run_summary *summary);

#endif
