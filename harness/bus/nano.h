/* SPDX-License-Identifier: MIT
 *
 * nanomsg, and nothing of it elsewhere: one PUB socket for events and one raw REP socket for control.
 *
 * Only for the bus process: opening starts the library's thread, whose sockets do not survive a fork and
 * whose asserts end the process. Nothing here waits. Raw means that a request's way back is a value of its
 * own (`from`), so that many requests may be open at once and be answered in any order.
 */
#ifndef MOTH_BUS_NANO_H
#define MOTH_BUS_NANO_H

#include <stddef.h>

#include "base/err.h"
#include "bus/place.h"

/* Longer messages are dropped by nanomsg, with the connection; up to here they get an error reply. */
#define MOTH_NANO_MESSAGE_BYTES_MAX (16 << 20)

struct moth_nano; /* opaque */

/* NULL and err (MOTH_ERR_USAGE) when an address cannot be bound. */
struct moth_nano *moth_nano_open(const struct moth_bus_place *place, struct moth_err *err);
void moth_nano_close(struct moth_nano *nano);

/* Readable when a request is there. */
int moth_nano_fd(const struct moth_nano *nano);
/* Take a request: *bytes is freed with moth_nano_free, *from is given to moth_nano_answer or _forget. 1, or
 * 0: none is there. */
int moth_nano_take(struct moth_nano *nano, char **bytes, size_t *size_bytes, void **from);
void moth_nano_free(char *bytes);
/* Room for an answer or event of that size; never NULL (aborts). It is given to _answer or _publish. */
char *moth_nano_message(size_t size_bytes);
/* Dropped when whoever asked is gone, or reads nothing. */
void moth_nano_answer(struct moth_nano *nano, void *from, char *message);
void moth_nano_forget(void *from);
/* Dropped for each subscriber that does not read fast enough. */
void moth_nano_publish(struct moth_nano *nano, char *message);
/* Who is connected now. */
unsigned moth_nano_subscribers(const struct moth_nano *nano);
unsigned moth_nano_clients(const struct moth_nano *nano);

#endif
