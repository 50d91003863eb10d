/* SPDX-License-Identifier: MIT
 *
 * SIGINT, SIGTERM and SIGHUP as something that can be polled for: their handlers write into a pipe. One
 * user in a process at a time.
 */
#ifndef MOTH_FLEET_SIGNALS_H
#define MOTH_FLEET_SIGNALS_H

#include "base/err.h"

int moth_signals_catch(struct moth_err *err);
/* Give the handlers back that were there before. */
void moth_signals_release(void);
/* In a forked child: close the pipe. The handlers are the child's to set. */
void moth_signals_forget(void);

/* Readable when a signal came. */
int moth_signals_fd(void);
/* How many came since the last call. */
unsigned moth_signals_take(void);

#endif
