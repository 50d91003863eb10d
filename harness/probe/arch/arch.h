/* SPDX-License-Identifier: MIT
 *
 * All that depends on the processor: raw system calls, switching fibers, the thread pointer, trapped
 * instructions, registers in a signal frame. One header an architecture, same names in each.
 */
#ifndef MOTH_PROBE_ARCH_H
#define MOTH_PROBE_ARCH_H

#include <stddef.h>
#include <stdint.h>

/* Save the callee-saved state on this stack, store the stack pointer in *save, continue at `load`.
 * The runner's unwinder knows the order in which the registers lie (harness/unwind). */
void moth_arch_switch(uint64_t *save, uint64_t load);

/* Where a fresh fiber begins: moth_fiber_main(), with a clean frame chain. */
void moth_arch_entry(void);

#define MOTH_ARCH_CONTEXT_WORDS 16

/* Save where this call returns to, and the registers it finds there. Returns 0; and 1 once more in a kernel
 * thread that was cloned into the context. */
int moth_arch_save(uint64_t *context) __attribute__((returns_twice));
/* The system call clone, whose new thread goes on in `context`, with `tp` as its thread pointer; the kernel
 * clears *tid_word when it ends. Returns as the system call does in the caller. */
long moth_arch_clone_into(long flags, const uint64_t *context, int *tid_word, uint64_t tp);

/* Copy from an address that may lead nowhere: 0, or -1 through moth_peek_fault, which puts the program counter
 * of a fault between the two labels onto the second. */
int moth_arch_peek(void *to, const void *from, size_t size);
extern const char moth_arch_peek_failed[] __attribute__((visibility("hidden")));

#define MOTH_ARCH_ENTRIES 64
#define MOTH_ARCH_ENTRY_BYTES 16

/* MOTH_ARCH_ENTRIES entrances of MOTH_ARCH_ENTRY_BYTES each, in front of functions of the game: the n-th tells
 * moth_entered, and goes on at the address that it returns, with all arguments, the stack and the return address
 * as they were. */
extern const char moth_arch_entries[] __attribute__((visibility("hidden")));
/* The first six integer arguments as the caller left them (call/entered.c). It must not touch vector registers. */
uint64_t moth_entered(uint32_t entrance, const uint64_t *arguments);

#if defined(__x86_64__)
#include "arch/x86_64.h"
#elif defined(__aarch64__)
#include "arch/arm64.h"
#else
#error "moth knows x86-64 and arm64"
#endif

#endif
