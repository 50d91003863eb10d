/* SPDX-License-Identifier: MIT
 *
 * Making a play smaller while something still happens in it: delta debugging over units.
 *
 * Knows nothing of games: an oracle says whether it still happens. The steps, again and again until none
 * of them makes it smaller: take out stretches of time, take out units (halves, quarters, … single ones,
 * so that at the end each one is needed), shorten what is held, take out idle time, make positions and
 * values plain. Every step goes from the end to the beginning, so that candidates in a row have long
 * beginnings in common, which an oracle with branches need not play again. Smaller means fewer events;
 * of as many, an earlier end; then less time held; then plainer values. The result is a function of the
 * inputs and the oracle's answers alone.
 */
#ifndef MOTH_MINIMIZE_SHRINK_H
#define MOTH_MINIMIZE_SHRINK_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/input.h"

struct moth_shrink_oracle {
    void *context;
    /* Does it happen with these inputs, at `until` or before? 1 with *frame where, 0, or -1: no more
     * questions (a budget, an interrupt, a fault: the oracle knows). */
    int (*test)(void *context, const struct moth_input_event *events, size_t n_events, uint32_t until,
                uint32_t *frame);
    /* These are the best now. 0, or -1: no more. May be NULL. */
    int (*better)(void *context, const struct moth_input_event *events, size_t n_events, uint32_t frame);
};

struct moth_shrink_result {
    struct moth_input_event *events; /* malloc'd */
    size_t n_events;
    uint32_t frame; /* where it happens with them */
    bool minimal;   /* nothing that is tried makes it smaller; false: the oracle wanted no more */
};

/* `frame`: where it happens with the inputs as they are. `grace`: frames that it may happen
 * later by, and fewer where it happens soon. */
void moth_shrink(const struct moth_input_event *events, size_t n_events, uint32_t frame, uint32_t grace,
                 const struct moth_shrink_oracle *oracle, struct moth_shrink_result *result);

#endif
