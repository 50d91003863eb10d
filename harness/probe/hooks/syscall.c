/* SPDX-License-Identifier: MIT
 *
 * System calls made past libc's named functions: through syscall(), or with an instruction of the
 * game's own where traps are on (core/trap.c). Futexes are the important ones: libstdc++'s atomics
 * and guards, Mesa and OpenMP build their locks on them.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

static long futex_wait(const long args[6], bool bitset)
{
    uint32_t *word = (uint32_t *)args[0];
    const struct timespec *timeout = (const struct timespec *)args[3];
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != (uint32_t)args[2])
        return -EAGAIN;
    bool realtime = (args[1] & FUTEX_CLOCK_REALTIME) != 0;
    struct moth_waiter waiter = {
        .kind = MOTH_WAIT_FUTEX,
        .key = word,
        .deadline_ns = moth_deadline_of(realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, timeout, bitset),
        .bits = bitset ? (uint32_t)args[5] : UINT32_MAX};
    switch (moth_wait_on(&waiter)) {
    case MOTH_WAKE_TIMEOUT:
        return -ETIMEDOUT;
    case MOTH_WAKE_CANCELLED:
        return -EINTR;
    default:
        return 0;
    }
}

static int limit(long n)
{
    return n < 0 || n > INT_MAX ? INT_MAX : (int)n;
}

/* Operation, comparison and operands of FUTEX_WAKE_OP lie in one word (futex(2)). */
static long futex_wake_op(const long args[6])
{
    uint32_t *second = (uint32_t *)args[4];
    uint32_t code = (uint32_t)args[5];
    uint32_t operand = (code >> 12) & 0xfff, compared = code & 0xfff, old = *second;
    if (code & ((uint32_t)FUTEX_OP_OPARG_SHIFT << 28))
        operand = 1u << (operand & 31);
    switch ((code >> 28) & 7) {
    case FUTEX_OP_SET:
        *second = operand;
        break;
    case FUTEX_OP_ADD:
        *second = old + operand;
        break;
    case FUTEX_OP_OR:
        *second = old | operand;
        break;
    case FUTEX_OP_ANDN:
        *second = old & ~operand;
        break;
    case FUTEX_OP_XOR:
        *second = old ^ operand;
        break;
    default:
        return -ENOSYS;
    }
    int woken = moth_wake((const void *)args[0], limit(args[2]));
    int32_t a = (int32_t)old, b = (int32_t)(compared << 20) >> 20;
    bool also[] = {a == b, a != b, a < b, a <= b, a > b, a >= b};
    unsigned comparison = (code >> 24) & 15;
    if (comparison < 6 && also[comparison])
        woken += moth_wake(second, limit(args[3]));
    return woken;
}

static long futex_requeue(const long args[6], bool compare)
{
    if (compare && __atomic_load_n((uint32_t *)args[0], __ATOMIC_SEQ_CST) != (uint32_t)args[5])
        return -EAGAIN;
    int woken = moth_wake((const void *)args[0], limit(args[2]));
    return woken + moth_requeue((const void *)args[0], (const void *)args[4], limit(args[3]));
}

static long futex(const long args[6])
{
    switch ((int)args[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        return futex_wait(args, false);
    case FUTEX_WAIT_BITSET:
        return futex_wait(args, true);
    case FUTEX_WAKE:
        return moth_wake((const void *)args[0], limit(args[2]));
    case FUTEX_WAKE_BITSET:
        return moth_wake_bits((const void *)args[0], limit(args[2]), (uint32_t)args[5]);
    case FUTEX_REQUEUE:
        return futex_requeue(args, false);
    case FUTEX_CMP_REQUEUE:
        return futex_requeue(args, true);
    case FUTEX_WAKE_OP:
        return futex_wake_op(args);
    default:
        moth_warn("a futex operation that moth does not know was refused", NULL);
        return -ENOSYS;
    }
}

static long outcome(int result)
{
    return result == 0 ? 0 : -errno;
}

bool moth_syscall_virtual(long number, const long args[6], long *result)
{
    switch (number) {
    case SYS_futex:
        *result = futex(args);
        moth_sync_point();
        return true;
    case SYS_clock_gettime:
        *result = outcome(clock_gettime((clockid_t)args[0], (struct timespec *)args[1]));
        return true;
    case SYS_gettimeofday:
        *result = outcome(gettimeofday((struct timeval *)args[0], (void *)args[1]));
        return true;
#ifdef SYS_time
    case SYS_time:
        *result = time((time_t *)args[0]);
        return true;
#endif
    case SYS_nanosleep:
        *result = outcome(nanosleep((const struct timespec *)args[0], (struct timespec *)args[1]));
        return true;
    case SYS_clock_nanosleep:
        *result = -clock_nanosleep((clockid_t)args[0], (int)args[1], (const struct timespec *)args[2],
                                   (struct timespec *)args[3]);
        return true;
    case SYS_sched_yield:
        *result = sched_yield();
        return true;
    case SYS_getrandom:
        moth_entropy_fill((void *)args[0], (size_t)args[1]);
        *result = args[1];
        return true;
    case SYS_getpid:
        *result = getpid();
        return true;
    case SYS_getppid:
        *result = getppid();
        return true;
    case SYS_gettid:
        *result = gettid();
        return true;
    case SYS_getcpu:
        if (args[0] != 0)
            *(unsigned *)args[0] = 0;
        if (args[1] != 0)
            *(unsigned *)args[1] = 0;
        *result = 0;
        return true;
    default:
        return false;
    }
}

MOTH_HOOK long syscall(long number, ...)
{
    long args[6], result;
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++)
        args[i] = va_arg(list, long);
    va_end(list);
    moth_real_init();
    if (!moth_active() || !moth_syscall_virtual(number, args, &result))
        return moth_real.syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}
