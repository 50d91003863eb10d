/* SPDX-License-Identifier: MIT */
#include "eyes/picture.h"

#include <limits.h>
#include <stdlib.h>

#include "base/fs.h"

#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 16384 /* MOTH_EYES_SIDE_MAX */
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic ignored "-Wunused-function" /* told of at the end of the file */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#define OPAQUE 128u /* of alpha, and of a mask's light: from here on it counts */
#define PIXELS_MAX ((uint64_t)64 << 20)

int moth_pixmap_decode(const uint8_t *bytes, size_t size_bytes, const char *name, struct moth_pixmap *pixmap,
                       struct moth_err *err)
{
    *pixmap = (struct moth_pixmap){0};
    int width = 0, height = 0, channels = 0;
    if (size_bytes > INT_MAX || !stbi_info_from_memory(bytes, (int)size_bytes, &width, &height, &channels))
        return moth_err_set(err, MOTH_ERR_SCRIPT, "%s is no PNG that can be read: %s", name,
                            size_bytes == 0 ? "it is empty" : stbi_failure_reason() ? stbi_failure_reason() : "broken");
    if (width <= 0 || height <= 0 || (uint64_t)width * (uint64_t)height > PIXELS_MAX)
        return moth_err_set(err, MOTH_ERR_SCRIPT, "%s is too large a picture: %d x %d", name, width, height);
    uint8_t *pixels = stbi_load_from_memory(bytes, (int)size_bytes, &width, &height, &channels, 4);
    if (!pixels)
        return moth_err_set(err, MOTH_ERR_SCRIPT, "%s is no PNG that can be read: %s", name,
                            stbi_failure_reason() ? stbi_failure_reason() : "broken");
    *pixmap = (struct moth_pixmap){(uint32_t)width, (uint32_t)height, pixels};
    return 0;
}

int moth_pixmap_read(const char *path, struct moth_pixmap *pixmap, struct moth_err *err)
{
    *pixmap = (struct moth_pixmap){0};
    size_t size = 0;
    char *bytes = moth_fs_read(path, MOTH_EYES_FILE_BYTES_MAX, &size, err);
    if (!bytes)
        return -1;
    int result = moth_pixmap_decode((const uint8_t *)bytes, size, path, pixmap, err);
    free(bytes);
    return result;
}

void moth_pixmap_fini(struct moth_pixmap *pixmap)
{
    free(pixmap->rgba);
    *pixmap = (struct moth_pixmap){0};
}

int moth_grey_of(const uint8_t *rgbx, uint32_t width, uint32_t height, struct moth_grey *grey)
{
    size_t n = (size_t)width * height;
    uint8_t *at = malloc(n ? n : 1);
    *grey = (struct moth_grey){width, height, at};
    if (!at)
        return -1;
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)((rgbx[4 * i] * 77u + rgbx[4 * i + 1] * 150u + rgbx[4 * i + 2] * 29u) >> 8);
    return 0;
}

void moth_grey_fini(struct moth_grey *grey)
{
    free(grey->at);
    *grey = (struct moth_grey){0};
}

uint8_t *moth_mask_of(const struct moth_pixmap *pixmap, bool alpha_only)
{
    size_t n = (size_t)pixmap->width * pixmap->height;
    uint8_t *mask = malloc(n ? n : 1);
    for (size_t i = 0; mask && i < n; i++) {
        const uint8_t *p = pixmap->rgba + 4 * i;
        uint32_t light = (p[0] * 77u + p[1] * 150u + p[2] * 29u) >> 8;
        mask[i] = p[3] >= OPAQUE && (alpha_only || light >= OPAQUE) ? 255 : 0;
    }
    return mask;
}
