/* SPDX-License-Identifier: MIT */
#include "headed/pace.h"

#include "base/clock.h"

#define LATE_NS (150 * MOTH_NS_PER_MS) /* beyond which it is not made up for */
#define MEASURE_NS MOTH_NS_PER_S
#define SKIP_MAX 4u /* frames played for one that is shown */

void moth_pace_init(struct moth_pace *pace, uint32_t hz, double speed, uint64_t now_ns)
{
    *pace = (struct moth_pace){.hz = hz ? hz : 60, .speed = speed};
    moth_pace_restart(pace, now_ns);
}

void moth_pace_restart(struct moth_pace *pace, uint64_t now_ns)
{
    pace->begin_ns = pace->slow_ns = now_ns;
    pace->frames = pace->slow_frames = 0;
}

void moth_pace_set_speed(struct moth_pace *pace, double speed, uint64_t now_ns)
{
    pace->speed = speed;
    pace->achieved = 0;
    moth_pace_restart(pace, now_ns);
}

static uint64_t due_ns(const struct moth_pace *pace, uint64_t frames)
{
    if (!(pace->speed > 0))
        return 0;
    return pace->begin_ns + (uint64_t)((double)frames * (double)MOTH_NS_PER_S / (pace->hz * pace->speed));
}

uint64_t moth_pace_due_ns(const struct moth_pace *pace)
{
    return due_ns(pace, pace->frames + 1);
}

void moth_pace_played(struct moth_pace *pace, uint32_t frames, uint64_t now_ns)
{
    pace->frames += frames;
    pace->slow_frames += frames;
    if (now_ns - pace->slow_ns >= MEASURE_NS) {
        pace->achieved = (double)pace->slow_frames * (double)MOTH_NS_PER_S / (double)(now_ns - pace->slow_ns) / pace->hz;
        pace->slow_ns = now_ns;
        pace->slow_frames = 0;
    }
    uint64_t due = due_ns(pace, pace->frames);
    if (due == 0 || now_ns < due + LATE_NS)
        return;
    pace->lost_ns += now_ns - due;
    pace->begin_ns += now_ns - due;
}

uint32_t moth_pace_frames_due(const struct moth_pace *pace, uint64_t now_ns)
{
    uint32_t frames = 1;
    while (frames < SKIP_MAX && pace->speed > 0 && due_ns(pace, pace->frames + frames + 1) <= now_ns)
        frames++;
    return frames;
}
