/* SPDX-License-Identifier: MIT
 *
 * What sockets do on one machine, area by area: each must hold for the kernel's own loopback as well as for
 * whatever stands in its place. `calls` without a window prints a line an area and exits 1 at the first that
 * does not hold; `calls --window` shows frames afterwards.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "game.h"

static const char *area;

#define CHECK(condition)                                                                             \
    do {                                                                                             \
        if (!(condition)) {                                                                          \
            printf("%s: %s does not hold (line %d, errno %d)\n", area, #condition, __LINE__, errno); \
            fflush(stdout);                                                                          \
            exit(1);                                                                                 \
        }                                                                                            \
    } while (0)

static struct sockaddr_in at(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int udp(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(fd >= 0);
    return fd;
}

/* Bound to a port of the system's choice. */
static int udp_bound(struct sockaddr_in *address)
{
    int fd = udp();
    socklen_t size = sizeof *address;
    *address = at(0);
    CHECK(bind(fd, (struct sockaddr *)address, sizeof *address) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)address, &size) == 0 && size == sizeof *address);
    CHECK(address->sin_port != 0 && address->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    return fd;
}

static void send_to(int fd, const char *text, const struct sockaddr_in *to)
{
    CHECK(sendto(fd, text, strlen(text), 0, (const struct sockaddr *)to, sizeof *to) == (ssize_t)strlen(text));
}

static void datagrams(void)
{
    struct sockaddr_in a, b, from;
    socklen_t size = sizeof from;
    char text[64] = "";
    int one = udp_bound(&a), two = udp_bound(&b);
    send_to(one, "first", &b);
    send_to(one, "", &b);
    send_to(one, "third and longer", &b);
    CHECK(recvfrom(two, text, sizeof text, 0, (struct sockaddr *)&from, &size) == 5);
    CHECK(memcmp(text, "first", 5) == 0 && from.sin_port == a.sin_port && size == sizeof from);
    CHECK(from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    CHECK(recv(two, text, sizeof text, 0) == 0);
    CHECK(recv(two, text, 5, MSG_PEEK) == 5 && memcmp(text, "third", 5) == 0);
    CHECK(recv(two, text, 5, MSG_PEEK | MSG_TRUNC) == 16);
    CHECK(recv(two, text, 5, 0) == 5); /* the rest is gone */
    CHECK(recv(two, text, sizeof text, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close(one);
    close(two);
}

static void datagrams_in_pieces(void)
{
    struct sockaddr_in a, b, from;
    int one = udp_bound(&a), two = udp_bound(&b), waiting = 0;
    char left[4] = "", right[16] = "";
    struct iovec out[2] = {{"ab", 2}, {"cdefg", 5}}, in[2] = {{left, 3}, {right, sizeof right}};
    struct msghdr message = {.msg_name = &b, .msg_namelen = sizeof b, .msg_iov = out, .msg_iovlen = 2};
    CHECK(sendmsg(one, &message, 0) == 7);
    CHECK(ioctl(two, FIONREAD, &waiting) == 0 && waiting == 7);
    message = (struct msghdr){.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = in, .msg_iovlen = 2};
    CHECK(recvmsg(two, &message, 0) == 7 && message.msg_namelen == sizeof from && message.msg_flags == 0);
    CHECK(memcmp(left, "abc", 3) == 0 && memcmp(right, "defg", 4) == 0 && from.sin_port == a.sin_port);
    CHECK(connect(one, (struct sockaddr *)&b, sizeof b) == 0);
    CHECK(write(one, "w", 1) == 1 && writev(one, out, 2) == 7);
    CHECK(read(two, right, sizeof right) == 1 && right[0] == 'w');
    CHECK(readv(two, in, 2) == 7 && memcmp(left, "abc", 3) == 0);
    struct mmsghdr several[3];
    memset(several, 0, sizeof several);
    for (int i = 0; i < 3; i++)
        several[i].msg_hdr = (struct msghdr){.msg_iov = &out[i % 2], .msg_iovlen = 1};
    CHECK(sendmmsg(one, several, 3, 0) == 3 && several[1].msg_len == 5);
    for (int i = 0; i < 3; i++)
        several[i].msg_hdr = (struct msghdr){.msg_iov = &in[1], .msg_iovlen = 1};
    CHECK(recvmmsg(two, several, 3, MSG_DONTWAIT, NULL) == 3 && several[2].msg_len == 2);
    close(one);
    close(two);
}

static void connected_datagrams(void)
{
    struct sockaddr_in a, b, c, name;
    socklen_t size = sizeof name;
    char text[8];
    int one = udp_bound(&a), two = udp_bound(&b), three = udp_bound(&c);
    CHECK(getpeername(one, (struct sockaddr *)&name, &size) == -1 && errno == ENOTCONN);
    CHECK(send(one, "x", 1, 0) == -1 && errno == EDESTADDRREQ);
    CHECK(connect(one, (struct sockaddr *)&b, sizeof b) == 0);
    size = sizeof name;
    CHECK(getpeername(one, (struct sockaddr *)&name, &size) == 0 && name.sin_port == b.sin_port);
    send_to(three, "other", &a); /* it hears its peer only */
    send_to(two, "peer", &a);
    CHECK(recv(one, text, sizeof text, 0) == 4 && memcmp(text, "peer", 4) == 0);
    CHECK(recv(one, text, sizeof text, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    close(two);
    CHECK(send(one, "x", 1, 0) == 1); /* nobody is there: the next call says so */
    CHECK(recv(one, text, sizeof text, 0) == -1 && errno == ECONNREFUSED);
    close(one);
    close(three);
}

static void ports(void)
{
    struct sockaddr_in a, other;
    int value = 1, one = udp_bound(&a), two = udp();
    CHECK(bind(two, (struct sockaddr *)&a, sizeof a) == -1 && errno == EADDRINUSE);
    CHECK(bind(one, (struct sockaddr *)&a, sizeof a) == -1 && errno == EINVAL);
    close(one);
    CHECK(bind(two, (struct sockaddr *)&a, sizeof a) == 0); /* free again */
    close(two);
    one = udp();
    other = at(0);
    other.sin_addr.s_addr = htonl(0x01020304);
    CHECK(bind(one, (struct sockaddr *)&other, sizeof other) == -1 && errno == EADDRNOTAVAIL);
    CHECK(setsockopt(one, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value) == 0);
    CHECK(setsockopt(one, SOL_SOCKET, SO_BROADCAST, &value, sizeof value) == 0);
    socklen_t size = sizeof value;
    CHECK(getsockopt(one, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && value == SOCK_DGRAM);
    CHECK(getsockopt(one, SOL_SOCKET, SO_DOMAIN, &value, &size) == 0 && value == AF_INET);
    CHECK(getsockopt(one, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0 && value == IPPROTO_UDP);
    close(one);
    CHECK(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) == -1 && errno == EPROTONOSUPPORT);
}

static void readiness(void)
{
    struct sockaddr_in a, b;
    int one = udp_bound(&a), two = udp_bound(&b), set = epoll_create1(0);
    struct pollfd polled = {two, POLLIN, 0};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = two};
    struct timeval no_time = {0, 0};
    fd_set reads;
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, two, &event) == 0);
    CHECK(poll(&polled, 1, 0) == 0 && epoll_wait(set, &event, 1, 0) == 0);
    send_to(one, "now", &b);
    CHECK(poll(&polled, 1, 0) == 1 && polled.revents == POLLIN);
    CHECK(epoll_wait(set, &event, 1, 0) == 1 && event.data.fd == two);
    FD_ZERO(&reads);
    FD_SET(two, &reads);
    CHECK(select(two + 1, &reads, NULL, NULL, &no_time) == 1 && FD_ISSET(two, &reads));
    struct timeval limit = {0, 20000};
    char text[8];
    CHECK(recv(two, text, sizeof text, 0) == 3);
    CHECK(setsockopt(two, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    CHECK(recv(two, text, sizeof text, 0) == -1 && errno == EAGAIN);
    close(set);
    close(one);
    close(two);
}

static int listener(struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof *address;
    *address = at(0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)address, sizeof *address) == 0 && listen(fd, 4) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)address, &size) == 0);
    return fd;
}

static void streams(void)
{
    struct sockaddr_in a, from, name;
    socklen_t size = sizeof from;
    int door = listener(&a), one = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP), value = 1;
    char text[16];
    CHECK(setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) == 0);
    CHECK(recv(one, text, sizeof text, 0) == -1 && errno == ENOTCONN);
    CHECK(connect(one, (struct sockaddr *)&a, sizeof a) == 0);
    int two = accept(door, (struct sockaddr *)&from, &size);
    CHECK(two >= 0);
    size = sizeof name;
    CHECK(getsockname(one, (struct sockaddr *)&name, &size) == 0 && name.sin_port == from.sin_port);
    size = sizeof name;
    CHECK(getpeername(two, (struct sockaddr *)&name, &size) == 0 && name.sin_port == from.sin_port);
    size = sizeof name;
    CHECK(getpeername(one, (struct sockaddr *)&name, &size) == 0 && name.sin_port == a.sin_port);
    CHECK(send(one, "hello ", 6, 0) == 6 && write(one, "world", 5) == 5);
    CHECK(recv(two, text, 11, MSG_WAITALL) == 11 && memcmp(text, "hello world", 11) == 0);
    CHECK(send(two, "back", 4, MSG_NOSIGNAL) == 4 && read(one, text, sizeof text) == 4);
    CHECK(shutdown(one, SHUT_WR) == 0 && recv(two, text, sizeof text, 0) == 0);
    CHECK(send(two, "still", 5, 0) == 5);
    close(two);
    CHECK(recv(one, text, sizeof text, 0) == 5 && recv(one, text, sizeof text, 0) == 0);
    close(one);
    close(door);
}

static void refused_streams(void)
{
    struct sockaddr_in a;
    int door = listener(&a), one = socket(AF_INET, SOCK_STREAM, 0);
    close(door);
    CHECK(connect(one, (struct sockaddr *)&a, sizeof a) == -1 && errno == ECONNREFUSED);
    close(one);
}

static void waits_in_line(void)
{
    struct sockaddr_in a;
    int door = listener(&a), ends[3];
    struct pollfd polled = {door, POLLIN, 0};
    CHECK(fcntl(door, F_SETFL, O_NONBLOCK) == 0);
    CHECK(accept(door, NULL, NULL) == -1 && errno == EAGAIN && poll(&polled, 1, 0) == 0);
    for (int i = 0; i < 3; i++) {
        ends[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int result = connect(ends[i], (struct sockaddr *)&a, sizeof a);
        CHECK(result == 0 || errno == EINPROGRESS);
        struct pollfd ready = {ends[i], POLLOUT, 0};
        int error = -1;
        socklen_t size = sizeof error;
        CHECK(poll(&ready, 1, 1000) == 1);
        CHECK(getsockopt(ends[i], SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0);
        char letter = (char)('a' + i);
        CHECK(send(ends[i], &letter, 1, 0) == 1);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(poll(&polled, 1, 0) == 1);
        int end = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        char letter;
        CHECK(end >= 0 && (fcntl(end, F_GETFL) & O_NONBLOCK) && (fcntl(end, F_GETFD) & FD_CLOEXEC));
        CHECK(recv(end, &letter, 1, 0) == 1 && letter == 'a' + i);
        close(end);
        close(ends[i]);
    }
    close(door);
}

#define MUCH (3 << 20)

static void *send_much(void *context)
{
    static char bytes[MUCH];
    for (int i = 0; i < MUCH; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    int fd = *(int *)context;
    CHECK(send(fd, bytes, sizeof bytes, 0) == MUCH);
    close(fd);
    return NULL;
}

static void much_at_once(void)
{
    struct sockaddr_in a;
    int door = listener(&a), one = socket(AF_INET, SOCK_STREAM, 0), got = 0;
    pthread_t thread;
    char bytes[4096];
    CHECK(connect(one, (struct sockaddr *)&a, sizeof a) == 0);
    int two = accept(door, NULL, NULL);
    CHECK(two >= 0 && pthread_create(&thread, NULL, send_much, &one) == 0);
    for (ssize_t n; (n = recv(two, bytes, sizeof bytes, 0)) > 0; got += (int)n)
        for (int i = 0; i < n; i++)
            CHECK(bytes[i] == (char)((got + i) * 7 + (got + i) / 251));
    CHECK(got == MUCH && pthread_join(thread, NULL) == 0);
    close(two);
    close(door);
}

static void *send_slowly(void *context)
{
    for (int i = 0; i < 4; i++) {
        usleep(2000);
        CHECK(send(*(int *)context, &"abcd"[i], 1, 0) == 1);
    }
    return NULL;
}

static void all_or_nothing(void)
{
    struct sockaddr_in a;
    int door = listener(&a), one = socket(AF_INET, SOCK_STREAM, 0), ends[2];
    pthread_t thread;
    char text[8] = "";
    CHECK(connect(one, (struct sockaddr *)&a, sizeof a) == 0);
    int two = accept(door, NULL, NULL);
    CHECK(pthread_create(&thread, NULL, send_slowly, &two) == 0);
    CHECK(recv(one, text, 4, MSG_WAITALL) == 4 && memcmp(text, "abcd", 4) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(send(two, "ab", 2, 0) == 2 && shutdown(two, SHUT_WR) == 0);
    CHECK(recv(one, text, 4, MSG_WAITALL) == 2 && recv(one, text, 4, MSG_WAITALL) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && pthread_create(&thread, NULL, send_slowly, &ends[0]) == 0);
    CHECK(recv(ends[1], text, 4, MSG_WAITALL) == 4 && pthread_join(thread, NULL) == 0);
    for (int *each = (int[]){door, one, two, ends[0], ends[1], -1}; *each >= 0; each++)
        close(*each);
}

static void *read_much(void *context)
{
    static char bytes[65536];
    size_t got = 0;
    for (ssize_t n; (n = recv(*(int *)context, bytes, sizeof bytes, 0)) > 0; got += (size_t)n)
        usleep(100);
    return (void *)got;
}

/* Each way of sending waits for who reads, and so lets it. */
static void sends_that_wait(void)
{
    static char bytes[MUCH / 4];
    struct iovec pieces[3] = {{bytes, sizeof bytes / 2}, {bytes, 1000}, {bytes, sizeof bytes / 2 - 1000}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
    for (int way = 0; way < 4; way++) {
        struct sockaddr_in a;
        int door = listener(&a), one = socket(AF_INET, SOCK_STREAM, 0);
        pthread_t thread;
        void *got;
        CHECK(connect(one, (struct sockaddr *)&a, sizeof a) == 0);
        int two = accept(door, NULL, NULL);
        CHECK(pthread_create(&thread, NULL, read_much, &two) == 0);
        ssize_t sent = way == 0   ? send(one, bytes, sizeof bytes, MSG_NOSIGNAL)
                       : way == 1 ? sendmsg(one, &message, MSG_NOSIGNAL)
                       : way == 2 ? writev(one, pieces, 3)
                                  : sendto(one, bytes, sizeof bytes, 0, NULL, 0);
        CHECK(sent == (ssize_t)sizeof bytes && shutdown(one, SHUT_WR) == 0);
        CHECK(pthread_join(thread, &got) == 0 && (size_t)got == sizeof bytes);
        close(two);
        while (send(one, bytes, 1, MSG_NOSIGNAL) == 1) /* and never a SIGPIPE */
            continue;
        CHECK(errno == EPIPE || errno == ECONNRESET);
        close(one);
        close(door);
    }
}

/* A server for each family on one port, another that serves both, several on one port by their own wish. */
static void families(void)
{
    struct sockaddr_in a;
    int on = 1, four = listener(&a), six_fd = socket(AF_INET6, SOCK_STREAM, 0), again = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = a.sin_port};
    CHECK(setsockopt(six_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    CHECK(bind(six_fd, (struct sockaddr *)&any, sizeof any) == 0 && listen(six_fd, 1) == 0);
    CHECK(bind(again, (struct sockaddr *)&a, sizeof a) == -1 && errno == EADDRINUSE);
    close(four);
    close(six_fd);
    close(again);
    struct sockaddr_in b = at(0);
    socklen_t size = sizeof b;
    int one = udp(), two = udp();
    CHECK(setsockopt(one, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
          setsockopt(two, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    CHECK(bind(one, (struct sockaddr *)&b, sizeof b) == 0 && getsockname(one, (struct sockaddr *)&b, &size) == 0);
    CHECK(bind(two, (struct sockaddr *)&b, sizeof b) == 0);
    close(one);
    close(two);
}

/* A stream that libc closes, and its number for something else. */
static void files_of_streams(void)
{
    struct sockaddr_in a;
    int door = listener(&a), one = socket(AF_INET, SOCK_STREAM, 0);
    char line[16] = "";
    CHECK(connect(one, (struct sockaddr *)&a, sizeof a) == 0);
    FILE *file = fdopen(accept(door, NULL, NULL), "r+");
    CHECK(file && send(one, "hello\n", 6, 0) == 6 && fgets(line, sizeof line, file) && strcmp(line, "hello\n") == 0);
    int number = fileno(file);
    CHECK(fclose(file) == 0 && recv(one, line, sizeof line, 0) == 0);
    int zero = open("/dev/zero", O_RDONLY);
    CHECK(zero == number && read(zero, line, 4) == 4 && line[0] == 0);
    close(zero);
    close(one);
    close(door);
}

static void copies(void)
{
    struct sockaddr_in a, b;
    int one = udp_bound(&a), two = udp_bound(&b), again = dup(two), third = fcntl(two, F_DUPFD_CLOEXEC, 20);
    char text[8];
    CHECK(again >= 0 && third >= 20);
    close(two);
    send_to(one, "x", &b);
    send_to(one, "y", &b);
    CHECK(recv(again, text, sizeof text, 0) == 1 && text[0] == 'x');
    close(again);
    CHECK(recv(third, text, sizeof text, 0) == 1 && text[0] == 'y');
    CHECK(dup2(one, third) == third); /* the last of the other one */
    CHECK(connect(one, (struct sockaddr *)&b, sizeof b) == 0 && send(one, "z", 1, 0) == 1);
    CHECK(recv(third, text, sizeof text, 0) == -1 && errno == ECONNREFUSED);
    close(third);
    close(one);
}

static void six(void)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, from;
    socklen_t size = sizeof a, from_size = sizeof from;
    char text[8];
    int one = socket(AF_INET6, SOCK_DGRAM, 0), two = socket(AF_INET6, SOCK_DGRAM, 0);
    if (bind(one, (struct sockaddr *)&a, sizeof a) != 0) { /* a machine without */
        CHECK(errno == EADDRNOTAVAIL);
        return;
    }
    CHECK(getsockname(one, (struct sockaddr *)&a, &size) == 0 && a.sin6_port != 0);
    CHECK(sendto(two, "six", 3, 0, (struct sockaddr *)&a, sizeof a) == 3);
    CHECK(recvfrom(one, text, sizeof text, 0, (struct sockaddr *)&from, &from_size) == 3);
    CHECK(from_size == sizeof from && IN6_IS_ADDR_LOOPBACK(&from.sin6_addr));
    close(one);
    close(two);
}

static void names(void)
{
    struct ifreq interfaces[32];
    struct ifconf list = {.ifc_len = sizeof interfaces, .ifc_req = interfaces};
    struct ifaddrs *addresses, *each;
    int fd = udp(), loopbacks = 0;
    CHECK(ioctl(fd, SIOCGIFCONF, &list) == 0 && list.ifc_len >= (int)sizeof *interfaces);
    for (int i = 0; i < list.ifc_len / (int)sizeof *interfaces; i++)
        loopbacks += ((struct sockaddr_in *)(void *)&interfaces[i].ifr_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    CHECK(loopbacks == 1);
    CHECK(getifaddrs(&addresses) == 0);
    for (each = addresses; each; each = each->ifa_next)
        loopbacks += each->ifa_addr && each->ifa_addr->sa_family == AF_INET &&
                     ((struct sockaddr_in *)(void *)each->ifa_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
    CHECK(loopbacks == 2);
    freeifaddrs(addresses);
    close(fd);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char own[128];
    CHECK(gethostname(own, sizeof own) == 0 && gethostbyname(own) != NULL);
    CHECK(getaddrinfo("localhost", "80", &hints, &found) == 0);
    CHECK(((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    freeaddrinfo(found);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*check)(void);
    } areas[] = {{"datagrams", datagrams}, {"datagrams in pieces", datagrams_in_pieces},
                 {"connected datagrams", connected_datagrams}, {"ports", ports}, {"readiness", readiness},
                 {"streams", streams}, {"refused streams", refused_streams}, {"waits in line", waits_in_line},
                 {"much at once", much_at_once}, {"all or nothing", all_or_nothing}, {"sends that wait", sends_that_wait},
                 {"families", families}, {"files of streams", files_of_streams}, {"copies", copies}, {"six", six}, {"names", names}};
    bool window = argc > 1 && strcmp(argv[1], "--window") == 0;
    struct game game = {0};
    if (window)
        game_open(&game, "network calls");
    for (size_t i = 0; i < sizeof areas / sizeof *areas; i++) {
        area = areas[i].name;
        areas[i].check();
        printf("%s: holds\n", area);
        fflush(stdout);
    }
    if (window)
        do {
            for (SDL_Event event; game_event(&game, &event);)
                continue;
            game_clear(&game, 0);
            game_number(&game, 20, 20, (uint64_t)game.frame);
        } while (game_present(&game));
    return 0;
}
