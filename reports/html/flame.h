/* SPDX-License-Identifier: MIT
 *
 * Folded stacks ("outer;inner;innermost 12" a line) as a flame chart, outermost on top, and as a table.
 */
#ifndef MOTH_HTML_FLAME_H
#define MOTH_HTML_FLAME_H

#include <stdbool.h>
#include <stdio.h>

/* False, and nothing is written: there is nothing in `folded`. `id`: unique in the page. */
bool moth_html_flame(FILE *out, const char *folded, const char *id);

#endif
