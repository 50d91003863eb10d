/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ERASE_LINE "\r\033[K"

static enum moth_log_level shown_level = MOTH_LOG_INFO;
static bool live_shown;

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

void moth_log(enum moth_log_level level, const char *format, ...)
{
    if (level > shown_level)
        return;
    char line[8192];
    int head = snprintf(line, sizeof line, "%s%s", live_shown ? ERASE_LINE : "", prefix_of(level));
    live_shown = false;
    va_list args;
    va_start(args, format);
    size_t room = sizeof line - (size_t)head - 1; /* one byte for the newline */
    int body = vsnprintf(line + head, room, format, args);
    va_end(args);
    size_t used = (size_t)head + (body < 0 ? 0 : (size_t)body < room ? (size_t)body : room - 1);
    line[used++] = '\n';
    put(line, used);
}

void moth_log_live(const char *line)
{
    if (shown_level < MOTH_LOG_INFO || !isatty(STDERR_FILENO))
        return;
    struct winsize window = {0};
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 79;
    char text[1024];
    int n = line ? snprintf(text, sizeof text, ERASE_LINE "%.*s", width, line)
                 : snprintf(text, sizeof text, ERASE_LINE);
    if (line || live_shown)
        put(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    live_shown = line != NULL;
}
