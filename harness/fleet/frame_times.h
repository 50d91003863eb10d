/* SPDX-License-Identifier: MIT
 *
 * Work times of frames, counted in buckets that are at most a 64th wide, each with its sum, so that a whole
 * night fits into a message and workers' counts add up. What is reported of them stands in reports/metrics.h.
 *
 * Hitches and stutters depend on the frames before: they are counted as the frames come.
 */
#ifndef MOTH_FLEET_FRAME_TIMES_H
#define MOTH_FLEET_FRAME_TIMES_H

#include "base/buf.h"
#include "fleet/memory_use.h"
#include "reports/metrics.h"
#include "reports/reports.h"

#define MOTH_FRAME_SUB_BITS 6u /* 64 buckets an octave */
#define MOTH_FRAME_BUCKETS ((64u - MOTH_FRAME_SUB_BITS + 1u) << MOTH_FRAME_SUB_BITS)

struct moth_frame_counts {
    uint64_t buckets[MOTH_FRAME_BUCKETS], sums_ns[MOTH_FRAME_BUCKETS];
    uint64_t n, max_ns, stutter_ns, hitches, game_ns;
    uint64_t suspected, confirmed, gone; /* spikes: frames that looked like one, came back, did not */
    struct moth_memory_use memory;

    /* of one play, not added up */
    struct moth_metrics_flow flow;
    bool undrawn; /* frames are not drawn unless they may be looked at: those that are count for nothing */
};

/* The next frame of a play at `hz`. */
void moth_frame_counts_add(struct moth_frame_counts *counts, const struct moth_observation *observation,
                           uint32_t hz);
/* The game stands somewhere else now. */
void moth_frame_counts_return(struct moth_frame_counts *counts);
void moth_frame_counts_merge(struct moth_frame_counts *counts, const struct moth_frame_counts *other);
struct moth_frame_times moth_frame_counts_summary(const struct moth_frame_counts *counts);

void moth_frame_counts_put(struct moth_buf *buf, const struct moth_frame_counts *counts);
void moth_frame_counts_get(struct moth_cursor *cursor, struct moth_frame_counts *counts);

#endif
