/* SPDX-License-Identifier: MIT
 *
 * The strip of a finding: what the game showed on the way to it, as pictures from two seconds before up to its
 * frame. The trace is played once more for it, on its own, so that looking cannot change what the replays say.
 */
#ifndef MOTH_FINDINGS_STRIP_H
#define MOTH_FINDINGS_STRIP_H

#include "findings/reproduce.h"
#include "findings/store.h"

/* Play `trace` up to `frame` and leave the pictures in `folder`. 0, also when the game shows nothing or ends
 * before that; -1 with err. */
int moth_strip_take(const struct moth_trace *trace, uint32_t frame, const struct moth_replay_config *config,
                    const char *folder, struct moth_err *err);

#endif
