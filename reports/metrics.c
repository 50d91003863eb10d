/* SPDX-License-Identifier: MIT */
#include "reports/metrics.h"

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

bool moth_metrics_is_stutter(uint64_t ns, uint64_t mean_ns, uint64_t tick_ns)
{
    return ns > tick_ns && ns * 2 > mean_ns * 5;
}
