/* SPDX-License-Identifier: MIT
 *
 * Time during which this process could do something: a real clock for limits, which neither a suspended
 * machine nor a stopped process uses up. Whoever looks at it seldom misses time, so it never judges too
 * early. The caller's storage; zeroed, it begins with the first look.
 */
#ifndef MOTH_BASE_AWAKE_H
#define MOTH_BASE_AWAKE_H

#include "base/clock.h"

#define MOTH_AWAKE_GAP_NS (300 * MOTH_NS_PER_MS) /* of two looks that lie further apart, no more counts */

struct moth_awake {
    uint64_t last_ns, awake_ns;
};

/* Nanoseconds awake since the first look. Look several times a second. */
static inline uint64_t moth_awake_ns(struct moth_awake *awake)
{
    uint64_t now = moth_clock_monotonic_ns(), gap = awake->last_ns ? now - awake->last_ns : 0;
    awake->awake_ns += gap < MOTH_AWAKE_GAP_NS ? gap : MOTH_AWAKE_GAP_NS;
    awake->last_ns = now;
    return awake->awake_ns;
}

#endif
