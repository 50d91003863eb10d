/* SPDX-License-Identifier: MIT
 *
 * moth.lua's lexer: any text whatever gives a line that the text has.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "cli/option_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    static const char *const paths[][3] = {{"frames"}, {"budgets", "frames"}, {"detectors", "hang", "cpu_ms"}, {"game", "2"}};
    static const size_t lengths[] = {1, 2, 3, 2};
    char *text = malloc(size_bytes + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, size_bytes);
    text[size_bytes] = '\0';
    int lines = 1;
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        int line = moth_config_line(text, paths[i], lengths[i]);
        if (line < 1 || line > lines)
            abort();
    }
    free(text);
    return 0;
}
