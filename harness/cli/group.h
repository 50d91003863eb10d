/* SPDX-License-Identifier: MIT
 *
 * --member and --link-…: who plays with the game, and what lies between them, as a trace has it.
 */
#ifndef MOTH_CLI_GROUP_H
#define MOTH_CLI_GROUP_H

#include "cli/options.h"
#include "wire/trace.h"

struct moth_group {
    struct moth_trace_member *members;
    size_t n_members;
    struct moth_link link;
};

/* 0, or -1 and MOTH_ERR_USAGE with a sentence that says what is wrong. moth_group_fini in either case. */
int moth_group_parse(const struct moth_options *options, struct moth_group *group, struct moth_err *err);
void moth_group_fini(struct moth_group *group);

#endif
