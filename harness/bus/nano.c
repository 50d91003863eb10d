/* SPDX-License-Identifier: MIT */
#include "bus/nano.h"

#include <nanomsg/nn.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <nanomsg/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct moth_nano {
    int events, control, fd;
};

static int bind_socket(int kind, int protocol, const char *url, struct moth_err *err)
{
    int one = 1, socket = nn_socket(kind, protocol);
    if (socket < 0)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "nanomsg: no socket: %s", nn_strerror(nn_errno()));
    nn_setsockopt(socket, NN_TCP, NN_TCP_NODELAY, &one, sizeof one);
    if (nn_bind(socket, url) < 0) {
        moth_err_set(err, MOTH_ERR_USAGE, "--bus: cannot listen at %s: %s", url, nn_strerror(nn_errno()));
        nn_close(socket);
        return -1;
    }
    return socket;
}

struct moth_nano *moth_nano_open(const struct moth_bus_place *place, struct moth_err *err)
{
    struct moth_nano *nano = calloc(1, sizeof *nano);
    int most = MOTH_NANO_MESSAGE_BYTES_MAX;
    size_t size = sizeof nano->fd;
    if (!nano) {
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the bus");
        return NULL;
    }
    mode_t mask = umask(0177); /* the folder keeps others out; this is the second door */
    nano->events = bind_socket(AF_SP, NN_PUB, place->events, err);
    nano->control = nano->events >= 0 ? bind_socket(AF_SP_RAW, NN_REP, place->control, err) : -1;
    umask(mask);
    if (nano->control >= 0 &&
        nn_setsockopt(nano->control, NN_SOL_SOCKET, NN_RCVMAXSIZE, &most, sizeof most) == 0 &&
        nn_getsockopt(nano->control, NN_SOL_SOCKET, NN_RCVFD, &nano->fd, &size) == 0)
        return nano;
    if (nano->control >= 0) {
        moth_err_set(err, MOTH_ERR_SYSTEM, "nanomsg: %s", nn_strerror(nn_errno()));
        nn_close(nano->control);
    }
    if (nano->events >= 0)
        nn_close(nano->events);
    free(nano);
    return NULL;
}

void moth_nano_close(struct moth_nano *nano)
{
    nn_close(nano->control);
    nn_close(nano->events);
    free(nano);
}

int moth_nano_fd(const struct moth_nano *nano)
{
    return nano->fd;
}

int moth_nano_take(struct moth_nano *nano, char **bytes, size_t *size_bytes, void **from)
{
    struct nn_iovec vector = {.iov_base = bytes, .iov_len = NN_MSG};
    struct nn_msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = from, .msg_controllen = NN_MSG};
    int size = nn_recvmsg(nano->control, &header, NN_DONTWAIT);
    *size_bytes = size < 0 ? 0 : (size_t)size;
    return size < 0 ? 0 : 1;
}

void moth_nano_free(char *bytes)
{
    nn_freemsg(bytes);
}

char *moth_nano_message(size_t size_bytes)
{
    char *message = nn_allocmsg(size_bytes, 0);
    if (!message)
        abort();
    return message;
}

void moth_nano_answer(struct moth_nano *nano, void *from, char *message)
{
    struct nn_iovec vector = {.iov_base = &message, .iov_len = NN_MSG};
    struct nn_msghdr header = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = &from, .msg_controllen = NN_MSG};
    if (nn_sendmsg(nano->control, &header, NN_DONTWAIT) < 0)
        nn_freemsg(message); /* the way back is nanomsg's to free in either case */
}

void moth_nano_forget(void *from)
{
    if (from)
        nn_freemsg(from);
}

void moth_nano_publish(struct moth_nano *nano, char *message)
{
    if (nn_send(nano->events, &message, NN_MSG, NN_DONTWAIT) < 0)
        nn_freemsg(message);
}

unsigned moth_nano_subscribers(const struct moth_nano *nano)
{
    return (unsigned)nn_get_statistic(nano->events, NN_STAT_CURRENT_CONNECTIONS);
}

unsigned moth_nano_clients(const struct moth_nano *nano)
{
    return (unsigned)nn_get_statistic(nano->control, NN_STAT_CURRENT_CONNECTIONS);
}
