/* SPDX-License-Identifier: MIT
 *
 * Going on with an earlier run.
 *
 * It is the same run when the game, its build, its arguments and world, the agents and the seed are the same:
 * then its journal is told over again to the tally and the plan, instances that were not over are played
 * again under their numbers, and findings that were stored but not yet told of are taken up. A run that was
 * cut off goes on with its own budget; one that had come to its end, or that is given another budget, begins
 * a new one behind its last instance. Otherwise a new run begins, and takes from the old one what agents that
 * explore can use of it (explore.h); without such agents that is an error.
 */
#ifndef MOTH_FLEET_RESUME_H
#define MOTH_FLEET_RESUME_H

#include "fleet/supervisor.h"

/* Open the journal of a run whose output folder is locked: a new one, or the old one, whose seed and token
 * are put into `config` and the supervisor. 0, or -1 (MOTH_ERR_CONFIG: it cannot be gone on with). */
int moth_resume_open(struct moth_supervisor *supervisor, struct moth_fleet_config *config,
                     struct moth_err *err);
/* After the plan was made: bring tally, plan and queues to where the run was. */
int moth_resume_replay(struct moth_supervisor *supervisor, struct moth_err *err);

#endif
