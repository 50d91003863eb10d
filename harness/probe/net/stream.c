/* SPDX-License-Identifier: MIT
 *
 * Streams. Within the game the two ends of one pair are simply handed out. To another member each side has
 * a pair of its own, and what comes out of one is carried to the other by mail; no more than a window of
 * it is on its way, so a game that does not read holds up who writes.
 */
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "core/real.h"
#include "hooks/fd.h"

#define CHUNK_BYTES (16u << 10)
#define BUFFER_BYTES 212992 /* Linux' default */

static uint32_t next_connection;

static void set_buffer(int fd, int bytes)
{
    arch_syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDBUF, (long)&bytes, sizeof bytes, 0);
}

/* ---- a stream that is being opened ---- */

static void drain(int fd)
{
    char scratch[512];
    while (arch_syscall(SYS_recvfrom, fd, (long)scratch, sizeof scratch, MSG_DONTWAIT, 0, 0) > 0)
        continue;
}

void moth_net_stuff(struct moth_net_socket *socket)
{
    static const char nothing[512];
    int theirs = moth_net_fd_of(socket);
    drain(socket->ours);
    set_buffer(theirs, 1);
    while (arch_syscall(SYS_sendto, theirs, (long)nothing, sizeof nothing, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0) > 0)
        continue;
}

static void unstuff(struct moth_net_socket *socket)
{
    drain(socket->ours);
    set_buffer(moth_net_fd_of(socket), BUFFER_BYTES);
    socket->connecting = false;
}

/* ---- listening ---- */

int moth_net_listen(struct moth_net_socket *socket, int backlog)
{
    if (socket->protocol != MOTH_PROTOCOL_STREAM || socket->connected) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (!moth_net_autobind(socket))
        return -1;
    unsigned at = 0;
    for (const struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;)
        if (each->listening && moth_net_clashes(socket, each, socket->local.port)) {
            errno = EADDRINUSE;
            return -1;
        }
    if (!socket->listening)
        moth_mail_tell(MOTH_LETTER_BIND, socket);
    socket->listening = true;
    socket->backlog = (uint16_t)(backlog < 1 ? 1 : backlog < MOTH_NET_QUEUE_MAX ? backlog : MOTH_NET_QUEUE_MAX);
    return 0;
}

/* A byte in the pair for each that waits: so who listens is ready to read. */
static bool enqueue(struct moth_net_socket *listener, struct moth_net_socket *stream)
{
    static const char mark = 1;
    unsigned at = 0;
    if (listener->n_queue > listener->backlog || listener->n_queue == MOTH_NET_QUEUE_MAX)
        return false;
    for (const struct moth_net_socket *each; (each = moth_net_each(&at)) != stream;)
        if (each == NULL)
            return false;
    listener->queue[listener->n_queue++] = (uint16_t)(at - 1);
    arch_syscall(SYS_sendto, listener->ours, (long)&mark, 1, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    return true;
}

static struct moth_net_socket *dequeue(struct moth_net_socket *listener)
{
    unsigned index = listener->queue[0], at = 0;
    memmove(listener->queue, listener->queue + 1, --listener->n_queue * sizeof *listener->queue);
    for (struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;)
        if (at - 1 == index)
            return each;
    return NULL;
}

int moth_net_accept(int fd, struct moth_net_socket *listener, struct sockaddr *address, socklen_t *size, int flags)
{
    char mark;
    if (!listener->listening) {
        errno = listener->protocol == MOTH_PROTOCOL_STREAM ? EINVAL : EOPNOTSUPP;
        return -1;
    }
    long got = arch_syscall(SYS_recvfrom, fd, (long)&mark, 1, MSG_DONTWAIT, 0, 0);
    struct moth_net_socket *stream = got == 1 && listener->n_queue > 0 ? dequeue(listener) : NULL;
    if (stream == NULL) {
        errno = EAGAIN;
        return -1;
    }
    stream->reuse = listener->reuse;
    int command = flags & SOCK_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;
    int accepted = (int)arch_syscall(SYS_fcntl, stream->theirs, command, 0, 0, 0, 0);
    if (accepted < 0) {
        errno = EMFILE;
        moth_net_free(stream);
        return -1;
    }
    int mode = (int)arch_syscall(SYS_fcntl, accepted, F_GETFL, 0, 0, 0, 0) & ~O_NONBLOCK;
    arch_syscall(SYS_fcntl, accepted, F_SETFL, mode | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0), 0, 0, 0);
    arch_syscall(SYS_close, stream->theirs, 0, 0, 0, 0, 0);
    stream->theirs = -1;
    moth_net_attach(accepted, stream);
    moth_net_write(&stream->remote, listener->family, address, size);
    return accepted;
}

/* ---- connecting ---- */

/* The pair becomes the stream: our end of it is who listens' from now on. */
static int connect_here(struct moth_net_socket *socket, struct moth_net_socket *listener)
{
    struct moth_net_socket *other = moth_net_new(listener->family, MOTH_PROTOCOL_STREAM);
    if (other == NULL)
        return -1;
    other->connected = other->bound = true;
    other->local = listener->local;
    other->remote = (struct moth_net_address){MOTH_NET_LOCALHOST, socket->local.port, socket->remote.six};
    other->theirs = socket->ours;
    if (!enqueue(listener, other)) {
        other->used = false;
        errno = ECONNREFUSED;
        return -1;
    }
    socket->ours = -1;
    socket->connected = true;
    moth_net_mate(socket, other);
    return 0;
}

static int await_opened(int fd, struct moth_net_socket *socket)
{
    while (socket->connecting)
        if (!moth_fd_until_ready(fd, POLLOUT))
            return -1;
    if (moth_net_of(fd) != socket) { /* closed by somebody meanwhile */
        errno = EBADF;
        return -1;
    }
    if (socket->error == 0)
        return 0;
    errno = socket->error;
    socket->error = 0;
    return -1;
}

static int connect_away(int fd, struct moth_net_socket *socket, uint16_t member)
{
    socket->member = member;
    socket->by_opener = true;
    socket->connection = next_connection++;
    socket->connecting = true;
    moth_net_stuff(socket);
    moth_mail_tell(MOTH_LETTER_OPEN, socket);
    if (arch_syscall(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_NONBLOCK) {
        errno = EINPROGRESS;
        return -1;
    }
    return await_opened(fd, socket);
}

static int connect_stream(int fd, struct moth_net_socket *socket, const struct moth_net_address *address)
{
    uint16_t member;
    if (socket->error != 0) { /* of the last try, which was not waited for */
        errno = socket->error;
        socket->error = 0;
        return -1;
    }
    if (socket->connected || socket->connecting || socket->listening) {
        errno = socket->connecting ? EALREADY : EISCONN;
        return -1;
    }
    socket->remote = *address;
    if (socket->remote.ip == INADDR_ANY)
        socket->remote.ip = MOTH_NET_LOCALHOST;
    enum moth_net_where where = moth_net_where(address, &member);
    if (where == MOTH_NET_OUTSIDE || where == MOTH_NET_ALL) {
        moth_warn("the game turned to the network; it is told that there is none", NULL);
        errno = ENETUNREACH;
        return -1;
    }
    if (!moth_net_autobind(socket))
        return -1;
    struct moth_net_socket *here = where != MOTH_NET_MEMBER ? moth_net_at_port(MOTH_PROTOCOL_STREAM, address->port, address->six) : NULL;
    if (here != NULL && here->listening)
        return connect_here(socket, here);
    if (where != MOTH_NET_HERE && moth_net_linked())
        return connect_away(fd, socket, member);
    errno = ECONNREFUSED;
    return -1;
}

int moth_net_connect(int fd, struct moth_net_socket *socket, const struct moth_net_address *address)
{
    uint16_t member;
    if (socket->protocol == MOTH_PROTOCOL_STREAM)
        return connect_stream(fd, socket, address);
    if (moth_net_where(address, &member) == MOTH_NET_OUTSIDE) {
        moth_warn("the game turned to the network; it is told that there is none", NULL);
        errno = ENETUNREACH;
        return -1;
    }
    if (!moth_net_autobind(socket))
        return -1;
    socket->remote = *address;
    if (socket->remote.ip == INADDR_ANY)
        socket->remote.ip = MOTH_NET_LOCALHOST;
    if (member != MOTH_MEMBER_ALL) /* what answers is compared with this */
        moth_net_call(member, &socket->remote);
    socket->connected = true;
    return 0;
}

/* ---- what comes ---- */

static struct moth_net_socket *of_letter(const struct moth_letter *letter)
{
    unsigned at = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;)
        if (each->protocol == MOTH_PROTOCOL_STREAM && each->member != MOTH_MEMBER_ANY &&
            (each->connected || each->connecting) && each->member == letter->from_member &&
            each->connection == letter->connection && each->by_opener != letter->by_opener)
            return each;
    /* A stream that was asked of whoever listens gets to know here who did. */
    at = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;)
        if (each->connecting && !letter->by_opener && each->connection == letter->connection)
            return each;
    return NULL;
}

static void answer(const struct moth_letter *letter, enum moth_letter_kind kind)
{
    struct moth_letter *out = moth_mail_begin(kind, MOTH_PROTOCOL_STREAM, 0);
    if (out == NULL)
        return;
    out->to_member = letter->from_member;
    out->from_port = letter->to_port;
    out->to_port = letter->from_port;
    out->connection = letter->connection;
    out->by_opener = !letter->by_opener;
    moth_mail_send(out);
}

static void was_asked(const struct moth_letter *letter)
{
    struct moth_net_socket *listener = moth_net_at_port(MOTH_PROTOCOL_STREAM, letter->to_port, false);
    if (listener == NULL)
        listener = moth_net_at_port(MOTH_PROTOCOL_STREAM, letter->to_port, true);
    struct moth_net_socket *stream =
        listener != NULL && listener->listening ? moth_net_new(listener->family, MOTH_PROTOCOL_STREAM) : NULL;
    if (stream == NULL || moth_net_pair(MOTH_PROTOCOL_STREAM, SOCK_CLOEXEC, &stream->theirs, &stream->ours) != 0) {
        if (stream != NULL)
            stream->used = false;
        answer(letter, MOTH_LETTER_REFUSED);
        return;
    }
    stream->theirs = moth_net_move_away(stream->theirs);
    stream->connected = stream->bound = true;
    stream->local = listener->local;
    stream->remote = (struct moth_net_address){MOTH_NET_MEMBER_BASE + letter->from_member, letter->from_port, false};
    stream->member = letter->from_member;
    stream->connection = letter->connection;
    stream->credit = MOTH_NET_WINDOW;
    if (!enqueue(listener, stream)) {
        moth_net_free(stream);
        answer(letter, MOTH_LETTER_REFUSED);
        return;
    }
    answer(letter, MOTH_LETTER_OPENED);
}

static void was_answered(struct moth_net_socket *socket, const struct moth_letter *letter)
{
    unstuff(socket);
    if (letter->kind == MOTH_LETTER_OPENED) {
        socket->connected = true;
        socket->member = letter->from_member;
        socket->credit = MOTH_NET_WINDOW;
    } else {
        socket->error = ECONNREFUSED;
        socket->member = MOTH_MEMBER_ANY;
    }
}

static void keep(struct moth_net_socket *socket, const uint8_t *bytes, uint32_t n)
{
    if (socket->pending == NULL) {
        long at = arch_syscall(SYS_mmap, 0, MOTH_NET_WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at < 0 && at > -4096)
            return;
        socket->pending = (uint8_t *)at;
    }
    if (n > MOTH_NET_WINDOW - socket->pending_bytes)
        n = MOTH_NET_WINDOW - socket->pending_bytes; /* the other side keeps to its window */
    memcpy(socket->pending + socket->pending_bytes, bytes, n);
    socket->pending_bytes += n;
}

static void reset(struct moth_net_socket *socket)
{
    socket->we_ended = socket->peer_ended = true;
    socket->pending_bytes = 0;
    moth_net_shut(socket->ours, &socket->ours_shut, MOTH_NET_SHUT_READ | MOTH_NET_SHUT_WRITE);
}

void moth_net_stream_came(const struct moth_letter *letter, const uint8_t *payload)
{
    if (letter->kind == MOTH_LETTER_OPEN) {
        was_asked(letter);
        return;
    }
    struct moth_net_socket *socket = of_letter(letter);
    if (socket == NULL) {
        if (letter->kind == MOTH_LETTER_DATA || letter->kind == MOTH_LETTER_OPENED)
            answer(letter, MOTH_LETTER_RESET);
        return;
    }
    switch (letter->kind) {
    case MOTH_LETTER_OPENED:
    case MOTH_LETTER_REFUSED:
        if (socket->connecting)
            was_answered(socket, letter);
        return;
    case MOTH_LETTER_DATA:
        keep(socket, payload, letter->payload_bytes);
        break;
    case MOTH_LETTER_CREDIT:
        socket->credit += letter->amount;
        break;
    case MOTH_LETTER_END:
        socket->peer_ended = true;
        break;
    case MOTH_LETTER_RESET:
        reset(socket);
        return;
    default:
        return;
    }
    moth_net_pump_in(socket);
}

/* ---- between the pair and the mail ---- */

void moth_net_pump_in(struct moth_net_socket *socket)
{
    uint32_t done = 0;
    while (done < socket->pending_bytes) {
        long n = arch_syscall(SYS_sendto, socket->ours, (long)(socket->pending + done), socket->pending_bytes - done,
                              MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
        if (n == -EPIPE || n == -ECONNRESET) {
            moth_mail_tell(MOTH_LETTER_RESET, socket);
            reset(socket);
            return;
        }
        if (n <= 0)
            break;
        done += (uint32_t)n;
    }
    socket->pending_bytes -= done;
    if (done > 0) {
        memmove(socket->pending, socket->pending + done, socket->pending_bytes);
        struct moth_letter *letter = moth_mail_begin(MOTH_LETTER_CREDIT, MOTH_PROTOCOL_STREAM, 0);
        if (letter != NULL) {
            letter->to_member = socket->member;
            letter->by_opener = socket->by_opener;
            letter->connection = socket->connection;
            letter->amount = done;
            moth_mail_send(letter);
        }
    }
    if (socket->peer_ended && socket->pending_bytes == 0)
        moth_net_shut(socket->ours, &socket->ours_shut, MOTH_NET_SHUT_WRITE);
}

void moth_net_pump_out(struct moth_net_socket *socket)
{
    while (socket->credit > 0 && !socket->we_ended) {
        uint32_t room = socket->credit < CHUNK_BYTES ? socket->credit : CHUNK_BYTES;
        struct moth_letter *letter = moth_mail_begin(MOTH_LETTER_DATA, MOTH_PROTOCOL_STREAM, room);
        if (letter == NULL)
            return; /* with the next turn */
        long n = arch_syscall(SYS_recvfrom, socket->ours, (long)moth_mail_payload(letter), room, MSG_DONTWAIT, 0, 0);
        if (n == -EAGAIN || n == -EINTR)
            return;
        if (n <= 0) {
            socket->we_ended = true;
            moth_mail_tell(MOTH_LETTER_END, socket);
            return;
        }
        letter->to_member = socket->member;
        letter->by_opener = socket->by_opener;
        letter->connection = socket->connection;
        letter->payload_bytes = (uint32_t)n;
        socket->credit -= (uint32_t)n;
        moth_mail_send(letter);
    }
}
