/* SPDX-License-Identifier: MIT
 *
 * Where an agent is, by what the user called it; and which ones moth ships.
 */
#ifndef MOTH_BINDINGS_LUA_FIND_H
#define MOTH_BINDINGS_LUA_FIND_H

#include <stddef.h>

#include "base/err.h"

/* Path of an agent: a name with a '/' or ".lua" is a file, any other an agent moth ships. Caller frees;
 * NULL and err (MOTH_ERR_SCRIPT), with the nearest name, when there is none. */
char *moth_agent_find(const char *name, struct moth_err *err);

/* Names of the shipped agents, sorted; NULL-terminated. Caller frees with moth_agent_names_free. Never
 * NULL, but empty where the folder is missing. */
char **moth_agent_names(size_t *n);
void moth_agent_names_free(char **names);

#endif
