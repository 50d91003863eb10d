/* SPDX-License-Identifier: MIT
 *
 * Recorded inputs as a drawing, a lane for each key, button and axis, and the same as a table.
 */
#ifndef MOTH_HTML_TIMELINE_H
#define MOTH_HTML_TIMELINE_H

#include <stdio.h>

#include "wire/trace.h"

/* `id`: unique in the page. `frame`: where the finding is. */
void moth_html_timeline(FILE *out, const struct moth_trace *trace, uint32_t frame, const char *id);

#endif
