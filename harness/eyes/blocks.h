/* SPDX-License-Identifier: MIT
 *
 * The coarse half of moth_see: what places may score at most, by sums over a few blocks.
 *
 * Let a be the template's core and b what lies under it, both less their means, and P the projection that leaves
 * of a vector its means over the template's blocks. Then ab = Pa·Pb + (a - Pa)(b - Pb), and the latter is at most
 * |a - Pa| |b - Pb|, which |a|, |Pa|, |b| and |Pb| tell; and those of b come from sliding sums. So a place costs a few
 * operations a block, whatever the size of the template.
 *
 * Life cycle: moth_sweep_init → moth_sweep_row for each row of places, in order. Its memory is the room's.
 */
#ifndef MOTH_EYES_BLOCKS_H
#define MOTH_EYES_BLOCKS_H

#include "eyes/see.h"

#define MOTH_BLOCKS_MAX 16u

struct moth_blocks {
    uint32_t width, height; /* pixels of one */
    uint32_t across, down;
    float weight[MOTH_BLOCKS_MAX]; /* mean of a over each */
    double energy;                 /* |Pa|² */
    float rounding;                /* that a product with Pb may be off by */
};

struct moth_sweep {
    uint32_t across, down; /* places */
    /* Of each place of the row that was asked for last: */
    double *sum, *energy; /* Σb under the core; |b|² */
    float *guess;         /* Pa·Pb / |a||b| */
    float *bound;         /* what the core scores there at most */
    double *some_sum, *some_squares; /* moth_sweep_some: Σb and Σb² of every fourth row of the core only */

    const struct moth_grey *picture;
    const struct moth_rect *region;
    const struct moth_template *template;
    struct moth_blocks blocks;
    struct moth_columns {
        uint32_t *sums, *squares; /* of each column */
    } whole, some[MOTH_SEE_SPREAD]; /* over the core's height; over every fourth row from one of four on */
    uint32_t next_some[MOTH_SEE_SPREAD]; /* row of places that those are for next */
    uint32_t *part;                      /* of each column over a block's height */
    uint32_t *before;                    /* of all columns left of it */
    float *mean, *product, *seen;        /* of a block under this place; Pa·Pb; |Pb|² */
    float *ring;                         /* sums over a block at each place where one fits: the last rows of them */
    uint32_t stride, n_ring, n_rows;     /* of the ring; rows that were put into it */
};

/* 0, or -1 when memory is out. */
int moth_sweep_init(struct moth_sweep *sweep, const struct moth_grey *picture, const struct moth_rect *region,
                    const struct moth_template *template, struct moth_see_room *room);
/* 0, then 1, … */
void moth_sweep_row(struct moth_sweep *sweep, uint32_t y);
/* For the row that was asked for last, what few need. */
void moth_sweep_some(struct moth_sweep *sweep, uint32_t y);

#endif
