/* SPDX-License-Identifier: MIT
 *
 * One child for many looks at one game: opening the libraries and their debug information takes far longer
 * than walking a stack, so where a frame is sampled a hundred times it is done once.
 */
#include "unwind/unwind.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "unwind/walk.h"

#define LOOK_BUDGET_NS (5 * MOTH_NS_PER_S)
#define ANSWER_BYTES_MAX (1u << 20)

struct moth_unwind_session {
    pid_t child;
    int request_fd, answer_fd;
};

/* ---- the child ---- */

static bool read_whole(int fd, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, (char *)to + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static int serve(pid_t pid, int mem_fd, int request_fd, int answer_fd)
{
    moth_unwind_child_limits();
    FILE *out = fdopen(answer_fd, "w");
    struct moth_unwind_start start;
    struct moth_walk walk = {0};
    bool open = false;
    while (out && read_whole(request_fd, &start, sizeof start)) {
        walk.deadline_ns = moth_clock_monotonic_ns() + LOOK_BUDGET_NS;
        walk.cut = false;
        if (!open && moth_walk_open(&walk, pid, mem_fd, &start, 1) != 0)
            return 1;
        open = true;
        moth_memory_init(walk.memory, mem_fd); /* what was read for the look before is old */
        moth_walk_fiber(&walk, 0);
        moth_transfer_write(out, &start.about);
        fputs("E\n", out);
        fflush(out);
        moth_fiber_stack_fini(&start.about);
    }
    return 0;
}

/* ---- the parent ---- */

struct moth_unwind_session *moth_unwind_session_open(pid_t pid, struct moth_err *err)
{
    int request[2] = {-1, -1}, answer[2] = {-1, -1};
    struct moth_unwind_session *session = calloc(1, sizeof *session);
    int mem_fd = moth_unwind_open_memory(pid, err);
    pid_t child = -1;
    if (session && mem_fd >= 0 && pipe2(request, O_CLOEXEC) == 0 && pipe2(answer, O_CLOEXEC) == 0)
        child = fork();
    if (child == 0) {
        close(request[1]);
        close(answer[0]);
        _exit(serve(pid, mem_fd, request[0], answer[1]));
    }
    if (mem_fd >= 0)
        close(mem_fd);
    if (request[0] >= 0)
        close(request[0]);
    if (answer[1] >= 0)
        close(answer[1]);
    if (child > 0) {
        *session = (struct moth_unwind_session){child, request[1], answer[0]};
        return session;
    }
    if (mem_fd >= 0)
        moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot start a process that reads the game's stacks");
    if (request[1] >= 0)
        close(request[1]);
    if (answer[0] >= 0)
        close(answer[0]);
    free(session);
    return NULL;
}

static bool is_whole(const struct moth_buf *answer)
{
    static const char end[] = "\nE\n";
    size_t n = sizeof end - 1;
    return answer->size_bytes >= n && memcmp(answer->bytes + answer->size_bytes - n, end, n) == 0;
}

static bool read_answer(int fd, struct moth_buf *answer)
{
    uint64_t deadline = moth_clock_monotonic_ns() + 2 * LOOK_BUDGET_NS;
    while (!is_whole(answer) && answer->size_bytes < ANSWER_BYTES_MAX)
        if (moth_transfer_read(fd, answer, deadline) <= 0)
            return false;
    return is_whole(answer);
}

struct moth_stacks *moth_unwind_session_look(struct moth_unwind_session *session,
                                             const struct moth_channel *channel,
                                             const struct moth_unwind_regs *regs)
{
    struct moth_unwind_start start = {.about = {.fiber = channel->fiber_current, .owner = -1}, .regs = *regs};
    if (channel->fiber_current < MOTH_FIBERS_MAX)
        memcpy(start.about.name, channel->fibers[channel->fiber_current].name, sizeof start.about.name - 1);
    struct moth_buf answer;
    struct moth_stacks *stacks = NULL;
    moth_buf_init(&answer);
    /* Smaller than what a pipe takes in one piece; a child that is gone is told by SIGPIPE's error. */
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    bool asked = write(session->request_fd, &start, sizeof start) == (ssize_t)sizeof start;
    signal(SIGPIPE, before);
    if (asked && read_answer(session->answer_fd, &answer))
        stacks = calloc(1, sizeof *stacks);
    moth_buf_put_u8(&answer, 0);
    if (stacks && !answer.failed)
        moth_transfer_parse((char *)answer.bytes, stacks);
    moth_buf_fini(&answer);
    return stacks;
}

void moth_unwind_session_close(struct moth_unwind_session *session)
{
    if (!session)
        return;
    close(session->request_fd);
    close(session->answer_fd);
    kill(session->child, SIGKILL);
    while (waitpid(session->child, NULL, 0) < 0 && errno == EINTR)
        continue;
    free(session);
}
