/* SPDX-License-Identifier: MIT
 *
 * Control groups (version 2) around games, where the system lets us have them: ceilings of memory and of
 * processes that hold for a game with all it forks, however fast it grows.
 *
 * They can be had when this process is alone in a group that was delegated to it: its own user may write to
 * it, and the memory controller is there (systemd-run --user --scope -p Delegate=yes moth run …). The process
 * then moves to a group of its own inside, so that games can have theirs beside it; a group with processes in
 * it may not have groups with limits. Elsewhere there are none, and the watch (watch.h) alone looks at
 * memory. No limit of address space or data stands in for them: a sanitizer's shadow and a driver's
 * mappings are larger than any memory, and a game whose allocations fail is another game than one that is
 * stopped.
 *
 * The ceiling lies above the limit that the watch looks for, and is made to be felt before it is hit
 * (memory.high): mostly the watch is first, and sees what the game was at.
 *
 * Life cycle: moth_cgroup_open in the process that forks the workers → in each worker moth_cgroup_begin, a
 * game, moth_cgroup_end, again and again → moth_cgroup_close. What a process leaves that is killed is removed
 * by moth_cgroup_sweep. All do nothing where there are no groups. One thread.
 */
#ifndef MOTH_RUNNER_CGROUP_H
#define MOTH_RUNNER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* Find out, and move this process. `folder`: its group (tests), NULL: look it up. False: there are none to
 * be had. */
bool moth_cgroup_open(const char *folder, const char *cookie);
/* Back to where it was; the groups go. */
void moth_cgroup_close(void);

/* From now on games that this process launches are in a new group. Their members and snapshots together may
 * have so much memory. */
void moth_cgroup_begin(uint64_t memory_bytes);
/* In the child that becomes the game: join it. */
void moth_cgroup_join(void);
/* Since it began, was something in it killed for want of memory? */
bool moth_cgroup_starved(void);
/* No game is left: remove it, with whatever still lives in it. */
void moth_cgroup_end(void);

/* Whoever is last: kill what is left in the groups of a cookie's processes, and remove them. The caller
 * leaves them first, if it is in one. */
void moth_cgroup_sweep(const char *cookie);

#endif
