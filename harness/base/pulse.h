/* SPDX-License-Identifier: MIT
 *
 * A process's sign of life for whoever started it: a counter in memory that both can see. It is raised where
 * the process waits for something that has a limit of its own, so it stands still only when the process is
 * stuck itself. One for the process; until it has a place to count in, nothing is counted.
 */
#ifndef MOTH_BASE_PULSE_H
#define MOTH_BASE_PULSE_H

#include <stdint.h>

/* From now on this process counts there (shared memory); NULL: nowhere. */
void moth_pulse_set(_Atomic uint64_t *counter);
void moth_pulse_beat(void);

#endif
