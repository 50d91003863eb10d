/* SPDX-License-Identifier: MIT
 *
 * Shrinking a stored finding's inputs within the run that found it.
 */
#ifndef MOTH_FLEET_SHORTEN_H
#define MOTH_FLEET_SHORTEN_H

#include "fleet/play.h"

/* Shrink the finding `fingerprint` of the output folder, which was met in each of its replays, by playing at
 * most config->minimize_frames frames, and put what came out beside it. Findings that inputs alone do not
 * make happen are left as they are. The caller releases *minimized with moth_message_minimized_fini. */
void moth_shorten(const struct moth_play_place *place, const char *fingerprint,
                  struct moth_message_minimized *minimized);

#endif
