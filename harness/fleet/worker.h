/* SPDX-License-Identifier: MIT
 *
 * A worker process: plays instances and replays findings one after another, as its supervisor says,
 * until the socket is closed. SIGTERM: end what you are at and start nothing more; SIGUSR1: the same for
 * playing, but replays go on; SIGUSR2: the same for shrinking findings. It dies with its supervisor.
 */
#ifndef MOTH_FLEET_WORKER_H
#define MOTH_FLEET_WORKER_H

#include "bus/port.h"
#include "fleet/fleet.h"

/* In the forked child. Never returns. `mark` tells this worker's games from the others'; `seat` is its place at
 * the bus. */
_Noreturn void moth_worker_main(const struct moth_fleet_config *config, const char *run, int fd,
                                unsigned mark, struct moth_bus_seat seat);

#endif
