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

static void take(void *context, void *bytes, int size)
{
    moth_buf_put(context, bytes, (size_t)size);
}

int moth_png_encode(struct moth_buf *buf, const uint8_t *pixels, uint32_t width, uint32_t height,
                    struct moth_err *err)
{
    size_t before = buf->size_bytes;
    uint8_t *rgb = malloc((size_t)width * height * 3);
    if (rgb == NULL)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a picture of %u x %u", width, height);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        rgb[3 * i] = pixels[4 * i];
        rgb[3 * i + 1] = pixels[4 * i + 1];
        rgb[3 * i + 2] = pixels[4 * i + 2];
    }
    stbi_write_png_to_func(take, buf, (int)width, (int)height, 3, rgb, (int)width * 3);
    free(rgb);
    return buf->failed || buf->size_bytes == before ? moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a PNG") : 0;
}

int moth_png_write(const char *path, const uint8_t *pixels, uint32_t width, uint32_t height,
                   struct moth_err *err)
{
    struct moth_buf buf;
    moth_buf_init(&buf);
    int result = moth_png_encode(&buf, pixels, width, height, err);
    if (result == 0)
        result = moth_fs_write_atomic(path, buf.bytes, buf.size_bytes, err);
    moth_buf_fini(&buf);
    return result;
}
