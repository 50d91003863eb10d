/* SPDX-License-Identifier: MIT
 *
 * moth replay --break: play up to a frame, wait for a debugger there, and go on once it has its breakpoints.
 */
#ifndef MOTH_CLI_BREAKING_H
#define MOTH_CLI_BREAKING_H

#include "findings/reproduce.h"

/* As moth_replay. The game stands at `frame` until a debugger has attached and let it go on, Enter is pressed or moth gets
 * SIGCONT. Nothing is a hang from then on: a person is at work. */
int moth_cli_break(const struct moth_trace *trace, uint32_t frame, const struct moth_replay_config *config,
                   struct moth_replay_outcome *outcome, struct moth_err *err);

#endif
