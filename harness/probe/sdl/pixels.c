/* SPDX-License-Identifier: MIT
 *
 * Pixels as they lie in memory: hashed, sampled and copied without asking SDL for anything, because
 * looking must leave no trace in the game's heap.
 */
#include <string.h>

#include "sdl/sdl.h"

static void channel_of_mask(uint32_t mask, uint32_t *shift, uint32_t *bits)
{
    *shift = mask != 0 ? (uint32_t)__builtin_ctz(mask) : 0;
    *bits = (uint32_t)__builtin_popcount(mask);
}

bool moth_pixels_of_surface(const SDL_Surface *surface, struct moth_pixels *pixels)
{
    if (surface == NULL || surface->pixels == NULL || surface->format == NULL || surface->w <= 0 || surface->h <= 0)
        return false;
    const SDL_PixelFormat *format = surface->format;
    *pixels = (struct moth_pixels){.rows = surface->pixels,
                                   .width = (uint32_t)surface->w,
                                   .height = (uint32_t)surface->h,
                                   .pitch_bytes = (uint32_t)surface->pitch,
                                   .bytes_per_pixel = format->BytesPerPixel};
    channel_of_mask(format->Rmask, &pixels->r_shift, &pixels->r_bits);
    channel_of_mask(format->Gmask, &pixels->g_shift, &pixels->g_bits);
    channel_of_mask(format->Bmask, &pixels->b_shift, &pixels->b_bits);
    if (format->BytesPerPixel == 1) {
        if (format->palette == NULL || format->palette->ncolors < 256)
            return false;
        pixels->palette = format->palette->colors;
    }
    return format->BytesPerPixel >= 1 && format->BytesPerPixel <= 4;
}

void moth_pixels_in_channel(uint32_t width, uint32_t height, struct moth_pixels *pixels)
{
    struct moth_channel *c = moth_channel;
    *pixels = (struct moth_pixels){.rows = c->pixels,
                                   .width = width,
                                   .height = height,
                                   .pitch_bytes = width * 4,
                                   .bytes_per_pixel = 4,
                                   .r_bits = 8,
                                   .g_shift = 8,
                                   .g_bits = 8,
                                   .b_shift = 16,
                                   .b_bits = 8};
    c->picture.width = width;
    c->picture.height = height;
    c->picture.pitch_bytes = width * 4;
    c->picture.ok = 1;
}

uint64_t moth_pixels_hash(const struct moth_pixels *p)
{
    size_t row_bytes = (size_t)p->width * p->bytes_per_pixel;
    uint64_t hash = ((uint64_t)p->width << 32 | p->height) + p->bytes_per_pixel;
    if (p->pitch_bytes == row_bytes)
        hash = moth_hash(p->rows, row_bytes * p->height, hash);
    else
        for (uint32_t y = 0; y < p->height; y++)
            hash = moth_hash(p->rows + (size_t)y * p->pitch_bytes, row_bytes, hash);
    return hash != 0 ? hash : 1; /* 0 means: not known */
}

static uint8_t widen(uint32_t value, uint32_t shift, uint32_t bits)
{
    value = value >> shift & ((1u << bits) - 1);
    if (bits >= 8)
        return (uint8_t)(value >> (bits - 8));
    return bits == 0 ? 0 : (uint8_t)(value * 255 / ((1u << bits) - 1));
}

static void pixel(const struct moth_pixels *p, uint32_t x, uint32_t y, uint8_t rgb[3])
{
    if (p->bottom_up)
        y = p->height - 1 - y;
    const uint8_t *at = p->rows + (size_t)y * p->pitch_bytes + (size_t)x * p->bytes_per_pixel;
    if (p->palette != NULL) {
        const SDL_Color *color = &p->palette[*at];
        rgb[0] = color->r, rgb[1] = color->g, rgb[2] = color->b;
        return;
    }
    uint32_t value = 0;
    memcpy(&value, at, p->bytes_per_pixel);
    rgb[0] = widen(value, p->r_shift, p->r_bits);
    rgb[1] = widen(value, p->g_shift, p->g_bits);
    rgb[2] = widen(value, p->b_shift, p->b_bits);
}

/* The usual kind: four bytes, of which red, green and blue have one each. */
static bool is_plain(const struct moth_pixels *p)
{
    return p->bytes_per_pixel == 4 && p->palette == NULL && p->r_bits == 8 && p->g_bits == 8 && p->b_bits == 8;
}

static void copy_plain_row(const struct moth_pixels *p, const uint8_t *row, uint8_t *out)
{
    uint32_t r = p->r_shift, g = p->g_shift, b = p->b_shift;
    for (uint32_t x = 0; x < p->width; x++) {
        uint32_t value;
        memcpy(&value, row + (size_t)x * 4, sizeof value);
        value = (value >> r & 255) | (value >> g & 255) << 8 | (value >> b & 255) << 16 | 0xff000000u;
        memcpy(out + (size_t)x * 4, &value, sizeof value);
    }
}

void moth_pixels_copy(const struct moth_pixels *p, struct moth_channel *c)
{
    uint64_t size = (uint64_t)p->width * p->height * 4;
    c->picture.ok = 0;
    if (size > MOTH_PICTURE_BYTES_MAX || p->rows == c->pixels)
        return;
    for (uint32_t y = 0; y < p->height; y++) {
        if (is_plain(p)) {
            uint32_t row = p->bottom_up ? p->height - 1 - y : y;
            copy_plain_row(p, p->rows + (size_t)row * p->pitch_bytes, c->pixels + (size_t)y * p->width * 4);
            continue;
        }
        for (uint32_t x = 0; x < p->width; x++) {
            uint8_t *out = c->pixels + ((size_t)y * p->width + x) * 4;
            pixel(p, x, y, out);
            out[3] = 255;
        }
    }
    c->picture.width = p->width;
    c->picture.height = p->height;
    c->picture.pitch_bytes = p->width * 4;
    c->picture.ok = 1;
}

/* Four points a cell, averaged: cheap, and steady enough to tell scenes apart. */
void moth_pixels_cell(const struct moth_pixels *p, uint8_t *cell)
{
    for (uint32_t row = 0; row < MOTH_CELL_ROWS; row++)
        for (uint32_t column = 0; column < MOTH_CELL_COLUMNS; column++) {
            uint32_t sum = 0;
            for (uint32_t i = 0; i < 4; i++) {
                uint32_t x = (uint32_t)((uint64_t)p->width * (4 * column + 1 + 2 * (i & 1)) / (4 * MOTH_CELL_COLUMNS));
                uint32_t y = (uint32_t)((uint64_t)p->height * (4 * row + 1 + (i & 2)) / (4 * MOTH_CELL_ROWS));
                uint8_t rgb[3];
                pixel(p, x, y, rgb);
                sum += (rgb[0] * 77u + rgb[1] * 150u + rgb[2] * 29u) >> 8; /* BT.601 luma */
            }
            cell[row * MOTH_CELL_COLUMNS + column] = (uint8_t)(sum / 4);
        }
}
