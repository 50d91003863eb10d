/* SPDX-License-Identifier: MIT
 *
 * Addresses: what they lead to, and how they are written for one family or the other.
 */
#include <string.h>

#include "net/net.h"

#define ALIASES_MAX 256u

static struct {
    uint16_t member, port;
    struct moth_net_address as;
} aliases[ALIASES_MAX];
static unsigned n_aliases;

static uint32_t in_host_order(const void *four)
{
    uint32_t ip;
    memcpy(&ip, four, sizeof ip);
    return ntohl(ip);
}

bool moth_net_read(const struct sockaddr *address, socklen_t size, struct moth_net_address *out)
{
    if (address == NULL)
        return false;
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        *out = (struct moth_net_address){ntohl(in->sin_addr.s_addr), ntohs(in->sin_port), false};
        return true;
    }
    if (address->sa_family != AF_INET6 || size < 24) /* the kernel takes it without the scope */
        return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    *out = (struct moth_net_address){0xffffffffu, ntohs(in6->sin6_port), true};
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        out->six = false;
        out->ip = in_host_order(&in6->sin6_addr.s6_addr[12]);
    } else if (IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr)) {
        out->ip = MOTH_NET_LOCALHOST;
    } else if (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)) {
        out->ip = INADDR_ANY;
    } else if (!IN6_IS_ADDR_MULTICAST(&in6->sin6_addr)) {
        out->ip = 0x08000000u; /* anything outside */
    }
    return true;
}

void moth_net_write(const struct moth_net_address *address, sa_family_t family, struct sockaddr *out,
                    socklen_t *size)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    const void *from = &in;
    socklen_t bytes = sizeof in;
    uint32_t ip = htonl(address->ip);
    if (out == NULL || size == NULL)
        return;
    in.sin_addr.s_addr = ip;
    if (family == AF_INET6) {
        if (address->six) {
            in6.sin6_addr.s6_addr[15] = address->ip != INADDR_ANY;
        } else if (address->ip != INADDR_ANY) {
            in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
            memcpy(&in6.sin6_addr.s6_addr[12], &ip, sizeof ip);
        }
        from = &in6;
        bytes = sizeof in6;
    }
    memcpy(out, from, *size < bytes ? *size : bytes);
    *size = bytes;
}

enum moth_net_where moth_net_where(const struct moth_net_address *address, uint16_t *member)
{
    uint32_t ip = address->ip, n = moth_channel->config.group.members;
    uint32_t index = ip - MOTH_NET_MEMBER_BASE;
    *member = MOTH_MEMBER_ANY;
    if (ip == 0xffffffffu || ip == 0x7fffffffu || ip >> 28 == 0xe) {
        *member = MOTH_MEMBER_ALL;
        return MOTH_NET_ALL;
    }
    if (ip != INADDR_ANY && ip >> 24 != 127)
        return MOTH_NET_OUTSIDE;
    if (index < MOTH_MEMBERS_MAX && index < (n > 0 ? n : 1)) {
        *member = (uint16_t)index;
        return index == moth_net_self() ? MOTH_NET_HERE : MOTH_NET_MEMBER;
    }
    return MOTH_NET_ANY;
}

static struct moth_net_address *alias(uint16_t member, uint16_t port)
{
    for (unsigned i = 0; i < n_aliases && i < ALIASES_MAX; i++)
        if (aliases[i].member == member && aliases[i].port == port)
            return &aliases[i].as;
    return NULL;
}

struct moth_net_address moth_net_known_as(uint16_t member, uint16_t port)
{
    const struct moth_net_address *as = alias(member, port);
    if (as != NULL)
        return *as;
    return (struct moth_net_address){MOTH_NET_MEMBER_BASE + member, port, false};
}

/* Datagrams that were called by one address are answered from it: the game compares the two. Where nobody
 * is named, whoever answers from that port is meant. */
void moth_net_call(uint16_t member, const struct moth_net_address *address)
{
    unsigned least = member, most = member;
    if (member >= MOTH_MEMBERS_MAX) {
        least = 0;
        most = moth_channel->config.group.members > 0 ? moth_channel->config.group.members - 1 : 0;
    }
    for (unsigned i = least; i <= most && i < MOTH_MEMBERS_MAX; i++) {
        struct moth_net_address *as = alias((uint16_t)i, address->port);
        if (as == NULL) {
            unsigned at = n_aliases++ % ALIASES_MAX;
            aliases[at].member = (uint16_t)i;
            aliases[at].port = address->port;
            as = &aliases[at].as;
        }
        *as = *address;
        if (as->ip == INADDR_ANY)
            as->ip = MOTH_NET_LOCALHOST;
    }
}

uint32_t moth_net_lookup(const char *name)
{
    const struct moth_group_place *group = &moth_channel->config.group;
    for (uint32_t i = 0; i < group->members && i < MOTH_MEMBERS_MAX; i++)
        if (strncmp(name, group->names[i], MOTH_MEMBER_NAME_BYTES) == 0)
            return MOTH_NET_MEMBER_BASE + i;
    return 0;
}
