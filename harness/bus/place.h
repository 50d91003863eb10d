/* SPDX-License-Identifier: MIT
 *
 * Where a bus is: its two addresses, made from the URL that the user wrote, and who may come there.
 *
 * ipc:///path has its sockets at path.events and path.control, in a folder that only the user can enter.
 * tcp://127.0.0.1:P has events at P and control at P + 1; whoever asks for something there shows a token.
 * Life cycle: moth_bus_place_parse (checks the words only) → moth_bus_place_prepare (makes the folder,
 * claims the sockets, makes or reads the token) → moth_bus_place_clear.
 */
#ifndef MOTH_BUS_PLACE_H
#define MOTH_BUS_PLACE_H

#include <stdbool.h>

#include "base/err.h"

#define MOTH_BUS_SOCKET_PATH_MAX 107 /* bytes, of sockaddr_un */
#define MOTH_BUS_TOKEN_BYTES 129

struct moth_bus_place {
    bool local;                       /* ipc */
    char events[160], control[160];   /* as nanomsg takes them */
    char folder[128];                 /* ipc: of the sockets */
    char token[MOTH_BUS_TOKEN_BYTES]; /* "": none is asked for */
    char token_file[4200];            /* made for this run, "": none */
    int claim_fd;                     /* ipc: holds the place as long as any of our processes lives; -1 */
};

struct moth_bus_config {
    const char *url;
    bool allow_remote;      /* tcp beyond loopback */
    const char *token_file; /* NULL: see moth_bus_place_prepare */
    const char *out;        /* output folder of the run */
};

/* Errors: MOTH_ERR_USAGE, with what to do. */
int moth_bus_place_parse(struct moth_bus_place *place, const struct moth_bus_config *config,
                         struct moth_err *err);
/* The token is the first line of token_file, else $MOTH_BUS_TOKEN, else for tcp one that is made and written
 * to <out>/bus.token. */
int moth_bus_place_prepare(struct moth_bus_place *place, const struct moth_bus_config *config,
                           struct moth_err *err);
/* Remove what lies in the file system. Any process of the run may. */
void moth_bus_place_clear(const struct moth_bus_place *place);
/* Remove sockets that a dead run left at this place; those of a living one stay. */
void moth_bus_place_sweep(const struct moth_bus_config *config);
/* In constant time for any text of one length. */
bool moth_bus_place_token_fits(const struct moth_bus_place *place, const char *token);

#endif
