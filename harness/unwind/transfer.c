/* SPDX-License-Identifier: MIT
 *
 * Stacks on their way from the unwinding child to its parent: a line a fiber ("T"), a line a frame
 * ("F"), fields parted by tabs. Strings come from debug information, so control characters are
 * replaced before they are sent, and the reader takes nothing for granted: the child may have been
 * killed in the middle of a line.
 */
#include "unwind/walk.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define READ_BYTES 65536u

enum { FLAG_INLINED = 1, FLAG_GUESSED = 2 };

static void put_string(FILE *out, const char *s)
{
    fputc('\t', out);
    for (; s && *s; s++)
        fputc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
}

ssize_t moth_transfer_read(int fd, struct moth_buf *answer, uint64_t deadline_ns)
{
    for (;;) {
        uint64_t now = moth_clock_monotonic_ns();
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        int ready = now < deadline_ns ? poll(&wait, 1, (int)((deadline_ns - now) / MOTH_NS_PER_MS) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        uint8_t *to = ready > 0 ? moth_buf_reserve(answer, READ_BYTES) : NULL;
        ssize_t n = to ? read(fd, to, READ_BYTES) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        answer->size_bytes += n > 0 ? (size_t)n : 0;
        return n;
    }
}

void moth_transfer_write(FILE *out, const struct moth_fiber_stack *stack)
{
    fprintf(out, "T\t%" PRIu32 "\t%" PRIu32 "\t%" PRIx64 "\t%" PRId32 "\t%zu\t%" PRIu64, stack->fiber,
            stack->wait, stack->wait_key, stack->owner, stack->omitted_at, stack->omitted);
    put_string(out, stack->name);
    fputc('\n', out);
    for (size_t i = 0; i < stack->n_frames; i++) {
        const struct moth_frame *frame = &stack->frames[i];
        fprintf(out, "F\t%" PRIx64 "\t%" PRIx64 "\t%" PRIx64 "\t%d\t%d", frame->pc, frame->symbol_offset,
                frame->module_offset, frame->line,
                (frame->inlined ? FLAG_INLINED : 0) | (frame->guessed ? FLAG_GUESSED : 0));
        put_string(out, frame->build_id);
        put_string(out, frame->module);
        put_string(out, frame->symbol);
        put_string(out, frame->file);
        fputc('\n', out);
    }
    fflush(out);
}

static char *next_field(char **rest)
{
    char *field = strsep(rest, "\t");
    return field ? field : "";
}

static uint64_t next_number(char **rest, int base)
{
    return strtoull(next_field(rest), NULL, base);
}

static char *next_string(char **rest)
{
    const char *field = next_field(rest);
    return *field ? strdup(field) : NULL;
}

static void parse_fiber(char *rest, struct moth_stacks *stacks)
{
    struct moth_fiber_stack *grown = realloc(stacks->fibers, (stacks->n_fibers + 1) * sizeof *grown);
    if (!grown)
        return;
    stacks->fibers = grown;
    struct moth_fiber_stack *fiber = &grown[stacks->n_fibers++];
    *fiber = (struct moth_fiber_stack){0};
    fiber->fiber = (uint32_t)next_number(&rest, 10);
    fiber->wait = (uint32_t)next_number(&rest, 10);
    fiber->wait_key = next_number(&rest, 16);
    fiber->owner = (int32_t)strtol(next_field(&rest), NULL, 10);
    fiber->omitted_at = next_number(&rest, 10);
    fiber->omitted = next_number(&rest, 10);
    snprintf(fiber->name, sizeof fiber->name, "%s", next_field(&rest));
}

static void parse_frame(char *rest, struct moth_fiber_stack *fiber)
{
    struct moth_frame *grown = realloc(fiber->frames, (fiber->n_frames + 1) * sizeof *grown);
    if (!grown)
        return;
    fiber->frames = grown;
    struct moth_frame *frame = &grown[fiber->n_frames++];
    *frame = (struct moth_frame){0};
    frame->pc = next_number(&rest, 16);
    frame->symbol_offset = next_number(&rest, 16);
    frame->module_offset = next_number(&rest, 16);
    frame->line = (int)next_number(&rest, 10);
    uint64_t flags = next_number(&rest, 10);
    frame->inlined = flags & FLAG_INLINED;
    frame->guessed = flags & FLAG_GUESSED;
    snprintf(frame->build_id, sizeof frame->build_id, "%s", next_field(&rest));
    frame->module = next_string(&rest);
    frame->symbol = next_string(&rest);
    frame->file = next_string(&rest);
}

struct moth_stacks *moth_transfer_parse(char *text, struct moth_stacks *stacks)
{
    bool ended = false;
    char *end;
    for (char *line = text; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (line[0] == 'T')
            parse_fiber(line + 1 + (line[1] == '\t'), stacks);
        else if (line[0] == 'F' && stacks->n_fibers > 0)
            parse_frame(line + 1 + (line[1] == '\t'), &stacks->fibers[stacks->n_fibers - 1]);
        else if (line[0] == 'E')
            ended = true;
        else if (line[0] == 'C')
            stacks->cut = true;
    }
    if (!ended)
        stacks->cut = true;
    return stacks;
}

void moth_fiber_stack_fini(struct moth_fiber_stack *stack)
{
    for (size_t i = 0; i < stack->n_frames; i++) {
        free(stack->frames[i].symbol);
        free(stack->frames[i].file);
        free(stack->frames[i].module);
    }
    free(stack->frames);
    stack->frames = NULL;
    stack->n_frames = 0;
}

void moth_stacks_free(struct moth_stacks *stacks)
{
    if (!stacks)
        return;
    for (size_t i = 0; i < stacks->n_fibers; i++)
        moth_fiber_stack_fini(&stacks->fibers[i]);
    free(stacks->fibers);
    free(stacks);
}
