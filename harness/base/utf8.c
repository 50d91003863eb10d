/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

size_t moth_utf8_next(const char *text, size_t size, unsigned *code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    if (size == 0)
        return 0;
    unsigned first = bytes[0];
    if (first < 0x80) {
        *code = first;
        return 1;
    }
    size_t length = first >= 0xf0 && first <= 0xf4  ? 4
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xc2 && first < 0xe0 ? 2
                                                    : 0;
    if (length == 0 || length > size)
        return 0;
    unsigned value = first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 0;
    *code = value;
    return length;
}

char *moth_utf8_clean(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text);
    char *clean = malloc(size * (sizeof replacement - 1) + 1);
    if (!clean)
        return NULL;
    char *to = clean;
    while (size > 0) {
        unsigned code;
        size_t length = moth_utf8_next(text, size, &code);
        memcpy(to, length ? text : replacement, length ? length : sizeof replacement - 1);
        to += length ? length : sizeof replacement - 1;
        text += length ? length : 1;
        size -= length ? length : 1;
    }
    *to = '\0';
    return clean;
}
