/* SPDX-License-Identifier: MIT
 *
 * When the next frame is due by the real clock: deadlines are counted from one beginning, so that nothing drifts. A
 * machine that is too slow is given up waiting for: the beginning is moved, and how much was lost is kept.
 * Times are given, not asked for. One thread.
 */
#ifndef MOTH_HEADED_PACE_H
#define MOTH_HEADED_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct moth_pace {
    uint32_t hz;
    double speed; /* 1: as fast as the game means to be; 0: as fast as it goes */
    uint64_t begin_ns;
    uint64_t frames;  /* since begin_ns */
    uint64_t lost_ns; /* by which it was late, in all */
    uint64_t slow_ns, slow_frames; /* of the last second or so: for the speed that is shown */
    double achieved;               /* times the game's speed; 0: not known yet */
};

void moth_pace_init(struct moth_pace *pace, uint32_t hz, double speed, uint64_t now_ns);
void moth_pace_set_speed(struct moth_pace *pace, double speed, uint64_t now_ns);
/* From here on, as if nothing had been late: after a pause. */
void moth_pace_restart(struct moth_pace *pace, uint64_t now_ns);
/* When the next frame is due; 0: at once. */
uint64_t moth_pace_due_ns(const struct moth_pace *pace);
/* So many frames were played. */
void moth_pace_played(struct moth_pace *pace, uint32_t frames, uint64_t now_ns);
/* Frames that are due by now, at least 1: more than one where drawing each would make it later still. */
uint32_t moth_pace_frames_due(const struct moth_pace *pace, uint64_t now_ns);

#endif
