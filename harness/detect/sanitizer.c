/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static struct moth_finding *finding_from(const struct moth_evidence *evidence,
                                         struct moth_sanitizer_report *report)
{
    const struct moth_fiber_stack *fiber = report->n_stack == 0 ? moth_evidence_culprit(evidence) : NULL;
    struct moth_finding *finding = moth_finding_from_death(MOTH_FINDING_SANITIZER, evidence, fiber);
    if (!finding)
        return NULL;
    for (size_t i = 0; i < report->n_stack; i++)
        moth_finding_add_frame(finding, strdup(report->stack[i]));
    free(finding->detail);
    finding->detail = strdup(report->text);
    char *place = report->n_stack > 0 ? moth_finding_place(finding) : NULL;
    if (!place && report->source)
        finding->title = moth_fs_path("%s at %s", report->title, report->source);
    else
        finding->title = moth_fs_path("%s%s", report->title, place ? place : "");
    free(place);
    return finding;
}

struct moth_finding *moth_detect_sanitizer(const struct moth_evidence *evidence)
{
    struct moth_sanitizer_report report;
    bool found = evidence->death->sanitizer && moth_sanitizer_parse(evidence->death->sanitizer, &report);
    if (!found && evidence->log)
        found = moth_sanitizer_parse(evidence->log, &report);
    if (!found)
        return NULL;
    struct moth_finding *finding = finding_from(evidence, &report);
    moth_sanitizer_report_fini(&report);
    return finding;
}
