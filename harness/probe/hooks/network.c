/* SPDX-License-Identifier: MIT
 *
 * Sockets. Those of the inet families lead into the network inside the game (net/net.h) and nowhere else;
 * others are the kernel's.
 */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
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

static int bind_net(struct moth_net_socket *socket, const struct moth_net_address *address)
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
    struct moth_net_address before = socket->local;
    socket->local = *address;
    unsigned at = 0;
    for (const struct moth_net_socket *each; address->port != 0 && (each = moth_net_each(&at)) != NULL;)
        if (moth_net_clashes(socket, each, address->port)) {
            socket->local = before;
            errno = EADDRINUSE;
            return -1;
        }
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
        return bind_net(socket, &at);
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
    if (moth_active() && !moth_fd_until_ready(fd, POLLIN))
        return -1;
    struct moth_net_socket *socket = moth_net_of(fd);
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

/* True: kept here, for the pair has no such thing. */
static bool keep_option(struct moth_net_socket *socket, int level, int name, const void *value, socklen_t size)
{
    int on = 0;
    memcpy(&on, value, size < sizeof on ? size : sizeof on);
    uint8_t reuse = level != SOL_SOCKET      ? 0
                    : name == SO_REUSEADDR ? MOTH_NET_REUSE_ADDRESS
                    : name == SO_REUSEPORT ? MOTH_NET_REUSE_PORT
                                           : 0;
    if (reuse != 0)
        socket->reuse = (uint8_t)(on ? socket->reuse | reuse : socket->reuse & ~reuse);
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
        socket->only_six = on != 0;
    /* The others of a protocol that is not there; and how much is held is ours to say. */
    return reuse != 0 || level != SOL_SOCKET || name == SO_BINDTODEVICE || name == SO_SNDBUF;
}

MOTH_HOOK int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    moth_real_init();
    bool limit = level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO);
    struct moth_net_socket *socket = moth_net_of(fd);
    if (socket != NULL && (value == NULL || size == 0 || (size < sizeof(int) && level == SOL_SOCKET))) {
        errno = value == NULL ? EFAULT : EINVAL;
        return -1;
    }
    if (socket != NULL && keep_option(socket, level, name, value, size))
        return 0;
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
    case SO_REUSEADDR:
        *value = (socket->reuse & MOTH_NET_REUSE_ADDRESS) != 0;
        return 0;
    case SO_REUSEPORT:
        *value = (socket->reuse & MOTH_NET_REUSE_PORT) != 0;
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
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
        known = socket->only_six;
    if (value == NULL || size == NULL) {
        errno = EFAULT;
        return -1;
    }
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

/* What is asked about one interface. */
static int ask_interface(struct ifreq *asked, unsigned long request)
{
    struct moth_net_address address = {.ip = request == SIOCGIFNETMASK ? 0xff000000u : MOTH_NET_LOCALHOST};
    socklen_t size = sizeof asked->ifr_addr;
    if (request == SIOCGIFNAME && asked->ifr_ifindex == 1) {
        strcpy(asked->ifr_name, "lo");
        return 0;
    }
    if (request == SIOCGIFNAME || strncmp(asked->ifr_name, "lo", IFNAMSIZ) != 0) {
        errno = ENODEV;
        return -1;
    }
    memset(&asked->ifr_ifru, 0, sizeof asked->ifr_ifru);
    if (request == SIOCGIFFLAGS)
        asked->ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
    else if (request == SIOCGIFINDEX)
        asked->ifr_ifindex = 1;
    else if (request == SIOCGIFMTU)
        asked->ifr_mtu = 65536;
    else if (request == SIOCGIFHWADDR)
        asked->ifr_hwaddr.sa_family = ARPHRD_LOOPBACK;
    else
        moth_net_write(&address, AF_INET, &asked->ifr_addr, &size);
    return 0;
}

static bool is_about_interfaces(unsigned long request)
{
    return request == SIOCGIFNAME || request == SIOCGIFFLAGS || request == SIOCGIFADDR || request == SIOCGIFNETMASK ||
           request == SIOCGIFBRDADDR || request == SIOCGIFDSTADDR || request == SIOCGIFHWADDR ||
           request == SIOCGIFINDEX || request == SIOCGIFMTU;
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
    if (moth_active() && is_about_interfaces(request))
        return ask_interface(argument, request);
    int result = moth_real.ioctl(fd, request, argument);
    if (result == 0 && request == FIONREAD && moth_net_datagrams(fd) != NULL) {
        /* What waits stands behind a frame that the game knows nothing of. */
        int n = *(int *)argument - (int)sizeof(struct moth_net_frame);
        *(int *)argument = n > 0 ? n : 0;
    }
    return result;
}

MOTH_HOOK int shutdown(int fd, int how)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_of(fd);
    if (socket == NULL || how < SHUT_RD || how > SHUT_RDWR)
        return moth_real.shutdown(fd, how);
    if (!socket->connected && !socket->listening) {
        errno = ENOTCONN;
        return -1;
    }
    moth_net_shut(fd, &socket->shut, (uint8_t)(how + 1)); /* SHUT_RD, SHUT_WR, SHUT_RDWR are 0, 1, 2 */
    return 0;
}

/* ---- sending ---- */

/* A send on a socket that blocks lasts until all is on its way. In the kernel it would wait alone. */
static ssize_t send_all(int fd, const struct msghdr *message, int flags)
{
    struct iovec pieces[64];
    struct msghdr rest = *message;
    ssize_t done = 0;
    if (message->msg_iovlen > sizeof pieces / sizeof *pieces)
        return moth_real.sendmsg(fd, message, flags);
    memcpy(pieces, message->msg_iov, message->msg_iovlen * sizeof *pieces);
    rest.msg_iov = pieces;
    for (;;) {
        if (!moth_fd_until_ready(fd, POLLOUT))
            return done > 0 ? done : -1;
        ssize_t n = moth_real.sendmsg(fd, &rest, flags | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            continue;
        if (n < 0)
            return done > 0 ? done : -1;
        done += n;
        rest.msg_control = NULL; /* descriptors that are sent along go with the first byte */
        rest.msg_controllen = 0;
        while (rest.msg_iovlen > 0 && (size_t)n >= rest.msg_iov->iov_len) {
            n -= (ssize_t)rest.msg_iov->iov_len;
            rest.msg_iov++;
            rest.msg_iovlen--;
        }
        if (rest.msg_iovlen == 0)
            return done;
        rest.msg_iov->iov_base = (char *)rest.msg_iov->iov_base + n;
        rest.msg_iov->iov_len -= (size_t)n;
    }
}

MOTH_HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    moth_real_init();
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return moth_net_send(socket, message);
    if (!moth_net_stream_ready(fd))
        return -1;
    struct msghdr own = *message;
    if (moth_net_of(fd) != NULL) { /* a stream has its peer */
        own.msg_name = NULL;
        own.msg_namelen = 0;
    }
    if (!(flags & MSG_DONTWAIT) && moth_fd_blocking(fd))
        return send_all(fd, &own, flags);
    return moth_real.sendmsg(fd, &own, flags);
}

MOTH_HOOK ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *address, socklen_t size)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sendto(fd, bytes, n, flags, address, size);
    struct iovec piece = {(void *)(uintptr_t)bytes, n};
    struct msghdr message = {
        .msg_name = (void *)(uintptr_t)address, .msg_namelen = size, .msg_iov = &piece, .msg_iovlen = 1};
    return sendmsg(fd, &message, flags);
}

MOTH_HOOK ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    return sendto(fd, bytes, n, flags, NULL, 0);
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
    if (!moth_net_stream_ready(fd))
        return false;
    if (!(flags & MSG_DONTWAIT))
        return moth_fd_until_ready(fd, POLLIN);
    moth_fd_glance(fd, POLLIN);
    return true;
}

/* MSG_WAITALL would wait in the kernel for the rest, and nobody else would run meanwhile. */
static ssize_t receive_all(int fd, void *bytes, size_t n, int flags)
{
    size_t done = 0;
    while (done < n) {
        if (!moth_fd_until_ready(fd, POLLIN))
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

MOTH_HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    moth_real_init();
    if (!may_receive(fd, flags))
        return -1;
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket != NULL)
        return moth_net_receive(fd, socket, message, flags);
    if (!(flags & MSG_WAITALL) || !moth_fd_blocking(fd))
        return moth_real.recvmsg(fd, message, flags);
    ssize_t got = moth_real.recvmsg(fd, message, (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
    if (got <= 0 || (flags & MSG_PEEK) || message->msg_iovlen != 1 || (size_t)got == message->msg_iov->iov_len)
        return got;
    ssize_t rest = receive_all(fd, (char *)message->msg_iov->iov_base + got, message->msg_iov->iov_len - (size_t)got, flags);
    return rest > 0 ? got + rest : got;
}

/* Nothing is taken, so it is looked at again each time something comes. */
static ssize_t peek_all(int fd, void *bytes, size_t n, int flags)
{
    for (size_t before = 0;;) {
        ssize_t got = moth_real.recv(fd, bytes, n, (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
        if (got <= 0 || (size_t)got >= n || (size_t)got == before)
            return got;
        before = (size_t)got;
        for (int waited = 0, waiting = 0; waited < 1000; waited++) { /* it stays ready all the while */
            if (moth_real.ioctl(fd, FIONREAD, &waiting) != 0 || (size_t)waiting > before)
                break;
            moth_sleep_until(moth_now_ns + MOTH_NS_PER_MS);
        }
    }
}

MOTH_HOOK ssize_t recvfrom(int fd, void *restrict bytes, size_t n, int flags, struct sockaddr *restrict from,
                           socklen_t *restrict size)
{
    moth_real_init();
    if (!may_receive(fd, flags))
        return -1;
    struct moth_net_socket *socket = moth_net_datagrams(fd);
    if (socket == NULL && (flags & MSG_WAITALL) && !(flags & MSG_DONTWAIT) && moth_fd_blocking(fd))
        return flags & MSG_PEEK ? peek_all(fd, bytes, n, flags) : receive_all(fd, bytes, n, flags);
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
