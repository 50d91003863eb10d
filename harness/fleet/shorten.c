/* SPDX-License-Identifier: MIT */
#include "fleet/shorten.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "findings/store.h"
#include "minimize/minimize.h"

static bool can_be_shortened(const struct moth_finding *finding)
{
    return !finding->scripted && finding->kind != MOTH_FINDING_NONDETERMINISM && finding->attempts > 0 &&
           finding->reproduced == finding->attempts;
}

/* It came with a shorter way of its own, from an earlier run. What was made of another sighting, which this one has
 * taken the place of, does not count: what comes out may not depend on who was first. */
static bool is_short(const char *folder, const struct moth_finding *finding)
{
    struct moth_err err;
    char *path = moth_fs_path("%s/minimized.moth", folder);
    struct moth_trace *trace = finding->trace_minimized ? moth_trace_read(path, &err) : NULL;
    bool same = trace && trace->header.seed == finding->seed;
    moth_trace_free(trace);
    free(path);
    return same;
}

static void note_warning(void *context, const char *sentence)
{
    struct moth_message_minimized *minimized = context;
    if (!minimized->warning)
        minimized->warning = moth_fs_path("%s: %s", minimized->fingerprint, sentence);
}

static struct moth_minimize_config config_for(const struct moth_play_place *place, const char *work,
                                              struct moth_message_minimized *minimized)
{
    const struct moth_fleet_config *config = place->config;
    return (struct moth_minimize_config){
        .out = work,
        .replay = {.limits = config->limits,
                   .probe_path = config->probe_path,
                   .softlock_s = config->softlock_s,
                   .interrupted = place->stopped,
                   .context = place->context},
        .memory_bytes = config->snapshot_bytes / config->workers,
        .frames_most = config->minimize_frames,
        .replays = config->replays,
        .checked = true,
        .run_seed = moth_plan_run_seed,
        .warn = note_warning,
        .context = minimized,
    };
}

/* What was met each time again is kept; when the run ends before that, it was met at least once. */
static int keep(const struct moth_play_place *place, const char *work,
                const struct moth_minimize_outcome *outcome, struct moth_message_minimized *minimized,
                struct moth_err *err)
{
    if (!outcome->written)
        return 0;
    if (outcome->met < outcome->tried) {
        note_warning(minimized, "the shortened trace did not meet it each time and is not kept");
        return 0;
    }
    return moth_store_minimized(place->config->out, minimized->fingerprint, outcome->inputs, work, err);
}

void moth_shorten(const struct moth_play_place *place, const char *fingerprint,
                  struct moth_message_minimized *minimized)
{
    *minimized = (struct moth_message_minimized){.fingerprint = strdup(fingerprint)};
    char *folder = moth_store_folder(place->config->out, fingerprint);
    char *path = moth_fs_path("%s/trace.moth", folder);
    char *work = moth_fs_path("%s/.work/minimize-%s", place->config->out, fingerprint);
    struct moth_err err = {0};
    struct moth_finding *finding = moth_finding_load(folder, &err);
    bool wanted = finding && can_be_shortened(finding) && !is_short(folder, finding);
    struct moth_trace *trace = wanted ? moth_trace_read(path, &err) : NULL;
    int result = finding && (trace || !wanted) ? 0 : -1;
    if (trace) {
        struct moth_minimize_config config = config_for(place, work, minimized);
        struct moth_minimize_outcome outcome;
        result = moth_minimize(trace, &config, &outcome, &err);
        if (result == 0)
            result = keep(place, work, &outcome, minimized, &err);
    }
    if (result != 0 && err.code != MOTH_ERR_INTERRUPTED)
        note_warning(minimized, err.message);
    moth_fs_remove_tree(work, NULL);
    moth_trace_free(trace);
    moth_finding_free(finding);
    free(work);
    free(path);
    free(folder);
}
