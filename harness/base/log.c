/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ERASE_LINE "\r\033[K"
#define ERASE_ABOVE "\033[1A\033[K"
#define LIVE_BYTES 4096
#define LIVE_LINES 16

static enum moth_log_level shown_level = MOTH_LOG_INFO;
static int live_columns[LIVE_LINES]; /* of each line that is shown, from the top */
static int live_lines;

void moth_log_set_level(enum moth_log_level level)
{
    shown_level = level;
}

enum moth_log_level moth_log_get_level(void)
{
    return shown_level;
}

static void put(const char *bytes, size_t size_bytes)
{
    int kept_errno = errno;
    while (size_bytes > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nowhere left to say so */
        bytes += n;
        size_bytes -= (size_t)n;
    }
    errno = kept_errno;
}

static const char *prefix_of(enum moth_log_level level)
{
    switch (level) {
    case MOTH_LOG_ERROR:
        return "moth: error: ";
    case MOTH_LOG_WARNING:
        return "moth: warning: ";
    case MOTH_LOG_INFO:
    case MOTH_LOG_DEBUG:
        break;
    }
    return "moth: ";
}

/* ---- what is drawn over ---- */

bool moth_log_can_live(void)
{
    const char *term = getenv("TERM");
    return shown_level >= MOTH_LOG_INFO && isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

static int width_now(void)
{
    struct winsize window = {0};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col : 80;
}

/* Bytes that erase what is shown. A window that became narrower has broken our lines, which are more of its
 * own then. */
static size_t erase_live(char *to, size_t size)
{
    size_t used = 0;
    int width = width_now(), rows = live_lines - 1;
    for (int i = 0; i < live_lines; i++)
        rows += live_columns[i] > width ? (live_columns[i] - 1) / width : 0;
    if (live_lines > 0)
        used += (size_t)snprintf(to, size, ERASE_LINE);
    while (rows-- > 0 && used + sizeof ERASE_ABOVE < size)
        used += (size_t)snprintf(to + used, size - used, ERASE_ABOVE);
    live_lines = 0;
    return used;
}

/* One line, cut to so many columns; colours take none. Bytes of it. */
static size_t cut_line(const char *line, size_t size, int columns, int *used)
{
    size_t at = 0;
    *used = 0;
    while (at < size) {
        size_t n = 1;
        if (line[at] == '\033') {
            while (at + n < size && line[at + n] != 'm')
                n++;
            n += at + n < size;
        } else {
            while (at + n < size && ((unsigned char)line[at + n] & 0xc0) == 0x80)
                n++;
            if (++*used > columns) {
                *used = columns;
                break;
            }
        }
        at += n;
    }
    return at;
}

void moth_log_live(const char *text)
{
    if (!moth_log_can_live() || (!text && live_lines == 0))
        return;
    char out[LIVE_BYTES];
    size_t used = erase_live(out, sizeof out);
    int width = width_now();
    while (text && *text && live_lines < LIVE_LINES) {
        size_t size = strcspn(text, "\n");
        size_t cut = cut_line(text, size, width - 1, &live_columns[live_lines]);
        if (used + cut + sizeof "\n\033[m" >= sizeof out)
            break;
        if (live_lines++ > 0)
            out[used++] = '\n';
        memcpy(out + used, text, cut);
        used += cut;
        if (cut < size && memchr(text, '\033', cut)) { /* the colour's end was cut off */
            memcpy(out + used, "\033[m", 3);
            used += 3;
        }
        text += size + (text[size] == '\n');
    }
    put(out, used);
}

/* ---- lines ---- */

/* What is said may have been said by a game, and build servers read along for commands: "##[…]" anywhere, "::…"
 * where a line begins. */
static void defuse(char *text, size_t size)
{
    bool begins = false; /* the first line has our name before it */
    for (size_t i = 0; i + 1 < size; i++) {
        if (i + 2 < size && memcmp(text + i, "##[", 3) == 0)
            text[i] = '.';
        if (begins && text[i] == ':' && text[i + 1] == ':')
            text[i] = '.';
        begins = text[i] == '\n' || text[i] == '\r' || (begins && (text[i] == ' ' || text[i] == '\t'));
    }
}

void moth_log(enum moth_log_level level, const char *format, ...)
{
    if (level > shown_level)
        return;
    char line[8192];
    size_t head = erase_live(line, sizeof line);
    head += (size_t)snprintf(line + head, sizeof line - head, "%s", prefix_of(level));
    va_list args;
    va_start(args, format);
    size_t room = sizeof line - head - 1; /* one byte for the newline */
    int body = vsnprintf(line + head, room, format, args);
    va_end(args);
    size_t used = head + (body < 0 ? 0 : (size_t)body < room ? (size_t)body : room - 1);
    defuse(line + head, used - head);
    line[used++] = '\n';
    put(line, used);
}
