/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "bus/server.h"
#include "bus/text.h"

static void confirm_attached(struct moth_bus_server *server, struct moth_bus_port *port, void *from,
                             const char *id)
{
    moth_bus_reply_begin(server, true, id);
    moth_text_integer(&server->text, "instance", port->instance);
    moth_text_integer(&server->text, "epoch", (int64_t)port->epoch);
    moth_text_integer(&server->text, "seq", (int64_t)atomic_load(&port->seq));
    moth_text_integer(&server->text, "lease_ms", port->lease_ms);
    if (port->offer[0]) {
        moth_buf_put_u8(&server->text, ',');
        moth_text_raw(&server->text, port->offer);
    }
    moth_bus_reply_end(server, from);
}

/* One that this client holds already, else one that is free. */
static struct moth_bus_port *find_for(struct moth_bus_server *server, const struct moth_bus_request *request)
{
    struct moth_bus_port *free_one = NULL;
    for (uint32_t i = 0; i < server->config.ports->n; i++) {
        struct moth_bus_port *port = moth_bus_port_at(server, i);
        uint32_t state = atomic_load(&port->state);
        if (request->has_instance && port->instance != request->instance)
            continue;
        if (state == MOTH_BUS_PORT_ATTACHED && strcmp(port->client, request->client) == 0 &&
            moth_bus_worker_lives(server, i))
            return port;
        /* The lowest number, so that who comes first gets the same one each time. */
        if (state == MOTH_BUS_PORT_FREE && (!free_one || port->instance < free_one->instance) &&
            moth_bus_worker_lives(server, i))
            free_one = port;
    }
    return free_one;
}

static bool try_attach(struct moth_bus_server *server, const struct moth_bus_request *request, void *from)
{
    struct moth_bus_port *port = find_for(server, request);
    if (!port)
        return false;
    uint32_t expected = MOTH_BUS_PORT_FREE;
    bool held = atomic_load(&port->state) == MOTH_BUS_PORT_ATTACHED;
    if (request->lease_ms || !held)
        port->lease_ms = request->lease_ms ? request->lease_ms : MOTH_BUS_LEASE_MS;
    moth_bus_port_renew(port, moth_clock_monotonic_ns());
    if (!held) {
        strcpy(port->client, request->client);
        if (!atomic_compare_exchange_strong(&port->state, &expected, MOTH_BUS_PORT_ATTACHED))
            return false; /* the worker took it back */
        moth_bus_follow_session(server, moth_bus_slot_of(server, port));
        moth_bus_control_follow(server);
    }
    confirm_attached(server, port, from, request->id);
    return true;
}

void moth_bus_attach(struct moth_bus_server *server, const struct moth_bus_request *request, void *from)
{
    struct moth_bus_waiting *place = NULL;
    if (try_attach(server, request, from))
        return;
    for (unsigned i = 0; i < MOTH_BUS_WAITING_MAX && request->wait_ms; i++) {
        struct moth_bus_waiting *waiting = &server->waiting[i];
        if (waiting->from &&
            strcmp(waiting->request.client, request->client) == 0) { /* the same request again */
            moth_nano_forget(waiting->from);
            place = waiting;
            break;
        }
        if (!waiting->from && !place)
            place = waiting;
    }
    if (!place) {
        moth_bus_refuse(
            server, from, request->id, MOTH_BUS_ERROR_NO_INSTANCE,
            request->wait_ms
                ? "too many programs wait for an instance already"
                : "no instance is free; ask with wait_ms, or give the run more workers for `outside`");
        return;
    }
    place->from = from;
    place->until_ns = moth_clock_monotonic_ns() + request->wait_ms * MOTH_NS_PER_MS;
    memcpy(&place->request, request, offsetof(struct moth_bus_request, events));
}

void moth_bus_serve_waiting(struct moth_bus_server *server)
{
    for (unsigned i = 0; i < MOTH_BUS_WAITING_MAX; i++) {
        struct moth_bus_waiting *waiting = &server->waiting[i];
        if (waiting->from && try_attach(server, &waiting->request, waiting->from))
            waiting->from = NULL;
    }
}

uint64_t moth_bus_control_expire(struct moth_bus_server *server, uint64_t now_ns)
{
    uint64_t next = 0;
    for (unsigned i = 0; i < MOTH_BUS_WAITING_MAX; i++) {
        struct moth_bus_waiting *waiting = &server->waiting[i];
        if (!waiting->from)
            continue;
        if (now_ns >= waiting->until_ns) {
            void *from = waiting->from;
            waiting->from = NULL;
            moth_bus_refuse(server, from, waiting->request.id, MOTH_BUS_ERROR_NO_INSTANCE,
                            "no instance came free in wait_ms");
        } else if (!next || waiting->until_ns < next) {
            next = waiting->until_ns;
        }
    }
    return next;
}

/* ---- list ---- */

void moth_bus_list(struct moth_bus_server *server, void *from, const char *id)
{
    static const char *const states[] = {"idle", "playing", "free", "attached"};
    struct moth_buf *text = &server->text;
    moth_bus_reply_begin(server, true, id);
    moth_text_key(text, "instances");
    moth_text_raw(text, "[");
    for (uint32_t i = 0; i < server->config.ports->n; i++) {
        const struct moth_bus_port *port = moth_bus_port_at(server, i);
        uint32_t state = atomic_load(&port->state);
        if (state == MOTH_BUS_PORT_IDLE || state > MOTH_BUS_PORT_ATTACHED)
            continue;
        moth_text_key(text, NULL);
        moth_text_raw(text, "{");
        moth_text_integer(text, "instance", port->instance);
        moth_text_integer(text, "worker", i);
        moth_text_string(text, "state", states[state]);
        moth_text_string(text, "agent", port->agent);
        moth_text_integer(text, "frame", atomic_load(&port->frame));
        if (state == MOTH_BUS_PORT_ATTACHED)
            moth_text_string(text, "client", port->client);
        moth_text_raw(text, "}");
    }
    moth_text_raw(text, "]");
    moth_text_integer(text, "workers", server->config.ports->n);
    moth_bus_reply_end(server, from);
}
