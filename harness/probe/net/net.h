/* SPDX-License-Identifier: MIT
 *
 * The network inside the game: inet sockets that lead nowhere but to the game itself and to the other
 * members of its group.
 *
 * Each is one end of a pair of local sockets; the other end is held here. So whatever waits for a
 * descriptor, counts its bytes or hands it to a fork works on a real one, while addresses, ports and what
 * travels are ours: packets for the game itself arrive at once, those for another member leave with the
 * next turn and arrive at a later boundary. All state is memory and pairs, both of which a branch has.
 */
#ifndef MOTH_PROBE_NET_H
#define MOTH_PROBE_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/probe.h"
#include "wire/mail.h"

#define MOTH_NET_SOCKETS_MAX 256
#define MOTH_NET_QUEUE_MAX 64        /* streams that wait to be accepted */
#define MOTH_NET_FD_LEAST 3000       /* our ends are up here, out of the way of select() … */
#define MOTH_NET_FD_LOW 256          /* … or here, in a game that lowers its limit of open files */
#define MOTH_NET_WINDOW (256u << 10) /* of a stream, bytes that are on their way or not taken yet */
#define MOTH_NET_HELD (208u << 10)   /* of a datagram socket, as Linux' default buffer */

/* 127.77.0.(index + 1) is a member; 127.0.0.1 and the rest of 127/8 whoever listens, oneself first. */
#define MOTH_NET_MEMBER_BASE 0x7f4d0001u
#define MOTH_NET_LOCALHOST 0x7f000001u

struct moth_net_address {
    uint32_t ip; /* host order; of the two addresses of IPv6 that there are, what they mean */
    uint16_t port;
    bool six; /* written as ::1 or :: */
};

enum moth_net_where { MOTH_NET_HERE, MOTH_NET_MEMBER, MOTH_NET_ANY, MOTH_NET_ALL, MOTH_NET_OUTSIDE };

enum moth_net_reuse { MOTH_NET_REUSE_ADDRESS = 1, MOTH_NET_REUSE_PORT = 2 };
enum moth_net_shut { MOTH_NET_SHUT_READ = 1, MOTH_NET_SHUT_WRITE = 2 };

struct moth_net_socket {
    bool used, bound, listening, connected, connecting;
    bool by_opener, peer_ended, we_ended; /* of a stream to another member */
    bool only_six;                        /* IPV6_V6ONLY */
    uint8_t reuse;                        /* enum moth_net_reuse */
    uint8_t shut, ours_shut;              /* MOTH_NET_SHUT_…: of the game's end, of ours */
    uint8_t protocol;                     /* enum moth_letter_protocol */
    sa_family_t family;
    unsigned references; /* descriptors of the game; a stream nobody accepted yet has none */
    int ours;            /* our end, or -1: of a stream within the game the other end is the game's */
    int theirs;          /* of a stream that waits to be accepted */
    int16_t mate;        /* index of the other end of a stream within the game, or -1 */
    struct moth_net_address local, remote;
    int error; /* the next call's */
    uint32_t held_bytes;
    uint16_t member; /* at the other end of a stream; MOTH_MEMBER_ANY: it is here */
    uint32_t connection, credit;
    uint8_t *pending; /* came, and the game has no room for it yet */
    uint32_t pending_bytes;
    uint16_t queue[MOTH_NET_QUEUE_MAX]; /* of who listens: sockets that wait to be accepted */
    uint16_t n_queue, backlog;
};

/* What stands before a datagram in its pair. */
struct moth_net_frame {
    struct moth_net_address from;
    int32_t error; /* no datagram: the error of a call */
};

/* ---- sockets.c ---- */

/* The socket behind one of the game's descriptors, or NULL. */
struct moth_net_socket *moth_net_of(int fd);
/* The same for datagrams only, and whether a stream may be read and written: it is none, or it is open. */
struct moth_net_socket *moth_net_datagrams(int fd);
bool moth_net_stream_ready(int fd);
/* A descriptor of the game's that leads to it, or -1. */
int moth_net_fd_of(const struct moth_net_socket *socket);
/* One of ours, which a game that closes all it can count must leave alone. */
bool moth_net_is_ours(int fd);
/* socket(), of an inet family: the descriptor, or -1 and errno. */
int moth_net_socket(int family, int type, int protocol);
struct moth_net_socket *moth_net_new(sa_family_t family, uint8_t protocol);
/* Two ends of a pair; ours is moved out of the way. 0 or -1 and errno. */
int moth_net_pair(uint8_t protocol, int flags, int *theirs, int *ours);
int moth_net_move_away(int fd);
void moth_net_attach(int fd, struct moth_net_socket *socket);
void moth_net_copied(int from, int to);
void moth_net_closed(int fd);
void moth_net_free(struct moth_net_socket *socket);
/* Give it a port if it has none. False and errno when there is none left. */
bool moth_net_autobind(struct moth_net_socket *socket);
/* Somebody here who has the port; rather one that listens. */
struct moth_net_socket *moth_net_at_port(uint8_t protocol, uint16_t port, bool six);
/* Does it hear what is sent to an address of this kind? */
bool moth_net_hears(const struct moth_net_socket *socket, bool six);
/* Would the two get into each other's way on one port? */
bool moth_net_clashes(const struct moth_net_socket *a, const struct moth_net_socket *b, uint16_t port);
/* For a branch: the descriptor at the other end of this one, -1 when that is closed. False: it is none of ours. */
bool moth_net_other_end(int fd, int *other);
/* The two ends of a stream within the game. */
void moth_net_mate(struct moth_net_socket *a, struct moth_net_socket *b);
/* shutdown(), remembered. */
void moth_net_shut(int fd, uint8_t *noted, uint8_t ends);
struct moth_net_socket *moth_net_each(unsigned *at);
/* After a fork of the whole game. */
void moth_net_branched(void);
/* Waits for a network only: time goes on for it, though nothing here can wake it. */
bool moth_net_waits(const struct moth_waiter *waiter);
bool moth_net_linked(void); /* there are other members */
uint16_t moth_net_self(void);

/* ---- address.c ---- */

/* False: not an inet address, or too short. */
bool moth_net_read(const struct sockaddr *address, socklen_t size, struct moth_net_address *out);
void moth_net_write(const struct moth_net_address *address, sa_family_t family, struct sockaddr *out,
                    socklen_t *size);
enum moth_net_where moth_net_where(const struct moth_net_address *address, uint16_t *member);
/* How the game has called this port of another member; it expects answers from there. */
struct moth_net_address moth_net_known_as(uint16_t member, uint16_t port);
void moth_net_call(uint16_t member, const struct moth_net_address *address);
/* The address of a member by its name, or 0. */
uint32_t moth_net_lookup(const char *name);

/* ---- datagram.c ---- */

ssize_t moth_net_send(struct moth_net_socket *socket, const struct msghdr *message);
ssize_t moth_net_receive(int fd, struct moth_net_socket *socket, struct msghdr *message, int flags);
void moth_net_put(struct moth_net_socket *socket, const struct moth_net_address *from, const uint8_t *bytes,
                  uint32_t n);
void moth_net_fail(struct moth_net_socket *socket, int error);
void moth_net_datagram_came(const struct moth_letter *letter, const uint8_t *payload);

/* ---- stream.c ---- */

int moth_net_listen(struct moth_net_socket *socket, int backlog);
int moth_net_connect(int fd, struct moth_net_socket *socket, const struct moth_net_address *address);
int moth_net_accept(int fd, struct moth_net_socket *socket, struct sockaddr *address, socklen_t *size, int flags);
void moth_net_stream_came(const struct moth_letter *letter, const uint8_t *payload);
void moth_net_pump_out(struct moth_net_socket *socket);
void moth_net_pump_in(struct moth_net_socket *socket);
/* A stream that is being opened must not look ready to write. */
void moth_net_stuff(struct moth_net_socket *socket);

/* ---- mail.c ---- */

/* A letter with room for so much payload, to be filled and sent; NULL: no room until the next turn. */
struct moth_letter *moth_mail_begin(enum moth_letter_kind kind, uint8_t protocol, uint32_t payload_bytes);
static inline uint8_t *moth_mail_payload(struct moth_letter *letter)
{
    return (uint8_t *)(letter + 1);
}
void moth_mail_send(struct moth_letter *letter);
/* Without payload. */
void moth_mail_tell(enum moth_letter_kind kind, const struct moth_net_socket *socket);
/* Before the game gives its turn away at a boundary, and once it has it again. */
void moth_net_collect(void);
void moth_net_deliver(void);

#endif
