/* SPDX-License-Identifier: MIT */
#include "runner/network.h"

#include <stdlib.h>
#include <string.h>

#define MILLION 1000000u
#define RESEND_NS UINT64_C(200000000)
#define PARCELS_MAX 65536u            /* on their way at once; what comes beyond is lost */
#define LISTENERS_MAX 4096u
#define STREAMS_MAX 4096u

struct moth_parcel {
    uint64_t arrival_ns;
    uint16_t to;
    struct moth_letter *letter; /* with its payload */
};

void moth_network_init(struct moth_network *network, const struct moth_link *link, unsigned n_members, uint64_t seed)
{
    *network = (struct moth_network){.link = *link, .n_members = n_members};
    moth_rng_seed(&network->rng, seed);
}

void moth_network_fini(struct moth_network *network)
{
    for (size_t i = 0; i < network->n_parcels; i++)
        free(network->parcels[i].letter);
    free(network->parcels);
    free(network->listeners);
    free(network->streams);
    *network = (struct moth_network){0};
}

static void *copied(const void *from, size_t bytes)
{
    void *copy = malloc(bytes > 0 ? bytes : 1);
    if (!copy)
        abort();
    if (bytes > 0)
        memcpy(copy, from, bytes);
    return copy;
}

void moth_network_copy(const struct moth_network *from, struct moth_network *to)
{
    *to = *from;
    to->parcels = copied(from->parcels, from->n_parcels * sizeof *from->parcels);
    to->room_parcels = from->n_parcels;
    for (size_t i = 0; i < to->n_parcels; i++)
        to->parcels[i].letter = copied(from->parcels[i].letter, moth_letter_bytes(from->parcels[i].letter->payload_bytes));
    to->listeners = copied(from->listeners, from->n_listeners * sizeof *from->listeners);
    to->room_listeners = from->n_listeners;
    to->streams = copied(from->streams, from->n_streams * sizeof *from->streams);
    to->room_streams = from->n_streams;
}

static void *with_room(void *items, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return items;
    *room = *room * 2 + 16;
    items = realloc(items, *room * size);
    if (!items)
        abort();
    return items;
}

/* ---- who listens ---- */

static bool is_listener(const struct moth_listener *listener, uint16_t member, uint8_t protocol, uint16_t port)
{
    return listener->member == member && listener->protocol == protocol && listener->port == port;
}

static void unlisten(struct moth_network *network, uint16_t member, uint8_t protocol, uint16_t port)
{
    for (size_t i = network->n_listeners; i-- > 0;)
        if (is_listener(&network->listeners[i], member, protocol, port))
            network->listeners[i] = network->listeners[--network->n_listeners];
}

static void listen_on(struct moth_network *network, uint16_t member, uint8_t protocol, uint16_t port)
{
    unlisten(network, member, protocol, port);
    if (network->n_listeners == LISTENERS_MAX)
        return;
    network->listeners =
        with_room(network->listeners, network->n_listeners, &network->room_listeners, sizeof *network->listeners);
    network->listeners[network->n_listeners++] = (struct moth_listener){member, port, protocol};
}

/* The first other member, in order, that listens on a port; MOTH_MEMBER_ANY: none. */
static uint16_t who_listens(const struct moth_network *network, uint16_t from, uint8_t protocol, uint16_t port)
{
    for (uint16_t member = 0; member < network->n_members; member++)
        for (size_t i = 0; member != from && i < network->n_listeners; i++)
            if (is_listener(&network->listeners[i], member, protocol, port))
                return member;
    return MOTH_MEMBER_ANY;
}

/* ---- on the way ---- */

static bool chance(struct moth_network *network, uint32_t ppm)
{
    return ppm > 0 && moth_rng_below(&network->rng, MILLION) < ppm;
}

static void carry(struct moth_network *network, uint16_t to, const struct moth_letter *letter)
{
    const struct moth_link *link = &network->link;
    bool stream = letter->protocol == MOTH_PROTOCOL_STREAM, lost = chance(network, link->loss_ppm);
    uint64_t delay_us = link->latency_us;
    if (link->jitter_us > 0)
        delay_us += moth_rng_below(&network->rng, (uint64_t)link->jitter_us + 1);
    if ((lost && !stream) || network->n_parcels == PARCELS_MAX) {
        network->lost++;
        return;
    }
    uint64_t arrival_ns = letter->time_ns + delay_us * 1000 + (lost ? RESEND_NS : 0);
    if (stream) {
        uint64_t *last_ns = &network->stream_ns[letter->from_member][to];
        arrival_ns = arrival_ns > *last_ns ? arrival_ns : *last_ns;
        *last_ns = arrival_ns;
    }
    network->parcels = with_room(network->parcels, network->n_parcels, &network->room_parcels, sizeof *network->parcels);
    size_t at = network->n_parcels++;
    for (; at > 0 && network->parcels[at - 1].arrival_ns > arrival_ns; at--)
        network->parcels[at] = network->parcels[at - 1];
    network->parcels[at] = (struct moth_parcel){.arrival_ns = arrival_ns,
                                                .to = to,
                                                .letter = copied(letter, moth_letter_bytes(letter->payload_bytes))};
    network->carried++;
}

/* ---- streams, as far as their ends must be known ---- */

static struct moth_stream *stream_of(struct moth_network *network, const struct moth_letter *letter)
{
    for (size_t i = 0; i < network->n_streams; i++) {
        struct moth_stream *stream = &network->streams[i];
        if (stream->connection == letter->connection &&
            (letter->by_opener ? stream->opener : stream->other) == letter->from_member &&
            (letter->by_opener ? stream->other : stream->opener) == letter->to_member)
            return stream;
    }
    return NULL;
}

static void follow_stream(struct moth_network *network, const struct moth_letter *letter)
{
    struct moth_stream *stream = stream_of(network, letter);
    if (letter->kind == MOTH_LETTER_OPENED && !stream && !letter->by_opener && network->n_streams < STREAMS_MAX) {
        network->streams =
            with_room(network->streams, network->n_streams, &network->room_streams, sizeof *network->streams);
        network->streams[network->n_streams++] =
            (struct moth_stream){letter->to_member, letter->from_member, letter->connection, 0};
    }
    if (!stream)
        return;
    if (letter->kind == MOTH_LETTER_END)
        stream->ended |= letter->by_opener ? 1 : 2;
    if (letter->kind == MOTH_LETTER_RESET || stream->ended == 3)
        *stream = network->streams[--network->n_streams];
}

/* Nobody is there: as the other side would have said it. */
static void answer(struct moth_network *network, const struct moth_letter *letter, enum moth_letter_kind kind)
{
    struct moth_letter back = {.kind = (uint8_t)kind,
                               .protocol = letter->protocol,
                               .from_member = letter->from_member, /* its own machine says it */
                               .from_port = letter->to_port,
                               .to_port = letter->from_port,
                               .connection = letter->connection,
                               .by_opener = !letter->by_opener,
                               .time_ns = letter->time_ns};
    carry(network, letter->from_member, &back);
}

static void route(struct moth_network *network, struct moth_letter *letter)
{
    if (letter->to_member == MOTH_MEMBER_ALL) {
        for (uint16_t member = 0; member < network->n_members; member++)
            if (member != letter->from_member && !network->gone[member])
                carry(network, member, letter);
        return;
    }
    if (letter->to_member == MOTH_MEMBER_ANY)
        letter->to_member = who_listens(network, letter->from_member, letter->protocol, letter->to_port);
    if (letter->to_member < network->n_members && !network->gone[letter->to_member]) {
        follow_stream(network, letter);
        carry(network, letter->to_member, letter);
    } else if (letter->kind == MOTH_LETTER_DATAGRAM) {
        answer(network, letter, MOTH_LETTER_UNREACHABLE);
    } else if (letter->kind == MOTH_LETTER_OPEN) {
        answer(network, letter, MOTH_LETTER_REFUSED);
    }
}

static bool is_valid(const struct moth_letter *letter, uint32_t left)
{
    return letter->kind > 0 && letter->kind < MOTH_LETTER_KIND_END && letter->protocol <= MOTH_PROTOCOL_STREAM &&
           letter->payload_bytes <= MOTH_LETTER_BYTES_MAX && moth_letter_bytes(letter->payload_bytes) <= left;
}

void moth_network_take(struct moth_network *network, uint16_t member, struct moth_mail *box, uint64_t now_ns)
{
    _Alignas(8) static uint8_t taken[sizeof(struct moth_letter) + MOTH_LETTER_BYTES_MAX + 8];
    uint32_t used = box->used < MOTH_MAIL_BYTES ? box->used : MOTH_MAIL_BYTES;
    for (uint32_t at = 0; at + sizeof(struct moth_letter) <= used;) {
        struct moth_letter *letter = (struct moth_letter *)(void *)(box->bytes + at);
        struct moth_letter seen = *letter; /* once: what shares the game's memory may still run */
        if (!is_valid(&seen, used - at))
            break; /* the game has written over it */
        memcpy(taken, letter, moth_letter_bytes(seen.payload_bytes));
        letter = (struct moth_letter *)(void *)taken;
        *letter = seen;
        letter->from_member = member;
        letter->time_ns = letter->time_ns < now_ns ? letter->time_ns : now_ns;
        if (letter->kind == MOTH_LETTER_BIND)
            listen_on(network, member, letter->protocol, letter->from_port);
        else if (letter->kind == MOTH_LETTER_UNBIND)
            unlisten(network, member, letter->protocol, letter->from_port);
        else
            route(network, letter);
        at += moth_letter_bytes(seen.payload_bytes);
    }
    network->lost += box->lost;
    box->used = box->lost = 0;
}

void moth_network_give(struct moth_network *network, uint16_t member, struct moth_mail *box, uint64_t now_ns)
{
    size_t kept = 0;
    bool full = false;
    box->used = 0;
    for (size_t i = 0; i < network->n_parcels; i++) {
        struct moth_parcel *parcel = &network->parcels[i];
        uint32_t bytes = moth_letter_bytes(parcel->letter->payload_bytes);
        bool due = parcel->to == member && parcel->arrival_ns <= now_ns && !full;
        full = full || (due && bytes > MOTH_MAIL_BYTES - box->used); /* the rest comes later, in order */
        if (!due || full) {
            network->parcels[kept++] = *parcel;
            continue;
        }
        memcpy(box->bytes + box->used, parcel->letter, bytes);
        ((struct moth_letter *)(void *)(box->bytes + box->used))->time_ns = parcel->arrival_ns;
        box->used += bytes;
        free(parcel->letter);
    }
    network->n_parcels = kept;
}

/* To the other end of each stream of a member: nothing more will come. Behind what it has sent before. */
static void end_streams(struct moth_network *network, uint16_t member, uint64_t now_ns)
{
    for (size_t i = network->n_streams; i-- > 0;) {
        struct moth_stream stream = network->streams[i];
        if (stream.opener != member && stream.other != member)
            continue;
        bool opener = stream.opener == member;
        struct moth_letter end = {.kind = stream.ended & (opener ? 1 : 2) ? MOTH_LETTER_RESET : MOTH_LETTER_END,
                                  .protocol = MOTH_PROTOCOL_STREAM,
                                  .from_member = member,
                                  .to_member = opener ? stream.other : stream.opener,
                                  .by_opener = opener,
                                  .connection = stream.connection,
                                  .time_ns = now_ns};
        carry(network, end.to_member, &end);
        network->streams[i] = network->streams[--network->n_streams];
    }
}

void moth_network_leave(struct moth_network *network, uint16_t member, uint64_t now_ns)
{
    size_t kept = 0;
    end_streams(network, member, now_ns);
    network->gone[member] = true;
    for (size_t i = network->n_listeners; i-- > 0;)
        if (network->listeners[i].member == member)
            network->listeners[i] = network->listeners[--network->n_listeners];
    for (size_t i = 0; i < network->n_parcels; i++) {
        if (network->parcels[i].to == member)
            free(network->parcels[i].letter);
        else
            network->parcels[kept++] = network->parcels[i];
    }
    network->n_parcels = kept;
}
