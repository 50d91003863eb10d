/* SPDX-License-Identifier: MIT */
#include "reports/html/write.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define NARROW_SPACE "\xe2\x80\xaf"

/* ---- text ---- */

static const char *entity_of(unsigned code)
{
    switch (code) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* Characters that are not seen and change what is. */
static bool is_direction(unsigned code)
{
    return (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x200e ||
           code == 0x200f || code == 0x061c;
}

static bool is_control(unsigned code)
{
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
           code == 0x2029 || (code & 0xfffe) == 0xfffe || (code >= 0xfdd0 && code <= 0xfdef);
}

void moth_html_bytes(FILE *out, const char *text, size_t size)
{
    while (size > 0) {
        unsigned code = 0;
        size_t length = moth_utf8_next(text, size, &code);
        const char *entity = length ? entity_of(code) : NULL;
        if (length > 0 && is_direction(code))
            fprintf(out, "[U+%04X]", code);
        else if (length == 0 || is_control(code))
            fputs("\xef\xbf\xbd", out);
        else if (entity)
            fputs(entity, out);
        else
            fwrite(text, 1, length, out);
        text += length ? length : 1;
        size -= length ? length : 1;
    }
}

void moth_html_text(FILE *out, const char *text)
{
    if (text)
        moth_html_bytes(out, text, strlen(text));
}

void moth_html_print(FILE *out, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0)
        moth_html_text(out, text);
    va_end(arguments);
    free(text);
}

/* ---- JSON ---- */

/* JSON_ENSURE_ASCII has made an escape of all that is not ASCII, U+2028 and U+2029 with it. */
static int put_json(const char *bytes, size_t size, void *context)
{
    FILE *out = context;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '<' || bytes[i] == '>' || bytes[i] == '&')
            fprintf(out, "\\u%04x", (unsigned)bytes[i]);
        else
            fputc(bytes[i], out);
    }
    return ferror(out) ? -1 : 0;
}

void moth_html_json(FILE *out, const json_t *json)
{
    json_dump_callback(json, put_json, out, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

/* ---- bytes and words ---- */

void moth_html_base64(FILE *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t three = (uint32_t)bytes[i] << 16 | (n > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (n > 2 ? (uint32_t)bytes[i + 2] : 0);
        fputc(digits[three >> 18], out);
        fputc(digits[three >> 12 & 63], out);
        fputc(n > 1 ? digits[three >> 6 & 63] : '=', out);
        fputc(n > 2 ? digits[three & 63] : '=', out);
    }
}

/* ---- numbers ---- */

void moth_html_count(FILE *out, uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, n);
    for (int i = 0; i < length; i++) {
        if (i > 0 && length > 4 && (length - i) % 3 == 0)
            fputs(NARROW_SPACE, out);
        fputc(digits[i], out);
    }
}

void moth_html_number(FILE *out, double value)
{
    double size = fabs(value);
    if (!isfinite(value))
        fputs("–", out);
    else if (size >= 100 || value == 0)
        fprintf(out, "%.0f", value);
    else
        fprintf(out, "%.*f", size >= 10 ? 1 : size >= 0.1 ? 2 : size >= 0.01 ? 3 : 4, value);
}

void moth_html_seconds(FILE *out, double s)
{
    if (s < 60)
        fprintf(out, s < 10 ? "%.1f s" : "%.0f s", s);
    else if (s < 3600)
        fprintf(out, "%.0f min %02.0f s", floor(s / 60), floor(fmod(s, 60)));
    else
        fprintf(out, "%.0f h %02.0f min", floor(s / 3600), floor(fmod(s, 3600) / 60));
}
