/* SPDX-License-Identifier: MIT
 *
 * Descriptors that hold something: pipes, sockets, counters and timers, with data in flight nearly always,
 * and threads that wait at them. A copy of a process shares them: what one takes out, the other misses.
 */
#include "branch/area.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* What can be read without waiting, at most `size`. */
static uint64_t drain(int fd, size_t size)
{
    uint8_t bytes[4096];
    ssize_t n = read(fd, bytes, size < sizeof bytes ? size : sizeof bytes);
    return n < 0 ? (uint64_t)errno : mixed_bytes(0, bytes, (size_t)n);
}

/* --- a pipe that fills faster than it is emptied --- */

static int queue_fds[2];

static void begin_pipe(void)
{
    NEED(pipe2(queue_fds, O_NONBLOCK) == 0);
}

static uint64_t frame_pipe(long frame, uint64_t keys)
{
    uint64_t entry = mixed(keys, (uint64_t)frame);
    NEED(write(queue_fds[1], &entry, sizeof entry) == sizeof entry);
    return drain(queue_fds[0], frame % 40 == 39 ? 4096 : 5);
}

/* --- a thread at the other end --- */

static int to_thread[2], from_thread[2];

static void *echo(void *unused)
{
    uint64_t state = 0, entry;
    while (read(to_thread[0], &entry, sizeof entry) == sizeof entry) {
        state = mixed(state, entry);
        NEED(write(from_thread[1], &state, sizeof state) == sizeof state);
    }
    return unused;
}

static void begin_reader(void)
{
    pthread_t thread;
    NEED(pipe(to_thread) == 0 && pipe2(from_thread, O_NONBLOCK) == 0);
    NEED(pthread_create(&thread, NULL, echo, NULL) == 0);
}

static uint64_t frame_reader(long frame, uint64_t keys)
{
    uint64_t entry = mixed(keys, (uint64_t)frame);
    if (frame % 3 == 0)
        NEED(write(to_thread[1], &entry, sizeof entry) == sizeof entry);
    return drain(from_thread[0], 8);
}

/* --- sockets --- */

static int stream_pair[2], message_pair[2];

static void begin_pair(void)
{
    NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, stream_pair) == 0);
    NEED(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, message_pair) == 0);
}

static uint64_t frame_pair(long frame, uint64_t keys)
{
    uint8_t message[32];
    size_t size = 1 + (size_t)(keys + (uint64_t)frame) % sizeof message;
    memset(message, (int)(keys & 0xff), sizeof message);
    NEED(send(stream_pair[frame % 2], &keys, sizeof keys, 0) == sizeof keys);
    uint64_t value = mixed(drain(stream_pair[0], 3), drain(stream_pair[1], 3));
    if (frame % 4 != 3) { /* a socket holds only a few messages */
        NEED(send(message_pair[0], message, size, 0) == (ssize_t)size);
        return value;
    }
    for (int i = 0; i < 3; i++)
        value = mixed(value, drain(message_pair[1], 64));
    if (frame % 200 == 199) {
        value = mixed(value, drain(stream_pair[0], 4096));
        value = mixed(value, drain(stream_pair[1], 4096));
    }
    return value;
}

/* --- counters, timers, and one who waits for all of them --- */

static int count_fd, timer_fd, poll_fd;

static void begin_ready(void)
{
    struct itimerspec every = {{0, 37000000}, {0, 11000000}};
    if (poll_fd > 0)
        return;
    NEED((count_fd = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE)) >= 0);
    NEED((timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) >= 0);
    NEED(timerfd_settime(timer_fd, 0, &every, NULL) == 0);
    NEED((poll_fd = epoll_create1(0)) >= 0);
    struct epoll_event on = {EPOLLIN, {.u64 = 11}};
    NEED(epoll_ctl(poll_fd, EPOLL_CTL_ADD, count_fd, &on) == 0);
    on = (struct epoll_event){EPOLLIN, {.u64 = 22}};
    NEED(epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer_fd, &on) == 0);
}

static uint64_t frame_event(long frame, uint64_t keys)
{
    uint64_t more = keys % 3;
    NEED(write(count_fd, &more, sizeof more) == sizeof more);
    return frame % 30 == 0 ? drain(count_fd, 8) : mixed(drain(count_fd, 8), drain(count_fd, 8));
}

static uint64_t frame_timer(long frame, uint64_t keys)
{
    struct itimerspec left, slower = {{0, 23000000 + (long)(keys % 50) * 1000000}, {0, 5000000}};
    uint64_t value = drain(timer_fd, 8);
    NEED(timerfd_gettime(timer_fd, &left) == 0);
    if (frame % 45 == 44)
        NEED(timerfd_settime(timer_fd, 0, &slower, NULL) == 0);
    return mixed(value, (uint64_t)left.it_value.tv_nsec);
}

static uint64_t frame_epoll(long frame, uint64_t keys)
{
    struct epoll_event ready[4];
    uint64_t one = 1, value = 0;
    int n = epoll_wait(poll_fd, ready, 4, frame % 5 == 0 ? 3 : 0);
    NEED(n >= 0 || errno == EINTR); /* where another area's signals come in */
    for (int i = 0; i < n; i++)
        value = mixed(value, ready[i].data.u64 + ((uint64_t)ready[i].events << 32));
    if (keys % 4 == (uint64_t)frame % 4)
        NEED(write(count_fd, &one, sizeof one) == sizeof one);
    else
        value = mixed(value, drain(count_fd, 8));
    return frame % 6 == 0 ? mixed(value, drain(timer_fd, 8)) : value;
}

/* --- signals that wait to be taken --- */

static int signal_fd;

static void begin_pending(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    NEED(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    NEED((signal_fd = signalfd(-1, &set, SFD_NONBLOCK)) >= 0);
}

static uint64_t frame_pending(long frame, uint64_t keys)
{
    struct signalfd_siginfo info = {.ssi_signo = 0};
    sigset_t pending;
    if (frame % 20 == (long)(keys % 5))
        NEED(raise(SIGUSR2) == 0);
    NEED(sigpending(&pending) == 0);
    uint64_t value = (uint64_t)sigismember(&pending, SIGUSR2);
    if (frame % 20 == 13)
        value = mixed(value, read(signal_fd, &info, sizeof info) == sizeof info ? info.ssi_signo : 0);
    return value;
}

const struct area pipe_areas[] = {
    {"pipe", begin_pipe, frame_pipe, 0},          {"reader", begin_reader, frame_reader, 0},
    {"pair", begin_pair, frame_pair, 0},          {"event", begin_ready, frame_event, 0},
    {"timer", begin_ready, frame_timer, 0},       {"epoll", begin_ready, frame_epoll, 0},
    {"pending", begin_pending, frame_pending, 0}, {NULL, NULL, NULL, 0},
};
