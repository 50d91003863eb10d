/* SPDX-License-Identifier: MIT
 *
 * Starting a game's process: its own session and group, killed when the caller dies, no address space
 * randomization, fixed limits, the channel and the private folder at their agreed descriptors.
 */
#ifndef MOTH_RUNNER_LAUNCH_H
#define MOTH_RUNNER_LAUNCH_H

#include <sys/types.h>

#include "runner/instance.h"

struct moth_launch {
    const char *path;
    const char *const *argv;
    char *const *environment;
    int channel_fd, private_fd, log_fd;
    uint64_t seed;    /* of the bytes the kernel gives a new process (AT_RANDOM) */
    uint32_t file_mb;
    bool debuggable;  /* any debugger of the same user may attach */
};

/* The child's pid, or -1 and err. It has passed exec when this returns. */
pid_t moth_launch(const struct moth_launch *launch, struct moth_err *err);

#endif
