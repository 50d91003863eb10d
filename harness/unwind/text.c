/* SPDX-License-Identifier: MIT */
#include "unwind/unwind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

static const char *const wait_texts[] = {
    [MOTH_WAIT_NONE] = "runnable",
    [MOTH_WAIT_SLEEP] = "sleeps",
    [MOTH_WAIT_MUTEX] = "waits for mutex",
    [MOTH_WAIT_COND] = "waits on condition variable",
    [MOTH_WAIT_SEM] = "waits for semaphore",
    [MOTH_WAIT_RWLOCK] = "waits for read-write lock",
    [MOTH_WAIT_BARRIER] = "waits at barrier",
    [MOTH_WAIT_JOIN] = "joins a thread",
    [MOTH_WAIT_FUTEX] = "waits on futex",
    [MOTH_WAIT_FD] = "waits for a file descriptor",
    [MOTH_WAIT_ONCE] = "waits for a once",
    [MOTH_WAIT_SIGNAL] = "waits for a signal",
    [MOTH_WAIT_OTHER] = "waits",
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *moth_frame_text(const struct moth_frame *frame)
{
    const char *module = frame->module ? frame->module : "?";
    if (frame->symbol && frame->file && frame->line > 0)
        return moth_fs_path("%s %s:%d (%s)", frame->symbol, base_name(frame->file), frame->line, module);
    if (frame->symbol)
        return moth_fs_path("%s+0x%" PRIx64 " (%s)", frame->symbol, frame->symbol_offset, module);
    if (frame->module && frame->build_id[0])
        return moth_fs_path("%s+0x%" PRIx64 " (build %.12s)", module, frame->module_offset, frame->build_id);
    if (frame->module)
        return moth_fs_path("%s+0x%" PRIx64, module, frame->module_offset);
    return moth_fs_path("0x%" PRIx64, frame->pc);
}

static void print_heading(FILE *out, const struct moth_fiber_stack *fiber)
{
    fprintf(out, "thread %" PRIu32 "%s%s", fiber->fiber, fiber->name[0] ? " " : "", fiber->name);
    if (fiber->wait == MOTH_WAIT_NONE) {
        fputs(":\n", out);
        return;
    }
    uint32_t wait = fiber->wait <= MOTH_WAIT_OTHER ? fiber->wait : MOTH_WAIT_OTHER;
    fprintf(out, ", %s", wait_texts[wait]);
    if (fiber->wait_key)
        fprintf(out, " 0x%" PRIx64, fiber->wait_key);
    if (fiber->owner >= 0)
        fprintf(out, " held by thread %" PRId32, fiber->owner);
    fputs(":\n", out);
}

static void print_fiber(FILE *out, const struct moth_fiber_stack *fiber)
{
    print_heading(out, fiber);
    if (fiber->n_frames == 0)
        fputs("  (no stack could be read)\n", out);
    for (size_t i = 0; i < fiber->n_frames; i++) {
        if (fiber->omitted > 0 && i == fiber->omitted_at)
            fprintf(out, "  … %" PRIu64 " more frames\n", fiber->omitted);
        char *text = moth_frame_text(&fiber->frames[i]);
        fprintf(out, "  #%zu %s%s%s\n", i, text, fiber->frames[i].inlined ? " [inlined]" : "",
                fiber->frames[i].guessed ? " [guessed]" : "");
        free(text);
    }
}

char *moth_stacks_text(const struct moth_stacks *stacks)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (size_t i = 0; stacks && i < stacks->n_fibers; i++) {
        if (i > 0)
            fputc('\n', out);
        print_fiber(out, &stacks->fibers[i]);
    }
    if (stacks && stacks->cut)
        fputs("\n(not all stacks could be read in time)\n", out);
    fclose(out);
    return text;
}
