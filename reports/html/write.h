/* SPDX-License-Identifier: MIT
 *
 * Putting text of unknown making into a page: between tags, into attributes, into a block of JSON. Bytes that are
 * no UTF-8, control characters and characters that would turn the direction of what stands around them are shown,
 * not obeyed.
 */
#ifndef MOTH_HTML_WRITE_H
#define MOTH_HTML_WRITE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Between tags, or in an attribute's quotes. NULL is nothing. */
void moth_html_text(FILE *out, const char *text);
/* The same, at most `size` bytes of it. */
void moth_html_bytes(FILE *out, const char *text, size_t size);
/* printf, with the result as text. */
void moth_html_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* JSON for between <script> tags: nothing in it can end the block. */
void moth_html_json(FILE *out, const json_t *json);
void moth_html_base64(FILE *out, const uint8_t *bytes, size_t size);
/* 1234567 as "1 234 567" with narrow spaces. */
void moth_html_count(FILE *out, uint64_t n);
/* "1", "12.3", "0.004": three digits that say something. */
void moth_html_number(FILE *out, double value);
/* "4.2 s", "3 min 20 s", "2 h 05 min". */
void moth_html_seconds(FILE *out, double s);

#endif
