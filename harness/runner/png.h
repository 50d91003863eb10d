/* SPDX-License-Identifier: MIT */
#ifndef MOTH_RUNNER_PNG_H
#define MOTH_RUNNER_PNG_H

#include <stdint.h>

#include "base/err.h"

/* Write width x height pixels of 4 bytes (R G B X, rows packed) as an RGB PNG, whole or not at all. */
int moth_png_write(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                   struct moth_err *err);

#endif
