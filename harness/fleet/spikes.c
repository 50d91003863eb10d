/* SPDX-License-Identifier: MIT */
#include "fleet/spikes.h"

#include <stdlib.h>

#include "base/log.h"
#include "findings/sampled.h"

void moth_spikes_begin(struct moth_spikes *spikes, struct moth_tree *tree,
                       const struct moth_trace_header *header, uint64_t budget_ns)
{
    *spikes = (struct moth_spikes){.header = header};
    if (budget_ns > 0 && header->threads != MOTH_THREADS_NATIVE)
        spikes->tree = tree;
    moth_spike_begin(&spikes->watch, budget_ns);
}

void moth_spikes_observed(struct moth_spikes *spikes, const struct moth_observation *observation)
{
    if (!spikes->tree || !moth_spike_see(&spikes->watch, observation))
        return;
    spikes->suspected++;
    if (spikes->n_all == MOTH_SPIKES_MAX)
        return;
    spikes->suspects[spikes->n_suspects++] = observation->frame;
    spikes->n_all++;
}

static void keep_way(struct moth_spikes *spikes)
{
    struct moth_spikes_way *way = &spikes->ways[spikes->n_ways++];
    way->trace = moth_tree_trace(spikes->tree, spikes->header);
    for (way->n = 0; way->n < spikes->n_suspects; way->n++) {
        way->spikes[way->n] = (struct moth_spike){.frame = spikes->suspects[way->n]};
        way->to[way->n] = moth_tree_trace(spikes->tree, spikes->header);
        if (!way->trace || !way->to[way->n])
            abort();
    }
}

void moth_spikes_leave(struct moth_spikes *spikes)
{
    if (spikes->n_suspects > 0)
        keep_way(spikes);
    spikes->n_suspects = 0;
    moth_spike_return(&spikes->watch);
}

static int judge_way(struct moth_spikes *spikes, struct moth_spikes_way *way,
                     const struct moth_spike_config *how,
                     void (*found)(void *context, struct moth_finding *finding, struct moth_trace *trace),
                     void *context, struct moth_err *err)
{
    if (moth_spikes_confirm(way->trace, how, way->spikes, way->n, err) != 0)
        return -1;
    for (size_t i = 0; i < way->n; i++) {
        const struct moth_spike *spike = &way->spikes[i];
        moth_log_debug("frame %u: looked for a spike: %s (%u replays, %.2f ms at least)", spike->frame,
                       spike->confirmed ? "it returns" : "it does not return", spike->met,
                       (double)spike->least_ns / 1e6);
        spikes->confirmed += spike->confirmed;
        spikes->gone += !spike->confirmed;
        struct moth_finding *finding = spike->confirmed ? moth_spike_look(way->trace, how, spike, err) : NULL;
        if (spike->confirmed && !finding)
            return -1;
        if (finding) {
            char *culprit = moth_sampled_culprit(finding);
            moth_spike_cut(way->to[i], spike->frame, how->budget_ns, culprit);
            free(culprit);
            found(context, finding, way->to[i]);
            way->to[i] = NULL;
        }
    }
    return 0;
}

int moth_spikes_judge(struct moth_spikes *spikes, const struct moth_replay_config *how,
                      void (*found)(void *context, struct moth_finding *finding, struct moth_trace *trace),
                      void *context, struct moth_err *err)
{
    struct moth_spike_config config = {.replay = *how, .budget_ns = spikes->watch.budget_ns};
    int result = 0;
    for (size_t i = 0; i < spikes->n_ways && result == 0; i++)
        result = judge_way(spikes, &spikes->ways[i], &config, found, context, err);
    return result;
}

void moth_spikes_end(struct moth_spikes *spikes)
{
    for (size_t i = 0; i < spikes->n_ways; i++) {
        for (size_t k = 0; k < spikes->ways[i].n; k++)
            moth_trace_free(spikes->ways[i].to[k]);
        moth_trace_free(spikes->ways[i].trace);
    }
    spikes->n_ways = 0;
    spikes->tree = NULL;
}
