/* SPDX-License-Identifier: MIT
 *
 * What the game said through moth.h while an agent plays, in order, until the agent asks. One queue a play; what was
 * said on a branch that is left was never said.
 */
#ifndef MOTH_FLEET_SAID_H
#define MOTH_FLEET_SAID_H

#include "runner/instance.h"

#define MOTH_SAID_MAX 65536u /* kept for an agent that does not ask */

struct moth_said {
    struct moth_announcement *at;
    size_t n, room, next; /* next: not asked for yet */
    uint32_t lost;        /* that there was no room for, here or in the game */
};

/* Take what an instance has to say. */
void moth_said_take(struct moth_said *said, struct moth_instance *instance);
/* The next one; how many were lost comes as the last, of kind MOTH_ANNOUNCE_LOST. False: there is none. */
bool moth_said_next(struct moth_said *said, struct moth_announcement *one);
/* The game stands elsewhere. */
void moth_said_forget(struct moth_said *said);
void moth_said_fini(struct moth_said *said);

#endif
