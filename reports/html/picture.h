/* SPDX-License-Identifier: MIT
 *
 * Pictures of a game, made smaller and put into the page as data: URIs, as long as there is room for them.
 */
#ifndef MOTH_HTML_PICTURE_H
#define MOTH_HTML_PICTURE_H

#include <stdbool.h>
#include <stdio.h>

#include <stddef.h>

/* Write an <img> of the PNG at `path`, at most `width` pixels wide. False, and nothing is written: it is no picture,
 * or there are not enough bytes left in *budget, from which it is taken. */
bool moth_html_picture(FILE *out, const char *path, const char *alt, unsigned width, size_t *budget);

#endif
