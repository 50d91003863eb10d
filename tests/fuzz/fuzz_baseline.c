/* SPDX-License-Identifier: MIT
 *
 * A baseline that somebody edited. What is read must write and read again as the same, byte for byte; what is
 * refused must say on which line. Its words may also be what somebody typed behind --fail-on, --budget and
 * --expires.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baseline/baseline.h"
#include "baseline/gate.h"

static void check_words(const uint8_t *bytes, size_t size_bytes)
{
    char text[128], date[MOTH_DATE_BYTES];
    size_t size = size_bytes < sizeof text - 1 ? size_bytes : sizeof text - 1;
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    struct moth_gate_rules rules;
    moth_gate_rules_init(&rules);
    moth_gate_parse_fail_on(text, &rules, NULL);
    moth_gate_parse_budget(text, &rules, NULL);
    if (moth_date_parse(text, "2026-11-23", date) && !moth_date_valid(date))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    struct moth_err err = {0};
    check_words(bytes, size_bytes);
    struct moth_baseline *baseline = moth_baseline_parse((const char *)bytes, size_bytes, "b.json", &err);
    if (!baseline) {
        if (strncmp(err.message, "b.json:", 7) != 0 || atoi(err.message + 7) < 1)
            abort();
        return 0;
    }
    char *text = moth_baseline_text(baseline);
    struct moth_baseline *again = text ? moth_baseline_parse(text, strlen(text), "b.json", &err) : NULL;
    char *same = again ? moth_baseline_text(again) : NULL;
    if (!same || strcmp(text, same) != 0)
        abort();
    free(text);
    free(same);
    moth_baseline_free(again);
    moth_baseline_free(baseline);
    return 0;
}
