/* SPDX-License-Identifier: MIT
 *
 * Pictures that people give: PNG files, read into memory, and what is made of them.
 *
 * Life cycle: moth_picture_read or moth_picture_copy → use → moth_picture_fini. Files are from outside: sizes
 * are bounded before anything is allocated for them. Holds no state; any thread. Must not: write files.
 */
#ifndef MOTH_EYES_PICTURE_H
#define MOTH_EYES_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MOTH_EYES_SIDE_MAX 16384u /* pixels of a side; larger pictures are refused */
#define MOTH_EYES_FILE_BYTES_MAX ((size_t)64 << 20)

struct moth_pixmap {
    uint32_t width, height;
    uint8_t *rgba; /* rows packed; owned */
};

struct moth_grey {
    uint32_t width, height;
    uint8_t *at; /* rows packed; owned */
};

struct moth_rect {
    uint32_t x, y, width, height;
};

/* Read a PNG. 0, or -1 with err, which names the file. */
int moth_pixmap_read(const char *path, struct moth_pixmap *pixmap, struct moth_err *err);
/* The same from memory; `name` is what errors call it. */
int moth_pixmap_decode(const uint8_t *bytes, size_t size_bytes, const char *name, struct moth_pixmap *pixmap,
                       struct moth_err *err);
void moth_pixmap_fini(struct moth_pixmap *pixmap);

/* BT.601 luma of R G B X pixels. 0, or -1 when memory is out. */
int moth_grey_of(const uint8_t *rgbx, uint32_t width, uint32_t height, struct moth_grey *grey);
void moth_grey_fini(struct moth_grey *grey);

/* What of a picture counts, a byte a pixel, 255 or 0: of a mask what is light and not transparent, with
 * `alpha_only` what is not transparent. NULL when memory is out. Caller frees. */
uint8_t *moth_mask_of(const struct moth_pixmap *pixmap, bool alpha_only);

#endif
