/* SPDX-License-Identifier: MIT
 *
 * What is said of many frames in a few numbers. A frame's time is its work time (wire/channel.h); all times are in
 * milliseconds of it, 1000 / x is what others give as frames per second. Pure functions.
 *
 *   p50, p95, p99    percentile by nearest rank: of n frames in order, the one at place ceil(p * n).
 *   max              the slowest frame.
 *   low1_pct         first of the three things called "1 % low": the 99th percentile, the fastest of the slowest
 *                    hundredth of frames.
 *   low1_avg         second: the mean of the slowest hundredth of frames (ceil(n / 100) of them).
 *   low1_integral    third: the frame at which the slowest frames, added up from the slowest on, reach a hundredth
 *                    of the whole time. The hundredth of the time one would want back.
 *   stutter_time_pct part of the whole time, in percent, spent in frames that took more than 2.5 times the mean of
 *                    the 60 frames before them, and longer than the display's tick (what is faster than that is
 *                    not seen).
 *   hitches_per_min  frames over 60 ms that took 1.5 times the frame before, 200 ms of game time after the last
 *                    one (detect/spike.h), in a minute of game time.
 *
 * Sources. The three lows and stutter time: CapFrameX, "Explanation of different performance metrics"
 * (capframex.com/blog, 2020), whose stuttering factor of 2.5 is used; its moving mean is over time, this one over
 * frames. Hitches: the frame-time charts of Unreal Engine (FPerformanceTrackingChart: t.HitchFrameTimeThreshold 60,
 * t.HitchDeadTimeWindow 200, t.HitchVersusNonHitchMinimumRatio 1.5).
 */
#ifndef MOTH_REPORTS_METRICS_H
#define MOTH_REPORTS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reports/reports.h"

/* `n` frames of `ns` each. */
struct moth_metrics_value {
    double ns;
    uint64_t n;
};

/* `values` in order, the fastest first. What depends on the frames' order is 0. */
struct moth_frame_times moth_metrics(const struct moth_metrics_value *values, size_t n);
/* Is a frame a stutter after frames of this mean, with a display of this tick? */
bool moth_metrics_is_stutter(uint64_t ns, uint64_t mean_ns, uint64_t tick_ns);

#endif
