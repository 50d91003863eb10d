/* SPDX-License-Identifier: MIT
 *
 * What the detectors share among themselves.
 */
#ifndef MOTH_DETECT_DETECTORS_H
#define MOTH_DETECT_DETECTORS_H

#include "detect/detect.h"

struct moth_finding *moth_detect_crash(const struct moth_evidence *evidence);
struct moth_finding *moth_detect_hang(const struct moth_evidence *evidence);
struct moth_finding *moth_detect_memory(const struct moth_evidence *evidence);
struct moth_finding *moth_detect_deadlock(const struct moth_evidence *evidence);
struct moth_finding *moth_detect_exit(const struct moth_evidence *evidence);
struct moth_finding *moth_detect_sanitizer(const struct moth_evidence *evidence);

/* A finding of this kind with frame, stacks' text and (unless `fiber` is NULL) that fiber's frames. The
 * title is still NULL. NULL when memory is out. */
struct moth_finding *moth_finding_from_death(enum moth_finding_kind kind,
                                             const struct moth_evidence *evidence,
                                             const struct moth_fiber_stack *fiber);
void moth_finding_add_frames(struct moth_finding *finding, const struct moth_fiber_stack *fiber);
/* Takes ownership of `text`. */
void moth_finding_add_frame(struct moth_finding *finding, char *text);
/* The fiber named first: the culprit. NULL when there are no stacks. */
const struct moth_fiber_stack *moth_evidence_culprit(const struct moth_evidence *evidence);
/* " in player_move (game.c:42)" of the innermost frame that is the game's own, or "". Caller frees. */
char *moth_finding_place(const struct moth_finding *finding);
/* Copy of the first line of a text, at most 200 bytes, spaces trimmed. Caller frees. */
char *moth_first_line(const char *text);
/* What the last failed assertion among the log's last lines said, in one line; NULL when none did. Caller frees. */
char *moth_last_assertion(const char *log);

/* A sanitizer's report, as text, taken apart. */
struct moth_sanitizer_report {
    char *title;  /* "AddressSanitizer: heap-use-after-free" */
    char *source; /* "game.c:12:3" where the report begins with it (UBSan), or NULL */
    char *text;   /* the whole report */
    char **stack; /* frames in moth_frame_text's form */
    size_t n_stack;
};
/* Find the first report in `text`. False when there is none. Any input; caller frees with _fini. */
bool moth_sanitizer_parse(const char *text, struct moth_sanitizer_report *report);
void moth_sanitizer_report_fini(struct moth_sanitizer_report *report);

#endif
