/* SPDX-License-Identifier: MIT
 *
 * What a game said before it ended itself: its own handler's line in the log, or SDL's.
 */
#include "detect/detectors.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/names.h"

#define LAST_LINES 16u /* what stands further up is another matter */
#define LINE_BYTES_MAX 400u

/* Where the last lines of the log begin. */
static const char *last_lines(const char *log)
{
    const char *at = log + strlen(log);
    for (unsigned lines = 0; at > log && lines <= LAST_LINES; at--)
        lines += at[-1] == '\n';
    return at;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

/* SDL_Quit lists what was ignored so far: that ended nothing. */
static bool is_summary(const char *line, size_t size)
{
    return memmem(line, size, "SDL assertion", 13) != NULL;
}

/* "Assertion failure at move (game.c:42), triggered 1 time:\n  'x > 0'" → one line, without how often. NULL: not SDL's. */
static char *from_sdl(const char *line, size_t size)
{
    static const char start[] = "Assertion failure at ", count[] = ", triggered ";
    const char *from = memmem(line, size, start, sizeof start - 1);
    const char *to = from ? memmem(from, size - (size_t)(from - line), count, sizeof count - 1) : NULL;
    if (!to)
        return NULL;
    const char *condition = next_line(line);
    condition += strspn(condition, " \t");
    size_t n = strcspn(condition, "\r\n");
    if (*condition != '\'' || n > LINE_BYTES_MAX)
        n = 0;
    return moth_fs_path("%.*s%s%.*s", (int)(to - from), from, n > 0 ? ": " : "", (int)n, condition);
}

char *moth_last_assertion(const char *log)
{
    const char *found = NULL;
    size_t size = 0;
    for (const char *line = last_lines(log); *line; line = next_line(line)) {
        size_t n = strcspn(line, "\r\n");
        if (n > 0 && n <= LINE_BYTES_MAX && moth_line_is_assertion(line, n) && !is_summary(line, n)) {
            found = line;
            size = n;
        }
    }
    if (!found)
        return NULL;
    char *sdl = from_sdl(found, size);
    return sdl ? sdl : strndup(found, size);
}
