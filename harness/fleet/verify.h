/* SPDX-License-Identifier: MIT
 *
 * Replaying a stored finding, and a clean instance, to see whether the game does the same again.
 */
#ifndef MOTH_FLEET_VERIFY_H
#define MOTH_FLEET_VERIFY_H

#include "fleet/play.h"

/* Replay the finding `fingerprint` of the output folder config->replays times and note in its folder how
 * often it came back. The caller releases *verified with moth_message_verified_fini. */
void moth_verify(const struct moth_play_place *place, const char *fingerprint,
                 struct moth_message_verified *verified);

#endif
