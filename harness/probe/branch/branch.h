/* SPDX-License-Identifier: MIT
 *
 * Branches: the game forks itself at a boundary, below libc, and the child takes along by value what a
 * fork shares: the channel, file offsets, pipes, counters, shared memory, the private folder. Everything
 * here runs in the child before the game does, on the game's stack, with system calls only.
 */
#ifndef MOTH_PROBE_BRANCH_BRANCH_H
#define MOTH_PROBE_BRANCH_BRANCH_H

#include "core/probe.h"

#define MOTH_BRANCH_PATH_MAX 4096

/* What the folder was called before the fork, and what it is now; absolute, no slash at the end. */
struct moth_branch_folders {
    char from[MOTH_BRANCH_PATH_MAX];
    const char *to;
};

/* Both say in moth_channel->branch.problem what they could not take along by value; it is then shared. */

/* Give the child descriptors of its own: same numbers, flags, offsets and contents. */
void moth_branch_descriptors(const struct moth_branch_folders *folders);
/* Give it shared memory of its own. After the descriptors. */
void moth_branch_mappings(const struct moth_branch_folders *folders);

/* For the mappings: a copy that was made of a file without a name, by device and inode; -1: none was. */
int moth_branch_copy_of(uint64_t device, uint64_t inode);
void moth_branch_copies_forget(void);

/* The path in the branch's folder of one in the old folder. False: it lies elsewhere, or is too long. */
bool moth_branch_moved(const struct moth_branch_folders *folders, const char *path, char *out);
/* Note the first thing that stays shared. */
void moth_branch_problem(const char *what);
/* "<before><number><after>", for paths in /proc. */
void moth_branch_number(char *out, const char *before, uint64_t number, const char *after);
/* Memory for the time of the branching: of its own, so that the branch does not keep it. NULL: none. */
void *moth_branch_room(size_t size);
void moth_branch_room_end(void *room, size_t size);
/* Read a file of /proc whole, NUL-terminated; its length, 0 when it cannot be read. */
size_t moth_branch_read(const char *path, char *buffer, size_t size);

#endif
