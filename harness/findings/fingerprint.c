/* SPDX-License-Identifier: MIT
 *
 * What makes two findings one. The rules, version 2:
 *
 *  - the kind is part of it;
 *  - the innermost three frames that are the game's own, by function (detect/names.h says what of its name);
 *    machinery (libc, SDL, drivers, the C++ run-time library, sanitizers, the probe) is passed over;
 *  - the game's own handlers of errors, where they are innermost, are part of it and do not count towards the
 *    three: however many there are, who called them is part of it, too. So two asserts through one handler are
 *    two;
 *  - what a failed assertion says is part of it, without its numbers: two asserts in one function are two;
 *  - recursion counts once: a function that calls itself is one frame, and where the stack is full of a
 *    few functions that call each other, these are what counts, whichever overflowed;
 *  - a sanitizer's kind of error is part of it: a use after free is no overflow of the same buffer;
 *  - without symbols, build id and offset in the module stand for the function;
 *  - with no usable frame at all, and for what has no place of its own (too much memory, what a
 *    script reports), the title without its numbers;
 *  - an exit keeps its status, and what the assertion said that ended in it;
 *  - a softlock that was proved is the state it is stuck in;
 *  - a spike is the one function that took the time: who called it may be another one each time.
 *
 * Version 1 passed handlers over wherever they stood, so that a crash in a function with such a name was one with
 * those in its callers; took "void std::sort<…>(…)" for the game's own; and knew no assertion but assert()'s.
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
#include "detect/names.h"

#define FINGERPRINT_VERSION "2"
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
        list->handler[list->n] = finding->kind != MOTH_FINDING_SPIKE && moth_frame_is_handler(&parts);
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

/* The innermost frames, `most` of them besides handlers. */
static size_t choose_innermost(struct key_list *list, size_t most, char *chosen[LOOKED_AT])
{
    size_t n = 0, counted = 0;
    bool handlers = true;
    for (size_t i = 0; i < list->n && counted < most; i++) {
        handlers = handlers && list->handler[i];
        if (n > 0 && strcmp(chosen[n - 1], list->keys[i]) == 0)
            continue;
        chosen[n++] = list->keys[i];
        counted += !handlers;
    }
    return n;
}

static void put_without_numbers(struct moth_buf *buf, const char *at, size_t size)
{
    for (const char *end = at + size; at < end;) {
        if (!isdigit((unsigned char)*at)) {
            moth_buf_put_u8(buf, (uint8_t)*at++);
            continue;
        }
        bool hex = end - at > 1 && at[0] == '0' && at[1] == 'x';
        at += hex ? 2 : 0;
        while (at < end && (hex ? isxdigit((unsigned char)*at) : isdigit((unsigned char)*at)))
            at++;
        moth_buf_put_u8(buf, '#');
    }
}

/* A path up to its last name: builds lie in different folders. */
static size_t folder_size(const char *at, const char *end)
{
    size_t size = 0;
    for (const char *c = at; c < end && !isspace((unsigned char)*c) && !strchr("\"'`(),", *c); c++) {
        if (*c == '/')
            size = (size_t)(c - at) + 1;
    }
    return size;
}

/* What an assertion of the game's own says, word by word. */
static void put_words(struct moth_buf *buf, const char *at, size_t size)
{
    const char *end = at + size;
    while (at < end) {
        at += folder_size(at, end);
        const char *word = at;
        while (at < end && !isspace((unsigned char)*at) && !strchr("\"'`(),", *at))
            at++;
        put_without_numbers(buf, word, (size_t)(at - word));
        if (at < end)
            moth_buf_put_u8(buf, (uint8_t)*at++);
    }
}

static void put_assertion(struct moth_buf *buf, const struct moth_finding *finding)
{
    static const char start[] = "Assertion `";
    bool may_say = finding->kind == MOTH_FINDING_CRASH || finding->kind == MOTH_FINDING_EXIT;
    if (!may_say || !finding->detail)
        return;
    const char *from = strstr(finding->detail, start);
    size_t size = strcspn(finding->detail, "\n");
    if (from)
        moth_buf_put(buf, from, strcspn(from, "\n"));
    else if (moth_line_is_assertion(finding->detail, size))
        put_words(buf, finding->detail, size);
    else
        return;
    moth_buf_put_u8(buf, 0);
}

/* "AddressSanitizer: heap-use-after-free in player_move (game.c:42)" → "heap-use-after-free". */
static void put_sanitizer(struct moth_buf *buf, const struct moth_finding *finding)
{
    static const char mark[] = "Sanitizer: ";
    const char *from = finding->title ? strstr(finding->title, mark) : NULL;
    if (finding->kind != MOTH_FINDING_SANITIZER || !from)
        return;
    from += sizeof mark - 1;
    size_t size = strlen(from);
    static const char *const ends[] = {" in ", " at ", ": "};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        const char *end = memmem(from, size, ends[i], strlen(ends[i]));
        size = end ? (size_t)(end - from) : size;
    }
    put_without_numbers(buf, from, size);
    moth_buf_put_u8(buf, 0);
}

/* Of an exit's title what comes before the place and the assertion, which have their own rules; of others, all. */
static size_t exit_size(const struct moth_finding *finding, const char *title)
{
    static const char status[] = "exit with status ";
    const char *from = finding->kind == MOTH_FINDING_EXIT ? strstr(title, status) : NULL;
    return from ? (size_t)(from - title) + sizeof status - 1 + strspn(from + sizeof status - 1, "0123456789") : strlen(title);
}

/* Runs of digits and hexadecimal addresses differ between two sightings of one bug; statuses do not, nor the line
 * that is all a sanitizer said of the place. */
static void put_title(struct moth_buf *buf, const struct moth_finding *finding)
{
    const char *title = finding->title ? finding->title : "";
    const char *place = finding->kind == MOTH_FINDING_SANITIZER ? strstr(title, " at ") : NULL;
    if (finding->kind == MOTH_FINDING_EXIT)
        place = title;
    size_t size = place ? (size_t)(place - title) : strlen(title), end = exit_size(finding, title);
    put_without_numbers(buf, title, size);
    moth_buf_put(buf, title + size, end - size);
    moth_buf_put_u8(buf, 0);
}

static bool put_stack(struct moth_buf *buf, const struct moth_finding *finding)
{
    struct key_list *list = malloc(sizeof *list);
    char *chosen[LOOKED_AT];
    if (!list)
        return false;
    bool spike = finding->kind == MOTH_FINDING_SPIKE;
    list_own(finding, list, false);
    if (list->n == 0)
        list_own(finding, list, true);
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
    if (finding->kind == MOTH_FINDING_EXIT)
        put_stack(&buf, finding);
    put_assertion(&buf, finding);
    put_sanitizer(&buf, finding);
    snprintf(finding->fingerprint, sizeof finding->fingerprint, FINGERPRINT_VERSION "-%s-%016" PRIx64, kind,
             (uint64_t)XXH3_64bits(buf.bytes, buf.size_bytes));
    moth_buf_fini(&buf);
}
