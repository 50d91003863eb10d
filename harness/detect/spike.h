/* SPDX-License-Identifier: MIT
 *
 * Frames that take too long. One measurement of one frame is a suspicion and no more: the machine may have
 * done it. findings/spike.h plays it again.
 *
 * A frame is a spike when its work time is over the budget, is at least one and a half times that of the
 * frame before, and lies 200 ms of game time or more after the last spike. The frame of the launch is none:
 * it is the program's start. Where only frames that are looked at are drawn, those are held against each
 * other.
 */
#ifndef MOTH_DETECT_SPIKE_H
#define MOTH_DETECT_SPIKE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/channel.h"

#define MOTH_SPIKE_MS 60u       /* budget of a frame where none is given */
#define MOTH_SPIKE_GAP_MS 200u  /* game time */
#define MOTH_SPIKE_TIMES_NUM 3u /* times the frame before, */
#define MOTH_SPIKE_TIMES_DEN 2u /* as a fraction */

struct moth_spike_watch {
    uint64_t budget_ns;
    uint64_t before_ns[2]; /* work time of the frame before, not drawn and drawn; 0: not known */
    uint64_t last_ns;      /* game time of the last spike */
    bool any;              /* there was one */
};

/* Is `ns` a spike after a frame of `before_ns` (0: not known)? */
static inline bool moth_spike_is(uint64_t budget_ns, uint64_t ns, uint64_t before_ns)
{
    return ns > budget_ns && ns * MOTH_SPIKE_TIMES_DEN >= before_ns * MOTH_SPIKE_TIMES_NUM;
}

void moth_spike_begin(struct moth_spike_watch *watch, uint64_t budget_ns);
/* The game stands somewhere else now. */
void moth_spike_return(struct moth_spike_watch *watch);
/* The next frame. Whether it is a spike. */
bool moth_spike_see(struct moth_spike_watch *watch, const struct moth_observation *observation);

#endif
