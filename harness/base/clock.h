/* SPDX-License-Identifier: MIT
 *
 * Real clocks, for limits and reports of the runner's side. Nothing that a game or an agent can see
 * may come from here. Not for the probe: there libc's clock is the virtual one.
 */
#ifndef MOTH_BASE_CLOCK_H
#define MOTH_BASE_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOTH_NS_PER_MS UINT64_C(1000000)
#define MOTH_NS_PER_S UINT64_C(1000000000)

/* Asked of the kernel: libc reads the time-stamp counter, which a thread that steps games does without
 * (runner/counter.h). */
static inline uint64_t moth_clock_ns(clockid_t clock)
{
    struct timespec now = {0};
    syscall(SYS_clock_gettime, clock, &now);
    return (uint64_t)now.tv_sec * MOTH_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Nanoseconds since some fixed moment; never goes back. */
static inline uint64_t moth_clock_monotonic_ns(void)
{
    return moth_clock_ns(CLOCK_MONOTONIC);
}

/* To a few milliseconds, and for next to nothing: libc has it from memory that the kernel writes, without the counter. */
static inline uint64_t moth_clock_coarse_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * MOTH_NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t moth_clock_process_cpu_ns(void)
{
    return moth_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
