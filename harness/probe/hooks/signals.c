/* SPDX-License-Identifier: MIT
 *
 * Signals. There is one kernel thread, so there is one kernel mask: the main fiber's. What the other
 * fibers set is kept and told, and counts when a signal is sent to one of them. Signals that mean a
 * crash stay ours (core/crash.c calls the game's handlers).
 */
#include <errno.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

static void without_ours(sigset_t *set)
{
    static const int ours[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        sigdelset(set, ours[i]);
    sigdelset(set, moth_preempt_signal());
}

static int set_mask(int how, const sigset_t *set, sigset_t *old)
{
    struct moth_fiber *self = moth_current;
    if (old != NULL)
        *old = self->mask;
    if (set == NULL)
        return 0;
    for (int n = 1; n < NSIG; n++) {
        bool in = sigismember(set, n) == 1;
        if (how == SIG_SETMASK ? !in : how == SIG_UNBLOCK && in)
            sigdelset(&self->mask, n);
        else if (in && how != SIG_UNBLOCK)
            sigaddset(&self->mask, n);
    }
    if (how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK)
        return EINVAL;
    if (self != &moth_fibers[0])
        return 0;
    sigset_t kernel = self->mask;
    without_ours(&kernel);
    arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&kernel, 0, 8, 0, 0);
    return 0;
}

MOTH_HOOK int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    moth_real_init();
    return moth_active() ? set_mask(how, set, old) : moth_real.pthread_sigmask(how, set, old);
}

MOTH_HOOK int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sigprocmask(how, set, old);
    int error = set_mask(how, set, old);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

MOTH_HOOK int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old)
{
    moth_real_init();
    if (moth_mode != MOTH_DORMANT && moth_crash_owns(number))
        return moth_crash_sigaction(number, action, old);
    if (moth_active() && number == moth_preempt_signal()) {
        errno = EINVAL;
        return -1;
    }
    return moth_real.sigaction(number, action, old);
}

MOTH_HOOK __sighandler_t signal(int number, __sighandler_t handler)
{
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* Our alternate stack serves every fiber; what the game sets is only remembered. */
MOTH_HOOK int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
    static stack_t told = {.ss_flags = SS_DISABLE};
    moth_real_init();
    if (moth_mode == MOTH_DORMANT)
        return moth_real.sigaltstack(stack, old);
    if (old != NULL)
        *old = told;
    if (stack != NULL)
        told = *stack;
    return 0;
}

MOTH_HOOK int pthread_kill(pthread_t handle, int number)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_kill(handle, number);
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (fiber == NULL || fiber->finished)
        return ESRCH;
    if (number < 0 || number >= NSIG)
        return EINVAL;
    if (number == 0)
        return 0;
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = number;
    info.si_code = SI_TKILL;
    info.si_pid = MOTH_VIRTUAL_PID;
    moth_fiber_signal(fiber, &info);
    return 0;
}

MOTH_HOOK int kill(pid_t pid, int number)
{
    moth_real_init();
    if (moth_active() && pid == moth_virtual_pid)
        pid = (pid_t)arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    else if (moth_active() && pid > 0)
        pid = moth_child_real(pid);
    return moth_real.kill(pid, number);
}

MOTH_HOOK int tgkill(pid_t pid, pid_t tid, int number)
{
    moth_real_init();
    if (moth_active() && pid == moth_virtual_pid) {
        uint32_t index = (uint32_t)(tid - moth_virtual_pid);
        if (index < MOTH_FIBERS_MAX && moth_fibers[index].used) {
            int error = pthread_kill(moth_fibers[index].handle, number);
            errno = error;
            return error == 0 ? 0 : -1;
        }
    }
    return moth_real.tgkill(pid, tid, number);
}

void moth_signal_process(const siginfo_t *info)
{
    for (uint32_t i = 0; i < moth_channel->n_fibers && i < MOTH_FIBERS_MAX; i++)
        if (moth_fibers[i].used && !moth_fibers[i].finished && !sigismember(&moth_fibers[i].mask, info->si_signo)) {
            moth_fiber_signal(&moth_fibers[i], info);
            return;
        }
    /* All block it: the kernel keeps it pending, for sigwait. */
    arch_syscall(SYS_rt_tgsigqueueinfo, arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0),
                 arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0), info->si_signo, (long)info, 0, 0);
}

/* ---- waiting for a signal ---- */

MOTH_HOOK int pause(void)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pause();
    while (moth_wait(MOTH_WAIT_SIGNAL, NULL, MOTH_FOREVER) != MOTH_WAKE_INTERRUPTED)
        moth_cancel_point();
    errno = EINTR;
    return -1;
}

MOTH_HOOK int sigsuspend(const sigset_t *mask)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sigsuspend(mask);
    sigset_t before;
    uint64_t pending = 0, blocked;
    memcpy(&blocked, mask, sizeof blocked);
    arch_syscall(SYS_rt_sigpending, (long)&pending, sizeof pending, 0, 0, 0, 0);
    set_mask(SIG_SETMASK, mask, &before); /* handlers of what is pending run in here */
    while ((pending & ~blocked) == 0 && moth_wait(MOTH_WAIT_SIGNAL, NULL, MOTH_FOREVER) != MOTH_WAKE_INTERRUPTED)
        moth_cancel_point();
    set_mask(SIG_SETMASK, &before, NULL);
    errno = EINTR;
    return -1;
}

/* Ask the kernel each millisecond of virtual time: nothing else can send one but a timer or a fiber. */
static int await(const sigset_t *set, siginfo_t *info, uint64_t deadline_ns)
{
    static const struct timespec none;
    for (;;) {
        long number = arch_syscall(SYS_rt_sigtimedwait, (long)set, (long)info, (long)&none, 8, 0, 0);
        if (number > 0)
            return (int)number;
        if (moth_now_ns >= deadline_ns)
            return -EAGAIN;
        uint64_t next = moth_now_ns + MOTH_NS_PER_MS;
        enum moth_wake why = moth_wait(MOTH_WAIT_SIGNAL, set, next < deadline_ns ? next : deadline_ns);
        moth_cancel_point();
        if (why == MOTH_WAKE_INTERRUPTED)
            return -EINTR;
    }
}

MOTH_HOOK int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                           const struct timespec *restrict timeout)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sigtimedwait(set, info, timeout);
    int number = await(set, info, moth_deadline_of(CLOCK_MONOTONIC, timeout, false));
    if (number > 0)
        return number;
    errno = -number;
    return -1;
}

MOTH_HOOK int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    return sigtimedwait(set, info, NULL);
}

MOTH_HOOK int sigwait(const sigset_t *restrict set, int *restrict number)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sigwait(set, number);
    do
        *number = await(set, NULL, MOTH_FOREVER);
    while (*number == -EINTR);
    return 0;
}
