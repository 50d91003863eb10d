/* SPDX-License-Identifier: MIT
 *
 * What `run` and `report` are asked to judge by: --baseline, --fail-on, --budget, --machine.
 *
 * moth_cli_judge_open, before anything is played → the members, lent to the fleet or the merge → _close.
 */
#ifndef MOTH_CLI_JUDGE_H
#define MOTH_CLI_JUDGE_H

#include "baseline/baseline.h"
#include "baseline/gate.h"
#include "cli/options.h"
#include "cli/remember.h"

struct moth_cli_judge {
    struct moth_gate_rules rules;
    struct moth_baseline *baseline; /* NULL: none was asked for, or there is none yet … */
    char *warning;                  /* … which this says; or NULL */
    char *machine;                  /* this one's class */
    char today[MOTH_DATE_BYTES];
    struct moth_remember *past; /* the history; the caller's, may be NULL */
};

/* -1 with err (MOTH_ERR_CONFIG) when the baseline cannot be read or is none. */
int moth_cli_judge_open(struct moth_cli_judge *judge, const struct moth_options *options, struct moth_err *err);
/* Set what the team knows of a finding; `judge` is a struct moth_cli_judge. */
void moth_cli_judge_know(void *judge, struct moth_finding *finding);
void moth_cli_judge_close(struct moth_cli_judge *judge);

#endif
