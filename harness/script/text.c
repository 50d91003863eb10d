/* SPDX-License-Identifier: MIT */
#include "script/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

void moth_script_put_plain(FILE *out, const char *text)
{
    for (; text && *text; text++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

void moth_script_put_word(FILE *out, const char *word)
{
    static const char safe[] = "%+,-./:=@_";
    bool plain = *word != '\0';
    for (const char *at = word; *at; at++)
        plain = plain && (isalnum((unsigned char)*at) || strchr(safe, *at));
    if (!plain)
        fputc('\'', out);
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            fputs("'\\''", out);
        else
            moth_script_put_plain(out, (char[]){*at, '\0'});
    }
    if (!plain)
        fputc('\'', out);
}

void moth_script_put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            fprintf(out, "\\%03d", (unsigned char)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}
