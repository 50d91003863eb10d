/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include <stdlib.h>

#include "base/fs.h"

/* A handler of assertions that calls exit(): what it said tells one failure from another, the status does not. */
static void say_why(struct moth_finding *finding, const char *log)
{
    char *assertion = log && !finding->detail ? moth_last_assertion(log) : NULL;
    char *line = assertion ? moth_first_line(assertion) : NULL;
    char *title = line && finding->title ? moth_fs_path("%s: %s", finding->title, line) : NULL;
    if (title) {
        free(finding->title);
        finding->title = title;
        finding->detail = assertion;
        assertion = NULL;
    }
    free(line);
    free(assertion);
}

struct moth_finding *moth_detect_exit(const struct moth_evidence *evidence)
{
    const struct moth_death *death = evidence->death;
    if (death->how != MOTH_STEP_EXIT || death->exit_status == 0)
        return NULL;
    struct moth_finding *finding =
        moth_finding_from_death(MOTH_FINDING_EXIT, evidence, moth_evidence_culprit(evidence));
    if (finding) {
        finding->title = moth_fs_path("exit with status %d", death->exit_status);
        say_why(finding, evidence->log);
    }
    return finding;
}
