/* SPDX-License-Identifier: MIT
 *
 * Datagrams. In its pair each stands behind a frame that says where it came from.
 */
#include "net/net.h"

#include <errno.h>
#include <string.h>

#include "core/real.h"
#include "hooks/fd.h"

#define PIECES_MAX 64
#define DATAGRAM_MAX 65507u

static uint32_t bytes_of(const struct iovec *pieces, size_t n)
{
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += pieces[i].iov_len;
    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* A buffer that is full loses what comes, as everywhere. */
static void put_pieces(struct moth_net_socket *socket, const struct moth_net_frame *frame,
                       const struct iovec *pieces, size_t n)
{
    struct iovec all[PIECES_MAX + 1];
    uint32_t size = (uint32_t)sizeof *frame + bytes_of(pieces, n);
    if (n > PIECES_MAX || (frame->error == 0 && socket->held_bytes + size > MOTH_NET_HELD))
        return;
    all[0] = (struct iovec){(void *)(uintptr_t)frame, sizeof *frame};
    if (n > 0)
        memcpy(all + 1, pieces, n * sizeof *pieces);
    struct msghdr message = {.msg_iov = all, .msg_iovlen = n + 1};
    if (moth_real.sendmsg(socket->ours, &message, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        socket->held_bytes += size;
}

static bool same(const struct moth_net_address *a, const struct moth_net_address *b)
{
    return a->port == b->port && a->ip == b->ip;
}

void moth_net_put(struct moth_net_socket *socket, const struct moth_net_address *from, const uint8_t *bytes,
                  uint32_t n)
{
    if (socket->connected && !same(from, &socket->remote))
        return; /* it hears its peer only */
    const struct moth_net_frame frame = {.from = *from};
    struct iovec piece = {(void *)(uintptr_t)bytes, n};
    put_pieces(socket, &frame, &piece, 1);
}

void moth_net_fail(struct moth_net_socket *socket, int error)
{
    const struct moth_net_frame frame = {.error = error};
    if (socket->error != 0)
        return;
    socket->error = error;
    put_pieces(socket, &frame, NULL, 0); /* who waits for a datagram wakes up */
}

/* To everybody here who has the port; how many. */
static unsigned send_here(struct moth_net_socket *from, const struct moth_net_address *to, const struct msghdr *message,
                          bool all)
{
    const struct moth_net_frame frame = {
        .from = {.ip = MOTH_NET_LOCALHOST, .port = from->local.port, .six = to->six}};
    unsigned at = 0, n = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;) {
        if (!each->bound || each->protocol != MOTH_PROTOCOL_DATAGRAM || each->local.port != to->port ||
            !moth_net_hears(each, to->six) || (each->connected && !same(&frame.from, &each->remote)))
            continue;
        put_pieces(each, &frame, message->msg_iov, message->msg_iovlen);
        n++;
        if (!all)
            break;
    }
    return n;
}

static void send_away(struct moth_net_socket *socket, const struct moth_net_address *to, uint16_t member,
                      const struct msghdr *message, uint32_t size)
{
    struct moth_letter *letter = moth_mail_begin(MOTH_LETTER_DATAGRAM, MOTH_PROTOCOL_DATAGRAM, size);
    if (letter == NULL)
        return;
    uint8_t *payload = moth_mail_payload(letter);
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        memcpy(payload, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
        payload += message->msg_iov[i].iov_len;
    }
    letter->from_port = socket->local.port;
    letter->to_port = to->port;
    letter->to_member = member;
    if (member != MOTH_MEMBER_ALL)
        moth_net_call(member, to);
    moth_mail_send(letter);
}

ssize_t moth_net_send(struct moth_net_socket *socket, const struct msghdr *message)
{
    struct moth_net_address to = socket->remote;
    uint16_t member;
    uint32_t size = bytes_of(message->msg_iov, message->msg_iovlen);
    if (socket->error != 0) {
        errno = socket->error;
        socket->error = 0;
        return -1;
    }
    if (message->msg_name != NULL && message->msg_namelen > 0) {
        if (!moth_net_read(message->msg_name, message->msg_namelen, &to)) {
            errno = EAFNOSUPPORT;
            return -1;
        }
    } else if (!socket->connected) {
        errno = EDESTADDRREQ;
        return -1;
    }
    if (size > DATAGRAM_MAX || message->msg_iovlen > PIECES_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (!moth_net_autobind(socket))
        return -1;
    enum moth_net_where where = moth_net_where(&to, &member);
    if (where == MOTH_NET_OUTSIDE) {
        moth_warn("the game turned to the network; it is told that there is none", NULL);
        errno = ENETUNREACH;
        return -1;
    }
    unsigned here = where != MOTH_NET_MEMBER ? send_here(socket, &to, message, where == MOTH_NET_ALL) : 0;
    if (moth_net_linked() && (where == MOTH_NET_MEMBER || where == MOTH_NET_ALL || (where == MOTH_NET_ANY && here == 0)))
        send_away(socket, &to, member, message, size);
    else if (here == 0 && where != MOTH_NET_ALL && socket->connected)
        moth_net_fail(socket, ECONNREFUSED);
    return (ssize_t)size;
}

ssize_t moth_net_receive(int fd, struct moth_net_socket *socket, struct msghdr *message, int flags)
{
    struct moth_net_frame frame;
    struct iovec pieces[PIECES_MAX + 1];
    if (message->msg_iovlen > PIECES_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    pieces[0] = (struct iovec){&frame, sizeof frame};
    for (size_t i = 0; i < message->msg_iovlen; i++)
        pieces[i + 1] = message->msg_iov[i];
    struct msghdr own = {.msg_iov = pieces, .msg_iovlen = message->msg_iovlen + 1};
    ssize_t room = bytes_of(message->msg_iov, message->msg_iovlen);
    /* The whole length is asked for, for what was held must be counted. */
    ssize_t n = moth_real.recvmsg(fd, &own, flags | MSG_TRUNC);
    if (n < (ssize_t)sizeof frame)
        return n < 0 ? n : 0;
    if (!(flags & MSG_PEEK))
        socket->held_bytes -= (uint32_t)n <= socket->held_bytes ? (uint32_t)n : socket->held_bytes;
    if (frame.error != 0) {
        if (flags & MSG_PEEK) /* told once, peeked at or not */
            moth_real.recv(fd, &frame, sizeof frame, MSG_DONTWAIT);
        if (socket->error == 0) { /* another call has told it */
            if (!(flags & MSG_DONTWAIT) && !moth_fd_until_ready(fd, POLLIN))
                return -1;
            return moth_net_receive(fd, socket, message, flags);
        }
        socket->error = 0;
        errno = frame.error;
        return -1;
    }
    n -= (ssize_t)sizeof frame;
    message->msg_flags = n > room ? MSG_TRUNC : 0;
    message->msg_controllen = 0;
    if (message->msg_name != NULL)
        moth_net_write(&frame.from, socket->family, message->msg_name, &message->msg_namelen);
    return n > room && !(flags & MSG_TRUNC) ? room : n;
}

void moth_net_datagram_came(const struct moth_letter *letter, const uint8_t *payload)
{
    struct moth_net_address from = moth_net_known_as(letter->from_member, letter->from_port);
    unsigned at = 0, heard = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;) {
        if (!each->bound || each->protocol != MOTH_PROTOCOL_DATAGRAM || each->local.port != letter->to_port)
            continue;
        heard++;
        if (letter->kind == MOTH_LETTER_UNREACHABLE) {
            if (each->connected && each->remote.port == letter->from_port)
                moth_net_fail(each, ECONNREFUSED);
        } else {
            moth_net_put(each, &from, payload, letter->payload_bytes);
        }
        if (letter->to_member != MOTH_MEMBER_ALL)
            break;
    }
    if (heard > 0 || letter->kind != MOTH_LETTER_DATAGRAM || letter->to_member == MOTH_MEMBER_ALL)
        return;
    struct moth_letter *answer = moth_mail_begin(MOTH_LETTER_UNREACHABLE, MOTH_PROTOCOL_DATAGRAM, 0);
    if (answer == NULL)
        return;
    answer->from_port = letter->to_port;
    answer->to_port = letter->from_port;
    answer->to_member = letter->from_member;
    moth_mail_send(answer);
}
