/* SPDX-License-Identifier: MIT
 *
 * From suspicion to finding: a frame that took too long in a play is played again, straight from the launch,
 * k times. It is a spike when it is one by the least of what was measured, and was over the budget each time;
 * that least is what is reported, for whatever else the machine does can only add to it. One more replay is
 * sampled in that frame, for who took the time.
 */
#ifndef MOTH_FINDINGS_SPIKE_H
#define MOTH_FINDINGS_SPIKE_H

#include "findings/reproduce.h"

#define MOTH_SPIKE_REPLAYS 5u       /* k … */
#define MOTH_SPIKE_REPLAYS_MOST 24u /* … and more until its least has come to rest */
#define MOTH_SPIKE_SAMPLES 100u     /* of a frame that is looked into */
/* … "8000 us in load_level": a mark in the trace, the budget it was held against and who took the time. */
#define MOTH_SPIKE_MARK "moth: spike over "

struct moth_spike_config {
    struct moth_replay_config replay;
    uint64_t budget_ns;
    uint32_t times;      /* k; 0: MOTH_SPIKE_REPLAYS or more */
    uint32_t samples;    /* 0: MOTH_SPIKE_SAMPLES */
    const char *culprit; /* who it was said to be, or NULL */
};

struct moth_spike {
    uint32_t frame;
    uint32_t met;                          /* replays in which it was over the budget */
    uint64_t least_ns, most_ns, before_ns; /* of its replays; the frame before it, at its least */
    uint32_t settled;                      /* replays since one was faster */
    bool confirmed;
};

/* Play `trace` again for the frames in `spikes`, whose other members are filled. Stops early when none is
 * left. 0; -1 with err, MOTH_ERR_INTERRUPTED among others. */
int moth_spikes_confirm(const struct moth_trace *trace, const struct moth_spike_config *config,
                        struct moth_spike *spikes, size_t n, struct moth_err *err);
/* Look into a confirmed spike: the finding, with fingerprint. NULL and err when it could not be looked into.
 */
struct moth_finding *moth_spike_look(const struct moth_trace *trace, const struct moth_spike_config *config,
                                     const struct moth_spike *spike, struct moth_err *err);

/* Cut a trace behind its spike, and note what moth_spike_replay has to know. `culprit` may be NULL. */
void moth_spike_cut(struct moth_trace *trace, uint32_t frame, uint64_t budget_ns, const char *culprit);
/* For moth_replay: play a spike's trace once, and judge. Where the spike is at another frame than the trace
 * says, or there is another one, the frame is looked into as well. */
int moth_spike_replay(const struct moth_trace *trace, const struct moth_replay_config *config,
                      struct moth_replay_outcome *outcome, struct moth_err *err);

#endif
