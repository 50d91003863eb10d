/* SPDX-License-Identifier: MIT */
#ifndef MOTH_PROBE_ARCH_X86_64_H
#define MOTH_PROBE_ARCH_X86_64_H

#include <asm/prctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>

/* Where the probe's own system calls are made: an instruction of libc's once one is found, because only
 * libc's are let through where raw ones trap (core/trap.c). */
extern const void *moth_arch_gate __attribute__((visibility("hidden")));

static inline long arch_syscall(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    /* No red zone below us to write into: the probe is compiled without. */
    __asm__ volatile("call *%[gate]"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), [gate] "m"(moth_arch_gate)
                     : "rcx", "r11", "memory");
    return result;
}

/* The `syscall; ret` in a libc function that does nothing else, or NULL. */
static inline const void *arch_find_gate(const void *function)
{
    const uint8_t *code = function;
    for (int i = 0; code != NULL && i < 24; i++)
        if (code[i] == 0x0f && code[i + 1] == 0x05 && code[i + 2] == 0xc3)
            return code + i;
    return NULL;
}

static inline void arch_context_set_pc(ucontext_t *context, uint64_t pc)
{
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

extern bool moth_arch_fsgsbase; /* the kernel lets user space write the thread pointer */

static inline uint64_t arch_tp_get(void)
{
    uint64_t base;
    if (moth_arch_fsgsbase)
        __asm__ volatile("rdfsbase %0" : "=r"(base));
    else
        arch_syscall(SYS_arch_prctl, ARCH_GET_FS, (long)&base, 0, 0, 0, 0);
    return base;
}

static inline void arch_tp_set(uint64_t base)
{
    if (moth_arch_fsgsbase)
        __asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
    else
        arch_syscall(SYS_arch_prctl, ARCH_SET_FS, (long)base, 0, 0, 0, 0);
}

/* Lay out a stack on which moth_arch_switch finds moth_arch_entry. `top` is the highest usable address. */
static inline uint64_t arch_stack_prepare(uint64_t top)
{
    uint64_t *sp = (uint64_t *)(top & ~(uint64_t)15);
    *--sp = 0;                          /* a return address that ends every unwinding */
    *--sp = (uint64_t)moth_arch_entry;  /* popped by ret; leaves sp at 8 mod 16, as after a call */
    for (int i = 0; i < 6; i++)         /* rbp rbx r12 r13 r14 r15 */
        *--sp = 0;
    uint32_t mxcsr = 0x1f80;
    uint16_t x87 = 0x037f;
    *--sp = (uint64_t)mxcsr | (uint64_t)x87 << 32;
    return (uint64_t)sp;
}

static inline uint64_t arch_context_pc(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
}

static inline uint64_t arch_context_sp(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}

static inline uint64_t arch_context_fp(const ucontext_t *context)
{
    return (uint64_t)context->uc_mcontext.gregs[REG_RBP];
}

static inline size_t arch_context_regs(const ucontext_t *context, uint64_t *regs, size_t n)
{
    size_t i = 0;
    for (; i < n && i < NGREG; i++)
        regs[i] = (uint64_t)context->uc_mcontext.gregs[i];
    return i;
}

/* If the faulting instruction reads the time-stamp counter, put `value` where it would have and step
 * over it. */
static inline bool arch_emulate_counter(ucontext_t *context, uint64_t value)
{
    const uint8_t *code = (const uint8_t *)context->uc_mcontext.gregs[REG_RIP];
    int length = 0;
    if (code[0] == 0x0f && code[1] == 0x31)
        length = 2; /* rdtsc */
    else if (code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xf9)
        length = 3; /* rdtscp */
    else
        return false;
    context->uc_mcontext.gregs[REG_RAX] = (greg_t)(value & 0xffffffff);
    context->uc_mcontext.gregs[REG_RDX] = (greg_t)(value >> 32);
    if (length == 3)
        context->uc_mcontext.gregs[REG_RCX] = 0; /* processor 0 */
    context->uc_mcontext.gregs[REG_RIP] += length;
    return true;
}

/* A trapped raw system call: its number and arguments, and where its result goes. */
static inline long arch_trapped_call(const ucontext_t *context, long args[6])
{
    const greg_t *g = context->uc_mcontext.gregs;
    args[0] = g[REG_RDI];
    args[1] = g[REG_RSI];
    args[2] = g[REG_RDX];
    args[3] = g[REG_R10];
    args[4] = g[REG_R8];
    args[5] = g[REG_R9];
    return g[REG_RAX];
}

static inline void arch_trapped_result(ucontext_t *context, long result)
{
    context->uc_mcontext.gregs[REG_RAX] = result;
}

#define ARCH_COUNTER_HZ 1000000000ULL /* what a trapped counter counts: virtual nanoseconds */

#endif
