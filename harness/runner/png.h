/* SPDX-License-Identifier: MIT */
#ifndef MOTH_RUNNER_PNG_H
#define MOTH_RUNNER_PNG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Append width x height pixels of 4 bytes (R G B X, rows packed) as an RGB PNG. */
int moth_png_encode(struct moth_buf *buf, const uint8_t *pixels, uint32_t width, uint32_t height,
                    struct moth_err *err);
/* Write them to a file, whole or not at all. */
int moth_png_write(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                   struct moth_err *err);

#endif
