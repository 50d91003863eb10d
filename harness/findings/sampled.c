/* SPDX-License-Identifier: MIT */
#include "findings/sampled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detectors.h"
#include "detect/frames.h"

#define KEY_BYTES 600u

/* Samples of one function lie all over it. Where it has no name, where it begins is one. */
static char *function_text(const struct moth_frame *frame)
{
    struct moth_frame begin = *frame;
    if (!frame->symbol)
        begin.module_offset -= frame->symbol_offset;
    return moth_frame_text(&begin);
}

void moth_sampled_thread(uint32_t fiber, const char *name, char thread[16])
{
    if (fiber != 0 && (!name[0] || strcmp(name, "main") == 0))
        snprintf(thread, 16, "#%u", fiber);
    else
        snprintf(thread, 16, "%.15s", name[0] ? name : "thread");
}

void moth_sampled_add(struct moth_sampled *sampled, uint64_t ns, const struct moth_fiber_stack *stack)
{
    struct moth_sampled_item *grown = realloc(sampled->items, (sampled->n + 1) * sizeof *grown);
    if (!grown)
        abort();
    sampled->items = grown;
    struct moth_sampled_item *item = &grown[sampled->n++];
    char thread[16];
    moth_sampled_thread(stack->fiber, stack->name, thread);
    *item = (struct moth_sampled_item){.ns = ns, .fiber = strdup(thread)};
    item->frames = calloc(stack->n_frames + 1, sizeof *item->frames);
    if (!item->fiber || !item->frames)
        abort();
    for (size_t i = 0; i < stack->n_frames; i++)
        item->frames[item->n++] = function_text(&stack->frames[i]);
    sampled->ns += ns;
}

void moth_sampled_cut(struct moth_sampled *sampled, size_t n)
{
    for (; sampled->n > n; sampled->n--) {
        struct moth_sampled_item *item = &sampled->items[sampled->n - 1];
        sampled->ns -= item->ns;
        for (size_t k = 0; k < item->n; k++)
            free(item->frames[k]);
        free(item->frames);
        free(item->fiber);
    }
}

void moth_sampled_fini(struct moth_sampled *sampled)
{
    moth_sampled_cut(sampled, 0);
    free(sampled->items);
    *sampled = (struct moth_sampled){0};
}

/* ---- folded ---- */

/* The function's name without lines, and without what parts the fields of the format. */
static void put_function(FILE *out, const char *frame)
{
    struct moth_frame_parts parts;
    moth_frame_parse(frame, &parts);
    char unknown[sizeof parts.module + sizeof parts.offset];
    snprintf(unknown, sizeof unknown, "%s%s%s", parts.module, parts.offset[0] ? "+" : "", parts.offset);
    const char *name = parts.function[0] ? parts.function : parts.module[0] ? unknown : frame;
    for (; *name; name++)
        fputc(*name == ';' ? ':' : *name, out);
}

static char *fold(const struct moth_sampled_item *item)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        abort();
    fputs(item->fiber, out);
    for (size_t i = item->n; i-- > 0;) {
        fputc(';', out);
        put_function(out, item->frames[i]);
    }
    fclose(out);
    return text;
}

struct folded {
    char *text;
    uint64_t ns;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct folded *)a)->text, ((const struct folded *)b)->text);
}

char *moth_sampled_folded(const struct moth_sampled *sampled)
{
    if (sampled->n == 0)
        return NULL;
    struct folded *lines = calloc(sampled->n, sizeof *lines);
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!lines || !out)
        abort();
    for (size_t i = 0; i < sampled->n; i++)
        lines[i] = (struct folded){fold(&sampled->items[i]), sampled->items[i].ns};
    qsort(lines, sampled->n, sizeof *lines, by_text);
    for (size_t i = 0; i < sampled->n; i++) {
        uint64_t ns = lines[i].ns;
        while (i + 1 < sampled->n && strcmp(lines[i].text, lines[i + 1].text) == 0)
            ns += lines[++i].ns;
        if (ns >= 500)
            fprintf(out, "%s %llu\n", lines[i].text, (unsigned long long)((ns + 500) / 1000));
    }
    for (size_t i = 0; i < sampled->n; i++)
        free(lines[i].text);
    free(lines);
    fclose(out);
    return text;
}

/* ---- the culprit ---- */

/* The name of a call, counted from the outermost; "" beyond the innermost one. */
static void call_at(const struct moth_sampled_item *item, size_t depth, char key[KEY_BYTES])
{
    key[0] = '\0';
    if (depth >= item->n)
        return;
    struct moth_frame_parts parts;
    moth_frame_parse(item->frames[item->n - 1 - depth], &parts);
    if (!moth_frame_key(&parts, key, KEY_BYTES))
        snprintf(key, KEY_BYTES, "%s", item->frames[item->n - 1 - depth]);
}

/* Of the samples in `here`, the time of those that are in `key` at this depth. */
static uint64_t time_in(const struct moth_sampled *sampled, const bool *here, size_t depth, const char *key)
{
    uint64_t ns = 0;
    for (size_t i = 0; i < sampled->n; i++) {
        char own[KEY_BYTES];
        if (!here[i])
            continue;
        call_at(&sampled->items[i], depth, own);
        ns += strcmp(own, key) == 0 ? sampled->items[i].ns : 0;
    }
    return ns;
}

/* The call that most of the time at this depth is spent in. 0: there is none. */
static uint64_t heaviest(const struct moth_sampled *sampled, const bool *here, size_t depth,
                         char key[KEY_BYTES])
{
    uint64_t most = 0;
    for (size_t i = 0; i < sampled->n; i++) {
        char own[KEY_BYTES];
        if (!here[i])
            continue;
        call_at(&sampled->items[i], depth, own);
        uint64_t ns = own[0] ? time_in(sampled, here, depth, own) : 0;
        if (ns > most) {
            most = ns;
            memcpy(key, own, KEY_BYTES);
        }
    }
    return most;
}

static bool is_usual(const struct moth_sampled *usual, const char *key)
{
    for (size_t i = 0; i < usual->n; i++)
        for (size_t depth = 0; depth < usual->items[i].n; depth++) {
            char own[KEY_BYTES];
            call_at(&usual->items[i], depth, own);
            if (strcmp(own, key) == 0)
                return true;
        }
    return false;
}

/* A call on the way that most of the time went, counted from the outermost. */
struct culprit {
    size_t depth, item; /* and a sample that goes that way */
    uint64_t ns;
    unsigned rank; /* 0: none, machinery, what every frame calls, what only this one does, the one that is
                      wanted */
};

static unsigned rank_of(const struct moth_sampled_item *item, size_t depth, const char *key,
                        const struct moth_sampled *usual, const char *wanted)
{
    struct moth_frame_parts parts;
    moth_frame_parse(item->frames[item->n - 1 - depth], &parts);
    if (wanted && strcmp(wanted, key) == 0)
        return 4;
    return moth_frame_is_machinery(&parts) ? 1 : is_usual(usual, key) ? 2 : 3;
}

/* The text of a call, with its line; NULL beyond the innermost one. */
static const char *text_at(const struct moth_sampled_item *item, size_t depth)
{
    return depth < item->n ? item->frames[item->n - 1 - depth] : NULL;
}

/* Of the samples in `here`, one of the line that most of their time at this depth is spent in. */
static size_t heaviest_line(const struct moth_sampled *sampled, const bool *here, size_t depth)
{
    size_t one = sampled->n;
    uint64_t most = 0;
    for (size_t i = 0; i < sampled->n; i++) {
        const char *text = here[i] ? text_at(&sampled->items[i], depth) : NULL;
        uint64_t ns = 0;
        for (size_t k = i; text && k < sampled->n; k++) {
            const char *other = here[k] ? text_at(&sampled->items[k], depth) : NULL;
            ns += other && strcmp(text, other) == 0 ? sampled->items[k].ns : 0;
        }
        if (ns > most) {
            most = ns;
            one = i;
        }
    }
    return one;
}

/* Keep those samples in `here` that are in `key` at this depth; one that tells best where. */
static size_t narrow(const struct moth_sampled *sampled, bool *here, size_t depth, const char *key)
{
    for (size_t i = 0; i < sampled->n; i++) {
        char own[KEY_BYTES];
        call_at(&sampled->items[i], depth, own);
        here[i] = here[i] && strcmp(own, key) == 0;
    }
    return heaviest_line(sampled, here, depth);
}

static struct culprit follow(const struct moth_sampled *sampled, const struct moth_sampled *usual,
                             const char *wanted)
{
    struct culprit best = {0};
    bool *here = malloc((sampled->n + 1) * sizeof *here);
    if (!here)
        abort();
    memset(here, 1, sampled->n * sizeof *here);
    for (size_t depth = 0;; depth++) {
        char key[KEY_BYTES];
        uint64_t ns = heaviest(sampled, here, depth, key);
        if (ns == 0 || ns * 2 < sampled->ns)
            break;
        size_t one = narrow(sampled, here, depth, key);
        unsigned rank = rank_of(&sampled->items[one], depth, key, usual, wanted);
        if (rank >= best.rank)
            best = (struct culprit){depth, one, ns, rank};
    }
    free(here);
    return best;
}

bool moth_sampled_blame(const struct moth_sampled *sampled, const struct moth_sampled *usual,
                        const char *wanted, struct moth_finding *finding, double *share)
{
    struct culprit culprit = follow(sampled, usual, wanted);
    if (culprit.rank == 0)
        return false;
    const struct moth_sampled_item *one = &sampled->items[culprit.item];
    for (size_t i = one->n - 1 - culprit.depth; i < one->n; i++)
        moth_finding_add_frame(finding, strdup(one->frames[i]));
    *share = sampled->ns ? (double)culprit.ns / (double)sampled->ns : 0;
    return true;
}

char *moth_sampled_culprit(const struct moth_finding *finding)
{
    struct moth_frame_parts parts;
    char key[KEY_BYTES];
    if (finding->n_stack == 0)
        return NULL;
    moth_frame_parse(finding->stack[0], &parts);
    return moth_frame_key(&parts, key, KEY_BYTES) ? strdup(key) : NULL;
}
