/* SPDX-License-Identifier: MIT
 *
 * What moth says to the person before it: lines on standard error, "moth: …". Results go elsewhere
 * (reports, files). One level for the process, set once by cli/ before threads or workers start.
 */
#ifndef MOTH_BASE_LOG_H
#define MOTH_BASE_LOG_H

#include <stdbool.h>

enum moth_log_level {
    MOTH_LOG_ERROR,   /* always shown */
    MOTH_LOG_WARNING, /* shown unless --quiet */
    MOTH_LOG_INFO,    /* shown unless --quiet */
    MOTH_LOG_DEBUG    /* shown with --verbose */
};

/* Show messages up to and including `level`. MOTH_LOG_INFO at the start. */
void moth_log_set_level(enum moth_log_level level);
enum moth_log_level moth_log_get_level(void);

/* One line; the newline is added. Written by a single write(2), so lines of several processes do not
 * mix. A live progress line on the terminal is erased first: see moth_log_live. */
void moth_log(enum moth_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Replace the live progress at the end of the terminal (NULL: remove it): one line or several, each cut to the
 * terminal's width. Does nothing where there is nowhere to show it. Nothing of the terminal's state is
 * changed, so whatever becomes of us there is nothing to restore. */
void moth_log_live(const char *text);
/* Standard error is a terminal on which lines can be drawn over (TERM is neither missing nor "dumb"), and the
 * level is MOTH_LOG_INFO at least. */
bool moth_log_can_live(void);

#define moth_log_error(...) moth_log(MOTH_LOG_ERROR, __VA_ARGS__)
#define moth_log_warning(...) moth_log(MOTH_LOG_WARNING, __VA_ARGS__)
#define moth_log_info(...) moth_log(MOTH_LOG_INFO, __VA_ARGS__)
#define moth_log_debug(...) moth_log(MOTH_LOG_DEBUG, __VA_ARGS__)

#endif
