/* SPDX-License-Identifier: MIT
 *
 * Words that people type: comparing them without regard to case (ASCII only, no locale), and finding
 * the one that was probably meant. No state.
 */
#ifndef MOTH_BASE_STR_H
#define MOTH_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

static inline char moth_str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A copy that is valid UTF-8 and in which nothing can move a cursor, change colours or turn the direction round ('?' stands
 * for it): for words of a game that are shown on a terminal. "" for NULL, never NULL (aborts when memory is out); caller
 * frees. */
char *moth_str_plain(const char *text);
bool moth_str_equal_nocase(const char *a, const char *b);

/* Edits (insert, delete, replace, swap two neighbours; case is ignored) from one word to the other:
 * optimal string alignment. Only the first 63 bytes of each count. */
size_t moth_str_distance(const char *a, const char *b);

/* The one of `words` (NULL entries are passed over) that is nearest to `word`, the first of equals; NULL
 * when none is near enough to be worth proposing: more than a third of its letters, and one, are wrong. */
const char *moth_str_nearest(const char *word, const char *const *words, size_t n_words);

#endif
