/* SPDX-License-Identifier: MIT
 *
 * Errors: one list of codes and texts, and a value that carries a code, the errno behind it and a
 * sentence that tells the user what to do. Functions that can fail take `struct moth_err *err`
 * (may be NULL) and return 0 or -1, or NULL. Libraries never exit; only cli/ picks exit codes.
 */
#ifndef MOTH_BASE_ERR_H
#define MOTH_BASE_ERR_H

#include <stdarg.h>

/* X(name, text, exit code of the process that ends because of it) */
#define MOTH_ERR_LIST(X)                                  \
    X(OK, "no error", 0)                                  \
    X(USAGE, "wrong usage", 2)                            \
    X(CONFIG, "wrong configuration", 2)                   \
    X(SCRIPT, "error in a Lua script", 2)                 \
    X(TRACE, "unreadable trace", 2)                       \
    X(LAUNCH, "the game could not be launched", 3)        \
    X(ATTACH, "the game could not be attached to", 3)     \
    X(IO, "input or output failed", 3)                    \
    X(MEMORY, "out of memory", 3)                         \
    X(SYSTEM, "a system call failed", 3)                  \
    X(INTERNAL, "internal fault", 3)                      \
    X(NONDETERMINISTIC, "the game is not deterministic", 6) \
    X(NOTHING_RAN, "no instance reached its first frame", 4) \
    X(INTERRUPTED, "interrupted", 130)

enum moth_err_code {
#define X(name, text, exit_code) MOTH_ERR_##name,
    MOTH_ERR_LIST(X)
#undef X
        MOTH_ERR_END
};

struct moth_err {
    enum moth_err_code code;
    int sys_errno; /* 0 when no system call stands behind it */
    char message[1024];
};

/* Fill `err` (NULL is allowed). Returns -1, so that `return moth_err_set(…)` reads well. */
int moth_err_set(struct moth_err *err, enum moth_err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As moth_err_set, with errno and its text appended to the message. */
int moth_err_sys(struct moth_err *err, enum moth_err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

const char *moth_err_text(enum moth_err_code code);
int moth_err_exit_code(enum moth_err_code code);

#endif
