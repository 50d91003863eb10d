/* SPDX-License-Identifier: MIT
 *
 * Conformance: clocks and sleeping, and waiting on descriptors: timerfd, eventfd, pipes and sockets with
 * poll, select and epoll.
 */
#include "threads/check.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>

/* --- clocks and sleeping --- */

static void area_sleep(void)
{
    uint64_t begin = mono_ms();
    struct timespec span = span_ms(20);
    CHECK(nanosleep(&span, NULL) == 0);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    CHECK(usleep(20000) == 0);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    struct timespec until = after_ms(CLOCK_MONOTONIC, 20);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    until = after_ms(CLOCK_REALTIME, 20);
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL) == 0);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    CHECK(sleep(1) == 0);
    CHECK_TOOK(begin, 1000);
    span.tv_nsec = 1000000000;
    CHECK(nanosleep(&span, NULL) == -1 && errno == EINVAL);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL) == EINVAL);
    begin = mono_ms();
    CHECK(poll(NULL, 0, 15) == 0);
    CHECK_TOOK(begin, 15);
    begin = mono_ms();
    struct timeval timeout = {.tv_sec = 0, .tv_usec = 15000};
    CHECK(select(0, NULL, NULL, NULL, &timeout) == 0);
    CHECK_TOOK(begin, 15);
}

static void area_clocks(void)
{
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW};
    for (int i = 0; i < 4; i++) {
        uint64_t last = now_ns(ids[i]);
        for (int n = 0; n < 1000; n++) {
            uint64_t next = now_ns(ids[i]);
            CHECK(next >= last);
            last = next;
        }
        sleep_ms(5);
        CHECK(now_ns(ids[i]) >= last + 4000000);
    }
    struct timeval day;
    CHECK(gettimeofday(&day, NULL) == 0);
    long apart = (long)(now_ns(CLOCK_REALTIME) / 1000000) - (day.tv_sec * 1000 + day.tv_usec / 1000);
    CHECK(apart >= 0 && apart < 3000);
    CHECK(labs((long)(time(NULL) - day.tv_sec)) <= 3);
    uint64_t begin = mono_ms(); /* waiting for the clock alone must end */
    while (mono_ms() < begin + 20)
        ;
}

/* Threads that sleep wake in the order of their deadlines. */
static atomic_int wake_order;

static void *sleep_in_turn(void *arg)
{
    sleep_ms(40 * (intptr_t)arg);
    return (void *)(intptr_t)wake_order++;
}

static void area_wake_order(void)
{
    pthread_t threads[5];
    wake_order = 0;
    for (intptr_t i = 4; i >= 0; i--)
        threads[i] = start(sleep_in_turn, (void *)i);
    for (intptr_t i = 0; i < 5; i++)
        CHECK(join(threads[i]) == (void *)i);
}

/* --- timerfd, eventfd --- */

static void area_timerfd(void)
{
    uint64_t expired = 0, begin = mono_ms();
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    struct itimerspec spec = {.it_value = span_ms(20)}, left;
    CHECK(fd >= 0 && timerfd_settime(fd, 0, &spec, NULL) == 0);
    CHECK(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec > 0);
    CHECK(read(fd, &expired, sizeof expired) == sizeof expired && expired == 1);
    CHECK_TOOK(begin, 20);
    CHECK(timerfd_gettime(fd, &left) == 0 && left.it_value.tv_nsec == 0);

    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK(read(fd, &expired, sizeof expired) == -1 && errno == EAGAIN);
    begin = mono_ms();
    spec.it_value = spec.it_interval = span_ms(10);
    CHECK(timerfd_settime(fd, 0, &spec, NULL) == 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    for (int i = 1; i <= 5; i++) {
        CHECK(poll(&wait, 1, 10000) == 1 && wait.revents == POLLIN);
        CHECK(read(fd, &expired, sizeof expired) == sizeof expired && expired >= 1);
    }
    CHECK_TOOK(begin, 50);
    sleep_ms(55);
    CHECK(read(fd, &expired, sizeof expired) == sizeof expired && expired >= 5);
    spec.it_value = after_ms(CLOCK_MONOTONIC, 15);
    spec.it_interval = span_ms(0);
    begin = mono_ms();
    CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
    CHECK(poll(&wait, 1, -1) == 1);
    CHECK_TOOK(begin, 15);
    close(fd);
}

static void *write_eventfd(void *arg)
{
    sleep_ms(10);
    CHECK(eventfd_write((int)(intptr_t)arg, 3) == 0);
    return NULL;
}

static void area_eventfd(void)
{
    uint64_t value = 0;
    int fd = eventfd(0, EFD_CLOEXEC);
    pthread_t thread = start(write_eventfd, (void *)(intptr_t)fd);
    CHECK(read(fd, &value, sizeof value) == sizeof value && value == 3); /* waits for the writer */
    join(thread);
    close(fd);
    fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(eventfd_read(fd, &value) == 0 && value == 1);
    CHECK(eventfd_read(fd, &value) == 0 && value == 1);
    CHECK(eventfd_read(fd, &value) == -1 && errno == EAGAIN);
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLOUT};
    CHECK(poll(&wait, 1, 0) == 1 && wait.revents == POLLOUT);
    close(fd);
}

/* --- pipes and sockets --- */

static void *write_soon(void *arg)
{
    sleep_ms(10);
    CHECK(write((int)(intptr_t)arg, "x", 1) == 1);
    return NULL;
}

/* Waits for one byte that another thread writes, `wait` being poll, select or epoll without a limit. */
static void await_byte(int (*wait)(int fd, int timeout_ms))
{
    int ends[2];
    char byte = 0;
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(wait(ends[0], 0) == 0);
    uint64_t begin = mono_ms();
    CHECK(wait(ends[0], 25) == 0);
    CHECK_TOOK(begin, 25);
    begin = mono_ms();
    pthread_t thread = start(write_soon, (void *)(intptr_t)ends[1]);
    CHECK(wait(ends[0], -1) == 1);
    CHECK_TOOK(begin, 10);
    join(thread);
    CHECK(wait(ends[0], 60000) == 1);
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x');
    CHECK(wait(ends[0], 0) == 0);
    close(ends[1]);
    CHECK(wait(ends[0], -1) == 1); /* hang-up */
    CHECK(read(ends[0], &byte, 1) == 0);
    close(ends[0]);
}

static int wait_poll(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms);
}

static int wait_ppoll(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    struct timespec timeout = span_ms(timeout_ms);
    return ppoll(&wait, 1, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static int wait_select(int fd, int timeout_ms)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    return select(fd + 1, &set, NULL, NULL, timeout_ms < 0 ? NULL : &timeout);
}

static int wait_pselect(int fd, int timeout_ms)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    struct timespec timeout = span_ms(timeout_ms);
    return pselect(fd + 1, &set, NULL, NULL, timeout_ms < 0 ? NULL : &timeout, NULL);
}

static int wait_epoll(int fd, int timeout_ms)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd}, got = {0};
    CHECK(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    int n = timeout_ms % 2 ? epoll_pwait(epoll, &got, 1, timeout_ms, NULL)
                           : epoll_wait(epoll, &got, 1, timeout_ms);
    CHECK(n <= 0 || got.data.fd == fd);
    close(epoll);
    return n;
}

static void area_poll(void)
{
    await_byte(wait_poll);
    await_byte(wait_ppoll);
}

static void area_select(void)
{
    await_byte(wait_select);
    await_byte(wait_pselect);
}

static void area_epoll(void)
{
    await_byte(wait_epoll);
}

#define PIPE_BYTES 400000

static void *fill_pipe(void *arg)
{
    static char block[5000];
    for (int sent = 0; sent < PIPE_BYTES;) {
        ssize_t n = write((int)(intptr_t)arg, block, sizeof block);
        CHECK(n > 0);
        sent += (int)n;
    }
    close((int)(intptr_t)arg);
    return NULL;
}

/* More than a pipe holds: the writer waits for the reader, and the reader for the writer. */
static void area_pipe(void)
{
    int ends[2], got = 0;
    char block[3000];
    CHECK(pipe(ends) == 0);
    pthread_t thread = start(fill_pipe, (void *)(intptr_t)ends[1]);
    sleep_ms(20);
    for (ssize_t n; (n = read(ends[0], block, sizeof block)) != 0; got += (int)n)
        CHECK(n > 0);
    join(thread);
    CHECK(got == PIPE_BYTES);
    close(ends[0]);
}

static void *echo_socket(void *arg)
{
    char text[64];
    for (int i = 0; i < 20; i++) {
        ssize_t n = recv((int)(intptr_t)arg, text, sizeof text, 0);
        CHECK(n > 0);
        CHECK(send((int)(intptr_t)arg, text, (size_t)n, MSG_NOSIGNAL) == n);
    }
    return NULL;
}

static void *connect_to(void *arg)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char reply[8] = "";
    sleep_ms(10);
    CHECK(fd >= 0 && connect(fd, arg, sizeof(struct sockaddr_un)) == 0);
    CHECK(write(fd, "ping", 4) == 4 && read(fd, reply, 4) == 4 && memcmp(reply, "pong", 4) == 0);
    close(fd);
    return NULL;
}

static void area_socket(void)
{
    int ends[2];
    char text[64];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pthread_t thread = start(echo_socket, (void *)(intptr_t)ends[1]);
    for (int i = 0; i < 20; i++) {
        CHECK(send(ends[0], "hello", 5, 0) == 5);
        struct iovec part = {text, sizeof text};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        CHECK((i % 2 ? recvmsg(ends[0], &message, 0) : recv(ends[0], text, sizeof text, 0)) == 5);
        CHECK(memcmp(text, "hello", 5) == 0);
    }
    join(thread);
    struct timeval timeout = {.tv_sec = 0, .tv_usec = 20000}; /* a limit kept by the kernel */
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    CHECK(recv(ends[0], text, sizeof text, 0) == -1 && errno == EAGAIN);
    close(ends[0]);
    close(ends[1]);

    struct sockaddr_un address = {.sun_family = AF_UNIX}; /* an abstract name */
    snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "threads-test-%d-%p", getpid(),
             (void *)&address);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, (void *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    thread = start(connect_to, &address);
    int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0 && read(fd, text, 4) == 4 && write(fd, "pong", 4) == 4);
    join(thread);
    close(fd);
    close(listener);
}

const struct area wait_areas[] = {
    {"sleep", area_sleep},
    {"clocks", area_clocks},
    {"wake_order", area_wake_order},
    {"timerfd", area_timerfd},
    {"eventfd", area_eventfd},
    {"poll", area_poll},
    {"select", area_select},
    {"epoll", area_epoll},
    {"pipe", area_pipe},
    {"socket", area_socket},
    {NULL, NULL},
};
