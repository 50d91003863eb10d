/* SPDX-License-Identifier: MIT
 *
 * report.html: one file that tells a run to people. It needs nothing beside it: style, scripts, charts and
 * pictures are inside, so it can be mailed and opened from a disk. All that matters is there without JavaScript;
 * with it come charts, filters and buttons that copy.
 *
 * moth_report_html_text (reports/reports.h) makes it: a function of the summary and of the findings' folders,
 * byte for byte. What comes from a game
 * (titles, logs, symbols, names) is text and stays text: it is escaped where it is put, and a
 * Content-Security-Policy lets neither a script run that is not moth's own nor anything be loaded.
 *
 * The file stays small enough for a mail whatever the run was: see the MOTH_HTML_..._MAX below. What goes beyond
 * them is left out, and the page says so.
 */
#ifndef MOTH_HTML_HTML_H
#define MOTH_HTML_HTML_H

#define MOTH_HTML_PICTURE_BYTES_MAX (3u << 20) /* of all pictures, as they stand in the page */
#define MOTH_HTML_DETAIL_BYTES_MAX (2u << 20)  /* of all findings that are told in full, pictures apart */
#define MOTH_HTML_FULL_MAX 200u                /* findings that are told in full: the worst; others have a line */
#define MOTH_HTML_ROWS_MAX 100000u             /* findings that have a line */

#endif
