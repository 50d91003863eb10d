/* SPDX-License-Identifier: MIT
 *
 * Forking below libc: its own fork() would free the stacks of threads it believes dead, and run the
 * game's atfork handlers. The fibers are memory, so they are all there in the child; their parked kernel
 * threads are not, and are made again one by one when libc needs them (hooks/threads.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "branch/branch.h"
#include "net/net.h"
#include "core/real.h"

/* ---- small things ---- */

void moth_branch_problem(const char *what)
{
    char *problem = moth_channel->branch.problem;
    size_t n = strlen(what), room = sizeof moth_channel->branch.problem - 1;
    if (problem[0] == '\0')
        memcpy(problem, what, n < room ? n + 1 : room);
}

void moth_branch_number(char *out, const char *before, uint64_t number, const char *after)
{
    char digits[20];
    size_t n = 0, at = strlen(before);
    do
        digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    memcpy(out, before, at);
    while (n > 0)
        out[at++] = digits[--n];
    memcpy(out + at, after, strlen(after) + 1);
}

void *moth_branch_room(size_t size)
{
    long at = arch_syscall(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at < 0 && at > -4096 ? NULL : (void *)at;
}

void moth_branch_room_end(void *room, size_t size)
{
    if (room != NULL)
        arch_syscall(SYS_munmap, (long)room, (long)size, 0, 0, 0, 0);
}

size_t moth_branch_read(const char *path, char *buffer, size_t size)
{
    long fd = arch_syscall(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0), got = 1;
    size_t n = 0;
    while (fd >= 0 && got > 0 && n + 1 < size) {
        got = arch_syscall(SYS_read, fd, (long)(buffer + n), (long)(size - 1 - n), 0, 0, 0);
        n += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    buffer[n] = '\0';
    return n;
}

bool moth_branch_moved(const struct moth_branch_folders *folders, const char *path, char *out)
{
    size_t from = strlen(folders->from), to = strlen(folders->to), rest = strlen(path);
    if (from == 0 || rest < from || memcmp(path, folders->from, from) != 0 ||
        (path[from] != '/' && path[from] != '\0') || to + rest - from >= MOTH_BRANCH_PATH_MAX)
        return false;
    memcpy(out, folders->to, to);
    memcpy(out + to, path + from, rest - from + 1);
    return true;
}

/* ---- the child ---- */

static void tell(struct moth_channel *born_with, uint32_t state)
{
    memcpy(born_with->branch.problem, moth_channel->branch.problem, sizeof born_with->branch.problem);
    atomic_store(&born_with->branch.state, state);
    arch_syscall(SYS_futex, (long)&born_with->branch.state, FUTEX_WAKE, 1, 0, 0, 0);
}

static _Noreturn void fail(struct moth_channel *born_with, const char *why)
{
    moth_branch_problem(why);
    tell(born_with, MOTH_BRANCH_FAILED);
    for (;;)
        arch_syscall(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

/* What a channel holds between two programs; the rest of a new one is zero and takes no memory. */
static void fill_channel(struct moth_channel *to, const struct moth_channel *from)
{
    uint32_t fibers = from->n_fibers < MOTH_FIBERS_MAX ? from->n_fibers : MOTH_FIBERS_MAX;
    uint32_t said =
        from->n_announcements < MOTH_ANNOUNCEMENTS_MAX ? from->n_announcements : MOTH_ANNOUNCEMENTS_MAX;
    memcpy(to, from, offsetof(struct moth_channel, program));
    /* The game that was forked may have given its turn back in the meantime; this one has yet to. */
    atomic_store(&to->turn, MOTH_TURN_GAME);
    to->branch.wanted = MOTH_BRANCH_NOTHING;
    to->branch.problem[0] = '\0';
    memcpy(&to->n_observations, &from->n_observations,
           offsetof(struct moth_channel, observations) - offsetof(struct moth_channel, n_observations));
    to->observations[0] = from->observations[0];
    memcpy(&to->cell, &from->cell,
           offsetof(struct moth_channel, announcements) - offsetof(struct moth_channel, cell));
    memcpy(to->announcements, from->announcements, said * sizeof *to->announcements);
    memcpy(&to->warnings_used, &from->warnings_used,
           offsetof(struct moth_channel, fibers) - offsetof(struct moth_channel, warnings_used));
    memcpy(to->fibers, from->fibers, fibers * sizeof *to->fibers);
    size_t after = offsetof(struct moth_channel, fibers) + sizeof to->fibers;
    memcpy((char *)to + after, (const char *)from + after, offsetof(struct moth_channel, peeks) - after);
    if (from->peeks.n > 0)
        memcpy(&to->peeks, &from->peeks, sizeof to->peeks);
}

/* A channel of its own in the place of the one it was born with, which moves elsewhere. */
static struct moth_channel *change_channel(void)
{
    const size_t size = sizeof(struct moth_channel);
    struct moth_channel *place = moth_channel;
    long fd = arch_syscall(SYS_memfd_create, (long)"moth-channel", MFD_CLOEXEC, 0, 0, 0, 0);
    if (fd < 0 || arch_syscall(SYS_ftruncate, fd, (long)size, 0, 0, 0, 0) != 0)
        return NULL;
    long old =
        arch_syscall(SYS_mremap, (long)place, (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED,
                     arch_syscall(SYS_mmap, 0, (long)size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 0);
    if (old < 0 && old > -4096)
        return NULL;
    struct moth_channel *born_with = (struct moth_channel *)old;
    if (arch_syscall(SYS_mmap, (long)place, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                     0) != (long)place)
        arch_syscall(SYS_exit_group, 1, 0, 0, 0, 0, 0); /* no place to say it */
    fill_channel(place, born_with);
    /* Inherited by what the game starts, as the first one was. */
    arch_syscall(SYS_dup3, fd, MOTH_CHANNEL_FD, 0, 0, 0, 0);
    arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return born_with;
}

static void change_folder(struct moth_channel *born_with, struct moth_branch_folders *folders)
{
    char here[MOTH_BRANCH_PATH_MAX], there[MOTH_BRANCH_PATH_MAX], link[32];
    moth_branch_number(link, "/proc/self/fd/", MOTH_PRIVATE_FD, "");
    long n = arch_syscall(SYS_readlinkat, AT_FDCWD, (long)link, (long)folders->from, sizeof folders->from - 1,
                          0, 0);
    folders->from[n > 0 ? n : 0] = '\0';
    folders->to = born_with->branch.folder;
    long fd =
        arch_syscall(SYS_openat, AT_FDCWD, (long)folders->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        fail(born_with, "the branch's private folder cannot be opened");
    arch_syscall(SYS_dup3, fd, MOTH_PRIVATE_FD, 0, 0, 0, 0);
    arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    if (arch_syscall(SYS_getcwd, (long)here, sizeof here, 0, 0, 0, 0) > 0 &&
        moth_branch_moved(folders, here, there))
        arch_syscall(SYS_chdir, (long)there, 0, 0, 0, 0, 0);
}

/* What was sent and is held back by a mask: a fork does not hand it on. */
static void send_again(uint64_t pending)
{
    long self = arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
    for (int number = 1; number <= 64; number++)
        if (pending >> (number - 1) & 1)
            arch_syscall(SYS_tgkill, self, self, number, 0, 0, 0);
}

static void become_branch(int32_t runner_pid, bool sibling, uint64_t pending)
{
    static struct moth_branch_folders folders;
    arch_syscall(SYS_prctl, PR_SET_PDEATHSIG, sibling ? SIGKILL : 0, 0, 0, 0, 0);
    arch_syscall(SYS_setpgid, 0, 0, 0, 0, 0, 0);
    if (sibling && arch_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) != runner_pid)
        arch_syscall(SYS_exit_group, 1, 0, 0, 0, 0, 0); /* the runner died in between */
    struct moth_channel *born_with = change_channel();
    if (born_with == NULL)
        fail(moth_channel, "no memory for the branch's channel");
    atomic_store(&moth_channel->owner_pid, (uint32_t)arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0));
    change_folder(born_with, &folders);
    moth_branch_descriptors(&folders);
    moth_branch_mappings(&folders);
    moth_branch_copies_forget();
    moth_net_branched();
    moth_fibers_branched();
    if (!moth_trap_calls_again())
        moth_branch_problem("raw system calls are not trapped any more");
    moth_preempt_again();
    send_again(pending);
    tell(born_with, MOTH_BRANCH_READY);
    arch_syscall(SYS_munmap, (long)born_with, sizeof *born_with, 0, 0, 0, 0);
}

/* The runner has what is in there, and puts it back into whoever is forked from here. */
static void drop(void)
{
    uint32_t n = moth_channel->branch.n_ranges;
    const struct moth_range *ranges = moth_channel_ranges(moth_channel);
    for (uint32_t i = 0; i < n && i < MOTH_RANGES_MAX; i++)
        arch_syscall(SYS_madvise, (long)ranges[i].low, (long)(ranges[i].pages * 4096), MADV_DONTNEED, 0, 0, 0);
}

/* Processes the game started and has not waited for: a copy of the game could not wait for them. */
static bool has_children(void)
{
    return arch_syscall(SYS_waitid, P_ALL, 0, 0, WEXITED | WNOHANG | WNOWAIT, 0, 0) != -ECHILD;
}

void moth_branch(void)
{
    struct moth_branch_request *request = &moth_channel->branch;
    if (request->wanted == MOTH_BRANCH_DROP) {
        request->wanted = MOTH_BRANCH_NOTHING;
        drop();
        return;
    }
    int32_t runner_pid = request->runner_pid;
    request->wanted = MOTH_BRANCH_NOTHING;
    request->problem[0] = '\0';
    atomic_store(&request->state, MOTH_BRANCH_BORN);
    if (!moth_active()) {
        request->pid = -ENOTSUP;
        return;
    }
    if (has_children()) {
        request->pid = -ECHILD;
        return;
    }
    /* A sibling where the runner is our parent, which then waits for it and is outlived by neither. Under a
     * launcher it is a child that wait() does not see: the launcher did not ask for it, nor did the game. */
    bool sibling = arch_syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) == runner_pid;
    uint64_t pending = 0;
    arch_syscall(SYS_rt_sigpending, (long)&pending, sizeof pending, 0, 0, 0, 0);
    struct robust_list_head *robust = NULL;
    size_t robust_size = 0;
    arch_syscall(SYS_get_robust_list, 0, (long)&robust, (long)&robust_size, 0, 0, 0);
    long pid = arch_syscall(SYS_clone, sibling ? CLONE_PARENT | SIGCHLD : 0, 0, 0, 0, 0, 0);
    if (pid != 0) {
        request->pid = (int32_t)pid;
        return;
    }
    if (robust != NULL)
        arch_syscall(SYS_set_robust_list, (long)robust, (long)robust_size, 0, 0, 0, 0);
    become_branch(runner_pid, sibling, pending);
}
