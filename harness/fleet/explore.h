/* SPDX-License-Identifier: MIT
 *
 * A run's archive: made, taken over from an earlier run, and summed up.
 *
 * It is OUT/archive.bin (explore/log.h), shared by all workers of the run. Instances of agents that explore
 * play in one world, that is with the same seed of the game, so that a way one of them found leads the
 * others there.
 */
#ifndef MOTH_FLEET_EXPLORE_H
#define MOTH_FLEET_EXPLORE_H

#include "explore/share.h"
#include "fleet/fleet.h"

bool moth_fleet_explores(const struct moth_fleet_config *config);
/* Caller frees. */
char *moth_fleet_archive_path(const char *out);
/* Make the archive of a run whose output folder is locked, with the corpus in it; *seed is the world's. `warn` is told
 * what the user should know. 0, or -1 (MOTH_ERR_CONFIG: `resume` is no run of this game). */
int moth_fleet_open_archive(const struct moth_fleet_config *config, uint64_t *seed,
                            void (*warn)(void *context, const char *sentence), void *context,
                            struct moth_err *err);

#endif
