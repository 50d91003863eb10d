/* SPDX-License-Identifier: MIT
 *
 * Text that moth writes for people to edit: Lua strings, words of a shell, and comments that stay comments
 * whatever a game's name has in it. Pure functions of their stream.
 */
#ifndef MOTH_SCRIPT_TEXT_H
#define MOTH_SCRIPT_TEXT_H

#include <stdio.h>

/* For comments: nothing in it may end the line or move the cursor. NULL is "". */
void moth_script_put_plain(FILE *out, const char *text);
/* A word of a shell's command line, in quotes where it needs them. */
void moth_script_put_word(FILE *out, const char *word);
/* A string of Lua's, in quotes. */
void moth_script_put_string(FILE *out, const char *text);

#endif
