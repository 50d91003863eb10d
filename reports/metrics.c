/* SPDX-License-Identifier: MIT */
#include "reports/metrics.h"

#include <stdlib.h>

#include "base/clock.h"

static double at_rank(const struct moth_metrics_value *values, size_t n, uint64_t rank)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < n; i++) {
        seen += values[i].n;
        if (seen >= rank)
            return values[i].ns / 1e6;
    }
    return n > 0 ? values[n - 1].ns / 1e6 : 0;
}

/* Integers, so that 99 % of 1000 is place 990 and not 991. */
static double percentile(const struct moth_metrics_value *values, size_t n, uint64_t frames, uint64_t percent)
{
    uint64_t rank = (frames * percent + 99) / 100;
    return at_rank(values, n, rank > 0 ? rank : 1);
}

static double mean_of_slowest(const struct moth_metrics_value *values, size_t n, uint64_t frames)
{
    uint64_t slowest = (frames + 99) / 100, left = slowest;
    double sum = 0;
    for (size_t i = n; i-- > 0 && left > 0;) {
        uint64_t taken = values[i].n < left ? values[i].n : left;
        sum += values[i].ns * (double)taken;
        left -= taken;
    }
    return slowest > 0 ? sum / (double)slowest / 1e6 : 0;
}

static double at_time(const struct moth_metrics_value *values, size_t n, double total_ns)
{
    double sum = 0;
    for (size_t i = n; i-- > 0;) {
        sum += values[i].ns * (double)values[i].n;
        if (sum >= total_ns / 100)
            return values[i].ns / 1e6;
    }
    return 0;
}

struct moth_frame_times moth_metrics(const struct moth_metrics_value *values, size_t n)
{
    struct moth_frame_times times = {0};
    double total_ns = 0;
    for (size_t i = 0; i < n; i++) {
        times.n += values[i].n;
        total_ns += values[i].ns * (double)values[i].n;
    }
    if (times.n == 0)
        return times;
    times.p50 = percentile(values, n, times.n, 50);
    times.p95 = percentile(values, n, times.n, 95);
    times.p99 = times.low1_pct = percentile(values, n, times.n, 99);
    times.max = values[n - 1].ns / 1e6;
    times.low1_avg = mean_of_slowest(values, n, times.n);
    times.low1_integral = at_time(values, n, total_ns);
    return times;
}

/* ---- in their order ---- */

static bool is_stutter(uint64_t ns, uint64_t mean_ns, uint64_t tick_ns)
{
    return ns > tick_ns && ns * 2 > mean_ns * 5;
}

void moth_metrics_flow_add(struct moth_metrics_flow *flow, const struct moth_observation *observation,
                           uint32_t hz)
{
    uint64_t ns = observation->cpu_ns, tick_ns = MOTH_NS_PER_S / (hz ? hz : 60);
    if (flow->time_ns > 0 && observation->time_ns > flow->time_ns)
        flow->game_ns += observation->time_ns - flow->time_ns;
    flow->time_ns = observation->time_ns;
    if (flow->hitch.budget_ns == 0)
        moth_spike_begin(&flow->hitch, MOTH_SPIKE_MS * MOTH_NS_PER_MS);
    flow->hitches += moth_spike_see(&flow->hitch, observation);
    if (flow->n_recent >= MOTH_METRICS_RECENT &&
        is_stutter(ns, flow->recent_sum_ns / MOTH_METRICS_RECENT, tick_ns))
        flow->stutter_ns += ns;
    uint64_t *oldest = &flow->recent_ns[flow->n_recent++ % MOTH_METRICS_RECENT];
    flow->recent_sum_ns += ns - *oldest;
    *oldest = ns;
}

void moth_metrics_flow_return(struct moth_metrics_flow *flow)
{
    flow->time_ns = 0;
    moth_spike_return(&flow->hitch);
}

void moth_metrics_flow_fill(uint64_t stutter_ns, uint64_t hitches, uint64_t game_ns, double total_ns,
                            struct moth_frame_times *times)
{
    times->stutter_time_pct = total_ns > 0 ? 100.0 * (double)stutter_ns / total_ns : 0;
    times->hitches_per_min = game_ns > 0 ? (double)hitches * 60e9 / (double)game_ns : 0;
}

static int by_time(const void *a, const void *b)
{
    double left = ((const struct moth_metrics_value *)a)->ns,
           right = ((const struct moth_metrics_value *)b)->ns;
    return (left > right) - (left < right);
}

struct moth_frame_times moth_metrics_of(const struct moth_observation *observations, size_t n, uint32_t hz)
{
    struct moth_metrics_value *values = calloc(n + 1, sizeof *values);
    struct moth_metrics_flow flow = {0};
    double total_ns = 0;
    if (!values)
        abort();
    for (size_t i = 0; i < n; i++) {
        values[i] = (struct moth_metrics_value){.ns = (double)observations[i].cpu_ns, .n = 1};
        total_ns += values[i].ns;
        moth_metrics_flow_add(&flow, &observations[i], hz);
    }
    qsort(values, n, sizeof *values, by_time);
    struct moth_frame_times times = moth_metrics(values, n);
    moth_metrics_flow_fill(flow.stutter_ns, flow.hitches, flow.game_ns, total_ns, &times);
    free(values);
    return times;
}
