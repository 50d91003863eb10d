/* SPDX-License-Identifier: MIT
 *
 * What the verbs that somebody sits before have in common: moth record, and moth replay with --headed or --break.
 */
#ifndef MOTH_CLI_PERSON_H
#define MOTH_CLI_PERSON_H

#include "cli/options.h"
#include "cli/replays.h"
#include "headed/record.h"

/* --speed: times the game's own, 0 for "max". 0, or -1 with err. */
int moth_cli_speed(const struct moth_options *options, double *speed, struct moth_err *err);
/* What of the options is about the person and the folder; the rest of `config` is the caller's. *out is its folder,
 * which holds no recording yet, and *told who follows: both are the caller's. 0, or -1 with err. */
int moth_cli_person(const struct moth_options *options, struct moth_record_config *config, char **out,
                    struct moth_told **told, struct moth_err *err);
/* Print what came of it; the exit code. */
int moth_cli_recorded(const struct moth_options *options, const struct moth_record_config *config,
                      const struct moth_record_outcome *outcome);

/* replay: do these options go together? 0, or -1 with a sentence. */
int moth_cli_check_seen(const struct moth_options *options, struct moth_err *err);
/* Are the frames that they name in the trace? */
int moth_cli_check_frames(const struct moth_trace *trace, const struct moth_options *options, struct moth_err *err);
/* Only so far: what comes later is not in the trace any more, its finding neither. */
void moth_cli_cut(struct moth_trace *trace, uint32_t until);
/* As moth_replays_once, in a window (--headed) or waiting for a debugger (--break). */
int moth_replays_seen_once(const struct moth_trace *trace, const struct moth_agent *agent,
                           const struct moth_options *options, const struct moth_replay_config *config,
                           struct moth_replays *replays, struct moth_err *err);
/* Play up to a frame in a window, and let a person go on from there: the exit code, or -1 with err. */
int moth_cli_take_over(const struct moth_trace *trace, const struct moth_options *options, struct moth_err *err);

#endif
