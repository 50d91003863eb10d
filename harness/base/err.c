/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *text;
    int exit_code;
} list[] = {
#define X(name, text, exit_code) {text, exit_code},
    MOTH_ERR_LIST(X)
#undef X
};

static void fill(struct moth_err *err, enum moth_err_code code, int sys_errno, const char *format,
                 va_list args)
{
    if (err == NULL)
        return;
    err->code = code;
    err->sys_errno = sys_errno;
    vsnprintf(err->message, sizeof err->message, format, args);
    if (sys_errno != 0) {
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(sys_errno));
    }
}

int moth_err_set(struct moth_err *err, enum moth_err_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, code, 0, format, args);
    va_end(args);
    return -1;
}

int moth_err_sys(struct moth_err *err, enum moth_err_code code, const char *format, ...)
{
    int sys_errno = errno;
    va_list args;
    va_start(args, format);
    fill(err, code, sys_errno, format, args);
    va_end(args);
    return -1;
}

const char *moth_err_text(enum moth_err_code code)
{
    return (unsigned)code < MOTH_ERR_END ? list[code].text : "unknown error";
}

int moth_err_exit_code(enum moth_err_code code)
{
    return (unsigned)code < MOTH_ERR_END ? list[code].exit_code : 3;
}
