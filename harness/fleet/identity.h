/* SPDX-License-Identifier: MIT
 *
 * What a run's instances are made of, as text: a line "name=value" each for the game's arguments, members and
 * world, and for the agents, with their weights and their text. The seed and the game's build are not in it.
 * Two runs with the same identity, seed and build play the same instance k.
 */
#ifndef MOTH_FLEET_IDENTITY_H
#define MOTH_FLEET_IDENTITY_H

#include "fleet/fleet.h"

/* Caller frees. Aborts when memory is out. */
char *moth_identity_of(const struct moth_fleet_config *config);
/* The name of a line that is in one of two identities only; caller frees. NULL: they are the same. */
char *moth_identity_difference(const char *a, const char *b);

#endif
