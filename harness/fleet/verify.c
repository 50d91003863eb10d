/* SPDX-License-Identifier: MIT */
#include "fleet/verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "findings/store.h"
#include "findings/strip.h"
#include "fleet/corpus.h"
#include "fleet/workers.h"

#define SPIKE_REPLAYS_LEAST 3u
#define SPIKE_PATIENCE_NS (20 * MOTH_NS_PER_S)

static const struct moth_agent *find_agent(const struct moth_fleet_config *config, const char *name)
{
    for (size_t i = 0; i < config->n_scenarios; i++) {
        if (strcmp(config->scenarios[i].name, name) == 0)
            return config->scenarios[i].agent;
    }
    for (size_t i = 0; i < config->n_agents; i++) {
        if (strcmp(config->agents[i].name, name) == 0)
            return config->agents[i].agent;
    }
    for (size_t i = 0; config->corpus && i < config->corpus->n; i++) {
        const struct moth_corpus_trace *trace = &config->corpus->at[i];
        if (trace->agent && trace->finding->agent && strcmp(trace->finding->agent, name) == 0)
            return trace->agent;
    }
    return NULL;
}

/* How they ended so far. */
struct replays {
    struct moth_message_verified *verified;
    struct moth_finding_attempt *at; /* config->replays of them */
};

static void note_attempt(struct replays *replays, struct moth_finding_attempt attempt)
{
    replays->at[replays->verified->tried++] = attempt;
    replays->verified->met += attempt.outcome == MOTH_OUTCOME_MET;
}

static int replay_scripted(const struct moth_play_place *place, const struct moth_trace *trace,
                           const struct moth_finding *finding, const struct moth_replay_config *how,
                           struct replays *replays, struct moth_err *err)
{
    const struct moth_agent *agent = find_agent(place->config, trace->header.agent);
    bool met = false, killed = false;
    if (!agent)
        return moth_err_set(err, MOTH_ERR_INTERNAL, "no agent %s", trace->header.agent);
    if (moth_play_scripted(&trace->header, agent, moth_play_pads_of(trace),
                           finding->played ? finding->played : finding->frame, how, finding->fingerprint, &met, &killed, err) != 0)
        return -1;
    if (!killed && !place->stopped(place->context))
        note_attempt(replays, (struct moth_finding_attempt){.outcome = met ? MOTH_OUTCOME_MET : MOTH_OUTCOME_CLEAN,
                                                    .frame = finding->frame});
    return 0;
}

static int replay_inputs(const struct moth_trace *trace, const struct moth_finding *finding,
                         const struct moth_replay_config *how, struct replays *replays, struct moth_err *err)
{
    struct moth_replay_outcome outcome;
    if (moth_replay(trace, how, &outcome, err) != 0)
        return -1;
    if (!outcome.interrupted && !outcome.killed)
        note_attempt(replays, moth_reproduce_attempt(finding, &outcome));
    if (outcome.diverged && !replays->verified->warning)
        replays->verified->warning = moth_fs_path("a replay of %s went another way: %s differs at frame %u",
                                         finding->fingerprint, outcome.diverged_what, outcome.diverged_frame);
    moth_replay_outcome_fini(&outcome);
    return 0;
}

/* What it looked like on the way there. A finding without pictures is one all the same. */
static void take_strip(const struct moth_play_place *place, const struct moth_trace *trace,
                       const struct moth_finding *finding, const struct moth_replay_config *how)
{
    char *work = moth_fs_path("%s/.work/strip-%s", place->config->out, finding->fingerprint);
    struct moth_err err;
    moth_fs_remove_tree(work, NULL);
    if (moth_fs_make_dirs(work, &err) != 0 || moth_strip_take(trace, finding->frame, how, work, &err) != 0 ||
        place->stopped(place->context) ||
        moth_store_strip(place->config->out, finding->fingerprint, finding->seed, finding->frame, work, &err) != 0)
        moth_log_debug("%s has no strip of pictures", finding->fingerprint);
    moth_fs_remove_tree(work, NULL);
    free(work);
}

void moth_verify(const struct moth_play_place *place, const char *fingerprint,
                 struct moth_message_verified *verified)
{
    const struct moth_fleet_config *config = place->config;
    char *folder = moth_store_folder(config->out, fingerprint);
    char *path = moth_fs_path("%s/trace.moth", folder);
    struct moth_err err = {0};
    struct moth_finding *finding = moth_finding_load(folder, &err);
    struct moth_trace *trace = finding ? moth_trace_read(path, &err) : NULL;
    struct moth_replay_config how = {.limits = config->limits,
                                     .probe_path = config->probe_path,
                                     .watches = config->watches,
                                     .debug_dirs = config->debug_dirs,
                                     .softlock_s = config->softlock_s,
                                     .interrupted = place->stopped,
                                     .context = place->context};
    *verified = (struct moth_message_verified){.fingerprint = strdup(fingerprint)};
    struct replays replays = {verified, calloc(config->replays + 1, sizeof *replays.at)};
    int result = trace ? 0 : -1;
    if (!replays.at)
        result = moth_err_set(&err, MOTH_ERR_MEMORY, "no memory for %u replays", config->replays);
    if (finding) {
        verified->seed = finding->seed;
        verified->frame = finding->frame;
    }
    /* One that something from outside killed says nothing and is played again. */
    uint32_t most = config->replays + MOTH_TRIES_MAX;
    uint64_t patience_ns = moth_clock_monotonic_ns() + SPIKE_PATIENCE_NS;
    for (uint32_t i = 0; result == 0 && i < most && verified->tried < config->replays && !place->stopped(place->context);
         i++) {
        /* It was confirmed by replays before it became a finding, and each takes as long as its frames do. */
        if (finding->kind == MOTH_FINDING_SPIKE && verified->tried >= SPIKE_REPLAYS_LEAST &&
            moth_clock_monotonic_ns() > patience_ns)
            break;
        result = finding->scripted ? replay_scripted(place, trace, finding, &how, &replays, &err)
                                   : replay_inputs(trace, finding, &how, &replays, &err);
    }
    if (verified->tried > 0)
        result |= moth_store_reproduced(config->out, fingerprint, verified->seed, verified->frame,
                                        replays.at, verified->tried, &err);
    if (result == 0 && verified->met > 0 && !place->stopped(place->context))
        take_strip(place, trace, finding, &how);
    if (result != 0 && !verified->warning)
        verified->warning = moth_fs_path("%s could not be replayed: %s", fingerprint, err.message);
    free(replays.at);
    moth_trace_free(trace);
    moth_finding_free(finding);
    free(path);
    free(folder);
}
