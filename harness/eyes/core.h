/* SPDX-License-Identifier: MIT
 *
 * The fine half of moth_see: what a template's core scores at a place, pixel by pixel, and no further than until it
 * is sure that it is not enough: after some rows what is left of both may agree as well as can be, and no better.
 */
#ifndef MOTH_EYES_CORE_H
#define MOTH_EYES_CORE_H

#include "eyes/blocks.h"

/* A place that may be the one. */
struct moth_place {
    uint32_t x, y;      /* upper left corner of the template, within the region */
    float bound;        /* what the core scores there at most, by its blocks */
    double sum, energy; /* of what lies under the core */
};

struct moth_under {
    const struct moth_grey *picture;
    const struct moth_rect *region;
    const struct moth_template *template;
};

/* Is the core's correlation with a place no less than `need`? It is told where it is. */
bool moth_core_score(const struct moth_under *under, const struct moth_place *place, double need, double *score);
/* The correlation of a place with the whole template, which has a mask. */
double moth_core_score_masked(const struct moth_under *under, uint32_t left, uint32_t top);
/* Of the sweep's row of places, those that may score `need` even after the first rows of the core; how many. `found`
 * has room for all. */
uint32_t moth_core_sift(const struct moth_under *under, struct moth_sweep *sweep, uint32_t y, double need,
                        struct moth_place *found);

#endif
