/* SPDX-License-Identifier: MIT */
#include "bus/port.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "bus/text.h"
#include "moth/moth.h"

/* ---- the memory ---- */

static size_t size_of(uint32_t n)
{
    return sizeof(struct moth_bus_ports) + n * sizeof(struct moth_bus_port);
}

struct moth_bus_ports *moth_bus_ports_make(uint32_t n, struct moth_err *err)
{
    if (n > MOTH_BUS_PORTS_MAX) {
        moth_err_set(err, MOTH_ERR_USAGE, "--bus: at most %u workers", MOTH_BUS_PORTS_MAX);
        return NULL;
    }
    struct moth_bus_ports *ports =
        mmap(NULL, size_of(n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ports == MAP_FAILED) {
        moth_err_sys(err, MOTH_ERR_MEMORY, "no memory for the bus");
        return NULL;
    }
    ports->n = n;
    return ports;
}

void moth_bus_ports_free(struct moth_bus_ports *ports)
{
    if (ports)
        munmap(ports, size_of(ports->n));
}

/* ---- waking each other ---- */

static struct moth_bus_port *port_of(const struct moth_bus_seat *seat)
{
    return seat->ports ? &seat->ports->at[seat->slot] : NULL;
}

static void wake_bus(const struct moth_bus_seat *seat)
{
    uint64_t one = 1;
    ssize_t n = write(seat->wake_fd, &one, sizeof one);
    (void)n; /* it is full of waking already */
}

static void attract(const struct moth_bus_seat *seat)
{
    atomic_fetch_or(&seat->ports->attention[seat->slot / 64], UINT64_C(1) << seat->slot % 64);
    wake_bus(seat);
}

void moth_bus_port_ask(struct moth_bus_port *port, const struct moth_bus_request *request)
{
    memcpy(&port->request, request, moth_bus_request_size(request));
    atomic_fetch_add(&port->asked, 1);
    syscall(SYS_futex, &port->asked, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void moth_bus_port_renew(struct moth_bus_port *port, uint64_t now_ns)
{
    atomic_store(&port->lease_until_ns, now_ns + port->lease_ms * MOTH_NS_PER_MS);
}

/* ---- the worker's side ---- */

void moth_bus_seat_begin(const struct moth_bus_seat *seat, uint32_t instance, const char *agent)
{
    struct moth_bus_port *port = port_of(seat);
    if (!port)
        return;
    atomic_store(&port->state, MOTH_BUS_PORT_IDLE);
    atomic_store(&port->worker, (int32_t)getpid());
    atomic_store(&port->answered, atomic_load(&port->asked)); /* of a worker before us */
    atomic_store(&port->frame, 0);
    port->instance = instance;
    snprintf(port->agent, sizeof port->agent, "%s", agent);
    atomic_fetch_add(&port->session, 1);
    atomic_store(&port->state, MOTH_BUS_PORT_PLAYING);
    attract(seat);
}

void moth_bus_seat_end(const struct moth_bus_seat *seat)
{
    struct moth_bus_port *port = port_of(seat);
    if (!port)
        return;
    atomic_store(&port->state, MOTH_BUS_PORT_IDLE);
    attract(seat);
}

void moth_bus_seat_offer(const struct moth_bus_seat *seat, const char *offer)
{
    struct moth_bus_port *port = port_of(seat);
    uint64_t random = 0;
    if (!port)
        return;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        random = moth_clock_monotonic_ns() * UINT64_C(0x9e3779b97f4a7c15);
    port->epoch = random % MOTH_BUS_NUMBER_MAX + 1;
    snprintf(port->offer, sizeof port->offer, "%s", offer);
    port->client[0] = '\0';
    atomic_store(&port->seq, 0);
    atomic_store(&port->state, MOTH_BUS_PORT_FREE);
    attract(seat);
}

const struct moth_bus_request *moth_bus_seat_wait(const struct moth_bus_seat *seat, uint32_t timeout_ms)
{
    struct moth_bus_port *port = port_of(seat);
    uint32_t answered = atomic_load(&port->answered);
    if (atomic_load(&port->asked) == answered) {
        struct timespec timeout = {.tv_sec = timeout_ms / 1000,
                                   .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
        syscall(SYS_futex, &port->asked, FUTEX_WAIT, answered, &timeout, NULL, 0);
    }
    if (atomic_load(&port->asked) == answered)
        return NULL;
    if (port->request.epoch == port->epoch)
        return &port->request;
    atomic_store(&port->answered, atomic_load(&port->asked)); /* meant for an instance that is over */
    attract(seat);
    return NULL;
}

bool moth_bus_seat_lapsed(const struct moth_bus_seat *seat)
{
    const struct moth_bus_port *port = port_of(seat);
    return atomic_load(&port->state) == MOTH_BUS_PORT_ATTACHED && !moth_bus_port_busy(port) &&
           moth_clock_monotonic_ns() > atomic_load(&port->lease_until_ns);
}

void moth_bus_seat_answer(const struct moth_bus_seat *seat, enum moth_bus_error error, const char *text,
                          size_t size, const struct moth_bus_frame *picture, bool over)
{
    struct moth_bus_port *port = port_of(seat);
    static const char too_long[] = "the reply is too long: ask for fewer frames, or observe \"last\"";
    if (size > sizeof port->reply) {
        error = MOTH_BUS_ERROR_FAILED;
        text = too_long;
        size = sizeof too_long - 1;
    }
    memcpy(port->reply, text, size);
    port->reply_size = (uint32_t)size;
    port->error = error;
    port->over = over;
    port->picture = picture ? *picture : (struct moth_bus_frame){0};
    atomic_store(&port->seq, port->request.seq);
    moth_bus_port_renew(port, moth_clock_monotonic_ns());
    atomic_store(&port->answered, atomic_load(&port->asked));
    attract(seat);
}

void moth_bus_seat_close(const struct moth_bus_seat *seat)
{
    struct moth_bus_port *port = port_of(seat);
    if (!port)
        return;
    atomic_store(&port->state, MOTH_BUS_PORT_PLAYING);
    attract(seat);
}

/* ---- the ring ---- */

/* A record is its size (a multiple of 8), then what `put_state` writes. It never crosses the ring's end:
 * where it would, a size with this bit fills the rest. */
#define SKIP 0x80000000u
#define WATCH_OK 0x80u

static void put_watch(struct moth_buf *buf, const struct moth_watch_value *untrusted)
{
    struct moth_watch_value value = *untrusted;
    if ((value.type == MOTH_VALUE_ENUM && value.text[0]) || value.type == MOTH_VALUE_TABLE)
        value.type = MOTH_VALUE_STR; /* by its name; of a table only its type */
    size_t name = strnlen(value.name, sizeof value.name - 1),
           text = strnlen(value.text, sizeof value.text - 1);
    moth_buf_put_u8(buf, (uint8_t)(value.type | (value.ok ? WATCH_OK : 0)));
    moth_buf_put_u8(buf, (uint8_t)name);
    moth_buf_put(buf, value.name, name);
    if (value.type == MOTH_VALUE_STR) {
        moth_buf_put_u8(buf, (uint8_t)text);
        moth_buf_put(buf, value.text, text);
    } else if (value.type == MOTH_VALUE_INTEGER || value.type == MOTH_VALUE_ENUM) {
        moth_buf_put(buf, &value.integer, sizeof value.integer);
    } else {
        moth_buf_put(buf, &value.number, sizeof value.number);
    }
}

static void put_state(struct moth_buf *buf, uint32_t instance, uint32_t frame, uint64_t time_ns,
                      const struct moth_watch_value *watches, uint32_t n_watches)
{
    moth_buf_put_u32(buf, 0); /* size, below */
    moth_buf_put_u32(buf, instance);
    moth_buf_put_u32(buf, frame);
    moth_buf_put_u64(buf, time_ns);
    moth_buf_put_u8(buf, (uint8_t)n_watches);
    for (uint32_t i = 0; i < n_watches; i++)
        put_watch(buf, &watches[i]);
    while (buf->size_bytes % 8)
        moth_buf_put_u8(buf, 0);
    uint32_t size = (uint32_t)buf->size_bytes;
    if (!buf->failed)
        memcpy(buf->bytes, &size, sizeof size);
}

static void ring_put(struct moth_bus_ring *ring, const uint8_t *bytes, size_t size)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    size_t at = head % sizeof ring->bytes, rest = sizeof ring->bytes - at;
    size_t skipped = rest < size ? rest : 0;
    if (head - tail + skipped + size > sizeof ring->bytes) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return;
    }
    if (skipped) {
        uint32_t mark = (uint32_t)skipped | SKIP;
        memcpy(ring->bytes + at, &mark, sizeof mark);
        at = 0;
    }
    memcpy(ring->bytes + at, bytes, size);
    atomic_store(&ring->head, head + skipped + size);
}

bool moth_bus_seat_heard(const struct moth_bus_seat *seat)
{
    return seat->ports && atomic_load_explicit(&seat->ports->listeners, memory_order_relaxed) > 0;
}

void moth_bus_seat_state(const struct moth_bus_seat *seat, uint32_t frame, uint64_t time_ns,
                         const struct moth_watch_value *watches, uint32_t n_watches)
{
    static struct moth_buf record; /* kept from call to call */
    struct moth_bus_port *port = port_of(seat);
    if (!port)
        return;
    atomic_store_explicit(&port->frame, frame, memory_order_relaxed);
    if (!moth_bus_seat_heard(seat))
        return;
    moth_buf_clear(&record);
    put_state(&record, port->instance, frame, time_ns, watches, watches ? n_watches : 0);
    if (record.failed)
        return;
    ring_put(&port->ring, record.bytes, record.size_bytes);
    if (atomic_load(&seat->ports->asleep) && atomic_exchange(&seat->ports->asleep, 0))
        wake_bus(seat);
}

bool moth_bus_ring_take(struct moth_bus_ring *ring, struct moth_bus_state *state)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    static struct moth_buf record; /* a copy: the ring may be written on */
    for (;;) {
        uint64_t head = atomic_load(&ring->head);
        size_t at = tail % sizeof ring->bytes;
        if (head == tail)
            return false;
        uint32_t size;
        memcpy(&size, ring->bytes + at, sizeof size);
        size_t length = size & ~SKIP;
        if (length < 8 || length % 8 || length > sizeof ring->bytes - at || length > head - tail) {
            atomic_store(&ring->tail, head); /* broken memory: what is there is given up */
            return false;
        }
        moth_buf_clear(&record);
        if (!(size & SKIP))
            moth_buf_put(&record, ring->bytes + at, length);
        tail += length;
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
        if (!(size & SKIP))
            break;
    }
    if (record.failed)
        return false;
    struct moth_cursor cursor = moth_cursor_on(record.bytes, record.size_bytes);
    moth_cursor_u32(&cursor);
    state->instance = moth_cursor_u32(&cursor);
    state->frame = moth_cursor_u32(&cursor);
    state->time_ns = moth_cursor_u64(&cursor);
    state->watches = cursor;
    return !cursor.failed;
}

/* ---- JSON ---- */

void moth_bus_watch_write(struct moth_buf *buf, const char *key, const struct moth_watch_value *value)
{
    if (!value->ok)
        moth_text_null(buf, key);
    else if (value->type == MOTH_VALUE_BOOL)
        moth_text_bool(buf, key, value->number != 0);
    else if (value->type == MOTH_VALUE_INTEGER || (value->type == MOTH_VALUE_ENUM && !value->text[0]))
        moth_text_integer(buf, key, value->integer);
    else if (value->type == MOTH_VALUE_STR || value->type == MOTH_VALUE_ENUM || value->type == MOTH_VALUE_TABLE)
        moth_text_string(buf, key, value->text);
    else
        moth_text_number(buf, key, value->number);
}

static bool get_watch(struct moth_cursor *cursor, struct moth_watch_value *value)
{
    *value = (struct moth_watch_value){0};
    uint8_t type = moth_cursor_u8(cursor), length = moth_cursor_u8(cursor);
    const uint8_t *name = moth_cursor_take(cursor, length);
    value->type = type & (uint8_t)~WATCH_OK;
    value->ok = (type & WATCH_OK) != 0;
    if (!name || length > sizeof value->name - 1)
        return false;
    memcpy(value->name, name, length);
    bool is_text = value->type == MOTH_VALUE_STR;
    length = is_text ? moth_cursor_u8(cursor) : (uint8_t)sizeof value->number;
    const uint8_t *bytes = moth_cursor_take(cursor, length);
    if (!bytes || length > sizeof value->text - 1)
        return false;
    if (is_text)
        memcpy(value->text, bytes, length);
    else if (value->type == MOTH_VALUE_INTEGER || value->type == MOTH_VALUE_ENUM)
        memcpy(&value->integer, bytes, length);
    else
        memcpy(&value->number, bytes, length);
    return true;
}

void moth_bus_state_write(struct moth_buf *buf, struct moth_bus_state *state)
{
    moth_text_integer(buf, "instance", state->instance);
    moth_text_integer(buf, "frame", state->frame);
    moth_text_seconds(buf, "time", state->time_ns);
    unsigned n = moth_cursor_u8(&state->watches);
    if (n == 0)
        return;
    moth_text_key(buf, "state");
    moth_text_raw(buf, "{");
    struct moth_watch_value value;
    for (unsigned i = 0; i < n && get_watch(&state->watches, &value); i++)
        moth_bus_watch_write(buf, value.name, &value);
    moth_text_raw(buf, "}");
}
