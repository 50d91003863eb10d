/* SPDX-License-Identifier: MIT
 *
 * What a game, an agent and a quarantine may say, in every report: valid for those who read it, whatever it is.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/utf8.h"
#include "reports/github.h"
#include "reports/reports.h"

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_utf8(const char *text)
{
    for (size_t size = strlen(text), at = 0; at < size;) {
        unsigned code;
        size_t length = moth_utf8_next(text + at, size - at, &code);
        demand(length > 0);
        at += length;
    }
}

/* Tags are closed, text holds no other characters than XML has, and nothing is attached. */
static void check_junit(const struct moth_run_summary *summary)
{
    char *text = moth_report_junit_text(summary);
    int depth = 0;
    check_utf8(text);
    for (const char *at = text; *at; at++) {
        demand((unsigned char)*at >= 0x20 || *at == '\n' || *at == '\t');
        if (*at != '<' || at[1] == '?')
            continue;
        const char *end = strchr(at, '>');
        demand(end != NULL && memchr(at + 1, '<', (size_t)(end - at - 1)) == NULL);
        depth += at[1] == '/' ? -1 : end[-1] == '/' ? 0 : 1;
        demand(depth >= 0);
        const char *mark = strstr(end, "[["), *next = strchr(end, '<');
        demand(!mark || (next && next < mark)); /* in attributes nobody looks for them */
    }
    demand(depth == 0);
    free(text);
}

static void check_commands(const struct moth_run_summary *summary)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    moth_report_github(summary, NULL, out);
    fclose(out);
    check_utf8(text);
    demand(!strstr(text, "##[") && !strchr(text, '\r'));
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        const char *message = strstr(line + 2, "::"), *colon = strchr(line + 2, ':');
        demand(strncmp(line, "::", 2) == 0 && message == colon && message < strchr(line, '\n'));
    }
    free(text);
}

/* Tags are ours, and no line is a command. */
static void check_summary(const struct moth_run_summary *summary)
{
    static const char *const tags[] = {"<code>",    "</code>",    "<pre>", "</pre>", "<details>",
                                       "</details>", "<summary>", "</summary>", "<b>", "</b>"};
    char *text = moth_report_github_summary_text(summary, 1 << 16);
    check_utf8(text);
    demand(!strstr(text, "##[") && !strstr(text, "](") && !strchr(text, '`'));
    for (const char *at = text; (at = strchr(at, '<')); at++) {
        bool ours = false;
        for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
            ours = ours || strncmp(at, tags[i], strlen(tags[i])) == 0;
        demand(ours);
    }
    free(text);
}

static void check_sarif(const struct moth_run_summary *summary)
{
    char *text = moth_report_sarif_text(summary);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    demand(json != NULL);
    json_decref(json);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    char *said = calloc(1, size_bytes + 1);
    if (size_bytes > 1)
        memcpy(said, bytes + 1, size_bytes - 1);
    unsigned how = size_bytes > 0 ? bytes[0] : 0;
    char *stack[] = {said, said};
    const char *const texts[] = {said}, *const argv[] = {said, NULL};
    struct moth_finding finding = {.kind = (enum moth_finding_kind)(how % MOTH_FINDING_KIND_END),
                                   .status = (enum moth_finding_status)(how / 16 % MOTH_FINDING_STATUS_END),
                                   .fingerprint = "2-crash-0123456789abcdef",
                                   .title = said,
                                   .detail = said,
                                   .stack = stack,
                                   .n_stack = 2,
                                   .agent = said,
                                   .owner = said,
                                   .reason = said,
                                   .reproduced = how % 3,
                                   .attempts = 2};
    struct moth_finding *pointer = &finding;
    struct moth_instance_record record = {
        .agent = said, .ended = "crash", .fingerprint = how & 1 ? finding.fingerprint : NULL, .fault = how & 2 ? said : NULL};
    struct moth_run_summary summary = {.argv = argv,
                                       .build_id = said,
                                       .findings = &pointer,
                                       .n_findings = 1,
                                       .records = &record,
                                       .n_records = 1,
                                       .warnings = texts,
                                       .n_warnings = 1,
                                       .agent_faults = texts,
                                       .n_agent_faults = 1,
                                       .version = said,
                                       .out = "/nowhere/moth-out"};
    check_junit(&summary);
    check_commands(&summary);
    check_summary(&summary);
    check_sarif(&summary);
    free(said);
    return 0;
}
