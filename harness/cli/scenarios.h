/* SPDX-License-Identifier: MIT
 *
 * The scenarios of a run: the files that were named, their cases one by one, less those that --tag and --not-tag leave
 * out. Life cycle: moth_scenarios_load → use → moth_scenarios_free.
 */
#ifndef MOTH_CLI_SCENARIOS_H
#define MOTH_CLI_SCENARIOS_H

#include "cli/options.h"
#include "fleet/fleet.h"

struct moth_scenarios {
    struct moth_fleet_agent *items; /* own their agents and names */
    size_t n;
};

/* What limits an agent, as the options say. */
struct moth_agent_options moth_cli_agent_options(const struct moth_options *options);
/* 0, or -1 with err: a file is wrong, an expression is, or nothing is left to play. */
int moth_scenarios_load(struct moth_scenarios *scenarios, const struct moth_options *options, struct moth_err *err);
void moth_scenarios_free(struct moth_scenarios *scenarios);

#endif
