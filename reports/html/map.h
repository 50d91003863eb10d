/* SPDX-License-Identifier: MIT
 *
 * Where in the game's world the agents were, where two of the watches are coordinates: a drawing of each plane,
 * from the maps of coverage.json (fleet/survey.h), which may come from elsewhere and is not trusted.
 */
#ifndef MOTH_HTML_MAP_H
#define MOTH_HTML_MAP_H

#include <jansson.h>
#include <stdio.h>

#include "reports/reports.h"

/* `id`: unique in the page. */
void moth_html_map(FILE *out, const json_t *map, const struct moth_run_summary *summary, const char *id);

#endif
