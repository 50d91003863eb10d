/* SPDX-License-Identifier: MIT
 *
 * Replays of one trace by the verbs that begin from one, and what came of them.
 */
#ifndef MOTH_CLI_REPLAYS_H
#define MOTH_CLI_REPLAYS_H

#include "bindings/lua/host.h"
#include "cli/options.h"
#include "findings/reproduce.h"

/* What came of all replays. Zeroed at first; released by _fini. */
struct moth_replays {
    uint32_t tried, met, clean, other;
    uint32_t early; /* of `other`: it came before the finding's frame, so they say nothing about the finding */
    bool interrupted, other_build;
    uint32_t frames; /* of the last one */
    uint32_t played; /* that a script takes to its finding; 0: as many as the trace says */
    bool diverged;   /* in any of them: the first divergence */
    uint32_t diverged_frame;
    const char *diverged_what;
    struct moth_finding *finding; /* the last one that was met */
};

/* As the options say; an end that is asked for by a signal ends a replay (cli/recorded.h). */
struct moth_replay_config moth_replays_config(const struct moth_options *options);
/* A finding that a script reported is met again by the script: the agent, if the finding beside the trace at `path`
 * is such a one and its script can be loaded; else NULL. What is known of it goes into `replays`. */
struct moth_agent *moth_replays_agent(const struct moth_trace *trace, const char *path, struct moth_replays *replays);
/* One more. 0, or -1 with err when it could not be tried: the game did not start. */
int moth_replays_once(const struct moth_trace *trace, const struct moth_agent *agent,
                      const struct moth_replay_config *config, struct moth_replays *replays, struct moth_err *err);
/* What came of one that was played in another way; takes its finding. */
void moth_replays_add(struct moth_replays *replays, struct moth_replay_outcome *outcome, const struct moth_trace *trace);
void moth_replays_fini(struct moth_replays *replays);

#endif
