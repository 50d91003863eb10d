/* SPDX-License-Identifier: MIT
 *
 * The table of sockets: which descriptor leads to which, ports, beginnings and ends.
 */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/real.h"
#include "hooks/fd.h"

#define FDS_MAX 4096
#define PORT_FIRST 32768u
#define PORTS_OF_MEMBER 1024u

static struct moth_net_socket sockets[MOTH_NET_SOCKETS_MAX];
static uint16_t socket_of[FDS_MAX]; /* index + 1 */
static uint16_t next_port;

static struct moth_net_socket *at(int fd)
{
    return fd >= 0 && fd < FDS_MAX && socket_of[fd] != 0 ? &sockets[socket_of[fd] - 1] : NULL;
}

struct moth_net_socket *moth_net_of(int fd)
{
    return moth_active() ? at(fd) : NULL;
}

struct moth_net_socket *moth_net_datagrams(int fd)
{
    struct moth_net_socket *socket = moth_net_of(fd);
    return socket != NULL && socket->protocol == MOTH_PROTOCOL_DATAGRAM ? socket : NULL;
}

bool moth_net_stream_ready(int fd)
{
    const struct moth_net_socket *socket = moth_net_of(fd);
    if (socket == NULL || socket->protocol == MOTH_PROTOCOL_DATAGRAM || socket->connected)
        return true;
    errno = socket->connecting ? EAGAIN : ENOTCONN;
    return false;
}

int moth_net_fd_of(const struct moth_net_socket *socket)
{
    for (int fd = 0; fd < FDS_MAX; fd++)
        if (at(fd) == socket)
            return fd;
    return -1;
}

bool moth_net_linked(void)
{
    return moth_active() && moth_channel->config.group.members > 1;
}

uint16_t moth_net_self(void)
{
    return (uint16_t)moth_channel->config.group.self;
}

bool moth_net_is_ours(int fd)
{
    if (fd < MOTH_NET_FD_LOW || !moth_active())
        return false;
    for (unsigned i = 0; i < MOTH_NET_SOCKETS_MAX; i++)
        if (sockets[i].used && (sockets[i].ours == fd || sockets[i].theirs == fd))
            return true;
    return false;
}

struct moth_net_socket *moth_net_each(unsigned *index)
{
    while (*index < MOTH_NET_SOCKETS_MAX) {
        struct moth_net_socket *socket = &sockets[(*index)++];
        if (socket->used)
            return socket;
    }
    return NULL;
}

struct moth_net_socket *moth_net_new(sa_family_t family, uint8_t protocol)
{
    for (unsigned i = 0; i < MOTH_NET_SOCKETS_MAX; i++)
        if (!sockets[i].used) {
            sockets[i] = (struct moth_net_socket){.used = true,
                                                  .protocol = protocol,
                                                  .family = family,
                                                  .ours = -1,
                                                  .theirs = -1,
                                                  .mate = -1,
                                                  .member = MOTH_MEMBER_ANY};
            return &sockets[i];
        }
    errno = ENFILE;
    return NULL;
}

int moth_net_move_away(int fd)
{
    int moved = (int)arch_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, MOTH_NET_FD_LEAST, 0, 0, 0);
    if (moved < 0)
        moved = (int)arch_syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, MOTH_NET_FD_LOW, 0, 0, 0);
    arch_syscall(SYS_close, fd, 0, 0, 0, 0, 0);
    return moved;
}

int moth_net_pair(uint8_t protocol, int flags, int *theirs, int *ours)
{
    int ends[2], type = protocol == MOTH_PROTOCOL_STREAM ? SOCK_STREAM : SOCK_DGRAM;
    if (moth_real.socketpair(AF_UNIX, type | flags, 0, ends) != 0)
        return -1;
    *theirs = ends[0];
    *ours = moth_net_move_away(ends[1]);
    if (*ours < 0) {
        arch_syscall(SYS_close, ends[0], 0, 0, 0, 0, 0);
        errno = EMFILE;
        return -1;
    }
    return 0;
}

void moth_net_attach(int fd, struct moth_net_socket *socket)
{
    if (fd < 0 || fd >= FDS_MAX)
        return;
    socket_of[fd] = (uint16_t)(socket - sockets + 1);
    socket->references++;
    moth_fd_mark(fd);
}

int moth_net_socket(int family, int type, int protocol)
{
    int flags = type & (SOCK_CLOEXEC | SOCK_NONBLOCK), fd, ours;
    type &= ~flags;
    bool stream = type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP);
    if (!stream && (type != SOCK_DGRAM || (protocol != 0 && protocol != IPPROTO_UDP))) {
        errno = type == SOCK_RAW ? EPERM : EPROTONOSUPPORT;
        return -1;
    }
    uint8_t kind = stream ? MOTH_PROTOCOL_STREAM : MOTH_PROTOCOL_DATAGRAM;
    struct moth_net_socket *socket = moth_net_new((sa_family_t)family, kind);
    if (socket == NULL)
        return -1;
    if (moth_net_pair(kind, flags, &fd, &ours) != 0) {
        socket->used = false;
        return -1;
    }
    socket->ours = ours;
    socket->local.six = family == AF_INET6;
    moth_net_attach(fd, socket);
    if (moth_net_linked()) /* a server without a window turns to the network, and is a member by that */
        moth_boundary_enable();
    return fd;
}

/* ---- ports ---- */

bool moth_net_hears(const struct moth_net_socket *socket, bool six)
{
    return socket->family == AF_INET ? !six : six || !socket->only_six;
}

struct moth_net_socket *moth_net_at_port(uint8_t protocol, uint16_t port, bool six)
{
    struct moth_net_socket *found = NULL;
    unsigned i = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&i)) != NULL;)
        if (each->bound && each->protocol == protocol && each->local.port == port && moth_net_hears(each, six) &&
            (found == NULL || (each->listening && !found->listening)))
            found = each;
    return found;
}

static bool apart(uint32_t a, uint32_t b)
{
    return a != b && a != INADDR_ANY && b != INADDR_ANY;
}

bool moth_net_clashes(const struct moth_net_socket *a, const struct moth_net_socket *b, uint16_t port)
{
    if (a == b || !b->bound || a->protocol != b->protocol || b->local.port != port || apart(a->local.ip, b->local.ip))
        return false;
    if (!(moth_net_hears(a, false) && moth_net_hears(b, false)) && !(moth_net_hears(a, true) && moth_net_hears(b, true)))
        return false;
    if (a->reuse & b->reuse & MOTH_NET_REUSE_PORT)
        return false;
    return !(a->reuse & b->reuse & MOTH_NET_REUSE_ADDRESS) || b->listening;
}

static bool is_taken(const struct moth_net_socket *socket, uint16_t port)
{
    unsigned i = 0;
    for (const struct moth_net_socket *each; (each = moth_net_each(&i)) != NULL;)
        if (each != socket && each->bound && each->protocol == socket->protocol && each->local.port == port)
            return true;
    return false;
}

bool moth_net_autobind(struct moth_net_socket *socket)
{
    for (unsigned tries = 0; !socket->bound && tries < PORTS_OF_MEMBER; tries++) {
        uint16_t port = (uint16_t)(PORT_FIRST + moth_net_self() * PORTS_OF_MEMBER + next_port);
        next_port = (uint16_t)((next_port + 1) % PORTS_OF_MEMBER);
        if (is_taken(socket, port))
            continue;
        socket->local.port = port;
        socket->bound = true;
        if (socket->protocol == MOTH_PROTOCOL_DATAGRAM)
            moth_mail_tell(MOTH_LETTER_BIND, socket);
    }
    if (!socket->bound)
        errno = EADDRNOTAVAIL;
    return socket->bound;
}

/* ---- copies and ends ---- */

void moth_net_copied(int from, int to)
{
    struct moth_net_socket *socket = moth_net_of(from);
    if (to == from || to < 0 || !moth_active())
        return;
    moth_net_closed(to); /* dup2 closes what was there */
    if (socket != NULL)
        moth_net_attach(to, socket);
}

void moth_net_free(struct moth_net_socket *socket)
{
    socket->connecting = socket->listening = socket->bound = false;
    if (socket->mate >= 0)
        sockets[socket->mate].mate = -1;
    if (socket->ours >= 0)
        arch_syscall(SYS_close, socket->ours, 0, 0, 0, 0, 0);
    if (socket->theirs >= 0)
        arch_syscall(SYS_close, socket->theirs, 0, 0, 0, 0, 0);
    if (socket->pending != NULL)
        arch_syscall(SYS_munmap, (long)socket->pending, MOTH_NET_WINDOW, 0, 0, 0, 0);
    socket->used = false;
}

/* Is there another that hears what is sent to its port? */
static bool is_heard(const struct moth_net_socket *socket)
{
    unsigned i = 0;
    for (const struct moth_net_socket *each; (each = moth_net_each(&i)) != NULL;)
        if (each != socket && each->bound && each->protocol == socket->protocol &&
            each->local.port == socket->local.port &&
            (each->listening || each->protocol == MOTH_PROTOCOL_DATAGRAM))
            return true;
    return false;
}

/* Nobody has it any more. What a stream still has to say is said first. */
static void let_go(struct moth_net_socket *socket)
{
    bool heard = socket->bound && (socket->listening || socket->protocol == MOTH_PROTOCOL_DATAGRAM);
    socket->bound = false;
    if (heard && !is_heard(socket))
        moth_mail_tell(MOTH_LETTER_UNBIND, socket);
    for (unsigned i = 0; i < socket->n_queue; i++) {
        if (sockets[socket->queue[i]].member != MOTH_MEMBER_ANY)
            moth_mail_tell(MOTH_LETTER_RESET, &sockets[socket->queue[i]]);
        moth_net_free(&sockets[socket->queue[i]]);
    }
    socket->n_queue = 0;
    if (socket->member != MOTH_MEMBER_ANY && !socket->we_ended && !socket->connecting)
        return; /* until it is drained: moth_net_collect */
    moth_net_free(socket);
}

void moth_net_closed(int fd)
{
    struct moth_net_socket *socket = at(fd);
    if (socket == NULL)
        return;
    socket_of[fd] = 0;
    if (--socket->references == 0)
        let_go(socket);
}

/* ---- waiting, branching ---- */

bool moth_net_waits(const struct moth_waiter *waiter)
{
    const struct pollfd *fds = waiter->fds;
    for (unsigned i = 0; i < waiter->n_fds; i++)
        if (moth_net_of(fds[i].fd) != NULL)
            return true;
    return false;
}

bool moth_net_other_end(int fd, int *other)
{
    const struct moth_net_socket *socket = at(fd);
    *other = -1;
    if (socket != NULL) {
        *other = socket->ours;
        if (socket->mate >= 0)
            *other = sockets[socket->mate].references > 0 ? moth_net_fd_of(&sockets[socket->mate])
                                                          : sockets[socket->mate].theirs;
        return true;
    }
    unsigned i = 0;
    for (const struct moth_net_socket *each; fd >= MOTH_NET_FD_LOW && (each = moth_net_each(&i)) != NULL;) {
        if (each->ours == fd)
            *other = each->theirs >= 0 ? each->theirs : moth_net_fd_of(each);
        else if (each->theirs == fd)
            *other = each->mate >= 0 ? moth_net_fd_of(&sockets[each->mate]) : each->ours;
        else
            continue;
        return true;
    }
    return false;
}

void moth_net_mate(struct moth_net_socket *a, struct moth_net_socket *b)
{
    a->mate = (int16_t)(b - sockets);
    b->mate = (int16_t)(a - sockets);
}

void moth_net_shut(int fd, uint8_t *noted, uint8_t ends)
{
    static const int how[] = {0, SHUT_RD, SHUT_WR, SHUT_RDWR};
    *noted |= ends & 3;
    if (fd >= 0 && (ends & 3) != 0)
        arch_syscall(SYS_shutdown, fd, how[ends & 3], 0, 0, 0, 0);
}

void moth_net_branched(void)
{
    unsigned i = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&i)) != NULL;) {
        if (each->connecting)
            moth_net_stuff(each);
        moth_net_shut(each->ours, &each->ours_shut, each->ours_shut);
        moth_net_shut(each->references > 0 ? moth_net_fd_of(each) : each->theirs, &each->shut, each->shut);
    }
}
