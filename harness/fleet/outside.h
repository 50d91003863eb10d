/* SPDX-License-Identifier: MIT
 *
 * The agent `outside`: an instance that a program on the bus drives (bus/BUS.md). The worker offers it, does
 * what is asked through the same backend that a Lua agent has, and answers. It is over when the program
 * releases it or falls silent, when the game has ended and no snapshot is held, or when the frames or the run
 * are used up.
 */
#ifndef MOTH_FLEET_OUTSIDE_H
#define MOTH_FLEET_OUTSIDE_H

#include "fleet/stage.h"

#define MOTH_OUTSIDE_NAME "outside"

/* As moth_agent_play, for the instance of the stage. `backend` is the stage's. */
enum moth_agent_result moth_outside_play(struct moth_stage *stage, const struct moth_lua_backend *backend,
                                         const struct moth_agent_play *how,
                                         struct moth_agent_outcome *outcome);

#endif
