/* SPDX-License-Identifier: MIT
 *
 * A call's values between JSON and wire/call.h: what a program gives for a function's parameters, checked against
 * its signature, and what came back. Pure; any thread.
 */
#ifndef MOTH_BUS_ARGUMENTS_H
#define MOTH_BUS_ARGUMENTS_H

#include <stddef.h>

#include "base/buf.h"
#include "wire/call.h"

/* Fill the values of call->signature's parameters from a JSON array. `strings` takes their texts. 0, or -1 with a
 * sentence that names the argument. */
int moth_bus_arguments_decode(const char *json, struct moth_call *call, char *strings, size_t size, char *problem,
                              size_t problem_size);
/* Append the member `result`. */
void moth_bus_result_write(struct moth_buf *buf, const struct moth_call *call);

#endif
