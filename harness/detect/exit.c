/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include "base/fs.h"

struct moth_finding *moth_detect_exit(const struct moth_evidence *evidence)
{
    const struct moth_death *death = evidence->death;
    if (death->how != MOTH_STEP_EXIT || death->exit_status == 0)
        return NULL;
    struct moth_finding *finding =
        moth_finding_from_death(MOTH_FINDING_EXIT, evidence, moth_evidence_culprit(evidence));
    if (finding)
        finding->title = moth_fs_path("exit with status %d", death->exit_status);
    return finding;
}
