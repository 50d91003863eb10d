/* SPDX-License-Identifier: MIT
 *
 * Finding a small picture in a large one, by zero-mean normalized cross-correlation of grey values: 1 is the same
 * up to brightness and contrast, 0 has nothing in common. Exactly the place that trying each would give (the first,
 * row by row, of equals), found at once where the very same pixels are there, else coarse to fine: block sums bound from above what a place can score, so those that
 * cannot be the one are left out unseen, however small the template is (blocks.h).
 *
 * A template of one grey only has no correlation with anything: there the score is 1 less the mean difference of
 * grey values, as a share of 255.
 *
 * Life cycle: moth_template_init → moth_see, as often as wanted → moth_template_fini. Depends on its arguments
 * only: the same on each machine. Any thread.
 */
#ifndef MOTH_EYES_SEE_H
#define MOTH_EYES_SEE_H

#include "eyes/picture.h"

#define MOTH_SEE_CHECKS 6u
#define MOTH_SEE_SIFTED 1u /* the check after the first rows, which are every … */
#define MOTH_SEE_SPREAD 4u /* … fourth of the core */
#define MOTH_SEE_MARKS 4u

struct moth_template {
    uint32_t width, height;
    uint8_t *grey;
    uint8_t *mask;           /* 255 where it counts; NULL: everywhere */
    struct moth_rect core;   /* the largest part in which everything counts */
    uint64_t n, n_core;      /* pixels that count */
    double mean, energy;     /* of those that count: mean, sum of squared differences from it */
    double core_mean, core_energy;
    struct moth_mark {       /* pixels by which it is told from others: of each quarter the one with the rarest grey */
        uint32_t x, y;
    } marks[MOTH_SEE_MARKS];
    int8_t *shifted;         /* grey - 128 */
    uint32_t *rows;          /* the core's, in the order in which they are compared: spread wide first */
    struct moth_template_check { /* after so many rows: pixels, their sum, their energy about the core's mean */
        uint32_t rows;
        double n, sum, energy;
    } checks[MOTH_SEE_CHECKS];
};

/* `mask` (or NULL) is as moth_mask_of makes it, and taken. 0, or -1 with err. */
int moth_template_init(struct moth_template *template, const struct moth_pixmap *pixmap, uint8_t *mask,
                       struct moth_err *err);
void moth_template_fini(struct moth_template *template);

struct moth_sight {
    bool found;     /* score ≥ threshold */
    uint32_t x, y;  /* upper left corner in the picture */
    double score;   /* of the best place that was looked at closely; below the threshold it is no more than a hint */
};

/* Memory that a search needs, kept for the next one. Zeroed at first. */
struct moth_see_room {
    uint8_t *at;
    size_t size_bytes, used;
};

void moth_see_room_fini(struct moth_see_room *room);

/* Look for it within `region` (inside the picture). 0, or -1 when memory is out. A template that is larger than the
 * region is not found. */
int moth_see(const struct moth_grey *picture, const struct moth_rect *region, const struct moth_template *template,
             double threshold, struct moth_see_room *room, struct moth_sight *sight);

#endif
