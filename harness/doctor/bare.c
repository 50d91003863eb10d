/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "doctor/trial.h"

bool moth_bare_run(const struct moth_instance_config *config, double seconds, char *text, size_t size)
{
    struct moth_instance_config bare = *config;
    struct moth_err err;
    bare.bare = true;
    struct moth_instance *instance = moth_instance_launch(&bare, &err);
    if (instance == NULL) {
        snprintf(text, size, "%s", err.message);
        return false;
    }
    int fd = (int)syscall(SYS_pidfd_open, moth_instance_pid(instance), 0);
    struct pollfd pollfd = {fd, POLLIN, 0};
    siginfo_t info;
    memset(&info, 0, sizeof info);
    bool ended = poll(&pollfd, 1, (int)(seconds * 1000)) > 0 &&
                 waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
    bool exited = ended && info.si_code == CLD_EXITED;
    if (!ended)
        snprintf(text, size, "runs without moth");
    else if (exited)
        snprintf(text, size, "without moth it exits by itself with status %d", info.si_status);
    else
        snprintf(text, size, "without moth it dies of signal %d (%s)", info.si_status, strsignal(info.si_status));
    close(fd);
    moth_instance_close(instance);
    return !ended || (exited && info.si_status == 0);
}
