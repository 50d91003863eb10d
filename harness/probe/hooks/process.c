/* SPDX-License-Identifier: MIT
 *
 * The process itself: forking, ending.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"
#include "net/net.h"

/* ---- starting other programs ---- */

#define SPAWN_HOOK(result, name, arguments, pass)                                                  \
    MOTH_HOOK result name arguments                                                                \
    {                                                                                              \
        moth_real_init();                                                                          \
        moth_trap_pause();                                                                         \
        result value = moth_real.name pass;                                                        \
        moth_trap_resume();                                                                        \
        return value;                                                                              \
    }

typedef char *const *strings;
SPAWN_HOOK(int, execve, (const char *path, strings argv, strings envp), (path, argv, envp))
SPAWN_HOOK(int, system, (const char *command), (command))
SPAWN_HOOK(FILE *, popen, (const char *command, const char *mode), (command, mode))
/* The rest of the family ends in execve, but inside libc. */
MOTH_HOOK int execv(const char *path, char *const argv[])
{
    return execve(path, argv, environ);
}

SPAWN_HOOK(int, execvp, (const char *file, strings argv), (file, argv))
SPAWN_HOOK(int, execvpe, (const char *file, strings argv, strings envp), (file, argv, envp))

#define EXEC_ARGUMENTS_MAX 1024

static void collect(va_list list, const char *first, char *argv[EXEC_ARGUMENTS_MAX])
{
    size_t n = 0;
    for (const char *next = first; next != NULL && n < EXEC_ARGUMENTS_MAX - 1; next = va_arg(list, const char *))
        argv[n++] = (char *)next;
    argv[n] = NULL;
}

MOTH_HOOK int execl(const char *path, const char *first, ...)
{
    char *argv[EXEC_ARGUMENTS_MAX];
    va_list list;
    va_start(list, first);
    collect(list, first, argv);
    va_end(list);
    return execve(path, argv, environ);
}

MOTH_HOOK int execlp(const char *file, const char *first, ...)
{
    char *argv[EXEC_ARGUMENTS_MAX];
    va_list list;
    va_start(list, first);
    collect(list, first, argv);
    va_end(list);
    return execvp(file, argv);
}

/* ---- ending ---- */

/* Note how it ends, and let the runner look at who called, where that is worth a finding; then it goes on to die.
 * Another thread may hold the turn where threads are real. An exit out of the game's own crash handler is the
 * crash. */
static void leaving(int status, uint32_t kind)
{
    if (moth_mode == MOTH_DORMANT)
        return;
    if (moth_crash_candidate())
        moth_crash_report_candidate();
    if (!moth_claimed()) /* a launcher's helper, or a game that never came to SDL: its parent knows */
        return;
    moth_net_collect(); /* what it has said before it left */
    moth_channel->exit_status = status;
    moth_channel->exit_kind = kind;
    moth_channel->state = MOTH_STATE_EXIT;
    if ((status & 0xff) != 0 && moth_active())
        moth_give_turn(MOTH_STATE_EXIT);
}

MOTH_HOOK void exit(int status)
{
    moth_real_init();
    leaving(status, 0);
    moth_real.exit(status);
    __builtin_unreachable();
}

MOTH_HOOK void _exit(int status)
{
    moth_real_init();
    leaving(status, 1);
    moth_real._exit(status);
    __builtin_unreachable();
}

MOTH_HOOK void _Exit(int status)
{
    _exit(status);
}

MOTH_HOOK void quick_exit(int status)
{
    moth_real_init();
    leaving(status, 1);
    moth_real.quick_exit(status);
    __builtin_unreachable();
}
