/* SPDX-License-Identifier: MIT
 *
 * Mail: what a game sends into the network and gets from it, as letters in its channel.
 *
 * A game's inet sockets end in the probe (probe/net). What is meant for another member of the group goes
 * into the outbox, is carried by the runner (runner/net) with the link's latency and loss, and comes out
 * of the other member's inbox at a later boundary. Letters are written and read while the other side
 * stands still. The runner trusts no length in them.
 */
#ifndef MOTH_WIRE_MAIL_H
#define MOTH_WIRE_MAIL_H

#include <stdint.h>

#define MOTH_MAIL_BYTES (1u << 20)   /* of letters in one direction between two turns */
#define MOTH_LETTER_BYTES_MAX 65535u /* of one letter's payload: what a datagram can hold */
#define MOTH_MEMBERS_MAX 16u         /* of a group */
#define MOTH_MEMBER_NAME_BYTES 32u
#define MOTH_MEMBER_ALL 0xffffu      /* to whoever listens on the port: broadcast and multicast */
#define MOTH_MEMBER_ANY 0xfffeu      /* to the first who listens on the port */

enum moth_letter_kind {
    MOTH_LETTER_BIND = 1,    /* from_port is listened on from now on; to the runner */
    MOTH_LETTER_UNBIND,      /* … no longer */
    MOTH_LETTER_DATAGRAM,    /* payload: from from_port to to_port */
    MOTH_LETTER_UNREACHABLE, /* answer to a datagram: nobody listens on from_port */
    MOTH_LETTER_OPEN,        /* a stream is asked for: to to_port */
    MOTH_LETTER_OPENED,      /* answer: somebody listens */
    MOTH_LETTER_REFUSED,     /* answer: nobody does */
    MOTH_LETTER_DATA,        /* payload of a stream */
    MOTH_LETTER_CREDIT,      /* of a stream: `amount` bytes were taken by the game's side */
    MOTH_LETTER_END,         /* of a stream: no more data from here */
    MOTH_LETTER_RESET,       /* of a stream: gone */
    MOTH_LETTER_KIND_END
};

enum moth_letter_protocol { MOTH_PROTOCOL_DATAGRAM, MOTH_PROTOCOL_STREAM };

/* Followed by `payload_bytes`, and padding up to a multiple of 8. */
struct moth_letter {
    uint8_t kind, protocol; /* enum moth_letter_kind, enum moth_letter_protocol */
    uint16_t from_member;   /* filled in by the runner */
    uint16_t to_member;     /* or MOTH_MEMBER_ALL, MOTH_MEMBER_ANY */
    uint16_t from_port, to_port;
    uint16_t by_opener;  /* of a stream: 1 when it comes from who asked for it */
    uint32_t connection; /* of a stream: its opener's number for it */
    uint32_t amount;
    uint32_t payload_bytes;
    uint64_t time_ns; /* virtual, when it was sent; in an inbox: when it came */
};

_Static_assert(sizeof(struct moth_letter) == 32, "a letter is part of the wire format");

/* How it is carried: each direction between two members. */
struct moth_link {
    uint32_t latency_us;
    uint32_t jitter_us; /* uniformly up to so much more; datagrams may overtake each other by it */
    uint32_t loss_ppm;  /* of a million datagrams; a stream sends what was lost again, 200 ms later */
};

struct moth_mail {
    uint32_t used; /* of bytes */
    uint32_t lost; /* datagrams there was no room for */
    uint8_t bytes[MOTH_MAIL_BYTES];
};

static inline uint32_t moth_letter_bytes(uint32_t payload_bytes)
{
    return (uint32_t)sizeof(struct moth_letter) + ((payload_bytes + 7u) & ~7u);
}

/* Who a game is in its group. A game by itself is a group of one. */
struct moth_group_place {
    uint32_t members; /* in all; 0: as 1 */
    uint32_t self;    /* index */
    char names[MOTH_MEMBERS_MAX][MOTH_MEMBER_NAME_BYTES]; /* what the others are called */
};

#endif
