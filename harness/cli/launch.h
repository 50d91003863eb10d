/* SPDX-License-Identifier: MIT
 *
 * One instance for a verb that looks into a game and judges nothing: list state, scan, a check of watches.
 */
#ifndef MOTH_CLI_LAUNCH_H
#define MOTH_CLI_LAUNCH_H

#include "cli/options.h"
#include "runner/instance.h"

/* What the options say of the game's world. Borrows them. */
struct moth_instance_config moth_cli_instance_config(const struct moth_options *options);
/* Launch to the first boundary, with members if the options name some. NULL and err: no launch, or it ended before
 * (MOTH_ERR_NOTHING_RAN). */
struct moth_instance *moth_cli_launch(const struct moth_options *options, struct moth_err *err);
/* Try the options' watches on the game, launched for it, before a long run begins with them: 0, or -1 and
 * MOTH_ERR_CONFIG. What may only be there later is a warning. */
int moth_cli_check_watches(const struct moth_options *options, struct moth_err *err);

/* The options' watches, not yet resolved; NULL when memory is out. moth_watches_destroy. */
struct moth_watches;
struct moth_watches *moth_cli_watches(const struct moth_options *options);

/* list.c's part for `moth list state`: rows of {expression, type, value, module}. 0, or an exit code. */
struct json_t; /* jansson.h */
int moth_cli_list_state(const struct moth_options *options, struct json_t *rows);

#endif
