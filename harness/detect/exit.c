/* SPDX-License-Identifier: MIT */
#include "detect/detectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/frames.h"

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

/* The probe's own frames, up to the exit() that the game called: where it was stopped to be looked at. */
static void drop_stop(struct moth_finding *finding)
{
    size_t n = 0;
    for (size_t i = 0; i < finding->n_stack; i++) {
        struct moth_frame_parts parts;
        moth_frame_parse(finding->stack[i], &parts);
        if (!moth_frame_is_machinery(&parts))
            break;
        if (strncmp(parts.module, "libmoth_probe", 13) == 0)
            n = i;
    }
    for (size_t i = 0; i < n; i++)
        free(finding->stack[i]);
    finding->n_stack -= n;
    if (n > 0)
        memmove(finding->stack, finding->stack + n, finding->n_stack * sizeof *finding->stack);
}

struct moth_finding *moth_detect_exit(const struct moth_evidence *evidence)
{
    const struct moth_death *death = evidence->death;
    if (death->how != MOTH_STEP_EXIT || death->exit_status == 0)
        return NULL;
    struct moth_finding *finding =
        moth_finding_from_death(MOTH_FINDING_EXIT, evidence, moth_evidence_culprit(evidence));
    if (finding) {
        drop_stop(finding);
        bool own = moth_frames_first_own(finding->stack, finding->n_stack) < finding->n_stack;
        char *place = own ? moth_finding_place(finding) : NULL;
        finding->title = moth_fs_path("exit with status %d%s", death->exit_status, place ? place : "");
        free(place);
        say_why(finding, evidence->log);
    }
    return finding;
}
