/* SPDX-License-Identifier: MIT
 *
 * Sockets. Those of the inet families lead into the network inside the game (net/net.h) and nowhere else;
 * others are the kernel's.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"
#include "hooks/fd.h"
#include "net/net.h"

MOTH_HOOK int socket(int domain, int type, int protocol)
{
    moth_real_init();
    if (moth_active() && (domain == AF_INET || domain == AF_INET6))
        return moth_net_socket(domain, type, protocol);
    int fd = moth_real.socket(domain, type, protocol);
    if (moth_active())
        moth_fd_mark(fd);
    return fd;
}

/* ---- addresses ---- */

static bool reuses(int fd)
{
    int value = 0;
    socklen_t size = sizeof value;
    return moth_real.getsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, &size) == 0 && value != 0;
}

static int bind_net(int fd, struct moth_net_socket *socket, const struct moth_net_address *address)
{
    uint16_t member;
    enum moth_net_where where = moth_net_where(address, &member);
    if (socket->bound) {
        errno = EINVAL;
        return -1;
    }
    if (where == MOTH_NET_OUTSIDE || where == MOTH_NET_MEMBER) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    const struct moth_net_socket *other = address->port != 0 ? moth_net_at_port(socket->protocol, address->port) : NULL;
    if (other != NULL && (other->listening || !reuses(fd))) {
        errno = EADDRINUSE;
        return -1;
    }
    socket->local = *address;
    if (address->port == 0)
        return moth_net_autobind(socket) ? 0 : -1;
    socket->bound = true;
    if (socket->protocol == MOTH_PROTOCOL_DATAGRAM)
        moth_mail_tell(MOTH_LETTER_BIND, socket);
    return 0;
}

MOTH_HOOK int bind(int fd, const struct sockaddr *address, socklen_t size)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_of(fd);
    struct moth_net_address at;
    if (socket == NULL)
        return moth_real.bind(fd, address, size);
    if (moth_net_read(address, size, &at))
        return bind_net(fd, socket, &at);
    errno = EAFNOSUPPORT;
    return -1;
}

MOTH_HOOK int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_of(fd);
    struct moth_net_address to;
    if (socket == NULL)
        return moth_real.connect(fd, address, size);
    if (address != NULL && address->sa_family == AF_UNSPEC && socket->protocol == MOTH_PROTOCOL_DATAGRAM) {
        socket->connected = false;
        return 0;
    }
    if (moth_net_read(address, size, &to))
        return moth_net_connect(fd, socket, &to);
    errno = EAFNOSUPPORT;
    return -1;
}

MOTH_HOOK int listen(int fd, int backlog)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_of(fd);
    return socket != NULL ? moth_net_listen(socket, backlog) : moth_real.listen(fd, backlog);
}

MOTH_HOOK int accept4(int fd, struct sockaddr *restrict address, socklen_t *restrict size, int flags)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_of(fd);
    if (moth_active() && !moth_fd_until_ready(fd, POLLIN))
        return -1;
    return socket != NULL ? moth_net_accept(fd, socket, address, size, flags)
                          : moth_real.accept4(fd, address, size, flags);
}

MOTH_HOOK int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    return accept4(fd, address, size, 0);
}

MOTH_HOOK int getsockname(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    moth_real_init();
    const struct moth_net_socket *socket = moth_net_of(fd);
    if (socket == NULL)
        return moth_real.getsockname(fd, address, size);
    struct moth_net_address local = socket->local;
    if (local.ip == INADDR_ANY && socket->connected)
        local.ip = MOTH_NET_LOCALHOST;
    moth_net_write(&local, socket->family, address, size);
    return 0;
}

MOTH_HOOK int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
    moth_real_init();
    const struct moth_net_socket *socket = moth_net_of(fd);
    if (socket == NULL)
        return moth_real.getpeername(fd, address, size);
    if (!socket->connected) {
        errno = ENOTCONN;
        return -1;
    }
    moth_net_write(&socket->remote, socket->family, address, size);
    return 0;
}

/* ---- options ---- */

MOTH_HOOK int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    moth_real_init();
    bool limit = level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
    if (moth_net_of(fd) != NULL && (level != SOL_SOCKET || name == SO_BINDTODEVICE || name == SO_SNDBUF))
        return 0; /* of a protocol that is not there; and how much is held is ours to say */
    int result = moth_real.setsockopt(fd, level, name, value, size);
    if (result == 0 && limit && size >= sizeof(struct timeval))
        moth_fd_limit(fd, name == SO_RCVTIMEO, value);
    return result;
}

static int known_option(struct moth_net_socket *socket, int name, int *value)
{
    switch (name) {
    case SO_ERROR:
        *value = socket->error;
        socket->error = 0;
        return 0;
    case SO_DOMAIN:
        *value = socket->family;
        return 0;
    case SO_PROTOCOL:
        *value = socket->protocol == MOTH_PROTOCOL_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
        return 0;
    case SO_ACCEPTCONN:
        *value = socket->listening;
        return 0;
    default:
        return -1;
    }
}

MOTH_HOOK int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict size)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_of(fd);
    int known = 0;
    if (socket == NULL || (level == SOL_SOCKET && known_option(socket, name, &known) != 0))
        return moth_real.getsockopt(fd, level, name, value, size);
    socklen_t bytes = *size < sizeof known ? *size : (socklen_t)sizeof known;
    memcpy(value, &known, bytes);
    *size = bytes;
    return 0;
}

/* The one interface there is. */
static int list_interfaces(struct ifconf *list)
{
    struct ifreq entry = {0};
    struct moth_net_address address = {.ip = MOTH_NET_LOCALHOST};
    socklen_t size = sizeof entry.ifr_addr;
    strcpy(entry.ifr_name, "lo");
    moth_net_write(&address, AF_INET, &entry.ifr_addr, &size);
    if (list->ifc_buf != NULL && list->ifc_len >= (int)sizeof entry)
        memcpy(list->ifc_buf, &entry, sizeof entry);
    else if (list->ifc_buf != NULL)
        return list->ifc_len = 0;
    list->ifc_len = sizeof entry;
    return 0;
}

MOTH_HOOK int ioctl(int fd, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    moth_real_init();
    if (moth_net_of(fd) != NULL && request == SIOCGIFCONF)
        return list_interfaces(argument);
    int result = moth_real.ioctl(fd, request, argument);
    if (result == 0 && request == FIONREAD && moth_net_datagrams(fd) != NULL) {
        /* What waits stands behind a frame that the game knows nothing of. */
        int n = *(int *)argument - (int)sizeof(struct moth_net_frame);
        *(int *)argument = n > 0 ? n : 0;
    }
    return result;
}

/* ---- sending ---- */

MOTH_HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return moth_net_send(socket, message, flags);
    if (!moth_net_stream_ready(fd))
        return -1;
    return moth_real.sendmsg(fd, message, flags);
}

MOTH_HOOK ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *address, socklen_t size)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    struct iovec piece = {(void *)(uintptr_t)bytes, n};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)address, .msg_namelen = size, .msg_iov = &piece, .msg_iovlen = 1};
    if (socket != NULL)
        return moth_net_send(socket, &message, flags);
    if (!moth_net_stream_ready(fd))
        return -1;
    if (n > 0 && !(flags & ~MSG_NOSIGNAL) && moth_net_of(fd) != NULL && moth_fd_blocking(fd))
        return moth_fd_write_all(fd, bytes, n);
    if (moth_net_of(fd) != NULL) /* a stream has its peer */
        return moth_real.send(fd, bytes, n, flags);
    return moth_real.sendto(fd, bytes, n, flags, address, size);
}

MOTH_HOOK ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    moth_real_init();
    if (moth_net_of(fd) != NULL)
        return sendto(fd, bytes, n, flags, NULL, 0);
    if (n > 0 && flags == 0 && moth_fd_blocking(fd))
        return moth_fd_write_all(fd, bytes, n);
    return moth_real.send(fd, bytes, n, flags);
}

MOTH_HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags)
{
    moth_real_init();
    if (moth_net_of(fd) == NULL)
        return moth_real.sendmmsg(fd, messages, n, flags);
    unsigned done = 0;
    for (; done < n; done++) {
        ssize_t sent = sendmsg(fd, &messages[done].msg_hdr, flags);
        if (sent < 0)
            break;
        messages[done].msg_len = (unsigned)sent;
    }
    return done > 0 || n == 0 ? (int)done : -1;
}

/* ---- receiving ---- */

static bool may_receive(int fd, int flags)
{
    if (!moth_active())
        return true;
    return moth_net_stream_ready(fd) && ((flags & MSG_DONTWAIT) || moth_fd_until_ready(fd, POLLIN));
}

MOTH_HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    moth_real_init();
    if (!may_receive(fd, flags))
        return -1;
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    return socket != NULL ? moth_net_receive(fd, socket, message, flags) : moth_real.recvmsg(fd, message, flags);
}

/* MSG_WAITALL would wait in the kernel for the rest, and nobody else would run meanwhile. */
static ssize_t receive_all(int fd, void *bytes, size_t n, int flags)
{
    size_t done = 0;
    while (done < n) {
        if (done > 0 && !moth_fd_until_ready(fd, POLLIN))
            break;
        ssize_t got = moth_real.recv(fd, (char *)bytes + done, n - done, (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN && done == 0)
            return -1;
        if (got <= 0)
            return done > 0 ? (ssize_t)done : got;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

MOTH_HOOK ssize_t recvfrom(int fd, void *restrict bytes, size_t n, int flags, struct sockaddr *restrict from,
                           socklen_t *restrict size)
{
    moth_real_init();
    if (!may_receive(fd, flags))
        return -1;
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket == NULL && (flags & MSG_WAITALL) && !(flags & (MSG_PEEK | MSG_DONTWAIT)) && moth_fd_blocking(fd))
        return receive_all(fd, bytes, n, flags);
    if (socket == NULL)
        return moth_real.recvfrom(fd, bytes, n, flags, from, size);
    struct iovec piece = {bytes, n};
    struct msghdr message = {
        .msg_name = from, .msg_namelen = from != NULL && size != NULL ? *size : 0, .msg_iov = &piece, .msg_iovlen = 1};
    ssize_t got = moth_net_receive(fd, socket, &message, flags);
    if (got >= 0 && from != NULL && size != NULL)
        *size = message.msg_namelen;
    return got;
}

MOTH_HOOK ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
    return recvfrom(fd, bytes, n, flags, NULL, NULL);
}

/* What a program calls that was built with _FORTIFY_SOURCE. */
MOTH_HOOK ssize_t __recvfrom_chk(int fd, void *restrict bytes, size_t n, size_t room, int flags,
                                 struct sockaddr *restrict from, socklen_t *restrict size);
MOTH_HOOK ssize_t __recvfrom_chk(int fd, void *restrict bytes, size_t n, size_t room, int flags,
                                 struct sockaddr *restrict from, socklen_t *restrict size)
{
    if (n > room)
        __builtin_trap();
    return recvfrom(fd, bytes, n, flags, from, size);
}

MOTH_HOOK ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t room, int flags);
MOTH_HOOK ssize_t __recv_chk(int fd, void *bytes, size_t n, size_t room, int flags)
{
    return __recvfrom_chk(fd, bytes, n, room, flags, NULL, NULL);
}

MOTH_HOOK int recvmmsg(int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *timeout)
{
    moth_real_init();
    if (moth_net_of(fd) == NULL)
        return moth_real.recvmmsg(fd, messages, n, flags, timeout);
    unsigned done = 0;
    for (; done < n; done++) {
        int how = done > 0 ? flags | MSG_DONTWAIT : flags; /* the first may be waited for */
        ssize_t got = recvmsg(fd, &messages[done].msg_hdr, how & ~MSG_WAITFORONE);
        if (got < 0)
            break;
        messages[done].msg_len = (unsigned)got;
    }
    return done > 0 || n == 0 ? (int)done : -1;
}
