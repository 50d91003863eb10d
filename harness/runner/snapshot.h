/* SPDX-License-Identifier: MIT
 *
 * Snapshots of a running game: a fork of the whole process, parked at a boundary.
 *
 * A snapshot is taken of an instance that stands at a boundary, and the instance goes on as if nothing
 * had been. Restoring ends the process the instance had, forks the parked one and goes on with the fork;
 * the parked one stays as it was, so it may be restored any number of times, in any order, also after
 * the game died. A branch has its own channel, its own private folder and its own file offsets; what
 * the game can observe (pid, clocks, chains, file contents) is as it was. One thread.
 */
#ifndef MOTH_RUNNER_SNAPSHOT_H
#define MOTH_RUNNER_SNAPSHOT_H

#include "runner/instance.h"

struct moth_snapshot; /* opaque */

/* NULL and err (MOTH_ERR_SYSTEM, MOTH_ERR_MEMORY) when it cannot be taken: the game is over, runs with
 * `--threads native`, or the system refuses another process. The instance is as it was then. */
struct moth_snapshot *moth_instance_snapshot(struct moth_instance *instance, struct moth_err *err);
/* Go on from there. 0, or -1 when the parked process is gone (killed from outside, out of memory): the
 * instance is as it was then, and another snapshot may still be restored. */
int moth_instance_restore(struct moth_instance *instance, struct moth_snapshot *snapshot, struct moth_err *err);
/* End the parked process. Instances restored from it live on. NULL is ignored. A snapshot must be
 * released before its instance is closed, or afterwards, as nothing of the instance is needed. */
void moth_snapshot_release(struct moth_snapshot *snapshot);

/* Compress what it alone holds in memory; restoring it costs a little more from then on. 0, or -1 with the
 * snapshot as it was. Once is enough. */
int moth_snapshot_pack(struct moth_snapshot *snapshot, struct moth_err *err);
bool moth_snapshot_packed(const struct moth_snapshot *snapshot);

/* Proportional set size: its memory, what it shares with others counted by halves, thirds, …, and what was
 * packed of it; 0 when it cannot be read. Source: /proc/PID/smaps_rollup. */
uint64_t moth_snapshot_pss_bytes(const struct moth_snapshot *snapshot);

/* What the last branch shares with the game it was forked from because it could not be copied ("a pipe to
 * another process"), or "". */
const char *moth_instance_shared(const struct moth_instance *instance);

#endif
