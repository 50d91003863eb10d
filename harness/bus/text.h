/* SPDX-License-Identifier: MIT
 *
 * JSON text, written member by member at the end of a buffer. Strings of unknown making become valid
 * UTF-8. Commas are the writer's business: each function that adds a member or an element puts one first
 * where the text before it does not open something. Failure is the buffer's (out of memory).
 */
#ifndef MOTH_BUS_TEXT_H
#define MOTH_BUS_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* As it stands. */
void moth_text_raw(struct moth_buf *buf, const char *text);
/* `"key":`, after a comma where one is needed. NULL: only the comma. */
void moth_text_key(struct moth_buf *buf, const char *key);
/* Values, with their key (NULL: an element). */
void moth_text_string(struct moth_buf *buf, const char *key, const char *value);
void moth_text_number(struct moth_buf *buf, const char *key, double value); /* not finite: null */
void moth_text_integer(struct moth_buf *buf, const char *key, int64_t value);
void moth_text_bool(struct moth_buf *buf, const char *key, bool value);
void moth_text_null(struct moth_buf *buf, const char *key);
/* Virtual seconds, with nanoseconds. */
void moth_text_seconds(struct moth_buf *buf, const char *key, uint64_t ns);

#endif
