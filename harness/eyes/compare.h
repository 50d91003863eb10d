/* SPDX-License-Identifier: MIT
 *
 * Is a picture the one that it should be: pixel by pixel, with a tolerance.
 */
#ifndef MOTH_EYES_COMPARE_H
#define MOTH_EYES_COMPARE_H

#include "eyes/picture.h"

struct moth_likeness {
    uint64_t pixels;    /* that were compared */
    uint64_t different; /* whose red, green or blue is further off than the tolerance */
    uint32_t most;      /* the largest difference of one of these */
};

/* Compare within `region` the pixels for which `mask` (as large as the pictures; NULL: all) is not 0. With
 * `difference`, a picture of 4 bytes a pixel, as large: the second one, faint, and red where they differ. */
struct moth_likeness moth_pictures_compare(const uint8_t *expected, const uint8_t *actual, uint32_t width,
                                           const struct moth_rect *region, const uint8_t *mask, uint32_t tolerance,
                                           uint8_t *difference);
/* The faint picture that the difference is drawn on: `n` pixels. */
void moth_picture_fade(const uint8_t *rgbx, size_t n, uint8_t *faint);

#endif
