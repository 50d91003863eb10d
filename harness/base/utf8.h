/* SPDX-License-Identifier: MIT
 *
 * Text of unknown making (a game's log, symbols, titles) on its way into JSON and XML, which take
 * nothing but valid UTF-8. Pure functions.
 */
#ifndef MOTH_BASE_UTF8_H
#define MOTH_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the valid UTF-8 sequence at `text` (1..4; no surrogates, no overlong forms), 0 when there is
 * none. `size` bytes are there. *code gets the code point. */
size_t moth_utf8_next(const char *text, size_t size, unsigned *code);
/* Copy with every byte that is no part of valid UTF-8 replaced by U+FFFD. NULL gives NULL. Caller frees. */
char *moth_utf8_clean(const char *text);

#endif
