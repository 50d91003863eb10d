/* SPDX-License-Identifier: MIT */
#include "fleet/frame_times.h"

#include <stdlib.h>
#include <string.h>

#define SUB_BITS MOTH_FRAME_SUB_BITS

static unsigned bucket_of(uint64_t ns)
{
    if (ns < (1u << SUB_BITS))
        return (unsigned)ns;
    unsigned octave = 63u - (unsigned)__builtin_clzll(ns);
    unsigned sub = (unsigned)(ns >> (octave - SUB_BITS)) & ((1u << SUB_BITS) - 1);
    return ((octave - SUB_BITS + 1) << SUB_BITS) + sub;
}

/* ---- adding ---- */

void moth_frame_counts_add(struct moth_frame_counts *counts, const struct moth_observation *observation,
                           uint32_t hz)
{
    uint64_t ns = observation->cpu_ns;
    counts->undrawn = counts->undrawn || !observation->drawn;
    if (observation->drawn && counts->undrawn)
        return;
    struct moth_metrics_flow *flow = &counts->flow;
    moth_metrics_flow_add(flow, observation, hz);
    counts->stutter_ns = flow->stutter_ns;
    counts->hitches = flow->hitches;
    counts->game_ns = flow->game_ns;
    unsigned bucket = bucket_of(ns);
    counts->buckets[bucket]++;
    counts->sums_ns[bucket] += ns;
    counts->n++;
    if (ns > counts->max_ns)
        counts->max_ns = ns;
}

void moth_frame_counts_return(struct moth_frame_counts *counts)
{
    moth_metrics_flow_return(&counts->flow);
    moth_memory_use_return(&counts->memory);
}

void moth_frame_counts_merge(struct moth_frame_counts *counts, const struct moth_frame_counts *other)
{
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++) {
        counts->buckets[i] += other->buckets[i];
        counts->sums_ns[i] += other->sums_ns[i];
    }
    counts->n += other->n;
    counts->stutter_ns += other->stutter_ns;
    counts->hitches += other->hitches;
    counts->game_ns += other->game_ns;
    counts->suspected += other->suspected;
    counts->confirmed += other->confirmed;
    counts->gone += other->gone;
    moth_memory_use_merge(&counts->memory, &other->memory);
    if (other->max_ns > counts->max_ns)
        counts->max_ns = other->max_ns;
}

/* ---- telling ---- */

struct moth_frame_times moth_frame_counts_summary(const struct moth_frame_counts *counts)
{
    struct moth_metrics_value *values = calloc(MOTH_FRAME_BUCKETS, sizeof *values);
    size_t n = 0;
    if (!values)
        abort();
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        if (counts->buckets[i] > 0)
            values[n++] = (struct moth_metrics_value){
                .ns = (double)counts->sums_ns[i] / (double)counts->buckets[i], .n = counts->buckets[i]};
    struct moth_frame_times times = moth_metrics(values, n);
    free(values);
    double total_ns = 0;
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        total_ns += (double)counts->sums_ns[i];
    times.max = (double)counts->max_ns / 1e6;
    moth_metrics_flow_fill(counts->stutter_ns, counts->hitches, counts->game_ns, total_ns, &times);
    times.spikes_suspected = counts->suspected;
    times.spikes_confirmed = counts->confirmed;
    times.spikes_gone = counts->gone;
    const struct moth_memory_use *use = &counts->memory;
    times.memory = (struct moth_memory_summary){.rss_mb = (double)use->rss_most / (1 << 20),
                                                .heap_mb = (double)use->heap_most / (1 << 20),
                                                .rss_growth_mb = (double)use->rss_growth / (1 << 20),
                                                .heap_growth_mb = (double)use->heap_growth / (1 << 20),
                                                .n = use->n,
                                                .n_scenes = use->n_scenes};
    memcpy(times.memory.points, use->points, sizeof times.memory.points);
    memcpy(times.memory.scenes, use->scenes, sizeof times.memory.scenes);
    return times;
}

/* ---- as bytes: only the buckets that hold something ---- */

void moth_frame_counts_put(struct moth_buf *buf, const struct moth_frame_counts *counts)
{
    const uint64_t numbers[] = {counts->n,       counts->max_ns,    counts->stutter_ns, counts->hitches,
                                counts->game_ns, counts->suspected, counts->confirmed,  counts->gone};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        moth_buf_put_varint(buf, numbers[i]);
    uint32_t filled = 0;
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        filled += counts->buckets[i] > 0;
    moth_buf_put_varint(buf, filled);
    for (size_t i = 0; i < MOTH_FRAME_BUCKETS; i++)
        if (counts->buckets[i] > 0) {
            moth_buf_put_varint(buf, i);
            moth_buf_put_varint(buf, counts->buckets[i]);
            moth_buf_put_varint(buf, counts->sums_ns[i]);
        }
    moth_memory_use_put(buf, &counts->memory);
}

void moth_frame_counts_get(struct moth_cursor *cursor, struct moth_frame_counts *counts)
{
    *counts = (struct moth_frame_counts){0};
    uint64_t *const numbers[] = {&counts->n,       &counts->max_ns,    &counts->stutter_ns, &counts->hitches,
                                 &counts->game_ns, &counts->suspected, &counts->confirmed,  &counts->gone};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = moth_cursor_varint(cursor);
    uint64_t filled = moth_cursor_varint_to(cursor, MOTH_FRAME_BUCKETS);
    for (uint64_t i = 0; i < filled && !cursor->failed; i++) {
        uint64_t bucket = moth_cursor_varint_to(cursor, MOTH_FRAME_BUCKETS - 1);
        if (cursor->failed)
            return;
        counts->buckets[bucket] = moth_cursor_varint(cursor);
        counts->sums_ns[bucket] = moth_cursor_varint(cursor);
    }
    moth_memory_use_get(cursor, &counts->memory);
}
