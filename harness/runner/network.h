/* SPDX-License-Identifier: MIT
 *
 * The network between the members of a group: takes letters from one, carries them for as long as the link
 * says, loses some, and gives them to another. What arrives when is a function of the seed, of what was
 * sent and of virtual time; nothing of it leaves the machine or touches the kernel's network.
 *
 * Caller's storage: _init … _fini; _copy makes another that goes on from the same state (branches). One
 * thread. Letters are bytes of a game and not trusted.
 */
#ifndef MOTH_RUNNER_NETWORK_H
#define MOTH_RUNNER_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "wire/mail.h"

struct moth_parcel; /* a letter on its way */

struct moth_network {
    struct moth_link link;
    struct moth_rng rng;
    unsigned n_members;
    struct moth_parcel *parcels; /* by arrival */
    size_t n_parcels, room_parcels;
    struct moth_listener {
        uint16_t member, port;
        uint8_t protocol;
    } *listeners;
    size_t n_listeners, room_listeners;
    struct moth_stream {
        uint16_t opener, other;
        uint32_t connection;
        uint8_t ended; /* bits: by the opener, by the other */
    } *streams; /* that are open between members */
    size_t n_streams, room_streams;
    bool gone[MOTH_MEMBERS_MAX];
    /* Streams keep their order: nothing arrives before what was sent before it. */
    uint64_t stream_ns[MOTH_MEMBERS_MAX][MOTH_MEMBERS_MAX];
    uint64_t carried, lost; /* letters between members; datagrams that were lost on the way or had no room */
};

void moth_network_init(struct moth_network *network, const struct moth_link *link, unsigned n_members, uint64_t seed);
void moth_network_fini(struct moth_network *network);
void moth_network_copy(const struct moth_network *from, struct moth_network *to);
/* What a member that stands at `now_ns` has sent since the last turn: empties its outbox. */
void moth_network_take(struct moth_network *network, uint16_t member, struct moth_mail *outbox, uint64_t now_ns);
/* What has come for it by then: fills its inbox. */
void moth_network_give(struct moth_network *network, uint16_t member, struct moth_mail *inbox, uint64_t now_ns);
/* A member is gone, and all that was meant for it; the other ends of its streams come to their end. */
void moth_network_leave(struct moth_network *network, uint16_t member, uint64_t now_ns);

#endif
