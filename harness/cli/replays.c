/* SPDX-License-Identifier: MIT */
#include "cli/replays.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cli/recorded.h"
#include "fleet/play.h"

struct moth_replay_config moth_replays_config(const struct moth_options *options)
{
    return (struct moth_replay_config){
        .limits = moth_cli_limits(options),
        .softlock_s = (uint32_t)options->softlock_s,
        .spike_ms = options->spike_ms,
        .interrupted = moth_cli_stopped,
        .watches = (const char *const *)options->watches.items,
        .debug_dirs = (const char *const *)options->debug_dirs.items,
    };
}

void moth_replays_add(struct moth_replays *replays, struct moth_replay_outcome *outcome, const struct moth_trace *trace)
{
    replays->interrupted = replays->interrupted || outcome->interrupted;
    replays->other_build = replays->other_build || outcome->other_build;
    replays->frames = outcome->frames;
    if (outcome->diverged && !replays->diverged) {
        replays->diverged = true;
        replays->diverged_frame = outcome->diverged_frame;
        replays->diverged_what = outcome->diverged_what;
    }
    if (outcome->interrupted || outcome->killed)
        return;
    const char *wanted = trace->has_end ? trace->end.fingerprint : NULL;
    bool nondeterminism = trace->has_end && trace->end.kind && strcmp(trace->end.kind, "nondeterminism") == 0;
    replays->tried++;
    if (nondeterminism ? outcome->diverged
                       : outcome->finding && wanted && strcmp(outcome->finding->fingerprint, wanted) == 0)
        replays->met++;
    else if (outcome->finding)
        replays->other++, replays->early += trace->has_end && outcome->frames < trace->end.finding_frame;
    else
        replays->clean++;
    if (outcome->finding) {
        moth_finding_free(replays->finding);
        replays->finding = outcome->finding;
        outcome->finding = NULL;
    }
}

struct moth_agent *moth_replays_agent(const struct moth_trace *trace, const char *path, struct moth_replays *replays)
{
    char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        *slash = '\0';
    struct moth_finding *finding = slash ? moth_finding_load(folder, NULL) : NULL;
    struct moth_err err = {0};
    struct moth_agent *agent = NULL;
    if (finding && finding->scripted) {
        replays->played = finding->played;
        agent = moth_agent_load(trace->header.agent, NULL, &err);
        if (!agent)
            moth_log_warning(
                "the script that reported this cannot be loaded, only its inputs are replayed: %s",
                err.message);
    }
    moth_finding_free(finding);
    free(folder);
    return agent;
}

int moth_replays_once(const struct moth_trace *trace, const struct moth_agent *agent,
                       const struct moth_replay_config *config, struct moth_replays *replays, struct moth_err *err)
{
    if (agent) {
        bool met = false, killed = false;
        uint32_t frames = replays->played ? replays->played : trace->end.finding_frame;
        if (moth_play_scripted(&trace->header, agent, moth_play_pads_of(trace), frames, config,
                               trace->end.fingerprint, &met, &killed, err) != 0)
            return -1;
        replays->interrupted = replays->interrupted || moth_cli_stopped(NULL);
        replays->frames = trace->end.finding_frame;
        bool told = !killed && !moth_cli_stopped(NULL);
        replays->tried += told;
        replays->met += met;
        replays->clean += !met && told;
        return 0;
    }
    struct moth_replay_outcome outcome;
    if (moth_replay(trace, config, &outcome, err) != 0)
        return -1;
    bool started = outcome.started;
    moth_replays_add(replays, &outcome, trace);
    moth_replay_outcome_fini(&outcome);
    return started ? 0 : moth_err_set(err, MOTH_ERR_NOTHING_RAN, "the game ended before its first frame");
}

void moth_replays_fini(struct moth_replays *replays)
{
    moth_finding_free(replays->finding);
    replays->finding = NULL;
}
