/* SPDX-License-Identifier: MIT */
#include "reports/xml.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

static bool xml_has(unsigned code)
{
    return code == '\t' || code == '\n' || code == '\r' || (code >= 0x20 && code <= 0xd7ff) ||
           (code >= 0xe000 && code <= 0xfffd) || code >= 0x10000;
}

static const char *entity_of(unsigned code, bool attribute)
{
    switch (code) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;"; /* "]]>" may not stand between tags */
    case '&':
        return "&amp;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    case '\r':
        return "&#13;";
    default:
        return NULL;
    }
}

static void write_escaped(FILE *out, const char *text, bool attribute)
{
    size_t size = text ? strlen(text) : 0;
    while (size > 0) {
        unsigned code;
        size_t length = moth_utf8_next(text, size, &code);
        const char *entity = length ? entity_of(code, attribute) : NULL;
        if (length == 0 || !xml_has(code))
            fputs("\xef\xbf\xbd", out);
        else if (entity)
            fputs(entity, out);
        else
            fwrite(text, 1, length, out);
        text += length ? length : 1;
        size -= length ? length : 1;
    }
}

void moth_xml_text(FILE *out, const char *text)
{
    write_escaped(out, text, false);
}

void moth_xml_attribute(FILE *out, const char *name, const char *value)
{
    fprintf(out, " %s=\"", name);
    write_escaped(out, value, true);
    fputc('"', out);
}
