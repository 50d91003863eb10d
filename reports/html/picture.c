/* SPDX-License-Identifier: MIT */
#include "reports/html/picture.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/fs.h"
#include "reports/html/write.h"

#define STBI_NO_STDIO
#define STBI_ONLY_PNG
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#define FILE_BYTES_MAX (64u << 20)
#define PIXELS_MAX (64 << 20)
#define JPEG_QUALITY 82
#define PNG_SMALL (8u << 10) /* a PNG below this is taken as it is: nothing of it is blurred */

static void take(void *context, void *bytes, int size)
{
    moth_buf_put(context, bytes, (size_t)size);
}

/* The mean of the pixels that fall onto one. Smaller only: rgb, rows packed. */
static uint8_t *shrink(const uint8_t *from, int width, int height, int to_width, int to_height)
{
    uint8_t *to = malloc((size_t)to_width * (size_t)to_height * 3);
    for (int y = 0; to && y < to_height; y++) {
        int top = (int)((int64_t)y * height / to_height), bottom = (int)((int64_t)(y + 1) * height / to_height);
        for (int x = 0; x < to_width; x++) {
            int left = (int)((int64_t)x * width / to_width), right = (int)((int64_t)(x + 1) * width / to_width);
            uint32_t sum[3] = {0}, n = (uint32_t)((bottom - top) * (right - left));
            for (int v = top; v < bottom; v++)
                for (int u = left; u < right; u++)
                    for (int c = 0; c < 3; c++)
                        sum[c] += from[((size_t)v * (size_t)width + (size_t)u) * 3 + (size_t)c];
            for (int c = 0; c < 3; c++)
                to[((size_t)y * (size_t)to_width + (size_t)x) * 3 + (size_t)c] = (uint8_t)(sum[c] / n);
        }
    }
    return to;
}

/* Pixel art is smaller as PNG, what is shaded as JPEG. True: PNG. */
static bool encode(struct moth_buf *buf, const uint8_t *pixels, int width, int height)
{
    struct moth_buf jpeg;
    moth_buf_init(&jpeg);
    stbi_write_png_to_func(take, buf, width, height, 3, pixels, width * 3);
    bool png = true;
    if (buf->size_bytes > PNG_SMALL) {
        stbi_write_jpg_to_func(take, &jpeg, width, height, 3, pixels, JPEG_QUALITY);
        if (!jpeg.failed && jpeg.size_bytes > 0 && jpeg.size_bytes < buf->size_bytes) {
            struct moth_buf larger = *buf;
            *buf = jpeg;
            jpeg = larger;
            png = false;
        }
    }
    moth_buf_fini(&jpeg);
    return png;
}

static bool put(FILE *out, const uint8_t *pixels, int width, int height, const char *alt, size_t *budget)
{
    struct moth_buf buf;
    moth_buf_init(&buf);
    bool png = encode(&buf, pixels, width, height);
    size_t bytes = (buf.size_bytes + 2) / 3 * 4;
    bool fits = !buf.failed && buf.size_bytes > 0 && bytes <= *budget;
    if (fits) {
        *budget -= bytes;
        fprintf(out, "<img width=\"%d\" height=\"%d\" alt=\"", width, height);
        moth_html_text(out, alt);
        fprintf(out, "\" src=\"data:image/%s;base64,", png ? "png" : "jpeg");
        moth_html_base64(out, buf.bytes, buf.size_bytes);
        fputs("\">", out);
    }
    moth_buf_fini(&buf);
    return fits;
}

bool moth_html_picture(FILE *out, const char *path, const char *alt, unsigned width, size_t *budget)
{
    size_t size = 0;
    uint8_t *bytes = (uint8_t *)moth_fs_read(path, FILE_BYTES_MAX, &size, NULL);
    int w = 0, h = 0, channels = 0;
    bool sane = bytes && stbi_info_from_memory(bytes, (int)size, &w, &h, &channels) && w > 0 && h > 0 &&
                (int64_t)w * h <= PIXELS_MAX;
    uint8_t *pixels = sane ? stbi_load_from_memory(bytes, (int)size, &w, &h, &channels, 3) : NULL, *smaller = NULL;
    if (pixels && w > (int)width) {
        int to_height = (int)((int64_t)h * (int)width / w);
        smaller = shrink(pixels, w, h, (int)width, to_height > 0 ? to_height : 1);
        h = to_height > 0 ? to_height : 1;
        w = (int)width;
    }
    bool done = pixels && put(out, smaller ? smaller : pixels, w, h, alt, budget);
    free(smaller);
    stbi_image_free(pixels);
    free(bytes);
    return done;
}
