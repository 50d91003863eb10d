/* SPDX-License-Identifier: MIT */
#include "detect/detect.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/detectors.h"
#include "detect/frames.h"

/* A sanitizer's report explains a crash or an exit that came with it, so it goes first. */
const struct moth_detector moth_detectors[] = {
    {"sanitizer", "a report of AddressSanitizer, UBSan, LeakSanitizer or ThreadSanitizer",
     moth_detect_sanitizer},
    {"crash", "the game died of a fatal signal: bad memory access, abort, assertion, heap check",
     moth_detect_crash},
    {"deadlock", "every thread of the game waits, and none can ever go on", moth_detect_deadlock},
    {"hang", "no frame for too much CPU time or wall time", moth_detect_hang},
    {"leak", "the game's memory grew over the limit, or only grows in identical laps", moth_detect_memory},
    {"exit", "the game left by itself with a status other than 0", moth_detect_exit},
    {"softlock", "the game shows frames and does not go on, and no way out of it was found by trying", NULL},
    {"spike", "a frame takes far longer than others, each time the same one when it is played again", NULL},
    {"invariant", "a script's game:expect was false", NULL},
};
const size_t moth_detectors_n = sizeof moth_detectors / sizeof *moth_detectors;

static void say_where(struct moth_finding *finding, const char *member)
{
    char *title = member && finding->title ? moth_fs_path("%s: %s", member, finding->title) : NULL;
    if (!title)
        return;
    free(finding->title);
    finding->title = title;
}

struct moth_finding *moth_detect(const struct moth_evidence *evidence)
{
    if (evidence->death->call[0]) /* in a function that the script called: its fault */
        return NULL;
    for (size_t i = 0; i < moth_detectors_n; i++) {
        struct moth_finding *finding = moth_detectors[i].judge ? moth_detectors[i].judge(evidence) : NULL;
        if (finding) {
            say_where(finding, evidence->member);
            return finding;
        }
    }
    return NULL;
}

const struct moth_fiber_stack *moth_evidence_culprit(const struct moth_evidence *evidence)
{
    const struct moth_stacks *stacks = evidence->death->unwound;
    return stacks && stacks->n_fibers > 0 ? &stacks->fibers[0] : NULL;
}

void moth_finding_add_frame(struct moth_finding *finding, char *text)
{
    char **grown = text ? realloc(finding->stack, (finding->n_stack + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(text);
        return;
    }
    finding->stack = grown;
    grown[finding->n_stack++] = text;
}

void moth_finding_add_frames(struct moth_finding *finding, const struct moth_fiber_stack *fiber)
{
    for (size_t i = 0; i < fiber->n_frames; i++)
        moth_finding_add_frame(finding, moth_frame_text(&fiber->frames[i]));
}

struct moth_finding *moth_finding_from_death(enum moth_finding_kind kind,
                                             const struct moth_evidence *evidence,
                                             const struct moth_fiber_stack *fiber)
{
    struct moth_finding *finding = calloc(1, sizeof *finding);
    if (!finding)
        return NULL;
    finding->kind = kind;
    finding->frame = evidence->death->frame;
    if (evidence->death->detail[0])
        finding->detail = strdup(evidence->death->detail);
    if (evidence->death->stacks)
        finding->stacks = strdup(evidence->death->stacks);
    else if (evidence->death->unwound)
        finding->stacks = moth_stacks_text(evidence->death->unwound);
    if (fiber)
        moth_finding_add_frames(finding, fiber);
    return finding;
}

char *moth_finding_place(const struct moth_finding *finding)
{
    size_t own = moth_frames_first_own(finding->stack, finding->n_stack);
    if (own == finding->n_stack && finding->n_stack > 0)
        own = 0;
    if (own == finding->n_stack)
        return strdup("");
    struct moth_frame_parts parts;
    moth_frame_parse(finding->stack[own], &parts);
    if (!parts.function[0] && parts.module[0])
        return moth_fs_path(" in %s+%s", parts.module, parts.offset);
    if (!parts.function[0])
        return moth_fs_path(" at %s", finding->stack[own]);
    if (parts.line > 0)
        return moth_fs_path(" in %s (%s:%d)", parts.function, parts.file, parts.line);
    return moth_fs_path(" in %s", parts.function);
}

char *moth_first_line(const char *text)
{
    while (*text == ' ' || *text == '\n' || *text == '\t')
        text++;
    size_t length = strcspn(text, "\r\n");
    if (length > 200)
        length = 200;
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        length--;
    return strndup(text, length);
}

struct moth_evidence moth_evidence_of(const struct moth_instance *instance, const char *log)
{
    return (struct moth_evidence){
        .death = moth_instance_death(instance),
        .channel = moth_instance_culprit_channel(instance),
        .log = log,
        .member = moth_instance_culprit(instance)};
}
