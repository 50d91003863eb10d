/* SPDX-License-Identifier: MIT */
#include "detect/spike.h"

void moth_spike_begin(struct moth_spike_watch *watch, uint64_t budget_ns)
{
    *watch = (struct moth_spike_watch){.budget_ns = budget_ns};
}

void moth_spike_return(struct moth_spike_watch *watch)
{
    watch->before_ns[0] = watch->before_ns[1] = 0;
    watch->any = false;
}

bool moth_spike_see(struct moth_spike_watch *watch, const struct moth_observation *observation)
{
    uint64_t *before = &watch->before_ns[observation->drawn != 0];
    bool spike = observation->frame > 1 && moth_spike_is(watch->budget_ns, observation->cpu_ns, *before);
    if (spike && watch->any && observation->time_ns - watch->last_ns < MOTH_SPIKE_GAP_MS * UINT64_C(1000000))
        spike = false;
    *before = observation->frame > 1 ? observation->cpu_ns : 0;
    if (spike) {
        watch->any = true;
        watch->last_ns = observation->time_ns;
    }
    return spike;
}
