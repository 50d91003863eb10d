/* SPDX-License-Identifier: MIT
 *
 * Watched variables, read at each boundary. They lie in the game's own memory, so reading them is copying;
 * only that a pointer of the game may lead nowhere. The copying is done by a few instructions of our own
 * (moth_arch_peek), and a fault in there is answered by the crash handler, before anything else, with a
 * return: the value is not known then. Nothing of the game's is written or allocated.
 */
#include "core/probe.h"

#include <sys/uio.h>

#include "core/real.h"

static uint64_t hash_before;

bool moth_peek_fault(ucontext_t *context)
{
    uint64_t pc = arch_context_pc(context);
    if (pc < (uint64_t)(uintptr_t)moth_arch_peek || pc >= (uint64_t)(uintptr_t)moth_arch_peek_failed)
        return false;
    arch_context_set_pc(context, (uint64_t)(uintptr_t)moth_arch_peek_failed);
    return true;
}

static bool read_here(void *context, void *to, uint64_t address, size_t size)
{
    (void)context;
    return moth_arch_peek(to, (const void *)(uintptr_t)address, size) == 0;
}

/* Where a fault would be the end, the kernel reads for us. */
static bool read_by_kernel(void *context, void *to, uint64_t address, size_t size)
{
    struct iovec local = {to, size}, remote = {(void *)(uintptr_t)address, size};
    (void)context;
    return arch_syscall(SYS_process_vm_readv, arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0), (long)&local, 1,
                        (long)&remote, 1, 0) == (long)size;
}

/* A fault whose signal is blocked kills the process. The kernel's mask is asked, not what the game believes. */
static bool faults_are_blocked(void)
{
    uint64_t mask = 0;
    arch_syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, 8, 0, 0);
    return (mask & (1ULL << (SIGSEGV - 1) | 1ULL << (SIGBUS - 1))) != 0;
}

void moth_peeks_sample(void)
{
    struct moth_peek_table *table = &moth_channel->peeks;
    uint32_t n = table->n < MOTH_PEEKS_MAX ? table->n : MOTH_PEEKS_MAX;
    if (n == 0)
        return;
    moth_peek_reader *read = faults_are_blocked() ? read_by_kernel : read_here;
    for (uint32_t i = 0; i < n; i++) {
        struct moth_peek *peek = &table->peeks[i];
        if (peek->first_op > MOTH_PEEK_OPS_MAX || peek->n_ops > MOTH_PEEK_OPS_MAX - peek->first_op ||
            peek->at > MOTH_PEEK_BYTES_MAX || peek->size > MOTH_PEEK_BYTES_MAX - peek->at)
            continue; /* the game wrote into it */
        moth_peek_fetch(peek, &table->ops[peek->first_op], read, NULL, &table->bytes[peek->at]);
    }
}

static uint64_t hash_values(void)
{
    const struct moth_channel *c = moth_channel;
    uint32_t n_bytes = c->peeks.n_bytes < MOTH_PEEK_BYTES_MAX ? c->peeks.n_bytes : MOTH_PEEK_BYTES_MAX;
    uint32_t n = c->peeks.n < MOTH_PEEKS_MAX ? c->peeks.n : MOTH_PEEKS_MAX;
    uint32_t published = c->n_watches < MOTH_WATCHES_MAX ? c->n_watches : MOTH_WATCHES_MAX;
    uint64_t hash = moth_hash(c->peeks.bytes, n_bytes, n);
    for (uint32_t i = 0; i < n; i++)
        hash = hash * 31 + c->peeks.peeks[i].ok;
    return moth_hash(c->watches, published * sizeof *c->watches, hash);
}

void moth_peeks_begin(void)
{
    hash_before = hash_values();
}

bool moth_peeks_changed(void)
{
    return hash_values() != hash_before;
}
