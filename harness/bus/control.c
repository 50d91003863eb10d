/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/server.h"
#include "bus/text.h"

/* ---- replies ---- */

void moth_bus_reply_begin(struct moth_bus_server *server, bool ok, const char *id)
{
    moth_buf_clear(&server->text);
    moth_text_raw(&server->text, ok ? "{\"v\":1,\"ok\":true" : "{\"v\":1,\"ok\":false");
    if (id[0]) {
        moth_text_raw(&server->text, ",\"id\":");
        moth_text_raw(&server->text, id);
    }
}

static void send_text(struct moth_bus_server *server, void *from, const void *text, size_t size_bytes)
{
    char *message = moth_nano_message(size_bytes);
    memcpy(message, text, size_bytes);
    moth_nano_answer(server->nano, from, message);
}

void moth_bus_reply_end(struct moth_bus_server *server, void *from)
{
    moth_buf_put_u8(&server->text, '}');
    if (server->text.failed)
        abort(); /* the supervisor starts another process in our place */
    send_text(server, from, server->text.bytes, server->text.size_bytes);
}

static void write_error(struct moth_bus_server *server, enum moth_bus_error error, const char *message)
{
    moth_text_key(&server->text, "error");
    moth_text_raw(&server->text, "{");
    moth_text_string(&server->text, "code", moth_bus_error_name(error));
    moth_text_string(&server->text, "message", message);
    moth_text_raw(&server->text, "}");
}

void moth_bus_refuse(struct moth_bus_server *server, void *from, const char *id, enum moth_bus_error error,
                     const char *message)
{
    moth_bus_reply_begin(server, false, id);
    write_error(server, error, message);
    moth_bus_reply_end(server, from);
}

/* ---- pictures ---- */

static void put_base64(struct moth_buf *buf, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *to = moth_buf_reserve(buf, (size + 2) / 3 * 4);
    if (!to)
        return;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t left = (uint32_t)(size - i < 3 ? size - i : 3), three = (uint32_t)bytes[i] << 16;
        three |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        three |= left > 2 ? bytes[i + 2] : 0;
        *to++ = (uint8_t)digits[three >> 18];
        *to++ = (uint8_t)digits[three >> 12 & 63];
        *to++ = (uint8_t)(left > 1 ? digits[three >> 6 & 63] : '=');
        *to++ = (uint8_t)(left > 2 ? digits[three & 63] : '=');
    }
    buf->size_bytes += (size + 2) / 3 * 4;
}

static void write_png(struct moth_buf *buf, const struct moth_bus_frame *frame, const char *path)
{
    uint8_t *bytes = frame->size_bytes <= MOTH_PICTURE_BYTES_MAX ? malloc(frame->size_bytes) : NULL;
    int fd = bytes ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    bool whole = fd >= 0 && pread(fd, bytes, frame->size_bytes, 0) == (ssize_t)frame->size_bytes;
    if (fd >= 0)
        close(fd);
    moth_text_key(buf, "png");
    moth_text_raw(buf, whole ? "\"" : "null");
    if (whole) {
        put_base64(buf, bytes, frame->size_bytes);
        moth_text_raw(buf, "\"");
    }
    free(bytes);
}

static void write_picture(struct moth_buf *buf, const struct moth_bus_port *port)
{
    const struct moth_bus_frame *frame = &port->picture;
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", atomic_load(&port->worker), frame->fd);
    moth_text_key(buf, "picture");
    moth_text_raw(buf, "{");
    moth_text_integer(buf, "width", frame->width);
    moth_text_integer(buf, "height", frame->height);
    if (frame->kind == MOTH_BUS_PICTURE_PNG) {
        write_png(buf, frame, path);
    } else {
        moth_text_string(buf, "path", path);
        moth_text_integer(buf, "pitch", frame->pitch_bytes);
        moth_text_integer(buf, "bytes", (int64_t)frame->size_bytes);
        moth_text_integer(buf, "sequence", frame->sequence);
        moth_text_string(buf, "format", "RGBX");
    }
    moth_text_raw(buf, "}");
}

/* ---- sessions ---- */

static struct moth_bus_closed *find_closed(struct moth_bus_server *server, uint32_t instance, uint64_t epoch)
{
    for (unsigned i = 0; i < MOTH_BUS_CLOSED_MAX; i++) {
        struct moth_bus_closed *closed = &server->closed[i];
        if (closed->epoch == epoch && closed->instance == instance)
            return closed;
    }
    return NULL;
}

static struct moth_bus_closed *keep_closed(struct moth_bus_server *server, uint32_t instance, uint64_t epoch)
{
    struct moth_bus_closed *closed = find_closed(server, instance, epoch);
    if (closed)
        return closed;
    closed = &server->closed[server->next_closed++ % MOTH_BUS_CLOSED_MAX];
    free(closed->text);
    *closed = (struct moth_bus_closed){.instance = instance, .epoch = epoch};
    return closed;
}

/* Whoever asks for the last reply of a session again gets it, also when its port has gone on. */
static void keep_last_reply(struct moth_bus_server *server, uint32_t instance, uint64_t epoch, uint64_t seq)
{
    struct moth_bus_closed *closed = keep_closed(server, instance, epoch);
    closed->seq = seq;
    if (closed->text || server->text.size_bytes > MOTH_BUS_CLOSED_BYTES_MAX)
        return;
    closed->text = malloc(server->text.size_bytes);
    closed->size_bytes = server->text.size_bytes;
    if (closed->text)
        memcpy(closed->text, server->text.bytes, closed->size_bytes);
}

/* The reply that stands in the port. */
static void send_port_reply(struct moth_bus_server *server, const struct moth_bus_port *port, void *from,
                            const char *id, uint64_t epoch)
{
    bool ok = port->error == MOTH_BUS_ERROR_NONE;
    size_t size = port->reply_size <= sizeof port->reply ? port->reply_size : 0;
    uint64_t seq = atomic_load(&port->seq);
    moth_bus_reply_begin(server, ok, id);
    moth_text_integer(&server->text, "seq", (int64_t)seq);
    if (ok && size > 0) {
        moth_buf_put_u8(&server->text, ',');
        moth_buf_put(&server->text, port->reply, size);
    } else if (!ok) {
        char message[sizeof((struct moth_err *)0)->message]; /* of a call that went wrong it may hold a stack */
        snprintf(message, sizeof message, "%.*s", (int)(size < sizeof message ? size : sizeof message - 1),
                 port->reply);
        write_error(server, (enum moth_bus_error)port->error, message);
    }
    if (ok && port->picture.kind != MOTH_BUS_PICTURE_NONE)
        write_picture(&server->text, port);
    moth_bus_reply_end(server, from);
    if (port->over)
        keep_last_reply(server, port->instance, epoch, seq);
}

static void watch_worker(struct moth_bus_server *server, uint32_t slot)
{
    int32_t pid = atomic_load(&moth_bus_port_at(server, slot)->worker);
    if (server->worker_fds[slot] >= 0 && server->workers[slot] == pid)
        return;
    if (server->worker_fds[slot] >= 0)
        close(server->worker_fds[slot]);
    server->worker_fds[slot] = (int)syscall(SYS_pidfd_open, pid, 0);
    server->workers[slot] = pid;
}

bool moth_bus_worker_lives(struct moth_bus_server *server, uint32_t slot)
{
    watch_worker(server, slot);
    struct pollfd polled = {.fd = server->worker_fds[slot], .events = POLLIN};
    return polled.fd >= 0 && poll(&polled, 1, 0) == 0;
}

static void add_cpus(cpu_set_t *cpus, const struct moth_bus_port *port)
{
    cpu_set_t theirs;
    if (sched_getaffinity(atomic_load(&port->worker), sizeof theirs, &theirs) == 0)
        CPU_OR(cpus, cpus, &theirs);
}

/* Keep to the CPUs of the workers that are driven from outside: handing over and waiting is twice as fast
 * between processes of one CPU. Where there is only telling to do, keep away from all workers, if there is
 * room. */
void moth_bus_control_follow(struct moth_bus_server *server)
{
    const struct moth_bus_ports *ports = server->config.ports;
    cpu_set_t driven, busy, wanted;
    CPU_ZERO(&driven);
    CPU_ZERO(&busy);
    for (uint32_t i = 0; i < ports->n; i++) {
        uint32_t state = atomic_load(&ports->at[i].state);
        if (state == MOTH_BUS_PORT_ATTACHED)
            add_cpus(&driven, &ports->at[i]);
        else if (state == MOTH_BUS_PORT_PLAYING)
            add_cpus(&busy, &ports->at[i]);
    }
    wanted = driven;
    if (CPU_COUNT(&wanted) == 0) { /* the CPUs that are nobody's */
        CPU_AND(&busy, &busy, &server->cpus);
        CPU_XOR(&wanted, &server->cpus, &busy);
    }
    if (CPU_COUNT(&wanted) == 0)
        wanted = server->cpus;
    if (CPU_EQUAL(&wanted, &server->used_cpus))
        return;
    server->used_cpus = wanted;
    sched_setaffinity(0, sizeof wanted, &wanted);
}

static void tell_instance(struct moth_bus_server *server, const char *what, uint32_t instance,
                          const char *client)
{
    moth_bus_event_begin(server, MOTH_BUS_TOPIC_INSTANCE);
    moth_text_string(&server->text, "event", what);
    moth_text_integer(&server->text, "instance", instance);
    if (client)
        moth_text_string(&server->text, "client", client);
    moth_bus_event_end(server);
}

/* Notice sessions that began, under a bus process before us perhaps, and that are over. */
void moth_bus_follow_session(struct moth_bus_server *server, uint32_t slot)
{
    const struct moth_bus_port *port = moth_bus_port_at(server, slot);
    struct moth_bus_closed *session = &server->sessions[slot];
    bool attached = atomic_load(&port->state) == MOTH_BUS_PORT_ATTACHED;
    if (session->epoch && (!attached || session->epoch != port->epoch)) {
        (void)keep_closed(server, session->instance, session->epoch);
        tell_instance(server, "detached", session->instance, NULL);
        *session = (struct moth_bus_closed){0};
    }
    if (attached && !session->epoch) {
        *session = (struct moth_bus_closed){.instance = port->instance, .epoch = port->epoch};
        tell_instance(server, "attached", port->instance, port->client);
    }
}

/* ---- requests to an instance ---- */

static const char worker_died[] =
    "the worker process died; the instance is played again from its beginning: attach anew";

static struct moth_bus_port *find_port(const struct moth_bus_server *server,
                                       const struct moth_bus_request *request)
{
    struct moth_bus_port *found = NULL;
    for (uint32_t i = 0; i < server->config.ports->n; i++) {
        struct moth_bus_port *port = moth_bus_port_at(server, i);
        if (port->instance == request->instance && atomic_load(&port->state) != MOTH_BUS_PORT_IDLE &&
            (!found || port->epoch == request->epoch))
            found = port;
    }
    return found;
}

/* No session of that instance and epoch. */
static void refuse_unknown(struct moth_bus_server *server, const struct moth_bus_port *port,
                           const struct moth_bus_request *request, void *from)
{
    const struct moth_bus_closed *closed = find_closed(server, request->instance, request->epoch);
    uint32_t state = port ? atomic_load(&port->state) : MOTH_BUS_PORT_IDLE;
    if (closed && closed->text && closed->seq == request->seq)
        send_text(server, from, closed->text, closed->size_bytes);
    else if (closed || (port && port->epoch == request->epoch))
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_ENDED,
                        "the instance is over, or was taken back after its lease; attach to another");
    else if (state >= MOTH_BUS_PORT_FREE)
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_STALE_EPOCH,
                        "the instance began again since: attach to get its epoch");
    else
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_UNKNOWN_INSTANCE,
                        "no instance of that number can be driven from outside now; see list");
}

static void put_pending(struct moth_bus_server *server, struct moth_bus_port *port,
                        const struct moth_bus_request *request, void *from)
{
    struct moth_bus_pending *pending = &server->pending[moth_bus_slot_of(server, port)];
    moth_nano_forget(pending->from); /* the same request, sent again over another connection */
    pending->from = from;
    pending->session = atomic_load(&port->session);
    pending->epoch = request->epoch;
    pending->seq = request->seq;
    memcpy(pending->id, request->id, strlen(request->id) + 1);
}

static void apply(struct moth_bus_server *server, struct moth_bus_port *port,
                  const struct moth_bus_request *request, void *from)
{
    uint64_t last = atomic_load(&port->seq);
    if (moth_bus_port_busy(port)) {
        if (request->seq == port->request.seq)
            put_pending(server, port, request, from);
        else
            moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_BUSY,
                            "the instance is at the request before");
    } else if (request->seq == last) {
        send_port_reply(server, port, from, request->id, port->epoch);
    } else if (request->seq < last) {
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_OLD_SEQUENCE,
                        "this was done, and others after it");
    } else if (request->seq > last + 1) {
        char message[128];
        snprintf(message, sizeof message, "the next sequence number is %llu", (unsigned long long)last + 1);
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_SEQUENCE_GAP, message);
    } else if (!moth_bus_worker_lives(server, moth_bus_slot_of(server, port))) {
        atomic_store(&port->state, MOTH_BUS_PORT_IDLE);
        moth_bus_follow_session(server, moth_bus_slot_of(server, port));
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_ENDED, worker_died);
    } else {
        put_pending(server, port, request, from);
        moth_bus_port_ask(port, request);
    }
}

static void ping(struct moth_bus_server *server, struct moth_bus_port *port,
                 const struct moth_bus_request *request, void *from)
{
    if (request->lease_ms)
        port->lease_ms = request->lease_ms;
    moth_bus_reply_begin(server, true, request->id);
    moth_text_integer(&server->text, "lease_ms", port->lease_ms);
    moth_text_bool(&server->text, "busy", moth_bus_port_busy(port));
    moth_text_integer(&server->text, "seq", (int64_t)atomic_load(&port->seq));
    moth_bus_reply_end(server, from);
}

static void handle(struct moth_bus_server *server, const char *bytes, size_t size_bytes, void *from)
{
    struct moth_bus_request *request = &server->request;
    char message[512];
    enum moth_bus_error error = moth_bus_request_decode(bytes, size_bytes, request, message, sizeof message);
    if (error != MOTH_BUS_ERROR_NONE) {
        moth_bus_refuse(server, from, request->id, error, message);
    } else if (!moth_bus_place_token_fits(server->config.place, request->token)) {
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_DENIED,
                        "'token' is missing or wrong; the run says where it is");
    } else if (request->op == MOTH_BUS_OP_LIST) {
        moth_bus_list(server, from, request->id);
    } else if (server->over) {
        moth_bus_refuse(server, from, request->id, MOTH_BUS_ERROR_RUN_OVER, "the run is over");
    } else if (request->op == MOTH_BUS_OP_ATTACH) {
        moth_bus_attach(server, request, from);
    } else {
        struct moth_bus_port *port = find_port(server, request);
        if (!port || port->epoch != request->epoch || atomic_load(&port->state) != MOTH_BUS_PORT_ATTACHED) {
            refuse_unknown(server, port, request, from);
            return;
        }
        moth_bus_port_renew(port, moth_clock_monotonic_ns());
        if (request->op == MOTH_BUS_OP_PING)
            ping(server, port, request, from);
        else
            apply(server, port, request, from);
    }
}

void moth_bus_control_take(struct moth_bus_server *server)
{
    char *bytes;
    size_t size_bytes;
    void *from;
    while (moth_nano_take(server->nano, &bytes, &size_bytes, &from) == 1) {
        handle(server, bytes, size_bytes, from);
        moth_nano_free(bytes);
    }
}

/* ---- what ports say ---- */

/* A request that the worker answered, or will not answer any more. */
static void settle(struct moth_bus_server *server, uint32_t slot)
{
    struct moth_bus_pending *pending = &server->pending[slot];
    const struct moth_bus_port *port = moth_bus_port_at(server, slot);
    if (!pending->from)
        return;
    void *from = pending->from;
    if (port->epoch == pending->epoch && atomic_load(&port->seq) == pending->seq) {
        pending->from = NULL;
        send_port_reply(server, port, from, pending->id, pending->epoch);
    } else if (atomic_load(&port->session) != pending->session ||
               atomic_load(&port->state) != MOTH_BUS_PORT_ATTACHED) {
        pending->from = NULL;
        moth_bus_refuse(server, from, pending->id, MOTH_BUS_ERROR_ENDED,
                        "the instance is over, or was taken back after its lease; attach to another");
    }
}

void moth_bus_control_attend(struct moth_bus_server *server)
{
    struct moth_bus_ports *ports = server->config.ports;
    bool any = false;
    for (uint32_t word = 0; word * 64 < ports->n; word++) {
        uint64_t bits =
            atomic_load(&ports->attention[word]) ? atomic_exchange(&ports->attention[word], 0) : 0;
        any |= bits != 0;
        for (; bits; bits &= bits - 1) {
            settle(server, word * 64 + (uint32_t)__builtin_ctzll(bits));
            moth_bus_follow_session(server, word * 64 + (uint32_t)__builtin_ctzll(bits));
        }
    }
    if (!any)
        return;
    moth_bus_serve_waiting(server);
}

void moth_bus_control_lost(struct moth_bus_server *server, uint32_t slot)
{
    struct moth_bus_port *port = moth_bus_port_at(server, slot);
    struct moth_bus_pending *pending = &server->pending[slot];
    close(server->worker_fds[slot]);
    server->worker_fds[slot] = -1;
    if (atomic_load(&port->worker) == server->workers[slot])
        atomic_store(&port->state, MOTH_BUS_PORT_IDLE);
    settle(server, slot);
    moth_bus_follow_session(server, slot);
    if (pending->from) {
        moth_bus_refuse(server, pending->from, pending->id, MOTH_BUS_ERROR_ENDED, worker_died);
        pending->from = NULL;
    }
}

void moth_bus_control_refuse(struct moth_bus_server *server)
{
    for (uint32_t slot = 0; slot < server->config.ports->n; slot++) {
        struct moth_bus_pending *pending = &server->pending[slot];
        settle(server, slot);
        if (pending->from)
            moth_bus_refuse(server, pending->from, pending->id, MOTH_BUS_ERROR_RUN_OVER, "the run is over");
        pending->from = NULL;
    }
    for (unsigned i = 0; i < MOTH_BUS_WAITING_MAX; i++) {
        struct moth_bus_waiting *waiting = &server->waiting[i];
        if (waiting->from)
            moth_bus_refuse(server, waiting->from, waiting->request.id, MOTH_BUS_ERROR_RUN_OVER,
                            "the run is over");
        waiting->from = NULL;
    }
}
