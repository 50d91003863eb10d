/* SPDX-License-Identifier: MIT
 *
 * What a person sees of a run while it lasts: on a terminal a few lines at its end that are drawn over, with
 * findings written above them as they come; elsewhere a line now and then. One run at a time.
 */
#ifndef MOTH_CLI_VIEW_H
#define MOTH_CLI_VIEW_H

#include "reports/reports.h"

/* `game`: what is played, borrowed. */
void moth_cli_view_begin(const char *game);
void moth_cli_view_progress(const struct moth_run_progress *progress);
void moth_cli_view_found(const char *what, const char *kind, const char *title, const char *fingerprint);
/* Nothing is left of it. */
void moth_cli_view_end(void);

/* The lines for a window of so many columns and rows. Caller frees; NULL when memory is out. */
char *moth_cli_view_text(const char *game, const struct moth_run_progress *progress, double frames_per_s,
                         unsigned columns, unsigned rows, bool colours);

#endif
