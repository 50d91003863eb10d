/* SPDX-License-Identifier: MIT */
#include "runner/launch.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "runner/cgroup.h"

#define STACK_BYTES (8u << 20)
#define DESCRIPTORS 4096u

static void limit(int resource, rlim_t value)
{
    struct rlimit limit = {value, value};
    setrlimit((__rlimit_resource_t)resource, &limit);
}

static void set_limits(const struct moth_launch *launch)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_STACK, STACK_BYTES); /* the layout of the address space hangs on it */
    limit(RLIMIT_NOFILE, DESCRIPTORS);
    if (launch->file_mb > 0)
        limit(RLIMIT_FSIZE, (rlim_t)launch->file_mb << 20);
}

/* Room for the places of ours, as far as it may be had; set_limits has the last word. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void reset_signals(void)
{
    sigset_t none;
    for (int n = 1; n < NSIG; n++)
        signal(n, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors of ours first out of each other's way, then to their places. */
static int place_descriptors(const struct moth_launch *launch)
{
    int null = open("/dev/null", O_RDONLY);
    int log = fcntl(launch->log_fd, F_DUPFD, 1000), folder = fcntl(launch->private_fd, F_DUPFD, 1000);
    int channel = launch->channel_fd >= 0 ? fcntl(launch->channel_fd, F_DUPFD, 1000) : -1;
    if (null < 0 || log < 0 || folder < 0)
        return -1;
    if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || dup2(folder, MOTH_PRIVATE_FD) < 0)
        return -1;
    if (channel >= 0 && dup2(channel, MOTH_CHANNEL_FD) < 0)
        return -1;
    close(log);
    close(folder);
    if (channel >= 0)
        close(channel);
    if (null > 2)
        close(null);
    /* Nothing else of the runner's reaches the game. */
    close_range(3, MOTH_CHANNEL_FD - 1, CLOSE_RANGE_CLOEXEC);
    if (channel < 0)
        close_range(MOTH_CHANNEL_FD, MOTH_CHANNEL_FD, CLOSE_RANGE_CLOEXEC);
    close_range(MOTH_PRIVATE_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    return 0;
}

/* Where memory runs out it is the game that goes, not whoever watches it. */
static void blame_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd >= 0 ? write(fd, "500", 3) : 0;
    (void)ignored;
    if (fd >= 0)
        close(fd);
}

static _Noreturn void child(const struct moth_launch *launch, int report_fd, pid_t parent)
{
    raise_descriptors();
    int report = fcntl(report_fd, F_DUPFD_CLOEXEC, 980); /* above the game's, below 1024, the usual limit */
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127); /* the runner died in between */
    reset_signals();
    personality(ADDR_NO_RANDOMIZE);
    char traced = place_descriptors(launch) == 0 && ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0;
    if (launch->debuggable) /* where the system lets only parents attach (Yama) */
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    set_limits(launch);
    moth_cgroup_join();
    blame_first();
    ssize_t ignored = write(report, &traced, 1);
    execve(launch->path, (char *const *)launch->argv, launch->environment);
    int error = errno;
    ignored = write(report, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

/* Address of the 16 random bytes of a process that has just passed exec. */
static uint64_t random_bytes_address(pid_t pid)
{
    char path[64];
    Elf64_auxv_t entry;
    uint64_t address = 0;
    snprintf(path, sizeof path, "/proc/%d/auxv", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && read(fd, &entry, sizeof entry) == (ssize_t)sizeof entry)
        if (entry.a_type == AT_RANDOM)
            address = entry.a_un.a_val;
    if (fd >= 0)
        close(fd);
    return address;
}

/* The stack protector and pointer guard come from these bytes, and with them whatever a game makes of
 * memory it has not written. */
static void fix_random_bytes(pid_t pid, uint64_t seed)
{
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return;
    uint64_t address = random_bytes_address(pid), state = seed;
    for (unsigned i = 0; address != 0 && i < 2; i++)
        ptrace(PTRACE_POKEDATA, pid, (void *)(address + 8 * i), (void *)moth_splitmix64(&state));
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

pid_t moth_launch(const struct moth_launch *launch, struct moth_err *err)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make a pipe");
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child(launch, report[1], parent);
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot fork");
    }
    char traced = 0;
    int error = 0;
    ssize_t got;
    while ((got = read(report[0], &traced, 1)) < 0 && errno == EINTR)
        continue;
    while ((got = read(report[0], &error, sizeof error)) < 0 && errno == EINTR)
        continue;
    close(report[0]);
    if (got == (ssize_t)sizeof error) {
        waitpid(pid, NULL, 0);
        errno = error;
        return moth_err_sys(err, MOTH_ERR_LAUNCH, "cannot start '%s'", launch->path);
    }
    if (traced)
        fix_random_bytes(pid, launch->seed);
    return pid;
}
