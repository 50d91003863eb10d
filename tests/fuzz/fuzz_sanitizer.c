/* SPDX-License-Identifier: MIT
 *
 * What a game writes on its way down is anybody's text: reports, frames and fingerprints made of it, and
 * the JSON they end in.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "detect/detectors.h"
#include "detect/frames.h"
#include "findings/finding.h"
#include "findings/finding_json.h"

static void check_frame(const char *text)
{
    struct moth_frame_parts parts;
    char key[256];
    moth_frame_parse(text, &parts);
    (void)moth_frame_is_machinery(&parts);
    (void)moth_frame_is_handler(&parts);
    memset(key, 'x', sizeof key);
    if (moth_frame_key(&parts, key, sizeof key) && (!key[0] || !memchr(key, '\0', sizeof key)))
        abort();
}

static void check_json(struct moth_finding *finding)
{
    moth_finding_fingerprint(finding);
    json_t *json = moth_finding_json(finding);
    char *text = json ? json_dumps(json, 0) : NULL;
    if (!text || !finding->fingerprint[0] || strpbrk(finding->fingerprint, "/ \n"))
        abort();
    free(text);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    char *text = malloc(size_bytes + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, size_bytes);
    text[size_bytes] = '\0';
    struct moth_sanitizer_report report;
    if (moth_sanitizer_parse(text, &report)) {
        if (!report.title || !report.text)
            abort();
        for (size_t i = 0; i < report.n_stack; i++)
            check_frame(report.stack[i]);
        struct moth_finding finding = {.kind = MOTH_FINDING_SANITIZER,
                                       .title = report.title,
                                       .detail = report.text,
                                       .stack = report.stack,
                                       .n_stack = report.n_stack};
        check_json(&finding);
        moth_sanitizer_report_fini(&report);
    }
    check_frame(text);
    struct moth_finding finding = {.kind = MOTH_FINDING_CRASH, .title = text};
    check_json(&finding);
    free(text);
    return 0;
}
