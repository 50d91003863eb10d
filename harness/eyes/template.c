/* SPDX-License-Identifier: MIT */
#include "eyes/see.h"

#include <stdlib.h>
#include <string.h>


void moth_template_fini(struct moth_template *template)
{
    free(template->grey);
    free(template->mask);
    free(template->rows);
    free(template->shifted);
    *template = (struct moth_template){0};
}

/* The largest rectangle of the mask, by the heights of its columns. */
static int find_core(struct moth_template *template)
{
    template->core = (struct moth_rect){0, 0, template->width, template->height};
    if (!template->mask)
        return 0;
    template->core = (struct moth_rect){0};
    uint32_t *height = calloc((size_t)template->width + 1, sizeof *height);
    if (!height)
        return -1;
    for (uint32_t y = 0; y < template->height; y++) {
        for (uint32_t x = 0; x < template->width; x++)
            height[x] = template->mask[(size_t)y * template->width + x] ? height[x] + 1 : 0;
        for (uint32_t x = 0; x < template->width; x++) {
            uint32_t least = height[x];
            for (uint32_t right = x; right < template->width && least > 0; right++) {
                least = height[right] < least ? height[right] : least;
                if ((uint64_t)least * (right - x + 1) > (uint64_t)template->core.width * template->core.height)
                    template->core = (struct moth_rect){x, y + 1 - least, right - x + 1, least};
            }
        }
    }
    free(height);
    return 0;
}

static void measure(struct moth_template *template)
{
    uint64_t n = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < (size_t)template->width * template->height; i++)
        if (!template->mask || template->mask[i]) {
            n++;
            sum += template->grey[i];
            squares += (uint64_t)template->grey[i] * template->grey[i];
        }
    template->n = n;
    template->mean = n ? (double)sum / (double)n : 0;
    template->energy = n ? (double)(n * squares - sum * sum) / (double)n : 0;
}

/* Rows in the order in which they are compared, and what is known after some of them. */
static void find_marks(struct moth_template *template)
{
    uint32_t count[256] = {0}, rarest[MOTH_SEE_MARKS];
    size_t pixels = (size_t)template->width * template->height;
    for (size_t i = 0; i < pixels; i++)
        count[template->grey[i]] += !template->mask || template->mask[i] ? 1u : 0u;
    memset(rarest, 0xff, sizeof rarest);
    for (size_t i = 0; i < pixels; i++) {
        uint32_t x = (uint32_t)(i % template->width), y = (uint32_t)(i / template->width);
        uint32_t quarter = (x * 2 >= template->width ? 1u : 0u) + (y * 2 >= template->height ? 2u : 0u);
        if ((template->mask && !template->mask[i]) || count[template->grey[i]] >= rarest[quarter])
            continue;
        rarest[quarter] = count[template->grey[i]];
        template->marks[quarter] = (struct moth_mark){x, y};
    }
    uint32_t some = 0; /* a quarter in which nothing counts has the mark of another */
    while (some < MOTH_SEE_MARKS && rarest[some] == UINT32_MAX)
        some++;
    for (uint32_t i = 0; i < MOTH_SEE_MARKS; i++)
        if (rarest[i] == UINT32_MAX)
            template->marks[i] = template->marks[some];
}

/* The order of the rows, and the mean of all. */
static void spread_rows(struct moth_template *template)
{
    const struct moth_rect *core = &template->core;
    uint32_t n = 0;
    uint64_t sum = 0;
    for (uint32_t step = MOTH_SEE_SPREAD; step >= 1; step /= 2)
        for (uint32_t y = 0; y < core->height; y += step)
            if (step == MOTH_SEE_SPREAD || y % (2 * step) != 0)
                template->rows[n++] = y;
    for (uint32_t y = core->y; y < core->y + core->height; y++)
        for (uint32_t x = core->x; x < core->x + core->width; x++)
            sum += template->grey[(size_t)y * template->width + x];
    template->n_core = (uint64_t)core->width * core->height;
    template->core_mean = template->n_core ? (double)sum / (double)template->n_core : 0;
}

/* What is known of the core after some of its rows, and after all. */
static int plan_rows(struct moth_template *template)
{
    static const uint32_t sixteenths[MOTH_SEE_CHECKS] = {2, 0, 6, 8, 12, 16};
    const struct moth_rect *core = &template->core;
    template->rows = calloc((size_t)core->height + 1, sizeof *template->rows);
    template->shifted = malloc((size_t)template->width * template->height);
    if (!template->rows || !template->shifted)
        return -1;
    for (size_t i = 0; i < (size_t)template->width * template->height; i++)
        template->shifted[i] = (int8_t)(template->grey[i] - 128);
    spread_rows(template);
    uint64_t sum = 0;
    double energy = 0;
    uint32_t row = 0;
    for (uint32_t check = 0; check < MOTH_SEE_CHECKS; check++) {
        uint32_t rows = check == MOTH_SEE_SIFTED ? (core->height + MOTH_SEE_SPREAD - 1) / MOTH_SEE_SPREAD
                                                 : (uint32_t)((uint64_t)core->height * sixteenths[check] / 16);
        rows = rows < row ? row : rows; /* of a low core */
        for (; row < rows; row++) {
            const uint8_t *at = template->grey + (size_t)(core->y + template->rows[row]) * template->width + core->x;
            for (uint32_t x = 0; x < core->width; x++) {
                double off = at[x] - template->core_mean;
                sum += at[x];
                energy += off * off;
            }
        }
        template->checks[check] =
            (struct moth_template_check){rows, (double)rows * core->width, (double)sum, energy};
    }
    template->core_energy = energy;
    return 0;
}

int moth_template_init(struct moth_template *template, const struct moth_pixmap *pixmap, uint8_t *mask,
                       struct moth_err *err)
{
    struct moth_grey grey;
    *template = (struct moth_template){.width = pixmap->width, .height = pixmap->height, .mask = mask};
    if (moth_grey_of(pixmap->rgba, pixmap->width, pixmap->height, &grey) == 0 && find_core(template) == 0) {
        template->grey = grey.at;
        measure(template);
        if (template->n > 0)
            find_marks(template);
        if (template->n > 0 && plan_rows(template) == 0)
            return 0;
        if (template->n == 0)
            moth_err_set(err, MOTH_ERR_SCRIPT, "nothing of it is left by its mask");
        else
            moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a picture to look for");
    } else {
        template->grey = grey.at;
        moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a picture to look for");
    }
    moth_template_fini(template);
    return -1;
}

