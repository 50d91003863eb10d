/* SPDX-License-Identifier: MIT */
#include "unwind/unwind.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "unwind/walk.h"

#define CHILD_BUDGET_NS (10 * MOTH_NS_PER_S)  /* the child stops by itself … */
#define PARENT_BUDGET_NS (13 * MOTH_NS_PER_S) /* … or is stopped */
#define ANSWER_BYTES_MAX (8u << 20)

/* ---- where each fiber starts ---- */

struct start_list {
    struct moth_unwind_start at[MOTH_UNWIND_FIBERS_MAX];
    size_t n;
};

static struct moth_unwind_start *add_start(struct start_list *list, uint32_t id)
{
    if (list->n == MOTH_UNWIND_FIBERS_MAX)
        return NULL;
    struct moth_unwind_start *start = &list->at[list->n++];
    *start = (struct moth_unwind_start){.about = {.fiber = id, .owner = -1}};
    return start;
}

static void describe_fiber(struct moth_unwind_start *start, const struct moth_fiber_record *record)
{
    memcpy(start->about.name, record->name, sizeof start->about.name);
    start->about.name[sizeof start->about.name - 1] = '\0';
    start->about.wait = record->wait;
    start->about.wait_key = record->wait_key;
    start->about.owner = record->owner;
}

static void list_culprit(struct start_list *list, const struct moth_channel *channel,
                         const struct moth_unwind_regs *running)
{
    bool crashed = channel->state == MOTH_STATE_CRASH;
    uint32_t culprit = crashed ? channel->crash.fiber : channel->fiber_current;
    struct moth_unwind_start *start = add_start(list, culprit);
    if (culprit < MOTH_FIBERS_MAX)
        describe_fiber(start, &channel->fibers[culprit]);
    if (crashed) {
        start->about.wait = MOTH_WAIT_NONE;
        moth_unwind_regs_from_gregs(&start->regs, channel->crash.regs);
    } else if (running) {
        start->regs = *running;
    } else {
        start->no_registers = true;
    }
}

static void list_switched_out(struct start_list *list, const struct moth_channel *channel)
{
    uint32_t culprit = list->at[0].about.fiber;
    for (uint32_t i = 0; i < MOTH_FIBERS_MAX; i++) {
        const struct moth_fiber_record *record = &channel->fibers[i];
        if (i == culprit || record->state != MOTH_FIBER_ALIVE)
            continue;
        struct moth_unwind_start *start = add_start(list, i);
        if (!start)
            return;
        describe_fiber(start, record);
        start->saved_sp = record->sp;
        start->no_registers = record->sp == 0;
    }
}

/* Native threads: each kernel thread has its own registers. */
static void list_kernel_threads(struct start_list *list, pid_t pid, bool but_main)
{
    char *path = moth_fs_path("/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    free(path);
    struct dirent *entry;
    while (tasks && (entry = readdir(tasks))) {
        pid_t tid = (pid_t)atoi(entry->d_name);
        if (tid <= 0 || (tid == pid && but_main))
            continue;
        struct moth_unwind_start *start = add_start(list, (uint32_t)tid);
        if (!start)
            break;
        start->no_registers = moth_unwind_thread_regs(tid, &start->regs, NULL) != 0;
    }
    if (tasks)
        closedir(tasks);
}

static void list_starts(struct start_list *list, pid_t pid, const struct moth_channel *channel,
                        const struct moth_unwind_regs *running, bool only_culprit)
{
    list->n = 0;
    if (only_culprit) {
        list_culprit(list, channel, running);
        return;
    }
    if (channel->config.threads != MOTH_THREADS_NATIVE) {
        list_culprit(list, channel, running);
        list_switched_out(list, channel);
        return;
    }
    if (channel->state == MOTH_STATE_CRASH || running)
        list_culprit(list, channel, running);
    list_kernel_threads(list, pid, running != NULL);
}

/* ---- the child ---- */

void moth_unwind_child_limits(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    static const int reset[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGINT, SIGTERM, SIGCHLD, SIGPIPE};
    for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
        signal(reset[i], SIG_DFL);
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    /* Debug information is looked for on this machine, never over the network. */
    unsetenv("DEBUGINFOD_URLS");
}

static int child_main(pid_t pid, int mem_fd, int out_fd, struct start_list *list)
{
    moth_unwind_child_limits();
    FILE *out = fdopen(out_fd, "w");
    if (!out)
        return 1;
    struct moth_walk walk = {.deadline_ns = moth_clock_monotonic_ns() + CHILD_BUDGET_NS};
    bool open = moth_walk_open(&walk, pid, mem_fd, list->at, list->n) == 0;
    for (size_t i = 0; i < list->n; i++) {
        if (open && !moth_walk_late(&walk))
            moth_walk_fiber(&walk, i);
        moth_transfer_write(out, &list->at[i].about);
    }
    fputs(walk.cut ? "C\nE\n" : "E\n", out);
    fflush(out);
    return 0;
}

/* ---- the parent ---- */

static void read_answer(int fd, struct moth_buf *answer)
{
    uint64_t deadline = moth_clock_monotonic_ns() + PARENT_BUDGET_NS;
    while (answer->size_bytes <= ANSWER_BYTES_MAX && moth_transfer_read(fd, answer, deadline) > 0)
        continue;
    moth_buf_put_u8(answer, 0);
}

static pid_t start_child(pid_t pid, int mem_fd, struct start_list *list, int *answer_fd)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(child_main(pid, mem_fd, ends[1], list));
    }
    close(ends[1]);
    if (child < 0)
        close(ends[0]);
    *answer_fd = ends[0];
    return child;
}

static struct moth_stacks *ask_child(pid_t pid, int mem_fd, struct start_list *list, struct moth_err *err)
{
    int answer_fd;
    pid_t child = start_child(pid, mem_fd, list, &answer_fd);
    if (child < 0) {
        moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot start a process that reads the game's stacks");
        return NULL;
    }
    struct moth_buf answer;
    moth_buf_init(&answer);
    read_answer(answer_fd, &answer);
    close(answer_fd);
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    struct moth_stacks *stacks = answer.failed ? NULL : calloc(1, sizeof *stacks);
    if (stacks)
        moth_transfer_parse((char *)answer.bytes, stacks);
    else
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the game's stacks");
    moth_buf_fini(&answer);
    return stacks;
}

static struct moth_stacks *unwind_held(pid_t pid, int mem_fd, const struct moth_channel *channel,
                                       const struct moth_unwind_regs *running, bool only_culprit,
                                       struct moth_err *err)
{
    struct start_list *list = malloc(sizeof *list);
    if (!list) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the game's stacks");
        return NULL;
    }
    list_starts(list, pid, channel, running, only_culprit);
    struct moth_stacks *stacks = ask_child(pid, mem_fd, list, err);
    free(list);
    if (stacks && stacks->n_fibers == 0) {
        moth_err_set(err, MOTH_ERR_SYSTEM, "the stacks of process %d could not be read", (int)pid);
        moth_stacks_free(stacks);
        stacks = NULL;
    }
    return stacks;
}

int moth_unwind_open_memory(pid_t pid, struct moth_err *err)
{
    char *path = moth_fs_path("/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0)
        moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot read the memory of process %d", (int)pid);
    return fd;
}

struct moth_stacks *moth_unwind(pid_t pid, const struct moth_channel *channel,
                                const struct moth_unwind_regs *running, struct moth_err *err)
{
    int mem_fd = moth_unwind_open_memory(pid, err);
    if (mem_fd < 0)
        return NULL;
    struct moth_unwind_regs asked;
    bool ask =
        !running && channel->state != MOTH_STATE_CRASH && channel->config.threads != MOTH_THREADS_NATIVE;
    bool held = ask && moth_unwind_hold(pid, &asked, NULL) == 0;
    struct moth_stacks *stacks = unwind_held(pid, mem_fd, channel, held ? &asked : running, false, err);
    if (held)
        moth_unwind_let_go(pid);
    close(mem_fd);
    return stacks;
}

struct moth_stacks *moth_unwind_culprit(pid_t pid, const struct moth_channel *channel,
                                        const struct moth_unwind_regs *running, struct moth_err *err)
{
    int mem_fd = moth_unwind_open_memory(pid, err);
    if (mem_fd < 0)
        return NULL;
    struct moth_stacks *stacks = unwind_held(pid, mem_fd, channel, running, true, err);
    close(mem_fd);
    return stacks;
}

char *moth_unwind_all(pid_t pid, const struct moth_channel *channel, const struct moth_unwind_regs *running)
{
    struct moth_stacks *stacks = moth_unwind(pid, channel, running, NULL);
    char *text = stacks ? moth_stacks_text(stacks) : NULL;
    moth_stacks_free(stacks);
    return text;
}
