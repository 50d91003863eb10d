/* SPDX-License-Identifier: MIT
 *
 * Pictures as keys: the grey grid of wire/channel.h in 8 levels, and what is left of it on a ladder of
 * coarser grids. The finest step is the grid itself. A pure function of its input.
 */
#ifndef MOTH_EXPLORE_GRID_H
#define MOTH_EXPLORE_GRID_H

#include <stdint.h>

#include "wire/channel.h"

#define MOTH_GRID_CELLS (MOTH_CELL_ROWS * MOTH_CELL_COLUMNS)
#define MOTH_GRID_PACKED_BYTES (MOTH_GRID_CELLS / 2u)
#define MOTH_GRID_STEPS 8u          /* 0 the coarsest */
#define MOTH_GRID_STEP_FIRST 6u     /* where an archive begins */
#define MOTH_GRID_STEP_REFERENCE 5u /* what coverage is counted on, whatever the archive does */

struct moth_grid {
    uint8_t level[MOTH_GRID_CELLS]; /* 0..7, row by row */
};

void moth_grid_of_grey(struct moth_grid *grid, const uint8_t grey[MOTH_GRID_CELLS]);
/* Hash of what a step of the ladder keeps of it. */
uint64_t moth_grid_key(const struct moth_grid *grid, unsigned step);
void moth_grid_pack(const struct moth_grid *grid, uint8_t packed[MOTH_GRID_PACKED_BYTES]);
void moth_grid_unpack(struct moth_grid *grid, const uint8_t packed[MOTH_GRID_PACKED_BYTES]);

#endif
