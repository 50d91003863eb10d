/* SPDX-License-Identifier: MIT
 *
 * One process of a game: launched, or forked by another one as its branch. Its channel, its private
 * folder and its life; an instance stands on one at a time, a snapshot is one that is parked.
 */
#ifndef MOTH_RUNNER_PROCESS_H
#define MOTH_RUNNER_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "runner/private.h"
#include "wire/channel.h"

struct moth_process {
    struct moth_channel *channel;
    int channel_fd, pid_fd;
    pid_t pid;
    bool branch; /* forked by another one: perhaps not ours to wait for */
    bool reaped;
    int wait_status;
    struct moth_private folder;
};

/* All closed, nothing there. */
void moth_process_init(struct moth_process *process);
/* A fresh channel. 0 or -1. */
int moth_process_make_channel(struct moth_process *process, const struct moth_channel_config *config,
                              struct moth_err *err);
/* The process that plays: this one, or one that it started and that turned to SDL. */
pid_t moth_process_player(const struct moth_process *process);
/* It ended, by whatever cause; wait_status is filled where it is ours to know. */
bool moth_process_gone(struct moth_process *process);
/* The player died though the launcher that started it lives on. */
bool moth_process_player_gone(const struct moth_process *process);

void moth_process_give_turn(struct moth_process *process);
/* Wait a moment for the turn; whether it is ours. */
bool moth_process_has_turn(struct moth_process *process, long wait_ms);

/* Have a process that stands at a boundary fork itself: *branch stands there too then; with `park`, it is
 * only to be forked from. 0; or -1 and *branch is as moth_process_init made it. `problem` (may be NULL) gets
 * what stayed shared, or "". */
int moth_process_branch(struct moth_process *process, struct moth_process *branch, bool park, char *problem,
                        size_t size, struct moth_err *err);

/* Have a process that stands at a boundary give pages back, unread. 0 or -1. */
int moth_process_drop(struct moth_process *process, const struct moth_range *ranges, size_t n,
                      struct moth_err *err);

/* Kill it with everything it started in its group, and reap it. */
void moth_process_kill(struct moth_process *process);
/* The same, and let go of its channel and folder. */
void moth_process_close(struct moth_process *process);
/* The same without waiting for its end: taking a large game apart takes the kernel a while. */
void moth_process_retire(struct moth_process *process);
/* Wait for all that were retired, and remove the folders that were kept for other branches. */
void moth_process_clear_retired(void);

#endif
