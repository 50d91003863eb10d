/* SPDX-License-Identifier: MIT */
#include "runner/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/awake.h"
#include "base/pulse.h"
#include "runner/counter.h"

#define LOOK_IN_MS 20
#define RETIRED_MAX 16  /* at once; each holds its memory until it has gone */
#define BRANCH_MS 20000 /* a fork of much memory on a busy machine, and then some */

void moth_process_init(struct moth_process *process)
{
    *process = (struct moth_process){.channel_fd = -1, .pid_fd = -1, .folder = {.fd = -1, .log_fd = -1}};
}

int moth_process_make_channel(struct moth_process *process, const struct moth_channel_config *config,
                              struct moth_err *err)
{
    process->channel_fd = memfd_create("moth-channel", MFD_CLOEXEC);
    if (process->channel_fd < 0 || ftruncate(process->channel_fd, sizeof(struct moth_channel)) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make the channel");
    void *at =
        mmap(NULL, sizeof(struct moth_channel), PROT_READ | PROT_WRITE, MAP_SHARED, process->channel_fd, 0);
    if (at == MAP_FAILED)
        return moth_err_sys(err, MOTH_ERR_MEMORY, "cannot map the channel");
    struct moth_channel *channel = process->channel = at;
    channel->magic = MOTH_CHANNEL_MAGIC;
    channel->version = MOTH_CHANNEL_VERSION;
    channel->size = sizeof(struct moth_channel);
    channel->config = *config;
    channel->config.launch_s = (uint64_t)time(NULL);
    if (channel->config.hz == 0)
        channel->config.hz = 60;
    return 0;
}

pid_t moth_process_player(const struct moth_process *process)
{
    pid_t owner = (pid_t)atomic_load(&process->channel->owner_pid);
    /* The channel is the game's memory: only a process of its own session is believed to be it. A branch has
     * no launcher before it. */
    bool started = !process->branch && owner > 1 && owner != process->pid && getsid(owner) == process->pid;
    return started ? owner : process->pid;
}

bool moth_process_gone(struct moth_process *process)
{
    struct pollfd pollfd = {process->pid_fd, POLLIN, 0};
    if (process->reaped || (process->pid_fd >= 0 && poll(&pollfd, 1, 0) <= 0))
        return process->reaped;
    pid_t got = waitpid(process->pid, &process->wait_status, WNOHANG | __WALL);
    if (got == process->pid)
        process->reaped = true;
    else if (got < 0 && errno == ECHILD &&
             process->branch) { /* a launcher's child: how it died is not told */
        process->reaped = true;
        process->wait_status = SIGKILL;
    }
    return process->reaped;
}

bool moth_process_player_gone(const struct moth_process *process)
{
    pid_t pid = moth_process_player(process);
    return pid != process->pid && kill(pid, 0) != 0 && errno == ESRCH;
}

void moth_process_give_turn(struct moth_process *process)
{
    if (process->channel->config.threads == MOTH_THREADS_DETERMINISTIC)
        moth_counter_forgo(); /* as the game does */
    atomic_store(&process->channel->turn, MOTH_TURN_GAME);
    syscall(SYS_futex, &process->channel->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void futex_wait_ms(_Atomic uint32_t *word, uint32_t value, long ms)
{
    struct timespec timeout = {ms / 1000, ms % 1000 * 1000000};
    syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

bool moth_process_has_turn(struct moth_process *process, long wait_ms)
{
    moth_pulse_beat();
    if (atomic_load(&process->channel->turn) == MOTH_TURN_GAME)
        futex_wait_ms(&process->channel->turn, MOTH_TURN_GAME, wait_ms);
    return atomic_load(&process->channel->turn) != MOTH_TURN_GAME;
}

/* ---- branching ---- */

static void note_mapped(struct moth_process *process)
{
    if (process->channel != NULL && process->channel->maps_files)
        process->folder.mapped = true;
}

/* Wait for the turn of a process that only has to do something of ours. */
static int await_quick(struct moth_process *process, struct moth_err *err)
{
    struct moth_awake awake = {0};
    while (!moth_process_has_turn(process, LOOK_IN_MS)) {
        if (moth_process_gone(process) || moth_process_player_gone(process))
            return moth_err_set(err, MOTH_ERR_SYSTEM, "the process of the game is gone");
        if (moth_awake_ns(&awake) > BRANCH_MS * MOTH_NS_PER_MS)
            return moth_err_set(err, MOTH_ERR_SYSTEM, "the game does not answer");
    }
    if (process->channel->state != MOTH_STATE_BOUNDARY)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the game ended while it was branched");
    return 0;
}

static int await_ready(struct moth_process *process, struct moth_process *branch, struct moth_err *err)
{
    struct moth_branch_request *request = &process->channel->branch;
    struct moth_awake awake = {0};
    while (atomic_load(&request->state) == MOTH_BRANCH_BORN) {
        futex_wait_ms(&request->state, MOTH_BRANCH_BORN, LOOK_IN_MS);
        if (atomic_load(&request->state) == MOTH_BRANCH_BORN && moth_process_gone(branch))
            return moth_err_set(err, MOTH_ERR_SYSTEM, "the branch died while it was made");
        if (moth_awake_ns(&awake) > BRANCH_MS * MOTH_NS_PER_MS)
            return moth_err_set(err, MOTH_ERR_SYSTEM, "the branch does not answer");
    }
    if (atomic_load(&request->state) == MOTH_BRANCH_READY)
        return 0;
    return moth_err_set(err, MOTH_ERR_SYSTEM, "the game could not be branched: %.100s", request->problem);
}

/* The branch made its channel itself, for the runner cannot reach into it before. */
static int take_channel(struct moth_process *branch, struct moth_err *err)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)branch->pid, MOTH_CHANNEL_FD);
    branch->channel_fd = open(path, O_RDWR | O_CLOEXEC);
    if (branch->channel_fd < 0 || fstat(branch->channel_fd, &st) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot open the channel of a branch");
    if ((size_t)st.st_size < sizeof(struct moth_channel))
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the channel of a branch is too small");
    void *at =
        mmap(NULL, sizeof(struct moth_channel), PROT_READ | PROT_WRITE, MAP_SHARED, branch->channel_fd, 0);
    close(branch->channel_fd); /* many snapshots are kept: one descriptor less for each */
    branch->channel_fd = -1;
    if (at == MAP_FAILED)
        return moth_err_sys(err, MOTH_ERR_MEMORY, "cannot map the channel of a branch");
    branch->channel = at;
    if (branch->channel->magic != MOTH_CHANNEL_MAGIC || branch->channel->version != MOTH_CHANNEL_VERSION)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the channel of a branch is not one");
    return 0;
}

static int branch_into(struct moth_process *process, struct moth_process *branch, bool park,
                       struct moth_err *err)
{
    struct moth_channel *channel = process->channel;
    note_mapped(process);
    int copied = park ? moth_private_freeze(&process->folder, &branch->folder, err)
                      : moth_private_copy(&process->folder, &branch->folder, err);
    if (copied != 0)
        return -1;
    if (strlen(branch->folder.path) >= sizeof channel->branch.folder)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "the path of the private folder is too long");
    strcpy(channel->branch.folder, branch->folder.path);
    channel->branch.runner_pid = (int32_t)getpid();
    channel->branch.pid = 0;
    channel->branch.wanted = MOTH_BRANCH_FORK;
    atomic_store(&channel->branch.state, MOTH_BRANCH_BORN);
    channel->program.frames = channel->program.n_events = channel->program.want = channel->program.stop = 0;
    moth_process_give_turn(process);
    if (await_quick(process, err) != 0)
        return -1;
    if (channel->branch.pid <= 0) {
        errno = -channel->branch.pid;
        if (errno == ENOTSUP)
            return moth_err_set(err, MOTH_ERR_SYSTEM,
                                "a game with real threads (--threads native) cannot be branched");
        if (errno == ECHILD)
            return moth_err_set(err, MOTH_ERR_SYSTEM,
                                "a game cannot be branched while processes run that it has started");
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "the game cannot be forked");
    }
    branch->pid = channel->branch.pid;
    branch->branch = true;
    branch->pid_fd = (int)syscall(SYS_pidfd_open, branch->pid, 0);
    if (await_ready(process, branch, err) != 0 || take_channel(branch, err) != 0)
        return -1;
    return await_quick(branch, err);
}

int moth_process_branch(struct moth_process *process, struct moth_process *branch, bool park, char *problem,
                        size_t size, struct moth_err *err)
{
    moth_process_init(branch);
    if (branch_into(process, branch, park, err) != 0) {
        moth_process_close(branch);
        return -1;
    }
    if (problem != NULL)
        snprintf(problem, size, "%.*s", (int)sizeof process->channel->branch.problem - 1,
                 process->channel->branch.problem);
    return 0;
}

int moth_process_drop(struct moth_process *process, const struct moth_range *ranges, size_t n,
                      struct moth_err *err)
{
    struct moth_channel *channel = process->channel;
    memcpy(moth_channel_ranges(channel), ranges, n * sizeof *ranges);
    channel->branch.n_ranges = (uint32_t)n;
    channel->branch.wanted = MOTH_BRANCH_DROP;
    channel->program.frames = channel->program.n_events = channel->program.want = channel->program.stop = 0;
    moth_process_give_turn(process);
    return await_quick(process, err);
}

/* ---- ends ---- */

static void kill_group(const struct moth_process *process)
{
    pid_t player = process->channel != NULL ? moth_process_player(process) : process->pid;
    kill(-process->pid, SIGKILL); /* what it started is in its group, mostly */
    kill(process->pid, SIGKILL);
    if (player != process->pid && player > 1)
        kill(player, SIGKILL);
}

static void reap(struct moth_process *process)
{
    while (!process->reaped) {
        pid_t got = waitpid(process->pid, &process->wait_status, __WALL);
        process->reaped = got == process->pid || (got < 0 && errno == ECHILD);
    }
}

void moth_process_kill(struct moth_process *process)
{
    if (process->pid <= 0)
        return;
    kill_group(process);
    reap(process);
}

static void let_go(struct moth_process *process)
{
    if (process->channel != NULL)
        munmap(process->channel, sizeof(struct moth_channel));
    if (process->channel_fd >= 0)
        close(process->channel_fd);
    if (process->pid_fd >= 0)
        close(process->pid_fd);
    moth_process_init(process);
}

void moth_process_close(struct moth_process *process)
{
    moth_process_kill(process);
    moth_private_remove(&process->folder);
    let_go(process);
}

/* ---- those that are on their way out ---- */

static struct moth_process retired[RETIRED_MAX];
static unsigned n_retired;

/* The folder serves the next branch, once nobody can write to it any more. */
static void bury(unsigned index)
{
    note_mapped(&retired[index]);
    moth_private_spare(&retired[index].folder);
    let_go(&retired[index]);
    retired[index] = retired[--n_retired];
}

void moth_process_retire(struct moth_process *process)
{
    for (unsigned i = n_retired; i-- > 0;)
        if (moth_process_gone(&retired[i]))
            bury(i);
    if (process->pid <= 0 || n_retired == RETIRED_MAX) {
        moth_process_close(process);
        return;
    }
    kill_group(process);
    retired[n_retired++] = *process;
    moth_process_init(process);
}

void moth_process_clear_retired(void)
{
    while (n_retired > 0) {
        reap(&retired[0]);
        bury(0);
    }
    moth_private_clear_spares();
}
