/* SPDX-License-Identifier: MIT
 *
 * A port: memory that one worker and the bus process share. Through it an outside program's requests reach
 * the instance that the worker plays, and what its instances do reaches the bus.
 *
 * Life cycle: the supervisor makes all ports before it forks anyone, and both sides inherit them; each side
 * may die and be started again, so all that must outlive a bus process (who is attached, the last reply)
 * lies here. A worker opens its port for each instance, offers it if an outside program is to drive it, and
 * closes it. One request at a time: the bus writes it and counts `asked` up, the worker answers it and counts
 * `answered` up. Waiting is a futex on the worker's side and an eventfd, which all workers share, on the
 * bus's.
 *
 * The ring carries what happened to subscribers. Who writes into it never waits: what does not fit is
 * dropped and counted.
 */
#ifndef MOTH_BUS_PORT_H
#define MOTH_BUS_PORT_H

#include <stdatomic.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "bus/request.h"

#define MOTH_BUS_REPLY_BYTES (4u << 20)
#define MOTH_BUS_RING_BYTES (256u << 10)
#define MOTH_BUS_PORTS_MAX 1024u
#define MOTH_BUS_AGENT_BYTES 64u

enum moth_bus_port_state {
    MOTH_BUS_PORT_IDLE,    /* no instance */
    MOTH_BUS_PORT_PLAYING, /* an agent of moth's own plays it, or it is being launched */
    MOTH_BUS_PORT_FREE,    /* waits for an outside program */
    MOTH_BUS_PORT_ATTACHED
};

/* A picture that was asked for, in the worker's memory file. */
struct moth_bus_frame {
    uint32_t kind; /* enum moth_bus_picture; NONE: no picture in the reply */
    int32_t fd;    /* in the worker */
    uint32_t sequence, width, height, pitch_bytes;
    uint64_t size_bytes; /* of the pixels, or of the PNG */
};

struct moth_bus_ring {
    _Atomic uint64_t head; /* bytes ever written; by the worker */
    _Atomic uint64_t tail; /* bytes ever read; by the bus */
    _Atomic uint64_t dropped;
    _Alignas(64) uint8_t bytes[MOTH_BUS_RING_BYTES];
};

struct moth_bus_port {
    _Atomic uint32_t state;   /* enum moth_bus_port_state */
    _Atomic uint32_t session; /* counts instances: a request of an earlier one is void */
    _Atomic int32_t worker;   /* process id */
    _Atomic uint32_t frame;   /* of the instance */
    uint32_t instance;
    char agent[MOTH_BUS_AGENT_BYTES];

    /* Set by the worker before it offers, … */
    uint64_t epoch;
    char offer[4096]; /* members of attach's reply, JSON */
    /* … and by the bus when a program attaches. */
    char client[MOTH_BUS_NAME_BYTES];
    uint32_t lease_ms;
    _Atomic uint64_t lease_until_ns; /* monotonic */

    _Atomic uint32_t asked, answered; /* asked: futex */
    _Atomic uint64_t seq;             /* of the last request that was applied; its reply stands below */
    uint32_t error;                   /* enum moth_bus_error of the reply */
    bool over;                        /* the instance is over with this reply */
    uint32_t reply_size;
    struct moth_bus_frame picture;

    struct moth_bus_request request;
    char reply[MOTH_BUS_REPLY_BYTES]; /* members, JSON; or the sentence of an error */
    struct moth_bus_ring ring;
};

/* Of all ports. */
struct moth_bus_ports {
    uint32_t n;
    _Atomic uint32_t listeners;                          /* subscribers: nobody fills rings for nobody */
    _Atomic uint32_t beats;     /* of the bus's loop */
    _Atomic uint32_t asleep;                             /* the bus waits without looking at the rings */
    _Atomic uint64_t attention[MOTH_BUS_PORTS_MAX / 64]; /* a bit a port: something changed there */
    struct moth_bus_port at[];
};

/* What a worker holds of the bus. */
struct moth_bus_seat {
    struct moth_bus_ports *ports; /* NULL: there is no bus */
    uint32_t slot;
    int wake_fd; /* the bus's eventfd */
};

/* Shared, zeroed memory for n ports; NULL and err. */
struct moth_bus_ports *moth_bus_ports_make(uint32_t n, struct moth_err *err);
void moth_bus_ports_free(struct moth_bus_ports *ports);

/* ---- the worker's side ---- */

/* An instance begins, with this agent. All of these do nothing where there is no bus. */
void moth_bus_seat_begin(const struct moth_bus_seat *seat, uint32_t instance, const char *agent);
void moth_bus_seat_end(const struct moth_bus_seat *seat);
/* A boundary was played. `watches` may be NULL; what lies there is not to be trusted. */
void moth_bus_seat_state(const struct moth_bus_seat *seat, uint32_t frame, uint64_t time_ns,
                         const struct moth_watch_value *watches, uint32_t n_watches);
/* Is anyone there to be told of each boundary? */
bool moth_bus_seat_heard(const struct moth_bus_seat *seat);

/* Let an outside program attach to the instance. `offer`: see moth_bus_port. */
void moth_bus_seat_offer(const struct moth_bus_seat *seat, const char *offer);
/* Wait for a request, at most timeout_ms. NULL: none came. */
const struct moth_bus_request *moth_bus_seat_wait(const struct moth_bus_seat *seat, uint32_t timeout_ms);
/* Did the attached program fall silent for longer than its lease, between requests? */
bool moth_bus_seat_lapsed(const struct moth_bus_seat *seat);
/* Answer the request: members of the reply, or with an error its sentence. */
void moth_bus_seat_answer(const struct moth_bus_seat *seat, enum moth_bus_error error, const char *text,
                          size_t size, const struct moth_bus_frame *picture, bool over);
/* No program may attach any more, and the one that is attached loses the instance. */
void moth_bus_seat_close(const struct moth_bus_seat *seat);

/* ---- the bus's side ---- */

/* Give the worker a request. */
void moth_bus_port_ask(struct moth_bus_port *port, const struct moth_bus_request *request);
static inline bool moth_bus_port_busy(const struct moth_bus_port *port)
{
    return atomic_load(&port->asked) != atomic_load(&port->answered);
}
void moth_bus_port_renew(struct moth_bus_port *port, uint64_t now_ns);

struct moth_bus_state {
    uint32_t instance, frame;
    uint64_t time_ns;
    struct moth_cursor watches; /* of moth_bus_state_watch; good until the next take */
};

/* Take the oldest state out of the ring, if there is one. */
bool moth_bus_ring_take(struct moth_bus_ring *ring, struct moth_bus_state *state);
/* Append it as the members of a JSON object. */
void moth_bus_state_write(struct moth_buf *buf, struct moth_bus_state *state);

/* One published value as a member, by `key`. */
void moth_bus_watch_write(struct moth_buf *buf, const char *key, const struct moth_watch_value *value);

#endif
