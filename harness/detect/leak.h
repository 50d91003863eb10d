/* SPDX-License-Identifier: MIT
 *
 * Memory that only grows: what makes a play worth a look, which of its stretches are laps, and the finding.
 *
 * The watch reads the size of the game's data now and then; that costs nothing and is the same in each run.
 * Only a play in whose second half it still grew is looked at, at its end, by identical laps (branch/laps):
 * a game that loads what it needs and keeps it settles there. Pure but for what it is told. One thread.
 */
#ifndef MOTH_DETECT_LEAK_H
#define MOTH_DETECT_LEAK_H

#include "branch/laps.h"
#include "findings/finding.h"

#define MOTH_LEAK_LOOK_FRAMES 600u
#define MOTH_LEAK_LAPS_MAX 4u

struct moth_leak {
    uint64_t bytes[512]; /* every MOTH_LEAK_LOOK_FRAMES, then of every second, fourth, … of them */
    uint32_t n, every, skipped;
};

void moth_leak_size(struct moth_leak *leak, uint64_t bytes);
bool moth_leak_suspect(const struct moth_leak *leak);
/* Stretches of a line that led from a state through another one back to it, newest first, and last the one of
 * doing nothing. How many. */
size_t moth_leak_laps(const struct moth_views *line, uint32_t hz, struct moth_lap laps[MOTH_LEAK_LAPS_MAX]);
/* The finding of laps that grow, without fingerprint; NULL when they do not, or memory is out. */
struct moth_finding *moth_leak_finding(const struct moth_laps *laps, uint32_t frame);

#endif
