/* SPDX-License-Identifier: MIT */
#include "fleet/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/cgroup.h"
#include "runner/cookie.h"

static void (*also_clear)(void *context);
static void *also_context;

void moth_reaper_also(void (*clear)(void *context), void *context)
{
    also_clear = clear;
    also_context = context;
}

static void reap(int life_fd, const char *cookie)
{
    setsid();
    prctl(PR_SET_NAME, "moth-reaper");
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    /* Whoever reads our verb's output waits for its end, not for ours. */
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; nowhere >= 0 && fd <= 2; fd++)
        dup2(nowhere, fd);
    /* Nor may we keep other files of our verb open: locks, pipes. */
    dup2(life_fd, 3);
    close_range(4, ~0U, 0);
    char byte;
    ssize_t n;
    do
        n = read(3, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
    moth_cookie_sweep(cookie);
    moth_cgroup_sweep(cookie);
    if (also_clear)
        also_clear(also_context);
}

int moth_reaper_start(struct moth_reaper *reaper, struct moth_err *err)
{
    int ends[2];
    const char *cookie = moth_cookie();
    reaper->pid = -1;
    reaper->life_fd = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make a pipe");
    reaper->pid = fork();
    if (reaper->pid == 0) {
        close(ends[1]);
        reap(ends[0], cookie);
        _exit(0);
    }
    close(ends[0]);
    if (reaper->pid < 0) {
        close(ends[1]);
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot start a process");
    }
    reaper->life_fd = ends[1];
    return 0;
}

void moth_reaper_look(struct moth_reaper *reaper)
{
    if (reaper->pid <= 0 || waitpid(reaper->pid, NULL, WNOHANG) != reaper->pid)
        return;
    moth_reaper_forget(reaper);
    moth_reaper_start(reaper, NULL);
}

void moth_reaper_forget(struct moth_reaper *reaper)
{
    if (reaper->life_fd >= 0)
        close(reaper->life_fd);
    reaper->life_fd = -1;
    reaper->pid = -1;
}

void moth_reaper_stop(struct moth_reaper *reaper)
{
    pid_t pid = reaper->pid, got = pid;
    int status = 0;
    moth_reaper_forget(reaper);
    while (pid > 0 && (got = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        continue;
    if (pid > 0 && (got != pid || status != 0)) /* it was killed at its work */
        moth_cookie_sweep(moth_cookie());
}

void moth_reaper_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Take away the dead. True when living children are left. */
static bool take_dead(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0 || (pid < 0 && errno == EINTR));
    return pid == 0;
}

void moth_reaper_kill_strays(void)
{
    if (!take_dead())
        return;
    moth_cookie_sweep(moth_cookie());
    take_dead();
}
