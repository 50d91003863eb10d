/* SPDX-License-Identifier: MIT
 *
 * What is said of a call that the game did not survive. Pure. One thread.
 */
#ifndef MOTH_FLEET_FATAL_H
#define MOTH_FLEET_FATAL_H

#include "runner/instance.h"

/* How the game ended in a function that the script called, with where: in a sentence. */
void moth_fatal_call(const struct moth_death *death, struct moth_err *err);

#endif
