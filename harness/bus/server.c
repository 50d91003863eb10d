/* SPDX-License-Identifier: MIT */
#include "bus/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/text.h"

#define HEARTBEAT_NS MOTH_NS_PER_S
#define LOOK_MS 100                    /* between looks at who has subscribed */
#define STATES_NS (5 * MOTH_NS_PER_MS) /* states are said so far apart, many at a time … */
#define STATES_AT_ONCE 250u            /* … which makes at most 50,000 a second */
#define LINGER_NS (500 * MOTH_NS_PER_MS)

enum { POLL_CONTROL, POLL_WAKE, POLL_SUPERVISOR, POLL_WORKERS };

static const char *const topics[] = {
#define X(name, text) text,
    MOTH_BUS_TOPICS(X)
#undef X
};

/* ---- events ---- */

void moth_bus_event_begin(struct moth_bus_server *server, enum moth_bus_topic topic)
{
    moth_buf_clear(&server->text);
    moth_text_raw(&server->text, topics[topic]);
    moth_text_raw(&server->text, " {\"v\":1");
    moth_text_integer(&server->text, "n", (int64_t)++server->config.counts[topic]);
}

void moth_bus_event_end(struct moth_bus_server *server)
{
    moth_buf_put_u8(&server->text, '}');
    if (server->text.failed)
        abort(); /* the supervisor starts another process in our place */
    char *message = moth_nano_message(server->text.size_bytes);
    memcpy(message, server->text.bytes, server->text.size_bytes);
    moth_nano_publish(server->nano, message);
}

static void put_members(struct moth_bus_server *server, const void *members, size_t size)
{
    if (size == 0)
        return;
    moth_buf_put_u8(&server->text, ',');
    moth_buf_put(&server->text, members, size);
}

static void heartbeat(struct moth_bus_server *server)
{
    uint64_t dropped = 0;
    const struct moth_bus_ports *ports = server->config.ports;
    for (uint32_t i = 0; i < ports->n; i++)
        dropped += atomic_load(&ports->at[i].ring.dropped);
    moth_bus_event_begin(server, MOTH_BUS_TOPIC_PROGRESS);
    put_members(server, server->progress.bytes, server->progress.size_bytes);
    moth_text_integer(&server->text, "subscribers", atomic_load(&ports->listeners));
    moth_text_integer(&server->text, "states_dropped", (int64_t)dropped);
    moth_text_number(&server->text, "bus_cpu_s", (double)moth_clock_process_cpu_ns() / 1e9);
    moth_bus_event_end(server);
}

static unsigned say_states(struct moth_bus_server *server, unsigned most);

/* What was before the run's end is said before it. */
static void say_rest(struct moth_bus_server *server)
{
    while (say_states(server, STATES_AT_ONCE) > 0)
        continue;
    heartbeat(server);
}

/* ---- the supervisor ---- */

static void take_event(struct moth_bus_server *server, const char *packet, size_t size)
{
    size_t length = strnlen(packet, size);
    for (unsigned i = 0; i < MOTH_BUS_TOPIC_END && length < size; i++) {
        if (strcmp(topics[i], packet) != 0)
            continue;
        if (i == MOTH_BUS_TOPIC_RUN)
            say_rest(server);
        moth_bus_event_begin(server, (enum moth_bus_topic)i);
        put_members(server, packet + length + 1, size - length - 1);
        moth_bus_event_end(server);
    }
}

/* 0, or -1 when the supervisor is gone. */
static int hear_supervisor(struct moth_bus_server *server)
{
    static char packet[MOTH_BUS_PACKET_BYTES];
    ssize_t n;
    while ((n = recv(server->config.supervisor_fd, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        if (packet[0] == 'E')
            take_event(server, packet + 1, (size_t)n - 1);
        if (packet[0] == 'P') {
            moth_buf_clear(&server->progress);
            moth_buf_put(&server->progress, packet + 1, (size_t)n - 1);
        }
        if (packet[0] == 'Q')
            server->over = true;
    }
    return n == 0 || (errno != EAGAIN && errno != EINTR) ? -1 : 0;
}

/* ---- the rings ---- */

/* Say at most `most` states, one of each port in turn, in one message. How many were there. */
static unsigned say_states(struct moth_bus_server *server, unsigned most)
{
    static uint32_t slot;
    struct moth_bus_ports *ports = server->config.ports;
    struct moth_bus_state state;
    unsigned said = 0;
    for (uint32_t empty = 0; said < most && empty < ports->n; slot = (slot + 1) % ports->n) {
        if (!moth_bus_ring_take(&ports->at[slot].ring, &state)) {
            empty++;
            continue;
        }
        empty = 0;
        if (said++ == 0) {
            moth_bus_event_begin(server, MOTH_BUS_TOPIC_STATE);
            moth_text_key(&server->text, "states");
            moth_text_raw(&server->text, "[");
        }
        moth_text_key(&server->text, NULL);
        moth_text_raw(&server->text, "{");
        moth_bus_state_write(&server->text, &state);
        moth_text_raw(&server->text, "}");
    }
    if (said > 0) {
        moth_text_raw(&server->text, "]");
        moth_bus_event_end(server);
    }
    return said;
}

static bool rings_empty(const struct moth_bus_ports *ports)
{
    for (uint32_t i = 0; i < ports->n; i++)
        if (atomic_load(&ports->at[i].ring.head) != atomic_load(&ports->at[i].ring.tail))
            return false;
    return true;
}

/* ---- the loop ---- */

struct loop {
    struct pollfd *polled;
    uint32_t *slots; /* of polled[POLL_WORKERS + i] */
    uint64_t heartbeat_ns, look_ns, states_ns, end_ns;
};

static nfds_t fill_polled(const struct moth_bus_server *server, struct loop *loop)
{
    nfds_t n = POLL_WORKERS;
    for (uint32_t i = 0; i < server->config.ports->n; i++) {
        if (!server->pending[i].from || server->worker_fds[i] < 0)
            continue;
        loop->slots[n - POLL_WORKERS] = i;
        loop->polled[n++] = (struct pollfd){.fd = server->worker_fds[i], .events = POLLIN};
    }
    return n;
}

static void sooner(uint64_t *until, uint64_t other)
{
    if (other && other < *until)
        *until = other;
}

static void wait_for_something(struct moth_bus_server *server, struct loop *loop, uint64_t until_ns)
{
    nfds_t n = fill_polled(server, loop);
    uint64_t now = moth_clock_monotonic_ns(), left = until_ns > now ? until_ns - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / MOTH_NS_PER_S),
                               .tv_nsec = (long)(left % MOTH_NS_PER_S)};
    if (ppoll(loop->polled, n, &timeout, NULL) <= 0)
        return;
    if (loop->polled[POLL_WAKE].revents) {
        uint64_t times;
        ssize_t got = read(server->config.wake_fd, &times, sizeof times);
        (void)got;
    }
    if (loop->polled[POLL_SUPERVISOR].revents && hear_supervisor(server) != 0)
        loop->end_ns = 1; /* at once: there is nobody left to serve */
    for (nfds_t i = POLL_WORKERS; i < n; i++)
        if (loop->polled[i].revents)
            moth_bus_control_lost(server, loop->slots[i - POLL_WORKERS]);
    if (loop->polled[POLL_CONTROL].revents)
        moth_bus_control_take(server);
}

/* What is due by the clock. When the next thing will be. */
static uint64_t do_due(struct moth_bus_server *server, struct loop *loop)
{
    struct moth_bus_ports *ports = server->config.ports;
    uint64_t now = moth_clock_monotonic_ns();
    atomic_fetch_add(&ports->beats, 1);
    if (now >= loop->look_ns) {
        atomic_store(&ports->listeners, moth_nano_subscribers(server->nano));
        loop->look_ns = now + LOOK_MS * MOTH_NS_PER_MS;
        moth_bus_control_follow(server);
    }
    if (now >= loop->heartbeat_ns) {
        heartbeat(server);
        loop->heartbeat_ns = now + HEARTBEAT_NS;
    }
    uint64_t until = loop->look_ns;
    sooner(&until, loop->heartbeat_ns);
    sooner(&until, moth_bus_control_expire(server, now));
    if (now < loop->states_ns) {
        sooner(&until, loop->states_ns);
        return until;
    }
    if (say_states(server, STATES_AT_ONCE) > 0) {
        loop->states_ns = now + STATES_NS;
        sooner(&until, loop->states_ns);
        return until;
    }
    atomic_store(&ports->asleep, 1); /* from here on who writes into an empty ring wakes us */
    if (!rings_empty(ports) && atomic_exchange(&ports->asleep, 0))
        sooner(&until, now);
    return until;
}

/* The run is over: open requests are refused; then wait a moment for others to leave, as they do when they
 * were told. */
static bool is_end(struct moth_bus_server *server, struct loop *loop)
{
    if (!server->over)
        return loop->end_ns != 0;
    uint64_t now = moth_clock_monotonic_ns();
    if (loop->end_ns == 0) {
        moth_bus_control_refuse(server);
        loop->end_ns = now + LINGER_NS;
    }
    return now >= loop->end_ns ||
           (moth_nano_subscribers(server->nano) == 0 && moth_nano_clients(server->nano) == 0);
}

static void serve(struct moth_bus_server *server, struct loop *loop)
{
    loop->polled[POLL_CONTROL] = (struct pollfd){.fd = moth_nano_fd(server->nano), .events = POLLIN};
    loop->polled[POLL_WAKE] = (struct pollfd){.fd = server->config.wake_fd, .events = POLLIN};
    loop->polled[POLL_SUPERVISOR] = (struct pollfd){.fd = server->config.supervisor_fd, .events = POLLIN};
    while (!is_end(server, loop)) {
        uint64_t until = do_due(server, loop);
        if (server->over)
            sooner(&until, moth_clock_monotonic_ns() + 5 * MOTH_NS_PER_MS);
        wait_for_something(server, loop, until);
        moth_bus_control_attend(server);
    }
}

/* ---- begin and end ---- */

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Nothing of the supervisor's but what is ours: locks and pipes that we kept open would outlive it. */
static void close_rest(const struct moth_bus_server_config *config)
{
    int kept[] = {0, 1, 2, config->supervisor_fd, config->wake_fd, config->place->claim_fd};
    size_t n = sizeof kept / sizeof *kept;
    qsort(kept, n, sizeof *kept, by_number);
    for (size_t i = 0; i + 1 < n; i++)
        if (kept[i + 1] > kept[i] + 1)
            close_range((unsigned)(kept[i] + 1), (unsigned)(kept[i + 1] - 1), 0);
    close_range((unsigned)kept[n - 1] + 1, ~0U, 0);
}

/* What the supervisor is told to do by a signal it tells us itself. */
static void set_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
}

static bool make(struct moth_bus_server *server, struct loop *loop)
{
    uint32_t n = server->config.ports->n;
    server->pending = calloc(n, sizeof *server->pending);
    server->worker_fds = malloc(n * sizeof *server->worker_fds);
    server->workers = calloc(n, sizeof *server->workers);
    server->sessions = calloc(n, sizeof *server->sessions);
    server->waiting = calloc(MOTH_BUS_WAITING_MAX, sizeof *server->waiting);
    loop->polled = calloc(n + POLL_WORKERS, sizeof *loop->polled);
    loop->slots = calloc(n + 1, sizeof *loop->slots);
    for (uint32_t i = 0; server->worker_fds && i < n; i++)
        server->worker_fds[i] = -1;
    return server->pending && server->worker_fds && server->workers && server->sessions && server->waiting &&
           loop->polled && loop->slots;
}

_Noreturn void moth_bus_server_main(const struct moth_bus_server_config *config)
{
    static struct moth_bus_server server;
    static struct loop loop;
    struct moth_err err;
    prctl(PR_SET_NAME, "moth-bus");
    set_signals();
    close_rest(config);
    server.config = *config;
    bool ready = make(&server, &loop);
    sched_getaffinity(0, sizeof server.cpus, &server.cpus);
    server.used_cpus = server.cpus;
    server.nano = ready ? moth_nano_open(config->place, &err) : NULL;
    const char *answer = server.nano ? "+" : ready ? err.message : "no memory for the bus";
    (void)send(config->supervisor_fd, answer, strlen(answer), MSG_NOSIGNAL);
    if (server.nano) {
        for (uint32_t i = 0; i < config->ports->n; i++) /* of a bus process before us */
            atomic_fetch_or(&config->ports->attention[i / 64], UINT64_C(1) << i % 64);
        serve(&server, &loop);
        moth_nano_close(server.nano);
        moth_bus_place_clear(config->place);
    }
    _exit(server.nano ? 0 : 1);
}
