/* SPDX-License-Identifier: MIT */
#include "runner/png.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/fs.h"

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

struct sink {
    const char *path;
    struct moth_err *err;
    int result;
};

static void take(void *context, void *bytes, int size)
{
    struct sink *sink = context;
    sink->result = moth_fs_write_atomic(sink->path, bytes, (size_t)size, sink->err);
}

int moth_png_write(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                   struct moth_err *err)
{
    uint8_t *rgb = malloc((size_t)width * height * 3);
    if (rgb == NULL)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a picture of %u x %u", width, height);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        rgb[3 * i] = pixels[4 * i];
        rgb[3 * i + 1] = pixels[4 * i + 1];
        rgb[3 * i + 2] = pixels[4 * i + 2];
    }
    struct sink sink = {path, err, -1};
    moth_err_set(err, MOTH_ERR_MEMORY, "cannot make the PNG '%s'", path);
    stbi_write_png_to_func(take, &sink, (int)width, (int)height, 3, rgb, (int)width * 3);
    free(rgb);
    return sink.result;
}
