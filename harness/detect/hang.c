/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include <stdlib.h>

#include "base/fs.h"

static struct moth_finding *judge(enum moth_finding_kind kind, const char *what,
                                  const struct moth_evidence *evidence)
{
    struct moth_finding *finding = moth_finding_from_death(kind, evidence, moth_evidence_culprit(evidence));
    if (!finding)
        return NULL;
    char *place = moth_finding_place(finding);
    char *line = moth_first_line(evidence->death->detail);
    finding->title = line && *line ? moth_fs_path("%s%s: %s", what, place ? place : "", line)
                                   : moth_fs_path("%s%s", what, place ? place : "");
    free(line);
    free(place);
    return finding;
}

struct moth_finding *moth_detect_hang(const struct moth_evidence *evidence)
{
    return evidence->death->how == MOTH_STEP_HANG ? judge(MOTH_FINDING_HANG, "hang", evidence) : NULL;
}

struct moth_finding *moth_detect_memory(const struct moth_evidence *evidence)
{
    return evidence->death->how == MOTH_STEP_MEMORY ? judge(MOTH_FINDING_LEAK, "over the memory limit", evidence)
                                                    : NULL;
}
