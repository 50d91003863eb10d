/* SPDX-License-Identifier: MIT */
#include "fleet/frame_times.h"

#include <string.h>

#define SUB_BITS 3u /* eight buckets an octave */

static unsigned bucket_of(uint64_t ns)
{
    if (ns < (1u << SUB_BITS))
        return (unsigned)ns;
    unsigned octave = 63u - (unsigned)__builtin_clzll(ns);
    unsigned sub = (unsigned)(ns >> (octave - SUB_BITS)) & ((1u << SUB_BITS) - 1);
    return ((octave - SUB_BITS + 1) << SUB_BITS) + sub;
}

/* Upper end of a bucket. */
static double ns_of(unsigned bucket)
{
    if (bucket < (1u << SUB_BITS))
        return bucket;
    unsigned octave = (bucket >> SUB_BITS) - 1;
    unsigned sub = bucket & ((1u << SUB_BITS) - 1);
    return (double)((uint64_t)((1u << SUB_BITS) + sub + 1) << octave);
}

void moth_frame_counts_add(struct moth_frame_counts *counts, uint64_t ns)
{
    counts->buckets[bucket_of(ns)]++;
    counts->n++;
    if (ns > counts->max_ns)
        counts->max_ns = ns;
}

void moth_frame_counts_merge(struct moth_frame_counts *counts, const struct moth_frame_counts *other)
{
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        counts->buckets[i] += other->buckets[i];
    counts->n += other->n;
    if (other->max_ns > counts->max_ns)
        counts->max_ns = other->max_ns;
}

static double percentile_ms(const struct moth_frame_counts *counts, double share)
{
    uint64_t rank = (uint64_t)((double)counts->n * share);
    uint64_t seen = 0;
    for (unsigned i = 0; i < MOTH_FRAME_BUCKETS; i++) {
        seen += counts->buckets[i];
        if (seen > rank)
            return (ns_of(i) < (double)counts->max_ns ? ns_of(i) : (double)counts->max_ns) / 1e6;
    }
    return (double)counts->max_ns / 1e6;
}

struct moth_frame_times moth_frame_counts_summary(const struct moth_frame_counts *counts)
{
    return (struct moth_frame_times){
        .n = counts->n,
        .p50 = percentile_ms(counts, 0.50),
        .p95 = percentile_ms(counts, 0.95),
        .p99 = percentile_ms(counts, 0.99),
        .max = (double)counts->max_ns / 1e6,
    };
}

void moth_frame_counts_put(struct moth_buf *buf, const struct moth_frame_counts *counts)
{
    moth_buf_put_varint(buf, counts->n);
    moth_buf_put_varint(buf, counts->max_ns);
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        moth_buf_put_varint(buf, counts->buckets[i]);
}

void moth_frame_counts_get(struct moth_cursor *cursor, struct moth_frame_counts *counts)
{
    counts->n = moth_cursor_varint(cursor);
    counts->max_ns = moth_cursor_varint(cursor);
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        counts->buckets[i] = moth_cursor_varint(cursor);
}
