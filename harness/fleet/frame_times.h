/* SPDX-License-Identifier: MIT
 *
 * CPU times of frames, counted in buckets that are at most an eighth wide, so that a whole night fits
 * into a page and workers' counts add up.
 */
#ifndef MOTH_FLEET_FRAME_TIMES_H
#define MOTH_FLEET_FRAME_TIMES_H

#include "base/buf.h"
#include "reports/reports.h"

#define MOTH_FRAME_BUCKETS 512u

struct moth_frame_counts {
    uint64_t buckets[MOTH_FRAME_BUCKETS];
    uint64_t n, max_ns;
};

void moth_frame_counts_add(struct moth_frame_counts *counts, uint64_t ns);
void moth_frame_counts_merge(struct moth_frame_counts *counts, const struct moth_frame_counts *other);
struct moth_frame_times moth_frame_counts_summary(const struct moth_frame_counts *counts);

void moth_frame_counts_put(struct moth_buf *buf, const struct moth_frame_counts *counts);
void moth_frame_counts_get(struct moth_cursor *cursor, struct moth_frame_counts *counts);

#endif
