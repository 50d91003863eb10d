/* SPDX-License-Identifier: MIT
 *
 * Signatures that a script gives, and calls as a trace has them: what is taken has one spelling, which is taken
 * again and says the same.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "wire/call.h"

static void check_signature(const char *text)
{
    static struct moth_call_signature signature, again;
    char problem[200], spelled[MOTH_CALL_TEXT_BYTES];
    if (moth_call_parse(text, &signature, problem, sizeof problem) != 0 ||
        moth_call_spell(&signature, spelled, sizeof spelled) != 0)
        return;
    if (signature.n_nodes > MOTH_CALL_NODES_MAX || signature.nodes[0].end > signature.n_nodes)
        abort();
    if (moth_call_parse(spelled, &again, problem, sizeof problem) != 0 ||
        memcmp(&signature, &again, sizeof signature) != 0)
        abort();
}

static void check_call(const char *text)
{
    static struct moth_call call;
    static char strings[MOTH_CALL_TEXT_BYTES], again[MOTH_CALL_TEXT_BYTES * 4];
    char problem[200];
    if (moth_call_decode(text, &call, strings, sizeof strings, problem, sizeof problem) != 0)
        return;
    if (moth_call_encode(&call, again, sizeof again) != 0)
        return;
    static char spelled[MOTH_CALL_TEXT_BYTES * 4];
    if (strlen(again) < MOTH_CALL_TEXT_BYTES &&
        (moth_call_decode(again, &call, strings, sizeof strings, problem, sizeof problem) != 0 ||
         moth_call_encode(&call, spelled, sizeof spelled) != 0 || strcmp(again, spelled) != 0))
        abort();
    moth_call_decode_result(strchr(text, ')'), &call, strings, sizeof strings);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    char *text = malloc(size_bytes + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, size_bytes);
    text[size_bytes] = '\0';
    check_signature(text);
    check_call(text);
    free(text);
    return 0;
}
