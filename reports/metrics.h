/* SPDX-License-Identifier: MIT
 *
 * What is said of many frames in a few numbers. A frame's time is its work time (wire/channel.h); all times
 * are in milliseconds of it, 1000 / x is what others give as frames per second. Pure functions.
 *
 *   p50, p95, p99    percentile by nearest rank: of n frames in order, the one at place ceil(p * n).
 *   max              the slowest frame.
 *   low1_pct         first of the three things called "1 % low": the 99th percentile, the fastest of the
 * slowest hundredth of frames. low1_avg         second: the mean of the slowest hundredth of frames (ceil(n /
 * 100) of them). low1_integral    third: the frame at which the slowest frames, added up from the slowest on,
 * reach a hundredth of the whole time. The hundredth of the time one would want back. stutter_time_pct part
 * of the whole time, in percent, spent in frames that took more than 2.5 times the mean of the 60 frames
 * before them, and longer than the display's tick (what is faster than that is not seen). hitches_per_min
 * frames over 60 ms that took 1.5 times the frame before, 200 ms of game time after the last one
 * (detect/spike.h), in a minute of game time.
 *
 * Sources. The three lows and stutter time: CapFrameX, "Explanation of different performance metrics"
 * (capframex.com/blog, 2020), whose stuttering factor of 2.5 is used; its moving mean is over time, this one
 * over frames. Hitches: the frame-time charts of Unreal Engine (FPerformanceTrackingChart:
 * t.HitchFrameTimeThreshold 60, t.HitchDeadTimeWindow 200, t.HitchVersusNonHitchMinimumRatio 1.5).
 */
#ifndef MOTH_REPORTS_METRICS_H
#define MOTH_REPORTS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/spike.h"
#include "reports/reports.h"

/* `n` frames of `ns` each. */
struct moth_metrics_value {
    double ns;
    uint64_t n;
};

/* `values` in order, the fastest first. What depends on the frames' order is 0. */
struct moth_frame_times moth_metrics(const struct moth_metrics_value *values, size_t n);
#define MOTH_METRICS_RECENT 60u /* frames that a stutter is held against */

/* What depends on the frames' order, counted as they come. Zeroed to begin with. */
struct moth_metrics_flow {
    uint64_t stutter_ns, hitches, game_ns;
    uint64_t recent_ns[MOTH_METRICS_RECENT], recent_sum_ns, n_recent, time_ns;
    struct moth_spike_watch hitch;
};
void moth_metrics_flow_add(struct moth_metrics_flow *flow, const struct moth_observation *observation,
                           uint32_t hz);
/* The game stands somewhere else now. */
void moth_metrics_flow_return(struct moth_metrics_flow *flow);
/* Put it beside the rest; `total_ns` is the time of all frames. */
void moth_metrics_flow_fill(uint64_t stutter_ns, uint64_t hitches, uint64_t game_ns, double total_ns,
                            struct moth_frame_times *times);

/* All of it, of frames in their order: observations of which only work time, game time and number are looked
 * at. */
struct moth_frame_times moth_metrics_of(const struct moth_observation *observations, size_t n, uint32_t hz);

#endif
