/* SPDX-License-Identifier: MIT */
#include "explore/grid.h"

#include <xxhash.h>

#define LEVELS 8u

static const struct {
    uint8_t columns, rows, levels;
} ladder[MOTH_GRID_STEPS] = {{3, 2, 2}, {4, 3, 3}, {6, 4, 3}, {6, 4, 4}, {8, 6, 4}, {11, 8, 4}, {11, 8, 6}, {11, 8, 8}};

void moth_grid_of_grey(struct moth_grid *grid, const uint8_t grey[MOTH_GRID_CELLS])
{
    for (unsigned i = 0; i < MOTH_GRID_CELLS; i++)
        grid->level[i] = (uint8_t)(grey[i] * LEVELS / 256u);
}

uint64_t moth_grid_key(const struct moth_grid *grid, unsigned step)
{
    unsigned columns = ladder[step].columns, rows = ladder[step].rows, levels = ladder[step].levels;
    unsigned sum[MOTH_GRID_CELLS] = {0}, n[MOTH_GRID_CELLS] = {0};
    for (unsigned y = 0; y < MOTH_CELL_ROWS; y++)
        for (unsigned x = 0; x < MOTH_CELL_COLUMNS; x++) {
            unsigned to = y * rows / MOTH_CELL_ROWS * columns + x * columns / MOTH_CELL_COLUMNS;
            sum[to] += grid->level[y * MOTH_CELL_COLUMNS + x];
            n[to]++;
        }
    uint8_t kept[MOTH_GRID_CELLS];
    for (unsigned i = 0; i < columns * rows; i++)
        kept[i] = (uint8_t)(sum[i] * levels / (LEVELS * n[i]));
    return XXH3_64bits_withSeed(kept, columns * rows, step + 1);
}

void moth_grid_pack(const struct moth_grid *grid, uint8_t packed[MOTH_GRID_PACKED_BYTES])
{
    for (unsigned i = 0; i < MOTH_GRID_PACKED_BYTES; i++)
        packed[i] = (uint8_t)(grid->level[2 * i] | grid->level[2 * i + 1] << 4);
}

void moth_grid_unpack(struct moth_grid *grid, const uint8_t packed[MOTH_GRID_PACKED_BYTES])
{
    for (unsigned i = 0; i < MOTH_GRID_PACKED_BYTES; i++) {
        grid->level[2 * i] = packed[i] & 7u;
        grid->level[2 * i + 1] = packed[i] >> 4 & 7u;
    }
}
