/* SPDX-License-Identifier: MIT
 *
 * What makes two findings one. The rules, version 1:
 *
 *  - the kind is part of it;
 *  - the innermost three frames that are the game's own, by function; machinery (libc, SDL, the C++
 *    run-time library, sanitizers, the probe) and the game's own assertion handlers are passed over;
 *  - recursion counts once: a function that calls itself is one frame, and where the stack is full of a
 *    few functions that call each other, these are what counts, whichever overflowed;
 *  - an assertion's expression is part of it: two asserts in one function are two;
 *  - without symbols, build id and offset in the module stand for the function;
 *  - with no usable frame at all, and for what has no place of its own (an exit, too much memory, what a
 *    script reports), the title without its numbers; an exit keeps its status;
 *  - a softlock that was proved is the state it is stuck in;
 *  - a spike is the one function that took the time: who called it may be another one each time.
 */
#include "findings/finding.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/buf.h"
#include "detect/frames.h"

#define FINGERPRINT_VERSION "1"
#define KEYS_MAX 3u
#define KEY_BYTES 600u
#define LOOKED_AT 32u        /* innermost frames that are considered */
#define RECURSION_TIMES 6u   /* a function that stands so often among them recurses */
#define RECURSION_MEMBERS 3u /* … and so often: belongs to the circle */

struct key_list {
    char keys[LOOKED_AT][KEY_BYTES];
    bool handler[LOOKED_AT];
    size_t n;
};

/* The keys of the game's own frames, without direct repetition. */
static void list_own(const struct moth_finding *finding, struct key_list *list, bool with_machinery)
{
    list->n = 0;
    for (size_t i = 0; i < finding->n_stack && list->n < LOOKED_AT; i++) {
        struct moth_frame_parts parts;
        moth_frame_parse(finding->stack[i], &parts);
        if (!with_machinery && moth_frame_is_machinery(&parts))
            continue;
        if (!moth_frame_key(&parts, list->keys[list->n], KEY_BYTES))
            continue;
        list->handler[list->n] = moth_frame_is_handler(&parts);
        list->n++;
    }
}

static size_t times_in(const struct key_list *list, const char *key)
{
    size_t times = 0;
    for (size_t i = 0; i < list->n; i++)
        times += strcmp(list->keys[i], key) == 0;
    return times;
}

static bool is_chosen(char *const *chosen, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(chosen[i], key) == 0)
            return true;
    }
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The functions of an endless recursion, in alphabetical order. 0 when there is none. */
static size_t choose_recursion(struct key_list *list, char *chosen[LOOKED_AT])
{
    bool recursion = false;
    for (size_t i = 0; i < list->n && !recursion; i++)
        recursion = times_in(list, list->keys[i]) >= RECURSION_TIMES;
    size_t n = 0;
    for (size_t i = 0; recursion && i < list->n; i++) {
        if (times_in(list, list->keys[i]) >= RECURSION_MEMBERS && !is_chosen(chosen, n, list->keys[i]))
            chosen[n++] = list->keys[i];
    }
    qsort(chosen, n, sizeof *chosen, by_text);
    return n;
}

/* The innermost frames; handlers only where nothing else is left. */
static size_t choose_innermost(struct key_list *list, size_t most, char *chosen[LOOKED_AT])
{
    bool only_handlers = true;
    for (size_t i = 0; i < list->n; i++)
        only_handlers = only_handlers && list->handler[i];
    size_t n = 0;
    for (size_t i = 0; i < list->n && n < most; i++) {
        bool repeated = n > 0 && strcmp(chosen[n - 1], list->keys[i]) == 0;
        if (!repeated && (only_handlers || !list->handler[i]))
            chosen[n++] = list->keys[i];
    }
    return n;
}

static void put_assertion(struct moth_buf *buf, const struct moth_finding *finding)
{
    static const char start[] = "Assertion `";
    const char *from = finding->detail ? strstr(finding->detail, start) : NULL;
    if (!from)
        return;
    moth_buf_put(buf, from, strcspn(from, "\n"));
    moth_buf_put_u8(buf, 0);
}

/* Runs of digits and hexadecimal addresses differ between two sightings of one bug. */
static void put_title(struct moth_buf *buf, const struct moth_finding *finding)
{
    const char *at = finding->title ? finding->title : "";
    while (*at) {
        if (finding->kind == MOTH_FINDING_EXIT || !isdigit((unsigned char)*at)) {
            moth_buf_put_u8(buf, (uint8_t)*at++);
            continue;
        }
        bool hex = at[0] == '0' && at[1] == 'x';
        at += hex ? 2 : 0;
        while (hex ? isxdigit((unsigned char)*at) : isdigit((unsigned char)*at))
            at++;
        moth_buf_put_u8(buf, '#');
    }
    moth_buf_put_u8(buf, 0);
}

static bool put_stack(struct moth_buf *buf, const struct moth_finding *finding)
{
    struct key_list *list = malloc(sizeof *list);
    char *chosen[LOOKED_AT];
    if (!list)
        return false;
    list_own(finding, list, false);
    if (list->n == 0)
        list_own(finding, list, true);
    bool spike = finding->kind == MOTH_FINDING_SPIKE;
    size_t n = spike ? 0 : choose_recursion(list, chosen);
    if (n == 0)
        n = choose_innermost(list, spike ? 1 : KEYS_MAX, chosen);
    for (size_t i = 0; i < n; i++)
        moth_buf_put(buf, chosen[i], strlen(chosen[i]) + 1);
    free(list);
    return n > 0;
}

void moth_finding_fingerprint(struct moth_finding *finding)
{
    const char *kind = moth_finding_kind_name(finding->kind);
    struct moth_buf buf;
    moth_buf_init(&buf);
    moth_buf_put(&buf, FINGERPRINT_VERSION, sizeof FINGERPRINT_VERSION);
    moth_buf_put(&buf, kind, strlen(kind) + 1);
    bool by_title = finding->scripted || finding->kind == MOTH_FINDING_EXIT ||
                    finding->kind == MOTH_FINDING_INVARIANT || finding->kind == MOTH_FINDING_LEAK;
    if (finding->state)
        moth_buf_put_u64(&buf, finding->state);
    else if (by_title || !put_stack(&buf, finding))
        put_title(&buf, finding);
    put_assertion(&buf, finding);
    snprintf(finding->fingerprint, sizeof finding->fingerprint, FINGERPRINT_VERSION "-%s-%016" PRIx64, kind,
             (uint64_t)XXH3_64bits(buf.bytes, buf.size_bytes));
    moth_buf_fini(&buf);
}
