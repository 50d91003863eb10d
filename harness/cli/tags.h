/* SPDX-License-Identifier: MIT
 *
 * Choosing scenarios by their tags: `smoke`, `smoke and not slow`, `(menu or shop) and not gl`. `not` binds closest,
 * then `and`, then `or`; a word is true for a scenario that has the tag.
 */
#ifndef MOTH_CLI_TAGS_H
#define MOTH_CLI_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define MOTH_TAGS_DEPTH_MAX 64 /* of parentheses and nots */

/* Is the expression true for something with these tags? 0 with *holds, or -1 with err (MOTH_ERR_USAGE), which shows
 * what is wrong with the expression. */
int moth_tags_match(const char *expression, const char *const *tags, size_t n, bool *holds, struct moth_err *err);

#endif
