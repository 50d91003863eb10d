/* SPDX-License-Identifier: MIT
 *
 * The mail of a member: letters into the outbox, letters out of the inbox.
 */
#include "net/net.h"

#include <string.h>

#define RESERVED_BYTES (128u << 10) /* for letters that are neither sent again nor may be lost */

struct moth_letter *moth_mail_begin(enum moth_letter_kind kind, uint8_t protocol, uint32_t payload_bytes)
{
    struct moth_mail *box = &moth_channel->outbox;
    if (!moth_net_linked())
        return NULL;
    bool may_wait = kind == MOTH_LETTER_DATAGRAM || kind == MOTH_LETTER_DATA;
    uint32_t room = may_wait ? MOTH_MAIL_BYTES - RESERVED_BYTES : MOTH_MAIL_BYTES;
    if (box->used > room - moth_letter_bytes(payload_bytes)) {
        box->lost += kind == MOTH_LETTER_DATAGRAM;
        return NULL;
    }
    struct moth_letter *letter = (struct moth_letter *)(void *)(box->bytes + box->used);
    *letter = (struct moth_letter){.kind = (uint8_t)kind,
                                   .protocol = protocol,
                                   .to_member = MOTH_MEMBER_ANY,
                                   .payload_bytes = payload_bytes,
                                   .time_ns = moth_now_ns};
    return letter;
}

void moth_mail_send(struct moth_letter *letter)
{
    moth_channel->outbox.used += moth_letter_bytes(letter->payload_bytes);
}

void moth_mail_tell(enum moth_letter_kind kind, const struct moth_net_socket *socket)
{
    struct moth_letter *letter = moth_mail_begin(kind, socket->protocol, 0);
    if (letter == NULL)
        return;
    letter->from_port = socket->local.port;
    letter->to_port = socket->remote.port;
    letter->to_member = socket->member;
    letter->by_opener = socket->by_opener;
    letter->connection = socket->connection;
    moth_mail_send(letter);
}

static bool is_stream_of_mail(const struct moth_net_socket *socket)
{
    return socket->protocol == MOTH_PROTOCOL_STREAM && socket->connected && socket->member != MOTH_MEMBER_ANY;
}

void moth_net_collect(void)
{
    if (!moth_net_linked())
        return;
    unsigned at = 0;
    for (struct moth_net_socket *each; (each = moth_net_each(&at)) != NULL;) {
        if (!is_stream_of_mail(each))
            continue;
        moth_net_pump_in(each);
        moth_net_pump_out(each);
        if (each->we_ended && each->references == 0 && each->theirs < 0)
            moth_net_free(each);
    }
}

void moth_net_deliver(void)
{
    struct moth_mail *box = &moth_channel->inbox;
    if (!moth_net_linked())
        return;
    uint32_t used = box->used < MOTH_MAIL_BYTES ? box->used : MOTH_MAIL_BYTES;
    for (uint32_t at = 0; at + sizeof(struct moth_letter) <= used;) {
        const struct moth_letter *letter = (const struct moth_letter *)(const void *)(box->bytes + at);
        const uint8_t *payload = (const uint8_t *)(letter + 1);
        if (letter->kind == MOTH_LETTER_DATAGRAM || letter->kind == MOTH_LETTER_UNREACHABLE)
            moth_net_datagram_came(letter, payload);
        else
            moth_net_stream_came(letter, payload);
        at += moth_letter_bytes(letter->payload_bytes);
    }
    box->used = 0;
}
