/* SPDX-License-Identifier: MIT
 *
 * The bus process, inside. server.c has the loop: it hears the supervisor, reads the rings, says events.
 * control.c takes requests, hands them to ports and sends the replies; attach.c gives instances to programs.
 * Private to harness/bus.
 *
 * With the supervisor it talks over a socket of whole packets. To the bus: 'E', topic, NUL, members; 'P',
 * members; 'Q': end. From it, once: "+" when it listens, else why not. Its end, whatever kind of end that
 * is, is the bus's. One thread beside nanomsg's own; it waits in one place, and only for everything at once.
 */
#ifndef MOTH_BUS_SERVER_H
#define MOTH_BUS_SERVER_H

#include <sched.h>

#include "bus/nano.h"
#include "bus/place.h"
#include "bus/port.h"

#define MOTH_BUS_PACKET_BYTES (64u << 10)
#define MOTH_BUS_WAITING_MAX 64u /* programs that wait for an instance */
#define MOTH_BUS_CLOSED_MAX 64u  /* sessions that are over, with their last replies for who asks again */
#define MOTH_BUS_CLOSED_BYTES_MAX (256u << 10)

/* X(name, text) */
#define MOTH_BUS_TOPICS(X)  \
    X(RUN, "run")           \
    X(INSTANCE, "instance") \
    X(STATE, "state")       \
    X(FINDING, "finding")   \
    X(PROGRESS, "progress")

enum moth_bus_topic {
#define X(name, text) MOTH_BUS_TOPIC_##name,
    MOTH_BUS_TOPICS(X)
#undef X
        MOTH_BUS_TOPIC_END
};

struct moth_bus_server_config {
    const struct moth_bus_place *place;
    struct moth_bus_ports *ports;
    int supervisor_fd, wake_fd;
    uint64_t *counts; /* of events by topic, in shared memory: a later bus process counts on */
};

/* A request that a worker is at. */
struct moth_bus_pending {
    void *from; /* NULL: none */
    uint32_t session;
    uint64_t epoch, seq;
    char id[sizeof((struct moth_bus_request *)0)->id];
};

/* A program that waits for an instance. */
struct moth_bus_waiting {
    void *from; /* NULL: the place is free */
    uint64_t until_ns;
    struct moth_bus_request request; /* without its events */
};

struct moth_bus_closed {
    uint32_t instance;
    uint64_t epoch; /* 0: the place is free */
    uint64_t seq;   /* of the last reply, which may be too long to be kept, */
    char *text;     /* NULL then */
    size_t size_bytes;
};

struct moth_bus_server {
    struct moth_bus_server_config config;
    struct moth_nano *nano;
    struct moth_bus_pending *pending; /* of each port */
    int *worker_fds;                  /* of each port: pidfd of who is attached to, -1: none */
    int32_t *workers;                 /* … and its process id */
    struct moth_bus_closed *sessions; /* of each port: who was attached when last looked at, without text */
    struct moth_bus_waiting *waiting;
    struct moth_bus_closed closed[MOTH_BUS_CLOSED_MAX];
    unsigned next_closed;
    struct moth_bus_request request; /* the one that is looked at */
    struct moth_buf text;            /* the reply or event that is made */
    struct moth_buf progress;        /* members of the next `progress` */
    bool over;                       /* the run is */
    cpu_set_t cpus, used_cpus;       /* that may be used; that are */
};

/* In the forked child. Never returns. */
_Noreturn void moth_bus_server_main(const struct moth_bus_server_config *config);

/* Begin the text of an event; its members follow. Then say it. */
void moth_bus_event_begin(struct moth_bus_server *server, enum moth_bus_topic topic);
void moth_bus_event_end(struct moth_bus_server *server);

static inline struct moth_bus_port *moth_bus_port_at(const struct moth_bus_server *server, uint32_t slot)
{
    return &server->config.ports->at[slot];
}

static inline uint32_t moth_bus_slot_of(const struct moth_bus_server *server,
                                        const struct moth_bus_port *port)
{
    return (uint32_t)(port - server->config.ports->at);
}

/* Begin the text of a reply, whose members follow; send it. `from` is used up. */
void moth_bus_reply_begin(struct moth_bus_server *server, bool ok, const char *id);
void moth_bus_reply_end(struct moth_bus_server *server, void *from);
/* Send an error. */
void moth_bus_refuse(struct moth_bus_server *server, void *from, const char *id, enum moth_bus_error error,
                     const char *message);
bool moth_bus_worker_lives(struct moth_bus_server *server, uint32_t slot);
/* Notice that a session began at a port, or is over. */
void moth_bus_follow_session(struct moth_bus_server *server, uint32_t slot);

void moth_bus_list(struct moth_bus_server *server, void *from, const char *id);
void moth_bus_attach(struct moth_bus_server *server, const struct moth_bus_request *request, void *from);
/* An instance may have come free. */
void moth_bus_serve_waiting(struct moth_bus_server *server);

/* Take all requests that are there. */
void moth_bus_control_take(struct moth_bus_server *server);
/* Ports where something changed: replies go out, programs that wait are served. */
void moth_bus_control_attend(struct moth_bus_server *server);
/* The worker of a port is dead. */
void moth_bus_control_lost(struct moth_bus_server *server, uint32_t slot);
/* Programs that waited long enough are told so. When the next one will have, 0: none waits. */
uint64_t moth_bus_control_expire(struct moth_bus_server *server, uint64_t now_ns);
/* Keep to the CPUs where requests are done. */
void moth_bus_control_follow(struct moth_bus_server *server);
/* Refuse everything that is open: the run is over. */
void moth_bus_control_refuse(struct moth_bus_server *server);

#endif
