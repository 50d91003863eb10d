/* SPDX-License-Identifier: MIT
 *
 * The watch over one instance's play for frames that take too long (detect/spike.h). A suspicion is kept with
 * the way to it; when the play is over, each way is played again and what returns becomes a finding
 * (findings/spike.h). With real threads there is nothing to play again, and nothing is watched for.
 */
#ifndef MOTH_FLEET_SPIKES_H
#define MOTH_FLEET_SPIKES_H

#include "branch/tree.h"
#include "detect/spike.h"
#include "findings/spike.h"

#define MOTH_SPIKES_MAX 16u /* suspicions of one instance that are looked into */

struct moth_spikes {
    struct moth_tree *tree; /* borrowed; NULL: nothing is watched for */
    const struct moth_trace_header *header;
    struct moth_spike_watch watch;
    uint32_t suspects[MOTH_SPIKES_MAX]; /* on the way that the play is on, not yet kept */
    size_t n_suspects;
    struct moth_spikes_way {
        struct moth_trace *trace;               /* to its end */
        struct moth_trace *to[MOTH_SPIKES_MAX]; /* … to each of its spikes */
        struct moth_spike spikes[MOTH_SPIKES_MAX];
        size_t n;
    } ways[MOTH_SPIKES_MAX];
    size_t n_ways, n_all;
    uint32_t suspected, confirmed,
        gone; /* frames that were suspected; of them confirmed, and did not return */
};

/* budget_ns 0: nothing is watched for. */
void moth_spikes_begin(struct moth_spikes *spikes, struct moth_tree *tree,
                       const struct moth_trace_header *header, uint64_t budget_ns);
/* Each boundary of the play. */
void moth_spikes_observed(struct moth_spikes *spikes, const struct moth_observation *observation);
/* The play is about to stand elsewhere, or is over: keep the way to what was seen. */
void moth_spikes_leave(struct moth_spikes *spikes);
/* Play the ways again. `found` takes a finding and the way to it. 0, or -1 with err. */
int moth_spikes_judge(struct moth_spikes *spikes, const struct moth_replay_config *how,
                      void (*found)(void *context, struct moth_finding *finding, struct moth_trace *trace),
                      void *context, struct moth_err *err);
void moth_spikes_end(struct moth_spikes *spikes);

#endif
