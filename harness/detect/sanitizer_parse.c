/* SPDX-License-Identifier: MIT
 *
 * Reports of the sanitizers of gcc and clang:
 *
 *   ==123==ERROR: AddressSanitizer: heap-use-after-free on address 0x… at pc …
 *       #0 0x55… in player_hit /src/game.c:42:7
 *       #1 0x55… in main (/usr/games/game+0x1234) (BuildId: …)
 *   WARNING: ThreadSanitizer: data race (pid=123)
 *       #0 worker /src/game.c:12 (game+0x1234)
 *   game.c:12:3: runtime error: signed integer overflow: …
 */
#include "detect/detectors.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"

#define REPORT_BYTES_MAX 65536u
#define FRAMES_MAX 64u

static const char *line_end(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end : line + strlen(line);
}

static const char *next_line(const char *line)
{
    const char *end = line_end(line);
    return *end ? end + 1 : end;
}

static const char *find_in_line(const char *line, const char *end, const char *what)
{
    return memmem(line, (size_t)(end - line), what, strlen(what));
}

/* The last path component of [from, to). */
static const char *base_of(const char *from, const char *to)
{
    const char *base = from;
    for (const char *at = from; at < to; at++) {
        if (*at == '/')
            base = at + 1;
    }
    return base;
}

/* What stands after the function: "/src/game.c:42:7", "(/usr/games/game+0x12)", or both. */
static char *frame_from(const char *function, size_t function_size, const char *place, const char *end)
{
    while (place < end && *place == ' ')
        place++;
    if (place < end && *place == '(') {
        const char *close = memchr(place, ')', (size_t)(end - place));
        const char *to = close ? close : end;
        const char *base = base_of(place + 1, to);
        const char *plus = memchr(base, '+', (size_t)(to - base));
        size_t module = (size_t)((plus ? plus : to) - base);
        if (function_size == 0)
            return moth_fs_path("%.*s", (int)(to - base), base);
        return moth_fs_path("%.*s (%.*s)", (int)function_size, function, (int)module, base);
    }
    const char *stop = memchr(place, ' ', (size_t)(end - place));
    const char *base = base_of(place, stop ? stop : end);
    const char *colon = memchr(base, ':', (size_t)((stop ? stop : end) - base));
    if (!colon || function_size == 0)
        return function_size ? moth_fs_path("%.*s", (int)function_size, function) : NULL;
    return moth_fs_path("%.*s %.*s:%d", (int)function_size, function, (int)(colon - base), base,
                        atoi(colon + 1));
}

/* Where a function's name ends: at the last blank before a path, a parenthesised module or the end. C++
 * names have blanks and parentheses of their own. */
static const char *function_end(const char *from, const char *end)
{
    for (const char *at = from; at < end; at++) {
        if (*at == ' ' && at + 1 < end && (at[1] == '/' || at[1] == '(') &&
            strncmp(at, " (anonymous", 11) != 0)
            return at;
    }
    /* a relative path: the last word, when it has a colon */
    for (const char *at = end; at > from; at--) {
        if (at[-1] == ' ')
            return memchr(at, ':', (size_t)(end - at)) ? at - 1 : end;
    }
    return end;
}

/* "    #3 0x55… in name place" or (TSan) "    #3 name place". NULL when the line is no frame. */
static char *parse_frame(const char *line, const char *end)
{
    while (line < end && *line == ' ')
        line++;
    if (line >= end || *line != '#' || !isdigit((unsigned char)line[1]))
        return NULL;
    line++;
    while (line < end && isdigit((unsigned char)*line))
        line++;
    while (line < end && *line == ' ')
        line++;
    if (strncmp(line, "0x", 2) == 0) {
        const char *in = find_in_line(line, end, " in ");
        if (!in) { /* no symbol: "#0 0x55… (/usr/games/game+0x12)" */
            const char *blank = memchr(line, ' ', (size_t)(end - line));
            return blank ? frame_from("", 0, blank, end) : NULL;
        }
        line = in + 4;
    }
    const char *stop = function_end(line, end);
    return frame_from(line, (size_t)(stop - line), stop, end);
}

/* Frames of the first stack in the report. */
static void parse_stack(const char *text, struct moth_sanitizer_report *report)
{
    report->stack = calloc(FRAMES_MAX, sizeof *report->stack);
    for (const char *line = text; report->stack && *line && report->n_stack < FRAMES_MAX;
         line = next_line(line)) {
        char *frame = parse_frame(line, line_end(line));
        if (frame)
            report->stack[report->n_stack++] = frame;
        else if (report->n_stack > 0)
            break;
    }
}

/* "AddressSanitizer: heap-use-after-free on address 0x… at pc" → without what is different each time. */
static char *short_title(const char *from, const char *end)
{
    static const char *const cuts[] = {" on address", " on unknown address", " (pid=", " at pc", " (pc "};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        const char *cut = find_in_line(from, end, cuts[i]);
        if (cut)
            end = cut;
    }
    return moth_fs_path("%.*s", (int)(end - from < 200 ? end - from : 200), from);
}

/* "file:line:column" before `at`: what tells UBSan's message from one of the game's own. */
static bool has_position(const char *line, const char *at)
{
    for (int number = 0; number < 2; number++) {
        const char *end = at;
        while (at > line && isdigit((unsigned char)at[-1]))
            at--;
        if (at == end || at == line || at[-1] != ':')
            return false;
        at--;
    }
    return at > line;
}

static const char *report_in_line(const char *line, const char *end, bool *undefined)
{
    static const char *const names[] = {"AddressSanitizer: ", "LeakSanitizer: ", "ThreadSanitizer: ",
                                        "MemorySanitizer: ", "HWAddressSanitizer: "};
    *undefined = false;
    const char *mark = find_in_line(line, end, "ERROR: ");
    if (!mark)
        mark = find_in_line(line, end, "WARNING: ");
    for (size_t i = 0; mark && i < sizeof names / sizeof *names; i++) {
        const char *found = find_in_line(mark, end, names[i]);
        if (found)
            return found;
    }
    const char *runtime = find_in_line(line, end, ": runtime error: ");
    *undefined = runtime && has_position(line, runtime);
    return *undefined ? line : NULL;
}

static void undefined_title(const char *line, const char *end, struct moth_sanitizer_report *report)
{
    static const char mark[] = ": runtime error: ";
    const char *runtime = find_in_line(line, end, mark);
    const char *what = runtime + sizeof mark - 1;
    const char *base = base_of(line, runtime);
    report->title = moth_fs_path("UndefinedBehaviorSanitizer: %.*s", (int)(end - what), what);
    report->source = moth_fs_path("%.*s", (int)(runtime - base), base);
}

bool moth_sanitizer_parse(const char *text, struct moth_sanitizer_report *report)
{
    *report = (struct moth_sanitizer_report){0};
    for (const char *line = text; *line; line = next_line(line)) {
        const char *end = line_end(line);
        bool undefined;
        const char *found = report_in_line(line, end, &undefined);
        if (!found)
            continue;
        if (undefined)
            undefined_title(line, end, report);
        else
            report->title = short_title(found, end);
        report->text = strndup(line, REPORT_BYTES_MAX);
        if (*end)
            parse_stack(end + 1, report);
        return true;
    }
    return false;
}

void moth_sanitizer_report_fini(struct moth_sanitizer_report *report)
{
    free(report->title);
    free(report->source);
    free(report->text);
    for (size_t i = 0; i < report->n_stack; i++)
        free(report->stack[i]);
    free(report->stack);
}
