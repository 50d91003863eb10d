/* SPDX-License-Identifier: MIT
 *
 * The coarse half of moth_see: which places may score at all, by sums over a few blocks.
 *
 * Let a be the template's core and b what lies under it, both less their means, and P the projection that leaves
 * of a vector its means over the template's blocks. The angle between a and b is at least the difference of the
 * angles (Pa, b) and (a, Pa); the latter is the template's own, and the first takes one multiplication a block, on
 * sums that a sliding window gives for the whole picture. So all that scores `need` or more has a correlation of
 * Pa and b of at least cos(acos(need) + acos(|Pa| / |a|)), and all else need not be looked at.
 */
#ifndef MOTH_EYES_BLOCKS_H
#define MOTH_EYES_BLOCKS_H

#include "eyes/see.h"

#define MOTH_BLOCKS_MAX 64u

struct moth_blocks {
    uint32_t width, height; /* pixels of one */
    uint32_t across, down;
    float weight[MOTH_BLOCKS_MAX]; /* mean of a over each */
    double energy;                 /* |Pa|² */
};

/* A place that may be the one. */
struct moth_place {
    uint32_t x, y;     /* upper left corner of the template, within the region */
    float correlation; /* of Pa and b */
    float sum, energy; /* of what lies under the core: Σb, |b|²; rounded */
};

struct moth_shortlist {
    struct moth_place *at; /* highest correlation first; of equals the first, row by row */
    size_t n;
    float *sums;     /* in the room: of a block at each place of the region where one fits, row by row */
    uint32_t stride; /* of sums */
    struct moth_blocks blocks;
};

/* All places where the core may score what is needed; that is asked for at the beginning (NULL), and again for each
 * place that correlates better than all before it, which may be looked at closely. 0, or -1 when memory is out. */
int moth_shortlist_make(struct moth_shortlist *list, const struct moth_grey *picture, const struct moth_rect *region,
                        const struct moth_template *template,
                        double (*need)(void *context, const struct moth_place *place), void *context,
                        struct moth_see_room *room);
/* What the correlation of a place must be where the core is to score `need`; below -1: anything. */
double moth_shortlist_least(const struct moth_shortlist *list, const struct moth_template *template, double need);
/* What the core scores there at most. */
double moth_shortlist_bound(const struct moth_shortlist *list, const struct moth_template *template,
                            const struct moth_place *place);
void moth_shortlist_fini(struct moth_shortlist *list);

#endif
