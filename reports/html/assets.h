/* SPDX-License-Identifier: MIT
 *
 * What the page is made of, built into the program: made by embed.cmake from the files beside this one and
 * from Debian's Chart.js.
 */
#ifndef MOTH_HTML_ASSETS_H
#define MOTH_HTML_ASSETS_H

#include <stddef.h>

struct moth_html_asset {
    const char *bytes; /* NUL-terminated beyond its size */
    size_t size_bytes;
    const char *hash; /* as a Content-Security-Policy wants it: "sha256-…" */
};

extern const struct moth_html_asset moth_html_template, moth_html_style, moth_html_script, moth_html_chart;

#endif
