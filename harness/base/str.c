/* SPDX-License-Identifier: MIT */
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define WORD_MAX 63

/* Controls, C1's too, and what turns the direction of a line round or breaks it. */
static bool moves(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

char *moth_str_plain(const char *text)
{
    char *plain = strdup(text ? text : ""), *to = plain;
    if (!plain)
        abort(); /* a line */
    size_t left = strlen(plain);
    for (const char *at = plain; left > 0;) {
        unsigned code = 0;
        size_t length = moth_utf8_next(at, left, &code);
        if (length == 0 || moves(code)) {
            *to++ = '?';
            length += length == 0;
        } else {
            memmove(to, at, length);
            to += length;
        }
        at += length;
        left -= length;
    }
    *to = '\0';
    return plain;
}

bool moth_str_equal_nocase(const char *a, const char *b)
{
    while (*a && moth_str_lower(*a) == moth_str_lower(*b)) {
        a++;
        b++;
    }
    return moth_str_lower(*a) == moth_str_lower(*b);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t moth_str_distance(const char *a, const char *b)
{
    size_t a_length = strnlen(a, WORD_MAX), b_length = strnlen(b, WORD_MAX);
    size_t rows[3][WORD_MAX + 1]; /* two back, one back, this one; used in turn */
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *here = rows[i % 3], *back = rows[(i + 2) % 3], *back2 = rows[(i + 1) % 3];
        here[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            char x = moth_str_lower(a[i - 1]), y = moth_str_lower(b[j - 1]);
            here[j] = least(back[j - 1] + (x != y), least(back[j], here[j - 1]) + 1);
            if (i > 1 && j > 1 && x == moth_str_lower(b[j - 2]) && y == moth_str_lower(a[i - 2]))
                here[j] = least(here[j], back2[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *moth_str_nearest(const char *word, const char *const *words, size_t n_words)
{
    const char *nearest = NULL;
    size_t nearest_distance = strnlen(word, WORD_MAX) / 3 + 2;
    for (size_t i = 0; i < n_words; i++) {
        size_t distance = words[i] ? moth_str_distance(word, words[i]) : nearest_distance;
        if (distance < nearest_distance) {
            nearest = words[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}
