/* SPDX-License-Identifier: MIT */
#include "eyes/compare.h"

#include <stdlib.h>

void moth_picture_fade(const uint8_t *rgbx, size_t n, uint8_t *faint)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t grey = (rgbx[4 * i] * 77u + rgbx[4 * i + 1] * 150u + rgbx[4 * i + 2] * 29u) >> 8;
        faint[4 * i] = faint[4 * i + 1] = faint[4 * i + 2] = (uint8_t)(191 + grey / 4);
        faint[4 * i + 3] = 255;
    }
}

static uint32_t distance(const uint8_t *a, const uint8_t *b)
{
    uint32_t most = 0;
    for (size_t i = 0; i < 3; i++) {
        uint32_t off = (uint32_t)abs(a[i] - b[i]);
        most = off > most ? off : most;
    }
    return most;
}

struct moth_likeness moth_pictures_compare(const uint8_t *expected, const uint8_t *actual, uint32_t width,
                                           const struct moth_rect *region, const uint8_t *mask, uint32_t tolerance,
                                           uint8_t *difference)
{
    struct moth_likeness likeness = {0};
    for (uint32_t y = region->y; y < region->y + region->height; y++)
        for (uint32_t x = region->x; x < region->x + region->width; x++) {
            size_t i = (size_t)y * width + x;
            if (mask && !mask[i])
                continue;
            uint32_t off = distance(expected + 4 * i, actual + 4 * i);
            likeness.pixels++;
            likeness.most = off > likeness.most ? off : likeness.most;
            if (off <= tolerance)
                continue;
            likeness.different++;
            if (difference) {
                difference[4 * i] = 230;
                difference[4 * i + 1] = difference[4 * i + 2] = 0;
            }
        }
    return likeness;
}
