/* SPDX-License-Identifier: MIT
 *
 * Detectors: each looks at how a game ended and says whether that is something wrong with the game.
 *
 * A detector is a row of `moth_detectors`: it takes the evidence and gives a finding, or NULL when it
 * is none of its business. The first that gives one wins, so the order of the list is their rank. What
 * is the harness's own fault, or nobody's (a SIGKILL from outside), is never a finding. No global
 * state; nothing is written. To add one: a file here, a row in detect.c.
 */
#ifndef MOTH_DETECT_DETECT_H
#define MOTH_DETECT_DETECT_H

#include <stddef.h>

#include "findings/finding.h"
#include "runner/instance.h"
#include "unwind/unwind.h"

/* What is left of a game that ended. Borrowed; any pointer but `death` may be NULL. */
struct moth_evidence {
    const struct moth_death *death;
    const struct moth_channel *channel; /* the game's: contents are not to be trusted */
    const char *log;                    /* end of the game's output */
    const char *member;                 /* of the group, which it happened in; NULL: the game itself */
};

struct moth_detector {
    const char *name;    /* a finding kind's name */
    const char *summary; /* one line, for `moth list detectors` */
    /* A finding with kind, title, detail, stack, stacks and frame set, or NULL. NULL here: the
     * findings come from scripts. */
    struct moth_finding *(*judge)(const struct moth_evidence *evidence);
};

extern const struct moth_detector moth_detectors[];
extern const size_t moth_detectors_n;

/* Ask all detectors. The finding has no fingerprint, agent or seed yet. Caller frees. */
struct moth_finding *moth_detect(const struct moth_evidence *evidence);
/* Evidence of an instance that ended, with `log` as its output's end. */
struct moth_evidence moth_evidence_of(const struct moth_instance *instance, const char *log);

#endif
