/* SPDX-License-Identifier: MIT
 *
 * Processes the game makes. Their ids are numbered as the game makes them, and told back to the kernel
 * when the game waits for or signals one.
 */
#include <errno.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

#define CHILDREN_MAX 256

int32_t moth_virtual_pid = MOTH_VIRTUAL_PID;

static struct {
    pid_t real;
    int32_t told;
} children[CHILDREN_MAX];
static int32_t children_made;

static int32_t next_told(void)
{
    return MOTH_VIRTUAL_CHILD + children_made;
}

static pid_t born(pid_t real)
{
    int32_t told = next_told();
    children[children_made % CHILDREN_MAX].real = real;
    children[children_made % CHILDREN_MAX].told = told;
    children_made++;
    return told;
}

pid_t moth_child_real(pid_t told)
{
    for (int i = 0; i < CHILDREN_MAX; i++)
        if (children[i].real != 0 && children[i].told == told)
            return children[i].real;
    return told;
}

/* What the game is told of one that was waited for; `ended`: it will not be heard of again. */
static pid_t told_of(pid_t real, bool ended)
{
    for (int i = 0; i < CHILDREN_MAX; i++)
        if (children[i].real != 0 && children[i].real == real) {
            if (ended)
                children[i].real = 0;
            return children[i].told;
        }
    return real;
}

MOTH_HOOK pid_t fork(void)
{
    moth_real_init();
    pid_t pid = moth_real.fork();
    if (moth_mode == MOTH_DORMANT)
        return pid;
    if (pid == 0) {
        moth_virtual_pid = next_told();
        moth_forked_child();
    }
    return pid > 0 && moth_active() ? born(pid) : pid;
}

#define SPAWN_HOOK(name, first)                                                                              \
    MOTH_HOOK int name(                                                                                      \
        pid_t *restrict pid, const char *restrict first, const posix_spawn_file_actions_t *restrict actions, \
        const posix_spawnattr_t *restrict attr, char *const argv[restrict], char *const envp[restrict])      \
    {                                                                                                        \
        pid_t real;                                                                                          \
        moth_real_init();                                                                                    \
        moth_trap_pause();                                                                                   \
        int error = moth_real.name(&real, first, actions, attr, argv, envp);                                 \
        moth_trap_resume();                                                                                  \
        if (error == 0 && moth_active())                                                                     \
            real = born(real);                                                                               \
        if (error == 0 && pid != NULL)                                                                       \
            *pid = real;                                                                                     \
        return error;                                                                                        \
    }

SPAWN_HOOK(posix_spawn, path)
SPAWN_HOOK(posix_spawnp, file)

/* Waiting holds the whole game up; how long that takes on the clock is not the game's time. */
MOTH_HOOK pid_t waitpid(pid_t pid, int *status, int options)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.waitpid(pid, status, options);
    if ((options & WNOHANG) != 0)
        moth_clock_query();
    int how = 0;
    pid_t got = moth_real.waitpid(pid > 0 ? moth_child_real(pid) : pid, &how, options);
    if (got > 0 && status != NULL)
        *status = how;
    return got > 0 ? told_of(got, WIFEXITED(how) || WIFSIGNALED(how)) : got;
}

MOTH_HOOK pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
}

MOTH_HOOK pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.wait4(pid, status, options, usage);
    if (usage != NULL)
        memset(usage, 0, sizeof *usage);
    return waitpid(pid, status, options);
}

MOTH_HOOK pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

MOTH_HOOK int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    moth_real_init();
    if (moth_active() && type == P_PID)
        id = (id_t)moth_child_real((pid_t)id);
    int result = moth_real.waitid(type, id, info, options);
    if (result == 0 && moth_active() && info != NULL && info->si_pid > 0)
        info->si_pid = told_of(info->si_pid, (options & WNOWAIT) == 0 && (info->si_code == CLD_EXITED ||
                                                                          info->si_code == CLD_KILLED ||
                                                                          info->si_code == CLD_DUMPED));
    return result;
}
