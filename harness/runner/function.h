/* SPDX-License-Identifier: MIT
 *
 * A game's functions as calls want them: where one lies, and what it takes by its debug information. Pure
 * lookups in a session of symbols, which the caller keeps up to date. One thread.
 */
#ifndef MOTH_RUNNER_FUNCTION_H
#define MOTH_RUNNER_FUNCTION_H

#include <sys/types.h>

#include "base/err.h"
#include "wire/call.h"

struct moth_symbols; /* symbols/symbols.h */

/* The session for a process: *symbols is opened, or brought up to date. NULL and err. */
struct moth_symbols *moth_function_symbols(struct moth_symbols **symbols, pid_t pid, struct moth_err *err);
void moth_function_symbols_close(struct moth_symbols *symbols); /* NULL is ignored */

/* The function that takes what a call gives it; what debug information says otherwise is refused. 0 or -1. */
int moth_function_find(struct moth_symbols *symbols, const struct moth_call_signature *asked, uint64_t *address,
                       struct moth_err *err);
/* The signature of the only function of that name. 0, or -1 with what to do. */
int moth_function_signature(struct moth_symbols *symbols, const char *name, char *text, size_t size,
                            struct moth_err *err);

#endif
