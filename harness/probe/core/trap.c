/* SPDX-License-Identifier: MIT
 *
 * What goes past the hooks: reads of the time-stamp counter and system calls made with an instruction
 * of the game's own. The counter traps (PR_SET_TSC) and counts virtual nanoseconds. System calls from
 * outside libc trap through syscall user dispatch, and those that would let the outside in are
 * answered like the hooked ones.
 */
#include "core/probe.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/prctl.h>

#include "core/real.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif

static struct {
    uint64_t low, high;
} libc_text;

static volatile char dispatch = 0; /* SYSCALL_DISPATCH_FILTER_ALLOW */

bool moth_trap_counter(ucontext_t *context)
{
    if (!moth_active() || !arch_emulate_counter(context, moth_clock_value(CLOCK_MONOTONIC)))
        return false;
    moth_channel->bypass.rdtsc++;
    moth_channel->bypass.last_pc[0] = arch_context_pc(context);
    if (!moth_in_boundary && moth_current != NULL)
        moth_current->queries++; /* a loop on it must end, but a switch does not belong in here */
    if (moth_current->queries >= 64) {
        moth_current->queries = 0;
        moth_now_ns += MOTH_NS_PER_MS / 10;
    }
    return true;
}

static void count(long number, uint64_t pc)
{
    struct moth_bypass_counts *bypass = &moth_channel->bypass;
    uint64_t *counter = &bypass->raw_other;
    unsigned kind = 5;
    switch (number) {
    case SYS_clock_gettime:
    case SYS_gettimeofday:
#ifdef SYS_time
    case SYS_time:
#endif
        counter = &bypass->raw_time, kind = 1;
        break;
    case SYS_getrandom:
        counter = &bypass->raw_random, kind = 2;
        break;
    case SYS_futex:
        counter = &bypass->raw_futex, kind = 3;
        break;
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_sched_yield:
        counter = &bypass->raw_sleep, kind = 4;
        break;
    default:
        break;
    }
    ++*counter;
    bypass->last_pc[kind] = pc;
}

bool moth_trap_call(const siginfo_t *info, ucontext_t *context)
{
    if (info->si_code != 2 /* SYS_USER_DISPATCH */)
        return false;
    long args[6], result, number = arch_trapped_call(context, args);
    dispatch = 0;
    count(number, arch_context_pc(context));
    if (!moth_active() || !moth_syscall_virtual(number, args, &result))
        result = arch_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    arch_trapped_result(context, result);
    dispatch = 1;
    return true;
}

void moth_trap_pause(void)
{
    if (moth_mode == MOTH_ACTIVE)
        prctl(PR_SET_TSC, PR_TSC_ENABLE, 0, 0, 0);
}

void moth_trap_resume(void)
{
    if (moth_mode == MOTH_ACTIVE)
        prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}

void moth_trap_init(void)
{
    (void)libc_text;
    prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}
