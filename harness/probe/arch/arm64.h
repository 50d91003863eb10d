/* SPDX-License-Identifier: MIT */
#ifndef MOTH_PROBE_ARCH_ARM64_H
#define MOTH_PROBE_ARCH_ARM64_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return x0;
}

extern bool moth_arch_fsgsbase;

/* System calls need no gate here: raw ones are not trapped. */
static const void *moth_arch_gate;

static inline const void *arch_find_gate(const void *function)
{
    (void)function;
    (void)moth_arch_gate;
    return NULL;
}

static inline void arch_context_set_pc(ucontext_t *context, uint64_t pc)
{
    context->uc_mcontext.pc = pc;
}

static inline uint64_t arch_tp_get(void)
{
    uint64_t base;
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(base));
    return base;
}

static inline void arch_tp_set(uint64_t base)
{
    __asm__ volatile("msr tpidr_el0, %0" ::"r"(base) : "memory");
}

static inline uint64_t arch_stack_prepare(uint64_t top)
{
    uint64_t *sp = (uint64_t *)(top & ~(uint64_t)15);
    sp -= 22; /* d8..d15, x19..x29, x30, fpcr, pad */
    for (int i = 0; i < 22; i++)
        sp[i] = 0;
    sp[19] = (uint64_t)moth_arch_entry; /* x30 */
    return (uint64_t)sp;
}

static inline uint64_t arch_context_pc(const ucontext_t *context)
{
    return context->uc_mcontext.pc;
}

static inline uint64_t arch_context_sp(const ucontext_t *context)
{
    return context->uc_mcontext.sp;
}

static inline uint64_t arch_context_fp(const ucontext_t *context)
{
    return context->uc_mcontext.regs[29];
}

static inline size_t arch_context_regs(const ucontext_t *context, uint64_t *regs, size_t n)
{
    size_t i = 0;
    for (; i < n && i < 31; i++)
        regs[i] = context->uc_mcontext.regs[i];
    if (i < n)
        regs[i++] = context->uc_mcontext.sp;
    return i;
}

/* The virtual counter is readable in user space and cannot be trapped from there. */
static inline bool arch_emulate_counter(ucontext_t *context, uint64_t value)
{
    (void)context;
    (void)value;
    return false;
}

static inline long arch_trapped_call(const ucontext_t *context, long args[6])
{
    for (int i = 0; i < 6; i++)
        args[i] = (long)context->uc_mcontext.regs[i];
    return (long)context->uc_mcontext.regs[8];
}

static inline void arch_trapped_result(ucontext_t *context, long result)
{
    context->uc_mcontext.regs[0] = (uint64_t)result;
}

#define ARCH_COUNTER_HZ 1000000000ULL

#endif
