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
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#include "core/real.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif

#define SYS_USER_DISPATCH_CODE 2

static uint64_t linker_low, linker_high; /* its calls are libc's business, not the game's */
static uint64_t restorer;
static volatile char dispatch = 1;
static uint64_t gate_low, gate_size; /* of libc's text, whose calls are let through */

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

/* A sanitizer's runtime blocks all signals with a call of its own; a blocked trap would be the end. */
static long trapped_mask(ucontext_t *context, const long args[6])
{
    uint64_t mask, set;
    memcpy(&mask, &context->uc_sigmask, sizeof mask);
    if (args[2] != 0)
        memcpy((void *)args[2], &mask, sizeof mask);
    if (args[1] == 0)
        return 0;
    memcpy(&set, (const void *)args[1], sizeof set);
    if (args[0] == SIG_BLOCK)
        mask |= set;
    else if (args[0] == SIG_UNBLOCK)
        mask &= ~set;
    else if (args[0] == SIG_SETMASK)
        mask = set;
    else
        return -EINVAL;
    mask &= ~(moth_crash_signals() | 1ULL << (moth_preempt_signal() - 1));
    memcpy(&context->uc_sigmask, &mask, sizeof mask);
    return 0;
}

bool moth_trap_call(const siginfo_t *info, ucontext_t *context)
{
    if (info->si_code != SYS_USER_DISPATCH_CODE)
        return false;
    long args[6], result, number = arch_trapped_call(context, args);
    uint64_t pc = arch_context_pc(context);
    int saved = errno;
    if (number == SYS_rt_sigreturn) { /* a restorer of the game's own: libc's does the same, and may */
        arch_context_set_pc(context, restorer);
        return true;
    }
    if (number == SYS_rt_sigprocmask) { /* the mask that counts is the one this handler returns to */
        arch_trapped_result(context, trapped_mask(context, args));
        return true;
    }
    if (number == SYS_sigaltstack) { /* ours serves every fiber */
        arch_trapped_result(context, 0);
        return true;
    }
    if (pc < linker_low || pc >= linker_high)
        count(number, pc);
    if ((number == SYS_clone && (args[0] & CLONE_VM)) || number == SYS_clone3) {
        moth_warn("the game makes threads with a raw system call; it was refused", NULL);
        result = -EPERM;
    } else if (!moth_active() || !moth_syscall_virtual(number, args, &result)) {
        result = arch_syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    }
    arch_trapped_result(context, result);
    errno = saved;
    return true;
}

static void on_trapped_call(int number, siginfo_t *info, void *context)
{
    if (!moth_trap_call(info, context))
        moth_crash_on_fatal(number, info, context);
}

struct segment {
    uint64_t inside, low, high;
};

static int find_segment(struct dl_phdr_info *info, size_t size, void *opaque)
{
    struct segment *segment = opaque;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uint64_t low = info->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD || segment->inside < low || segment->inside >= low + p->p_memsz)
            continue;
        segment->low = low;
        segment->high = low + p->p_memsz;
        return 1;
    }
    return 0;
}

/* Not inherited by a fork. */
bool moth_trap_calls_again(void)
{
    return gate_size == 0 ||
           arch_syscall(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, (long)gate_low,
                        (long)gate_size, (long)&dispatch, 0) == 0;
}

/* System calls are let through from libc's code only; ours go through one of libc's instructions. */
static void trap_calls(void)
{
    const void *gate = arch_find_gate((const void *)moth_real.getppid);
    struct segment libc = {.inside = (uint64_t)gate}, linker = {.inside = getauxval(AT_BASE)};
    if (gate == NULL || dl_iterate_phdr(find_segment, &libc) == 0)
        return;
    /* The linker's text lies a little above its base. */
    if (dl_iterate_phdr(find_segment, &linker) != 0) {
        linker_low = linker.low;
        linker_high = linker.low + (1u << 20);
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_trapped_call;
    /* On the caller's own stack: a futex that waits switches fibers from in here. */
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    moth_real.sigaction(SIGSYS, &action, NULL);
    struct {
        uint64_t handler, flags, restorer, mask;
    } kernel;
    if (arch_syscall(SYS_rt_sigaction, SIGSYS, 0, (long)&kernel, 8, 0, 0) != 0)
        return;
    restorer = kernel.restorer;
    moth_arch_gate = gate;
    gate_low = libc.low;
    gate_size = libc.high - libc.low;
    if (!moth_trap_calls_again())
        moth_warn("this kernel cannot trap raw system calls (5.11 can)", NULL);
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
    trap_calls();
    prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
}
