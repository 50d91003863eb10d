/* SPDX-License-Identifier: MIT
 *
 * A recorded call (wire/call.h) as a line of Lua that makes it again. A pointer that came back goes into the table
 * `made`, from which later calls take it. Pure.
 */
#ifndef MOTH_SCRIPT_CALL_H
#define MOTH_SCRIPT_CALL_H

#include "wire/call.h"

/* Caller frees. NULL: the text is no call. */
char *moth_script_call(const char *text);
/* Is there one whose result has to be kept in `made`? */
bool moth_script_keeps_pointers(const struct moth_input_event *events, size_t n_events);

#endif
