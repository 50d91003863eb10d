/* SPDX-License-Identifier: MIT */
#include "core/probe.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t moth_chain_audio, moth_chain_random, moth_chain_calls;

uint64_t moth_hash(const void *bytes, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

/* Whether the sentence that ends at `used` already stands before it. */
static bool known(const char *text, size_t used, const char *sentence)
{
    for (size_t at = 0; at < used; at += strlen(text + at) + 1)
        if (strcmp(text + at, sentence) == 0)
            return true;
    return false;
}

void moth_warn(const char *sentence, const char *detail)
{
    struct moth_channel *c = moth_channel;
    char line[512];
    size_t n = strlen(sentence);
    if (n > sizeof line - 3)
        n = sizeof line - 3;
    memcpy(line, sentence, n);
    if (detail != NULL) {
        size_t m = strlen(detail);
        line[n++] = ':';
        line[n++] = ' ';
        if (m > sizeof line - 1 - n)
            m = sizeof line - 1 - n;
        memcpy(line + n, detail, m);
        n += m;
    }
    line[n++] = '\0';
    size_t used = c->warnings_used < sizeof c->warnings ? c->warnings_used : 0;
    if (used + n > sizeof c->warnings || known(c->warnings, used, line))
        return;
    memcpy(c->warnings + used, line, n);
    c->warnings_used = (uint32_t)(used + n);
}
