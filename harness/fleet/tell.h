/* SPDX-License-Identifier: MIT
 *
 * What the run tells the bus, as events (bus/BUS.md): its own begin and end, instances, findings, progress.
 * All of it does nothing where there is no bus, and never waits.
 */
#ifndef MOTH_FLEET_TELL_H
#define MOTH_FLEET_TELL_H

#include "fleet/supervisor.h"

/* Remove what the bus of this configuration left, unless it lives. For the reaper: the supervisor and the bus
 * process may be killed at once. */
void moth_tell_clear(void *config);
/* Start the run's bus, if there is to be one. 0 or -1. */
int moth_tell_open(struct moth_supervisor *supervisor, struct moth_err *err);
/* The run is over and summed up: say so, and end the bus. */
void moth_tell_close(struct moth_supervisor *supervisor, const struct moth_run_summary *summary);

void moth_tell_job(struct moth_supervisor *supervisor, const struct moth_plan_job *job);
void moth_tell_done(struct moth_supervisor *supervisor, const struct moth_plan_job *job,
                    const struct moth_message_done *done);
/* It is on disk. */
void moth_tell_found(struct moth_supervisor *supervisor, const struct moth_message_found *found, bool is_new);
void moth_tell_verified(struct moth_supervisor *supervisor, const struct moth_message_verified *verified);
/* Also looks after the bus process. */
void moth_tell_progress(struct moth_supervisor *supervisor, const struct moth_run_progress *progress);

#endif
