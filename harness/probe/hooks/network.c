/* SPDX-License-Identifier: MIT
 *
 * The network: a game under moth is on a machine without one. Names are answered from the numbers in
 * them, only this machine itself can be reached, and both at once: a resolver's time-outs and a
 * server's answers are different in every run, and no server should be played against by a test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

static bool outside(const struct sockaddr *address, socklen_t size)
{
    if (!moth_active() || address == NULL)
        return false;
    if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        uint32_t ip = ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr);
        return ip != INADDR_ANY && ip >> 24 != 127;
    }
    if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
        const struct in6_addr *ip = &((const struct sockaddr_in6 *)address)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(ip))
            return ip->s6_addr[12] != 127;
        return !IN6_IS_ADDR_LOOPBACK(ip) && !IN6_IS_ADDR_UNSPECIFIED(ip);
    }
    return false;
}

static int unreachable(void)
{
    moth_warn("the game turned to the network; it is told that there is none", NULL);
    errno = ENETUNREACH;
    return -1;
}

MOTH_HOOK int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    moth_real_init();
    return outside(address, size) ? unreachable() : moth_real.connect(fd, address, size);
}

MOTH_HOOK ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *address, socklen_t size)
{
    moth_real_init();
    return outside(address, size) ? unreachable() : moth_real.sendto(fd, bytes, n, flags, address, size);
}

MOTH_HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    moth_real_init();
    return outside(message->msg_name, message->msg_namelen) ? unreachable() : moth_real.sendmsg(fd, message, flags);
}

/* ---- names ---- */

static bool is_numeric(const char *name)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

MOTH_HOOK int getaddrinfo(const char *restrict name, const char *restrict service,
                          const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    moth_real_init();
    if (!moth_active() || name == NULL || is_numeric(name))
        return moth_real.getaddrinfo(name, service, hints, out);
    if (strcmp(name, "localhost") == 0)
        return moth_real.getaddrinfo(hints != NULL && hints->ai_family == AF_INET6 ? "::1" : "127.0.0.1", service,
                                     hints, out);
    moth_warn("the game turned to the network; it is told that there is none", NULL);
    return EAI_NONAME;
}

static const char *numeric_or_none(const char *name)
{
    if (!moth_active() || is_numeric(name))
        return name;
    return strcmp(name, "localhost") == 0 ? "127.0.0.1" : NULL;
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
