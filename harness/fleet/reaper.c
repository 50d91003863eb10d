/* SPDX-License-Identifier: MIT */
#include "fleet/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/cgroup.h"
#include "runner/cookie.h"

/* How long a child of a verb that is dead may take to die of it. */
#define CHILDREN_DIE_MS 10000

static void (*also_clear)(void *context);
static void *also_context;

void moth_reaper_also(void (*clear)(void *context), void *context)
{
    also_clear = clear;
    also_context = context;
}

/* Wait for the verb's end: it says so, which is true, or it is dead and so are all that it forked, or should be. */
static bool await_end(int verb_fd, int life_fd)
{
    struct pollfd polled[2] = {{.fd = life_fd, .events = POLLIN}, {.fd = verb_fd, .events = POLLIN}};
    int ready;
    do
        ready = poll(polled, verb_fd >= 0 ? 2 : 1, -1);
    while (ready < 0 && errno == EINTR);
    if (polled[0].revents == 0)
        while (poll(polled, 1, CHILDREN_DIE_MS) < 0 && errno == EINTR)
            continue;
    char byte;
    return read(life_fd, &byte, polled[0].revents & POLLIN ? 1 : 0) == 1;
}

static void reap(int verb_fd, int life_fd, const char *cookie)
{
    setsid();
    prctl(PR_SET_NAME, "moth-reaper");
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    /* Whoever reads our verb's output waits for its end, not for ours. Nor may we keep other files of our
     * verb open: locks, pipes, the other end of our own. */
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    int kept[] = {nowhere, nowhere, nowhere, fcntl(life_fd, F_DUPFD, 5), fcntl(verb_fd, F_DUPFD, 5)};
    for (int fd = 0; fd < (int)(sizeof kept / sizeof *kept); fd++)
        if (kept[fd] < 0 || dup2(kept[fd], fd) < 0)
            close(fd);
    close_range(sizeof kept / sizeof *kept, ~0U, 0);
    bool told = await_end(verb_fd >= 0 ? 4 : -1, 3);
    moth_cookie_sweep(cookie);
    moth_cgroup_sweep(cookie);
    if (also_clear && !told)
        also_clear(also_context);
}

static int start(struct moth_reaper *reaper, struct moth_err *err)
{
    const char *cookie = moth_cookie();
    int verb_fd = (int)syscall(SYS_pidfd_open, getpid(), 0); /* -1 on old kernels: the pipe alone tells then */
    reaper->pid = fork();
    if (reaper->pid == 0) {
        reap(verb_fd, reaper->life_fds[0], cookie);
        _exit(0);
    }
    if (verb_fd >= 0)
        close(verb_fd);
    return reaper->pid > 0 ? 0 : moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot start a process");
}

static void close_pipe(struct moth_reaper *reaper)
{
    for (size_t i = 0; i < 2; i++) {
        if (reaper->life_fds[i] >= 0)
            close(reaper->life_fds[i]);
        reaper->life_fds[i] = -1;
    }
}

int moth_reaper_start(struct moth_reaper *reaper, struct moth_err *err)
{
    *reaper = (struct moth_reaper)MOTH_REAPER_NONE;
    if (pipe2(reaper->life_fds, O_CLOEXEC) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make a pipe");
    int failed = start(reaper, err);
    if (failed != 0)
        close_pipe(reaper);
    return failed;
}

void moth_reaper_look(struct moth_reaper *reaper)
{
    if (reaper->pid > 0 && waitpid(reaper->pid, NULL, WNOHANG) == reaper->pid)
        start(reaper, NULL);
}

void moth_reaper_stop(struct moth_reaper *reaper)
{
    pid_t pid = reaper->pid, got = pid;
    int status = 0;
    /* A child that still lives has the pipe open as well, so closing it would not do. */
    bool told = pid > 0 && write(reaper->life_fds[1], "", 1) == 1;
    reaper->pid = -1;
    close_pipe(reaper);
    if (pid > 0 && !told)
        kill(pid, SIGKILL);
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
