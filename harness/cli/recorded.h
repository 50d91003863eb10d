/* SPDX-License-Identifier: MIT
 *
 * What the verbs that begin from a recording have in common: which trace is meant, and its game's world.
 */
#ifndef MOTH_CLI_RECORDED_H
#define MOTH_CLI_RECORDED_H

#include <stdbool.h>

#include "cli/options.h"
#include "runner/instance.h"
#include "wire/trace.h"

/* TRACE, a finding's folder, or a fingerprint (its beginning will not do) in the default output folder:
 * the absolute path of its trace, because the game's folder is entered later. NULL and err. Caller frees. */
char *moth_cli_find_trace(const char *name, struct moth_err *err);
/* The game is started where it was recorded, so that "./game" and its files are found. */
void moth_cli_enter_directory(const struct moth_trace *trace);
/* The trace's environment and what the command line adds. The array is the caller's, its strings not. */
char **moth_cli_merge_env(const struct moth_trace *trace, const struct moth_options *options);
/* Another game in the place of the recorded one: its program alone, and the recorded arguments stay, or all of its
 * command. To be freed with moth_cli_free_game; the trace's arguments are borrowed. NULL and err: it cannot be run. */
char **moth_cli_other_game(const struct moth_trace *trace, const struct moth_strings *game, struct moth_err *err);
void moth_cli_free_game(char **command);
struct moth_limits moth_cli_limits(const struct moth_options *options);

/* From here on SIGINT and SIGTERM only ask for an end; `flags` are sigaction's. */
void moth_cli_stop_on_signals(int flags);
/* Was an end asked for? Of the kind that replays ask; `context` is not looked at. */
bool moth_cli_stopped(void *context);

#endif
