/* SPDX-License-Identifier: MIT
 *
 * Descriptors that may block. A wait for readiness is a fiber's wait: asked of the kernel with no
 * timeout at each scheduling point, and given up at its virtual deadline. Reads and writes ask
 * first, but only on descriptors that were seen to be made as something that blocks; files go
 * straight through.
 */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/probe.h"
#include "core/real.h"
#include "hooks/fd.h"
#include "net/net.h"

#define FDS_MAX 4096

static uint8_t may_block[FDS_MAX];
static uint64_t receive_limit_ns[FDS_MAX], send_limit_ns[FDS_MAX]; /* SO_RCVTIMEO, SO_SNDTIMEO; 0: none */

void moth_fd_mark(int fd)
{
    if (fd >= 0 && fd < FDS_MAX)
        may_block[fd] = 1;
}

void moth_fd_init(void)
{
    memset(may_block, 0, sizeof may_block);
}

static bool blocks(int fd)
{
    return moth_active() && fd >= 0 && fd < FDS_MAX && may_block[fd];
}

static int poll_now(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    struct timespec t = {timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
    return (int)arch_syscall(SYS_ppoll, (long)fds, (long)n, (long)&t, 0, 8, 0);
}

static bool is_ready(struct moth_waiter *waiter)
{
    return poll_now(waiter->fds, waiter->n_fds, 0) > 0;
}

static bool is_ready_soon(struct moth_waiter *waiter)
{
    return poll_now(waiter->fds, waiter->n_fds, 5) > 0;
}

bool moth_fd_poll_waiters(int timeout_ms)
{
    return moth_waiters_each_fd(timeout_ms > 0 ? is_ready_soon : is_ready);
}

/* Wait until one of the descriptors is ready: poll's result. */
static int poll_until(struct pollfd *fds, nfds_t n, uint64_t deadline_ns)
{
    moth_cancel_point();
    for (;;) {
        int ready = poll_now(fds, n, 0);
        if (ready != 0) {
            if (ready < 0) {
                errno = -ready;
                return -1;
            }
            return ready;
        }
        if (deadline_ns <= moth_now_ns) {
            moth_clock_query();
            moth_yield();
            return poll_now(fds, n, 0);
        }
        if (n == 0 && deadline_ns != MOTH_FOREVER) {
            if (moth_sleep_until(deadline_ns))
                return 0;
            errno = EINTR;
            return -1;
        }
        struct moth_waiter waiter = {.kind = MOTH_WAIT_FD,
                                     .deadline_ns = deadline_ns,
                                     .fds = fds,
                                     .n_fds = (unsigned)n,
                                     .bits = UINT32_MAX};
        enum moth_wake why = moth_wait_on(&waiter);
        if (why == MOTH_WAKE_CANCELLED)
            moth_cancel_point();
        if (why == MOTH_WAKE_INTERRUPTED) {
            errno = EINTR;
            return -1;
        }
    }
}

static uint64_t deadline_ms(int timeout_ms)
{
    return timeout_ms < 0 ? MOTH_FOREVER : moth_now_ns + (uint64_t)(unsigned)timeout_ms * MOTH_NS_PER_MS;
}

MOTH_HOOK int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.poll(fds, n, timeout_ms);
    return poll_until(fds, n, deadline_ms(timeout_ms));
}

MOTH_HOOK int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.ppoll(fds, n, timeout, mask);
    return poll_until(fds, n, moth_deadline_of(CLOCK_MONOTONIC, timeout, false));
}

/* select in terms of poll; at most FD_SETSIZE descriptors. */
static int select_until(int n, fd_set *in, fd_set *out, fd_set *bad, uint64_t deadline_ns)
{
    struct pollfd fds[FD_SETSIZE];
    nfds_t used = 0;
    for (int fd = 0; fd < n && fd < FD_SETSIZE; fd++) {
        short events = 0;
        if (in != NULL && FD_ISSET(fd, in))
            events |= POLLIN;
        if (out != NULL && FD_ISSET(fd, out))
            events |= POLLOUT;
        if (bad != NULL && FD_ISSET(fd, bad))
            events |= POLLPRI;
        if (events != 0)
            fds[used++] = (struct pollfd){fd, events, 0};
    }
    int ready = poll_until(fds, used, deadline_ns), bits = 0;
    if (ready < 0)
        return ready;
    for (nfds_t i = 0; i < used; i++) {
        short got = fds[i].revents;
        if (got & POLLNVAL) {
            errno = EBADF;
            return -1;
        }
        if (in != NULL && (fds[i].events & POLLIN)) {
            if (got & (POLLIN | POLLHUP | POLLERR))
                bits++;
            else
                FD_CLR(fds[i].fd, in);
        }
        if (out != NULL && (fds[i].events & POLLOUT)) {
            if (got & (POLLOUT | POLLERR))
                bits++;
            else
                FD_CLR(fds[i].fd, out);
        }
        if (bad != NULL && (fds[i].events & POLLPRI)) {
            if (got & POLLPRI)
                bits++;
            else
                FD_CLR(fds[i].fd, bad);
        }
    }
    return bits;
}

MOTH_HOOK int select(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
                     struct timeval *restrict timeout)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.select(n, in, out, bad, timeout);
    uint64_t deadline = MOTH_FOREVER;
    if (timeout != NULL)
        deadline = moth_now_ns + (uint64_t)timeout->tv_sec * MOTH_NS_PER_S + (uint64_t)timeout->tv_usec * 1000;
    return select_until(n, in, out, bad, deadline);
}

MOTH_HOOK int pselect(int n, fd_set *restrict in, fd_set *restrict out, fd_set *restrict bad,
                      const struct timespec *restrict timeout, const sigset_t *restrict mask)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pselect(n, in, out, bad, timeout, mask);
    return select_until(n, in, out, bad, moth_deadline_of(CLOCK_MONOTONIC, timeout, false));
}

/* ---- epoll: the descriptor itself polls readable when something in it is ready ---- */

/* The kernel's order is that of becoming ready, which a poll set that was made again does not know. */
static void put_in_order(struct epoll_event *events, long n)
{
    for (long i = 1; i < n; i++)
        for (long at = i; at > 0 && events[at - 1].data.u64 > events[at].data.u64; at--) {
            struct epoll_event event = events[at];
            events[at] = events[at - 1];
            events[at - 1] = event;
        }
}

static int epoll_until(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    uint64_t deadline = deadline_ms(timeout_ms);
    for (;;) {
        long ready = arch_syscall(SYS_epoll_pwait, fd, (long)events, max, 0, 0, 8);
        if (ready != 0 || deadline <= moth_now_ns) {
            if (ready == 0) {
                moth_clock_query();
                moth_yield();
            }
            if (ready < 0) {
                errno = (int)-ready;
                return -1;
            }
            put_in_order(events, ready);
            return (int)ready;
        }
        struct pollfd pollfd = {fd, POLLIN, 0};
        if (poll_until(&pollfd, 1, deadline) < 0)
            return -1;
    }
}

MOTH_HOOK int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.epoll_wait(fd, events, max, timeout_ms);
    return epoll_until(fd, events, max, timeout_ms);
}

MOTH_HOOK int epoll_pwait(int fd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.epoll_pwait(fd, events, max, timeout_ms, mask);
    return epoll_until(fd, events, max, timeout_ms);
}

/* ---- reads and writes ---- */

void moth_fd_glance(int fd, short events)
{
    struct pollfd asked = {fd, events, 0};
    if (!blocks(fd) || poll_now(&asked, 1, 0) != 0)
        return;
    moth_clock_query(); /* a loop on it must let the others go on */
    moth_yield();
}

/* False: a limit set on the socket passed (errno EAGAIN), or a signal came (EINTR). */
bool moth_fd_until_ready(int fd, short events)
{
    if (events == 0 || !blocks(fd))
        return true;
    int flags = (int)arch_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    if (flags < 0 || (flags & O_NONBLOCK)) {
        if (flags >= 0)
            moth_fd_glance(fd, events);
        return true;
    }
    struct pollfd pollfd = {fd, events, 0};
    uint64_t limit = events == POLLIN ? receive_limit_ns[fd] : send_limit_ns[fd];
    int ready = poll_until(&pollfd, 1, limit != 0 ? moth_now_ns + limit : MOTH_FOREVER);
    if (ready == 0)
        errno = EAGAIN;
    return ready > 0;
}

/* One datagram of the network inside the game (net/net.h). */
static ssize_t datagram(int fd, struct moth_net_socket *socket, const struct iovec *pieces, int n, bool out)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)pieces, .msg_iovlen = (size_t)n};
    if (out)
        return moth_net_send(socket, &message);
    return moth_fd_until_ready(fd, POLLIN) ? moth_net_receive(fd, socket, &message, 0) : -1;
}

MOTH_HOOK ssize_t read(int fd, void *buffer, size_t size)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return datagram(fd, socket, &(struct iovec){buffer, size}, 1, false);
    if (moth_active() && !moth_fd_until_ready(fd, POLLIN))
        return -1;
    return moth_real.read(fd, buffer, size);
}

/* A blocking write lasts until all is written, and poll only tells that some of it can be: write what
 * goes, and wait for more room. */
ssize_t moth_fd_write_all(int fd, const void *buffer, size_t size)
{
    int flags = (int)arch_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    const uint8_t *bytes = buffer;
    size_t done = 0;
    while (done < size) {
        if (!moth_fd_until_ready(fd, POLLOUT))
            return done > 0 ? (ssize_t)done : -1;
        arch_syscall(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK, 0, 0, 0);
        ssize_t n = moth_real.write(fd, bytes + done, size - done);
        int error = errno;
        arch_syscall(SYS_fcntl, fd, F_SETFL, flags, 0, 0, 0);
        errno = error;
        if (n < 0 && error != EAGAIN)
            return done > 0 ? (ssize_t)done : -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

bool moth_fd_blocking(int fd)
{
    return blocks(fd) && !(arch_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_NONBLOCK);
}

MOTH_HOOK ssize_t write(int fd, const void *buffer, size_t size)
{
    if (!moth_active())
        moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return datagram(fd, socket, &(struct iovec){(void *)(uintptr_t)buffer, size}, 1, true);
    if (size > 0 && moth_fd_blocking(fd))
        return moth_fd_write_all(fd, buffer, size);
    return moth_real.write(fd, buffer, size);
}

MOTH_HOOK ssize_t readv(int fd, const struct iovec *pieces, int n)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return datagram(fd, socket, pieces, n, false);
    if (moth_active() && !moth_fd_until_ready(fd, POLLIN))
        return -1;
    return moth_real.readv(fd, pieces, n);
}

MOTH_HOOK ssize_t writev(int fd, const struct iovec *pieces, int n)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return datagram(fd, socket, pieces, n, true);
    if (!moth_fd_blocking(fd) || n < 0 || n > IOV_MAX)
        return moth_real.writev(fd, pieces, n);
    ssize_t done = 0;
    for (int i = 0; i < n; i++) {
        ssize_t wrote = pieces[i].iov_len > 0 ? moth_fd_write_all(fd, pieces[i].iov_base, pieces[i].iov_len) : 0;
        if (wrote < 0)
            return done > 0 ? done : -1;
        done += wrote;
        if ((size_t)wrote < pieces[i].iov_len)
            break;
    }
    return done;
}

void moth_fd_limit(int fd, bool receive, const struct timeval *t)
{
    uint64_t ns = (uint64_t)t->tv_sec * MOTH_NS_PER_S + (uint64_t)t->tv_usec * 1000;
    if (blocks(fd))
        *(receive ? &receive_limit_ns[fd] : &send_limit_ns[fd]) = ns;
}

/* ---- where such descriptors come from, and where they go ---- */

#define PAIRS_MAX 1024

static struct {
    uint64_t inode, peer;
} pairs[PAIRS_MAX];
static unsigned next_pair;
static bool semaphore[FDS_MAX];

static uint64_t inode_of(int fd)
{
    struct stat st;
    return arch_syscall(SYS_fstat, fd, (long)&st, 0, 0, 0, 0) == 0 ? st.st_ino : 0;
}

void moth_socket_pair(int fd, int other)
{
    uint64_t inode = inode_of(fd), peer = inode_of(other);
    pairs[next_pair % PAIRS_MAX].inode = inode;
    pairs[next_pair++ % PAIRS_MAX].peer = peer;
}

uint64_t moth_socket_peer(uint64_t inode)
{
    for (unsigned i = 0; i < PAIRS_MAX; i++)
        if (inode != 0 && (pairs[i].inode == inode || pairs[i].peer == inode))
            return pairs[i].inode == inode ? pairs[i].peer : pairs[i].inode;
    return 0;
}

bool moth_counter_is_semaphore(int fd)
{
    return fd >= 0 && fd < FDS_MAX && semaphore[fd];
}

static int marked(int fd)
{
    if (moth_active())
        moth_fd_mark(fd);
    return fd;
}

MOTH_HOOK int pipe(int fds[2])
{
    return pipe2(fds, 0);
}

MOTH_HOOK int pipe2(int fds[2], int flags)
{
    moth_real_init();
    int result = moth_real.pipe2(fds, flags);
    if (result == 0) {
        marked(fds[0]);
        marked(fds[1]);
    }
    return result;
}

MOTH_HOOK int socketpair(int domain, int type, int protocol, int fds[2])
{
    moth_real_init();
    int result = moth_real.socketpair(domain, type, protocol, fds);
    if (result == 0) {
        marked(fds[0]);
        marked(fds[1]);
        if (moth_active())
            moth_socket_pair(fds[0], fds[1]);
    }
    return result;
}

MOTH_HOOK int eventfd(unsigned count, int flags)
{
    moth_real_init();
    int fd = marked(moth_real.eventfd(count, flags));
    if (fd >= 0 && fd < FDS_MAX)
        semaphore[fd] = (flags & EFD_SEMAPHORE) != 0;
    return fd;
}

MOTH_HOOK int inotify_init1(int flags)
{
    moth_real_init();
    return marked(moth_real.inotify_init1(flags));
}

static int copied(int from, int to)
{
    if (moth_active() && to >= 0 && to < FDS_MAX)
    {
        bool known = from >= 0 && from < FDS_MAX;
        may_block[to] = known && may_block[from];
        semaphore[to] = known && semaphore[from];
        moth_net_copied(from, to);
    }
    return to;
}

MOTH_HOOK int dup(int fd)
{
    moth_real_init();
    return copied(fd, moth_real.dup(fd));
}

MOTH_HOOK int dup2(int from, int to)
{
    moth_real_init();
    return copied(from, moth_real.dup2(from, to));
}

MOTH_HOOK int dup3(int from, int to, int flags)
{
    moth_real_init();
    return copied(from, moth_real.dup3(from, to, flags));
}

/* Its third argument is a number, a pointer or nothing: a register in any case. */
static int control(__typeof__(&fcntl) real, int fd, int command, long argument)
{
    int result = real(fd, command, argument);
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result;
}

#define CONTROL_HOOK(name)                                                                         \
    MOTH_HOOK int name(int fd, int command, ...)                                                   \
    {                                                                                              \
        va_list list;                                                                              \
        va_start(list, command);                                                                   \
        long argument = va_arg(list, long);                                                        \
        va_end(list);                                                                              \
        moth_real_init();                                                                          \
        return control(moth_real.name, fd, command, argument);                                     \
    }

CONTROL_HOOK(fcntl)
CONTROL_HOOK(fcntl64)

static void forget(int fd)
{
    moth_net_closed(fd);
    if (fd < 0 || fd >= FDS_MAX || !may_block[fd])
        return;
    moth_timerfd_closed(fd);
    may_block[fd] = 0;
    semaphore[fd] = false;
    receive_limit_ns[fd] = send_limit_ns[fd] = 0;
}

static bool is_reserved(int fd)
{
    return fd == MOTH_CHANNEL_FD || fd == MOTH_PRIVATE_FD || moth_net_is_ours(fd);
}

MOTH_HOOK int close(int fd)
{
    moth_real_init();
    if (moth_active()) {
        if (is_reserved(fd)) /* a loop over all descriptors */
            return 0;
        forget(fd);
    }
    return moth_real.close(fd);
}

/* libc closes the descriptor by itself. */
MOTH_HOOK int fclose(FILE *file)
{
    moth_real_init();
    if (moth_active() && file != NULL)
        forget(fileno(file));
    return moth_real.fclose(file);
}

MOTH_HOOK int close_range(unsigned first, unsigned last, int flags)
{
    moth_real_init();
    if (!moth_active() || flags != 0)
        return moth_real.close_range(first, last, flags);
    unsigned end = last < FDS_MAX ? last : FDS_MAX - 1;
    for (unsigned fd = first; fd <= end; fd++)
        close((int)fd);
    return last >= FDS_MAX ? moth_real.close_range(first > FDS_MAX ? first : FDS_MAX, last, flags) : 0;
}

MOTH_HOOK void closefrom(int first)
{
    close_range(first < 0 ? 0 : (unsigned)first, ~0u, 0);
}
