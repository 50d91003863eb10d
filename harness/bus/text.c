/* SPDX-License-Identifier: MIT */
#include "bus/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void moth_text_raw(struct moth_buf *buf, const char *text)
{
    moth_buf_put(buf, text, strlen(text));
}

static void put_quoted(struct moth_buf *buf, const char *value)
{
    size_t left = strlen(value);
    moth_buf_put_u8(buf, '"');
    while (left > 0) {
        size_t plain = 0;
        while (plain < left && (unsigned char)value[plain] >= 0x20 && (unsigned char)value[plain] < 0x7f &&
               value[plain] != '"' && value[plain] != '\\')
            plain++;
        moth_buf_put(buf, value, plain);
        value += plain;
        left -= plain;
        if (left == 0)
            break;
        unsigned code = 0;
        size_t length = moth_utf8_next(value, left, &code);
        char escaped[8];
        if (length == 0)
            moth_text_raw(buf, "\xef\xbf\xbd");
        else if (length == 1) {
            snprintf(escaped, sizeof escaped, code == '"' || code == '\\' ? "\\%c" : "\\u%04x", code);
            moth_text_raw(buf, escaped);
        } else
            moth_buf_put(buf, value, length);
        value += length ? length : 1;
        left -= length ? length : 1;
    }
    moth_buf_put_u8(buf, '"');
}

void moth_text_key(struct moth_buf *buf, const char *key)
{
    uint8_t last = buf->size_bytes ? buf->bytes[buf->size_bytes - 1] : '{';
    if (last != '{' && last != '[' && last != ':')
        moth_buf_put_u8(buf, ',');
    if (!key)
        return;
    put_quoted(buf, key);
    moth_buf_put_u8(buf, ':');
}

void moth_text_string(struct moth_buf *buf, const char *key, const char *value)
{
    moth_text_key(buf, key);
    put_quoted(buf, value);
}

void moth_text_integer(struct moth_buf *buf, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    moth_text_key(buf, key);
    moth_text_raw(buf, text);
}

void moth_text_number(struct moth_buf *buf, const char *key, double value)
{
    char text[40] = "null";
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        moth_text_integer(buf, key, (int64_t)value);
        return;
    }
    if (isfinite(value))
        snprintf(text, sizeof text, "%.17g", value);
    moth_text_key(buf, key);
    moth_text_raw(buf, text);
}

void moth_text_bool(struct moth_buf *buf, const char *key, bool value)
{
    moth_text_key(buf, key);
    moth_text_raw(buf, value ? "true" : "false");
}

void moth_text_null(struct moth_buf *buf, const char *key)
{
    moth_text_key(buf, key);
    moth_text_raw(buf, "null");
}

void moth_text_seconds(struct moth_buf *buf, const char *key, uint64_t ns)
{
    char text[40];
    snprintf(text, sizeof text, "%" PRIu64 ".%09" PRIu64, ns / 1000000000u, ns % 1000000000u);
    moth_text_key(buf, key);
    moth_text_raw(buf, text);
}
