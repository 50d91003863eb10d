/* SPDX-License-Identifier: MIT
 *
 * The bus as programs see it, for tests/bench/run. nanomsg is used bare here, to have something to compare
 * with.
 *
 *     bench_bus roundtrip URL N    steps of one frame through the bus and bare REQ/REP round trips of the
 * same sizes, in turns: prints both medians in nanoseconds bench_bus events URL         subscribes to
 * everything until the run's end, prints how many states came a second and the CPU seconds of the bus process
 */
#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCKS 20
#define MESSAGE_BYTES 4096
#define PATIENCE_MS 10000

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void need(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "bench_bus: %s: %s\n", what, nn_strerror(nn_errno()));
    exit(1);
}

static int open_socket(int protocol, const char *url, const char *suffix, bool listens)
{
    char address[256];
    int patience = PATIENCE_MS, socket = nn_socket(AF_SP, protocol);
    snprintf(address, sizeof address, "%s%s", url, suffix);
    need(socket >= 0, "socket");
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &patience, sizeof patience);
    if (protocol == NN_SUB)
        nn_setsockopt(socket, NN_SUB, NN_SUB_SUBSCRIBE, "", 0);
    need((listens ? nn_bind(socket, address) : nn_connect(socket, address)) >= 0, address);
    return socket;
}

static size_t ask(int socket, const char *request, size_t size, char *reply)
{
    need(nn_send(socket, request, size, 0) == (int)size, "send");
    int got = nn_recv(socket, reply, MESSAGE_BYTES - 1, 0);
    need(got >= 0, "receive");
    got = got < MESSAGE_BYTES ? got : MESSAGE_BYTES - 1;
    reply[got] = '\0';
    return (size_t)got;
}

/* ---- bare ---- */

/* Answers each message with one of reply_size bytes. Ends with its parent. */
static void answer_bare(const char *url, size_t reply_size)
{
    static char request[MESSAGE_BYTES], reply[MESSAGE_BYTES];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int socket = open_socket(NN_REP, url, ".bare", true), forever = -1;
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &forever, sizeof forever);
    memset(reply, 'x', sizeof reply);
    while (nn_recv(socket, request, sizeof request, 0) >= 0)
        nn_send(socket, reply, reply_size, 0);
    _exit(1);
}

/* ---- the bus ---- */

struct session {
    int socket;
    long long instance, epoch, seq;
    char reply[MESSAGE_BYTES];
};

static long long member(const char *reply, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(reply, quoted);
    return at ? atoll(at + strlen(quoted)) : -1;
}

static void attach(struct session *session, const char *url)
{
    char request[256];
    session->socket = open_socket(NN_REQ, url, ".control", false);
    int size =
        snprintf(request, sizeof request,
                 "{\"v\":1,\"op\":\"attach\",\"client\":\"bench-%d\",\"wait_ms\":9000}", (int)getpid());
    ask(session->socket, request, (size_t)size, session->reply);
    session->instance = member(session->reply, "instance");
    session->epoch = member(session->reply, "epoch");
    if (session->epoch < 0)
        fprintf(stderr, "bench_bus: %s\n", session->reply);
    if (session->epoch < 0)
        exit(1);
}

static size_t step_request(struct session *session, char *request, size_t size)
{
    session->seq++;
    return (size_t)snprintf(
        request, size,
        "{\"v\":1,\"op\":\"step\",\"instance\":%lld,\"epoch\":%lld,\"seq\":%lld,\"frames\":1,"
        "\"inputs\":[{\"at\":0,\"%s\":\"right\"}]}",
        session->instance, session->epoch, session->seq, session->seq % 2 ? "press" : "release");
}

static void step(struct session *session)
{
    char request[256];
    size_t size = step_request(session, request, sizeof request);
    ask(session->socket, request, size, session->reply);
    if (strstr(session->reply, "\"ok\":true"))
        return;
    fprintf(stderr, "bench_bus: %s\n", session->reply);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    long long left = *(const long long *)a, right = *(const long long *)b;
    return (left > right) - (left < right);
}

static int roundtrip(const char *url, int n)
{
    struct session session = {0};
    char request[256], reply[MESSAGE_BYTES];
    long long *bus = calloc((size_t)n, sizeof *bus), *bare = calloc((size_t)n, sizeof *bare);
    attach(&session, url);
    for (int i = 0; i < 200; i++)
        step(&session);
    size_t reply_size = strlen(session.reply), size = step_request(&session, request, sizeof request);
    session.seq--;
    /* A process that uses nanomsg must not fork: the bare side is this program once more. */
    char reply_text[16], me[512];
    snprintf(reply_text, sizeof reply_text, "%zu", reply_size);
    ssize_t length = readlink("/proc/self/exe", me, sizeof me - 1);
    me[length > 0 ? length : 0] = '\0';
    pid_t pid = vfork();
    if (pid == 0) {
        execl(me, me, "answer", url, reply_text, (char *)NULL);
        _exit(1);
    }
    int socket = open_socket(NN_REQ, url, ".bare", false);
    for (int i = 0; i < 200; i++)
        ask(socket, request, size, reply);
    for (int i = 0; i < n; i++) {
        bool first = i / (n / BLOCKS) % 2;
        for (int side = 0; side < 2; side++) {
            long long begin = now_ns();
            if ((side == 0) == first)
                step(&session);
            else
                ask(socket, request, size, reply);
            ((side == 0) == first ? bus : bare)[i] = now_ns() - begin;
        }
    }
    int end = snprintf(request, sizeof request,
                       "{\"v\":1,\"op\":\"release\",\"instance\":%lld,\"epoch\":%lld,\"seq\":%lld}",
                       session.instance, session.epoch, session.seq + 1);
    ask(session.socket, request, (size_t)end, session.reply);
    nn_close(session.socket);
    nn_close(socket);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    char bare_path[256];
    snprintf(bare_path, sizeof bare_path, "%s.bare", url + strlen("ipc://"));
    unlink(bare_path);
    qsort(bus, (size_t)n, sizeof *bus, by_value);
    qsort(bare, (size_t)n, sizeof *bare, by_value);
    printf("%lld %lld %zu %zu\n", bus[n / 2], bare[n / 2], size, reply_size);
    free(bus);
    free(bare);
    return 0;
}

/* Until the run's end. */
static int events(const char *url)
{
    int socket = open_socket(NN_SUB, url, ".events", false);
    long long n = 0, begin = 0, end = 0;
    double cpu_s = 0;
    for (;;) {
        char *message;
        int got = nn_recv(socket, &message, NN_MSG, 0);
        need(got >= 0, "receive");
        if (got > 6 && memcmp(message, "state ", 6) == 0) {
            end = now_ns();
            begin = begin ? begin : end;
            static const char frame[] = "\"frame\":";
            for (const char *at = message;
                 (at = memmem(at, (size_t)(message + got - at), frame, sizeof frame - 1)); at++)
                n++;
        }
        static const char key[] = "\"bus_cpu_s\":", last[] = "\"event\":\"end\"";
        const char *cpu = memmem(message, (size_t)got, key, sizeof key - 1);
        if (cpu && memchr(cpu, '}', (size_t)(message + got - cpu)))
            cpu_s = strtod(cpu + sizeof key - 1, NULL);
        bool over =
            got > 4 && memcmp(message, "run ", 4) == 0 && memmem(message, (size_t)got, last, sizeof last - 1);
        nn_freemsg(message);
        if (over)
            break;
    }
    nn_close(socket);
    printf("%.0f %.6f\n", n > 1 ? (double)n / ((double)(end - begin) / 1e9) : 0, cpu_s);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "answer") == 0)
        answer_bare(argv[2], (size_t)atoi(argv[3]));
    if (argc == 4 && strcmp(argv[1], "roundtrip") == 0)
        return roundtrip(argv[2], atoi(argv[3]));
    if (argc == 3 && strcmp(argv[1], "events") == 0)
        return events(argv[2]);
    fprintf(stderr, "usage: bench_bus roundtrip URL N | events URL\n");
    return 2;
}
