/* SPDX-License-Identifier: MIT */
#include "bus/bus.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/server.h"

#define START_MS 5000
#define STOP_MS 3000
#define BACK_OFF_NS (100 * MOTH_NS_PER_MS) /* before the second start; doubles each time */
#define BACK_OFF_NS_MOST (10 * MOTH_NS_PER_S)
#define SILENT_NS (10 * MOTH_NS_PER_S) /* without a beat, which comes ten times a second */
#define CALM_NS (60 * MOTH_NS_PER_S)   /* a process that lived so long begins anew */

struct moth_bus {
    struct moth_bus_place place;
    struct moth_bus_ports *ports;
    uint64_t *counts;
    pid_t pid; /* 0: none */
    int fd;    /* to the bus process, or -1 */
    int wake_fd;
    uint64_t began_ns, again_ns, back_off_ns; /* again_ns: when to start the next one */
    uint32_t beats;                           /* when last looked at, … */
    uint64_t beat_ns;                         /* … and when it was another number */
    char *url;
};

const struct moth_bus_place *moth_bus_place(const struct moth_bus *bus)
{
    return &bus->place;
}

/* ---- the process ---- */

static pid_t fork_server(struct moth_bus *bus, int ends[2])
{
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        struct moth_bus_server_config config = {.place = &bus->place,
                                                .ports = bus->ports,
                                                .supervisor_fd = ends[1],
                                                .wake_fd = bus->wake_fd,
                                                .counts = bus->counts};
        moth_bus_server_main(&config);
    }
    return pid;
}

/* Take away the process, which is dead or is to be. Returns its wait status. */
static int bury(struct moth_bus *bus, bool kill_it)
{
    int status = 0;
    if (kill_it)
        kill(bus->pid, SIGKILL);
    while (waitpid(bus->pid, &status, 0) < 0) {
        if (errno == EINTR)
            continue;
        break; /* whoever collects the orphans took it */
    }
    close(bus->fd);
    bus->pid = 0;
    bus->fd = -1;
    return status;
}

static int launch(struct moth_bus *bus, struct moth_err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot make a socket pair");
    pid_t pid = fork_server(bus, ends);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return moth_err_sys(err, MOTH_ERR_SYSTEM, "cannot start the bus process");
    }
    bus->pid = pid;
    bus->fd = ends[0];
    bus->began_ns = bus->beat_ns = moth_clock_monotonic_ns();
    return 0;
}

/* Wait until it listens. */
static int await_start(struct moth_bus *bus, struct moth_err *err)
{
    char answer[sizeof err->message];
    struct pollfd polled = {.fd = bus->fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&polled, 1, START_MS);
    while (ready < 0 && errno == EINTR);
    ssize_t n = ready > 0 ? recv(bus->fd, answer, sizeof answer - 1, 0) : -1;
    if (n > 0 && answer[0] == '+')
        return 0;
    if (n > 0)
        answer[n] = '\0';
    bury(bus, true);
    return n > 0 ? moth_err_set(err, MOTH_ERR_USAGE, "%s", answer)
                 : moth_err_set(err, MOTH_ERR_SYSTEM, "the bus process did not start");
}

struct moth_bus *moth_bus_start(const struct moth_bus_config *config, uint32_t n_workers,
                                struct moth_err *err)
{
    struct moth_bus *bus = calloc(1, sizeof *bus);
    if (!bus) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the bus");
        return NULL;
    }
    bus->fd = -1;
    bus->back_off_ns = BACK_OFF_NS;
    bus->url = strdup(config->url);
    bus->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bus->counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bus->ports = moth_bus_ports_make(n_workers, err);
    bus->place.claim_fd = -1;
    if (bus->ports && bus->counts != MAP_FAILED && bus->wake_fd >= 0 &&
        moth_bus_place_parse(&bus->place, config, err) == 0 &&
        moth_bus_place_prepare(&bus->place, config, err) == 0 && launch(bus, err) == 0 &&
        await_start(bus, err) == 0)
        return bus;
    if (bus->wake_fd < 0 || bus->counts == MAP_FAILED)
        moth_err_sys(err, MOTH_ERR_SYSTEM, "no event descriptor or memory for the bus");
    moth_bus_stop(bus);
    return NULL;
}

/* ---- telling ---- */

/* Never waits: an event that does not fit between us and the bus process is lost, as events may be. */
static void tell(struct moth_bus *bus, const void *head, size_t head_size, const struct moth_buf *members)
{
    struct iovec parts[2] = {
        {.iov_base = (void *)(uintptr_t)head, .iov_len = head_size},
        {.iov_base = members ? members->bytes : NULL, .iov_len = members ? members->size_bytes : 0}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (bus->fd >= 0 && parts[0].iov_len + parts[1].iov_len <= MOTH_BUS_PACKET_BYTES)
        (void)sendmsg(bus->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void moth_bus_event(struct moth_bus *bus, const char *topic, const struct moth_buf *members)
{
    char head[32];
    int size = snprintf(head, sizeof head, "E%s", topic);
    tell(bus, head, (size_t)size + 1, members);
}

void moth_bus_progress(struct moth_bus *bus, const struct moth_buf *members)
{
    tell(bus, "P", 1, members);
}

/* ---- looking after it ---- */

static bool is_dead(const struct moth_bus *bus)
{
    char byte;
    ssize_t n = bus->fd >= 0 ? recv(bus->fd, &byte, 1, MSG_DONTWAIT) : 1;
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void plan_again(struct moth_bus *bus, uint64_t now)
{
    if (now - bus->began_ns > CALM_NS)
        bus->back_off_ns = BACK_OFF_NS;
    bus->again_ns = now + bus->back_off_ns;
    bus->back_off_ns = bus->back_off_ns * 2 < BACK_OFF_NS_MOST ? bus->back_off_ns * 2 : BACK_OFF_NS_MOST;
}

/* Alive, and does nothing: stopped, or caught in a loop. */
static bool is_silent(struct moth_bus *bus, uint64_t now)
{
    uint32_t beats = atomic_load(&bus->ports->beats);
    if (beats != bus->beats) {
        bus->beats = beats;
        bus->beat_ns = now;
    }
    return now - bus->beat_ns > SILENT_NS;
}

void moth_bus_tick(struct moth_bus *bus, void (*warn)(void *context, const char *sentence), void *context)
{
    uint64_t now = moth_clock_monotonic_ns();
    char sentence[256];
    if (bus->pid > 0 && is_silent(bus, now))
        kill(bus->pid, SIGKILL); /* seen to be dead below, or the next time */
    if (bus->pid > 0 && is_dead(bus)) {
        int status = bury(bus, false);
        plan_again(bus, now);
        snprintf(
            sentence, sizeof sentence,
            "the bus process died (%s %d), which is moth's fault or another program's, not the game's; it is "
            "started again, and what was told meanwhile is lost",
            WIFSIGNALED(status) ? "signal" : "status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        warn(context, sentence);
    }
    if (bus->pid == 0 && now >= bus->again_ns && launch(bus, NULL) != 0)
        plan_again(bus, now);
}

void moth_bus_stop(struct moth_bus *bus)
{
    if (!bus)
        return;
    if (bus->pid > 0) {
        struct pollfd polled = {.fd = bus->fd, .events = POLLIN};
        tell(bus, "Q", 1, NULL);
        uint64_t until = moth_clock_monotonic_ns() + STOP_MS * MOTH_NS_PER_MS, now;
        while (!is_dead(bus) && (now = moth_clock_monotonic_ns()) < until)
            (void)poll(&polled, 1, (int)((until - now) / MOTH_NS_PER_MS + 1));
        bury(bus, true);
    }
    moth_bus_place_clear(&bus->place);
    if (bus->place.claim_fd >= 0)
        close(bus->place.claim_fd);
    if (bus->wake_fd >= 0)
        close(bus->wake_fd);
    moth_bus_ports_free(bus->ports);
    if (bus->counts != MAP_FAILED)
        munmap(bus->counts, 4096);
    free(bus->url);
    free(bus);
}

struct moth_bus_seat moth_bus_take_seat(struct moth_bus *bus, uint32_t slot)
{
    if (!bus)
        return (struct moth_bus_seat){.wake_fd = -1};
    /* Our copies would keep the bus process alive when the supervisor is gone, and the place claimed. */
    if (bus->fd >= 0)
        close(bus->fd);
    if (bus->place.claim_fd >= 0)
        close(bus->place.claim_fd);
    bus->fd = bus->place.claim_fd = -1;
    return (struct moth_bus_seat){.ports = bus->ports, .slot = slot, .wake_fd = bus->wake_fd};
}
