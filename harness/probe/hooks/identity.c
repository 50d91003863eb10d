/* SPDX-License-Identifier: MIT
 *
 * Who and where the game is: the same in every run, on every machine.
 */
#include <errno.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

#define CPUS 2

MOTH_HOOK pid_t getpid(void)
{
    if (!moth_active())
        return (pid_t)arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    return moth_virtual_pid;
}

MOTH_HOOK pid_t getpgrp(void)
{
    if (!moth_active())
        return (pid_t)arch_syscall(SYS_getpgrp, 0, 0, 0, 0, 0, 0);
    return MOTH_VIRTUAL_PID;
}

MOTH_HOOK pid_t getpgid(pid_t pid)
{
    if (moth_active() && (pid == 0 || pid >= MOTH_VIRTUAL_PID))
        return MOTH_VIRTUAL_PID;
    return (pid_t)arch_syscall(SYS_getpgid, pid, 0, 0, 0, 0, 0);
}

MOTH_HOOK pid_t getsid(pid_t pid)
{
    if (moth_active() && (pid == 0 || pid >= MOTH_VIRTUAL_PID))
        return MOTH_VIRTUAL_PID;
    return (pid_t)arch_syscall(SYS_getsid, pid, 0, 0, 0, 0, 0);
}

MOTH_HOOK pid_t getppid(void)
{
    if (!moth_active())
        return (pid_t)arch_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0);
    return moth_virtual_pid == MOTH_VIRTUAL_PID ? MOTH_VIRTUAL_PID - 1 : MOTH_VIRTUAL_PID;
}

MOTH_HOOK pid_t gettid(void)
{
    if (!moth_active())
        return (pid_t)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    return moth_virtual_pid + (pid_t)moth_current->index;
}

MOTH_HOOK int uname(struct utsname *name)
{
    moth_real_init();
    int result = moth_real.uname(name);
    if (result == 0 && moth_active()) {
        memcpy(name->nodename, "moth", 5);
        memcpy(name->release, "6.1.0", 6);
        memcpy(name->version, "#1", 3);
    }
    return result;
}

MOTH_HOOK int gethostname(char *name, size_t size)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.gethostname(name, size);
    if (size < 5) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(name, "moth", 5);
    return 0;
}

MOTH_HOOK long sysconf(int name)
{
    moth_real_init();
    if (moth_active() && (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF))
        return CPUS;
    if (moth_active() && (name == _SC_AVPHYS_PAGES || name == _SC_PHYS_PAGES))
        return (4L << 30) / 4096; /* 4 GiB */
    return moth_real.sysconf(name);
}

MOTH_HOOK int get_nprocs(void)
{
    moth_real_init();
    return moth_active() ? CPUS : moth_real.get_nprocs();
}

MOTH_HOOK int get_nprocs_conf(void)
{
    moth_real_init();
    return moth_active() ? CPUS : moth_real.get_nprocs_conf();
}

static void all_cpus(size_t size, cpu_set_t *set)
{
    memset(set, 0, size);
    for (size_t cpu = 0; cpu < CPUS; cpu++)
        CPU_SET_S(cpu, size, set);
}

MOTH_HOOK int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sched_getaffinity(pid, size, set);
    all_cpus(size, set);
    return 0;
}

MOTH_HOOK int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.sched_setaffinity(pid, size, set);
}

MOTH_HOOK int pthread_getaffinity_np(pthread_t handle, size_t size, cpu_set_t *set)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_getaffinity_np(handle, size, set);
    all_cpus(size, set);
    return 0;
}

MOTH_HOOK int pthread_setaffinity_np(pthread_t handle, size_t size, const cpu_set_t *set)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.pthread_setaffinity_np(handle, size, set);
}

MOTH_HOOK int sched_getcpu(void)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.sched_getcpu();
}

MOTH_HOOK int sysinfo(struct sysinfo *info)
{
    moth_real_init();
    int result = moth_real.sysinfo(info);
    if (result == 0 && moth_active())
        *info = (struct sysinfo){.uptime = (long)(moth_clock_value(CLOCK_MONOTONIC) / MOTH_NS_PER_S),
                                 .totalram = 4UL << 30,
                                 .freeram = 2UL << 30,
                                 .procs = 1,
                                 .mem_unit = 1};
    return result;
}

/* Priorities mean nothing to one kernel thread, and the ids the game names are not real. */
MOTH_HOOK int setpriority(__priority_which_t which, id_t who, int priority)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.setpriority(which, who, priority);
}

MOTH_HOOK int sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.sched_setscheduler(pid, policy, param);
}

/* libc's own would ask every parked thread to change along, and wait for ever. */
#define CREDENTIAL_HOOK(name, arguments, a, b, c)                                                  \
    int name arguments;                                                                            \
    MOTH_HOOK int name arguments                                                                   \
    {                                                                                              \
        long result = arch_syscall(SYS_##name, (long)a, (long)b, (long)c, 0, 0, 0);                \
        if (result >= 0)                                                                           \
            return 0;                                                                              \
        errno = (int)-result;                                                                      \
        return -1;                                                                                 \
    }

CREDENTIAL_HOOK(setuid, (uid_t id), id, 0, 0)
CREDENTIAL_HOOK(setgid, (gid_t id), id, 0, 0)
CREDENTIAL_HOOK(setreuid, (uid_t real, uid_t effective), real, effective, 0)
CREDENTIAL_HOOK(setregid, (gid_t real, gid_t effective), real, effective, 0)
CREDENTIAL_HOOK(setresuid, (uid_t real, uid_t effective, uid_t saved), real, effective, saved)
CREDENTIAL_HOOK(setresgid, (gid_t real, gid_t effective, gid_t saved), real, effective, saved)

int seteuid(uid_t id);
MOTH_HOOK int seteuid(uid_t id)
{
    return setresuid((uid_t)-1, id, (uid_t)-1);
}

int setegid(gid_t id);
MOTH_HOOK int setegid(gid_t id)
{
    return setresgid((gid_t)-1, id, (gid_t)-1);
}
