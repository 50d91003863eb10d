/* SPDX-License-Identifier: MIT
 *
 * The time-stamp counter, which games must not read, and what it costs to be the only one who may.
 *
 * A game's reads of the counter trap (PR_SET_TSC). Where a processor goes from a thread that may not to one
 * that may, the kernel writes a control register, twice a turn; in a virtual machine that leaves the guest and
 * costs more than all the rest of a turn (9 of 13 µs where this was written). So a thread that steps
 * games gives the counter up as well. What needs it all the same, libc's clock_gettime first of all, traps once
 * and gets it back; the next turn gives it up again. No reader need know of it. Clocks that are asked in each step
 * should be asked of the kernel (base/clock.h does).
 *
 * Per thread; a forked child begins with the counter. Where the processor or the kernel has nothing of the kind,
 * it does nothing.
 */
#ifndef MOTH_RUNNER_COUNTER_H
#define MOTH_RUNNER_COUNTER_H

#include <stdbool.h>

/* This thread does without, until it needs the counter. Cheap where it already does. */
void moth_counter_forgo(void);
/* Whether it does without just now. */
bool moth_counter_is_forgone(void);

#endif
