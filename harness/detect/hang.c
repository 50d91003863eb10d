/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include <stdlib.h>

#include "base/fs.h"

static struct moth_finding *judge(enum moth_finding_kind kind, const char *what, bool with_place,
                                  const struct moth_evidence *evidence)
{
    struct moth_finding *finding = moth_finding_from_death(kind, evidence, moth_evidence_culprit(evidence));
    if (!finding)
        return NULL;
    char *place = with_place ? moth_finding_place(finding) : NULL;
    char *line = moth_first_line(evidence->death->detail);
    bool more = line && *line;
    finding->title = moth_fs_path("%s%s%s%s", what, place ? place : "", more ? ": " : "", more ? line : "");
    free(line);
    free(place);
    return finding;
}

struct moth_finding *moth_detect_hang(const struct moth_evidence *evidence)
{
    return evidence->death->how == MOTH_STEP_HANG ? judge(MOTH_FINDING_HANG, "hang", true, evidence) : NULL;
}

/* Where the game was when its memory was counted is an accident, so the title does not say it. */
struct moth_finding *moth_detect_memory(const struct moth_evidence *evidence)
{
    if (evidence->death->how != MOTH_STEP_MEMORY)
        return NULL;
    return judge(MOTH_FINDING_LEAK, "over the memory limit", false, evidence);
}
