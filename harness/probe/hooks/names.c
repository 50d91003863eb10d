/* SPDX-License-Identifier: MIT
 *
 * Names of machines: a game under moth is on a machine without a network but the one of its group. Names are
 * answered from the numbers in them, from the group's members, and at once: a resolver's time-outs and a
 * server's answers are different in every run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"
#include "net/net.h"

static bool is_numeric(const char *name)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool is_own_name(const char *name)
{
    return strcmp(name, "localhost") == 0 || strcmp(name, "moth") == 0; /* as gethostname() has it */
}

/* The address of a member of the group, written out, or NULL. Static storage. */
static const char *member_address(const char *name, bool six)
{
    static char text[32];
    uint32_t ip = moth_net_lookup(name);
    if (ip == 0)
        return NULL;
    snprintf(text, sizeof text, "%s127.%u.%u.%u", six ? "::ffff:" : "", ip >> 16 & 255u, ip >> 8 & 255u, ip & 255u);
    return text;
}

MOTH_HOOK int getaddrinfo(const char *restrict name, const char *restrict service,
                          const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    moth_real_init();
    struct addrinfo plain = hints != NULL ? *hints : (struct addrinfo){.ai_flags = AI_V4MAPPED};
    if (moth_active()) { /* which families the machine is configured for is not the game's to know */
        plain.ai_flags &= ~AI_ADDRCONFIG;
        hints = &plain;
    }
    if (!moth_active() || name == NULL || is_numeric(name))
        return moth_real.getaddrinfo(name, service, hints, out);
    bool six = hints != NULL && hints->ai_family == AF_INET6;
    if (is_own_name(name))
        return moth_real.getaddrinfo(six ? "::1" : "127.0.0.1", service, hints, out);
    const char *member = member_address(name, six);
    if (member != NULL)
        return moth_real.getaddrinfo(member, service, hints, out);
    moth_warn("the game turned to the network; it is told that there is none", NULL);
    return EAI_NONAME;
}

static const char *numeric_or_none(const char *name)
{
    if (!moth_active() || is_numeric(name))
        return name;
    return is_own_name(name) ? "127.0.0.1" : member_address(name, false);
}

MOTH_HOOK struct hostent *gethostbyname(const char *name)
{
    moth_real_init();
    const char *known = numeric_or_none(name);
    if (known != NULL)
        return moth_real.gethostbyname(known);
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

MOTH_HOOK struct hostent *gethostbyname2(const char *name, int family)
{
    moth_real_init();
    const char *known = numeric_or_none(name);
    if (known != NULL)
        return moth_real.gethostbyname2(known, family);
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

MOTH_HOOK int gethostbyname_r(const char *restrict name, struct hostent *restrict entry, char *restrict buffer,
                              size_t size, struct hostent **restrict result, int *restrict error)
{
    moth_real_init();
    const char *known = numeric_or_none(name);
    if (known != NULL)
        return moth_real.gethostbyname_r(known, entry, buffer, size, result, error);
    *result = NULL;
    *error = HOST_NOT_FOUND;
    return 0;
}

/* Numbers back into names: only oneself has one. */
MOTH_HOOK int getnameinfo(const struct sockaddr *restrict address, socklen_t size, char *restrict host,
                          socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
    moth_real_init();
    struct moth_net_address at;
    bool inet = moth_active() && moth_net_read(address, size, &at);
    if (!inet || (flags & NI_NUMERICHOST))
        return moth_real.getnameinfo(address, size, host, host_size, service, service_size, flags);
    if (at.ip != MOTH_NET_LOCALHOST && (flags & NI_NAMEREQD))
        return EAI_NONAME;
    int result = moth_real.getnameinfo(address, size, host, host_size, service, service_size,
                                       (flags & ~NI_NAMEREQD) | NI_NUMERICHOST);
    if (result == 0 && host != NULL && at.ip == MOTH_NET_LOCALHOST && host_size >= sizeof "localhost")
        strcpy(host, "localhost");
    return result;
}

MOTH_HOOK struct hostent *gethostbyaddr(const void *address, socklen_t size, int family)
{
    static const uint8_t localhost[] = {127, 0, 0, 1};
    moth_real_init();
    if (!moth_active())
        return moth_real.gethostbyaddr(address, size, family);
    if (family == AF_INET && size == sizeof localhost && memcmp(address, localhost, sizeof localhost) == 0)
        return moth_real.gethostbyname("127.0.0.1");
    h_errno = HOST_NOT_FOUND;
    return NULL;
}

/* One interface, the loopback: which ones the machine has is not the game's to know. In one piece, as
 * freeifaddrs() frees it. */
MOTH_HOOK int getifaddrs(struct ifaddrs **out)
{
    struct one {
        struct ifaddrs entry;
        struct sockaddr_in address, mask;
        char name[8];
    };
    moth_real_init();
    if (!moth_active())
        return moth_real.getifaddrs(out);
    struct one *one = calloc(1, sizeof *one);
    if (one == NULL)
        return -1;
    strcpy(one->name, "lo");
    one->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(MOTH_NET_LOCALHOST)};
    one->mask = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xff000000u)};
    one->entry = (struct ifaddrs){.ifa_name = one->name,
                                  .ifa_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING,
                                  .ifa_addr = (struct sockaddr *)&one->address,
                                  .ifa_netmask = (struct sockaddr *)&one->mask};
    *out = &one->entry;
    return 0;
}
