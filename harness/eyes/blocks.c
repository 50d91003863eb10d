/* SPDX-License-Identifier: MIT */
#include "eyes/blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eyes/fast.h"

/* No rounding may leave out a place. */
#define SLACK 1e-4f       /* of a score */
#define SLACK_SUM 1e-6    /* of the largest sum of products that there may be */
#define SLACK_ENERGY 1e-5f /* of what is left of an energy … */
#define SLACK_PIXEL 5e-5f  /* … and of one pixel's part in it */
#define A_SIDE 4u         /* blocks */
#define FLAT 0.25         /* energy below which there is nothing to be seen */

/* ---- the template's blocks ---- */

static void cut(struct moth_blocks *blocks, const struct moth_template *template)
{
    const struct moth_rect *core = &template->core;
    blocks->width = (core->width + A_SIDE - 1) / A_SIDE;
    blocks->height = (core->height + A_SIDE - 1) / A_SIDE;
    blocks->across = core->width / blocks->width;
    blocks->down = core->height / blocks->height;
    double pixels = (double)blocks->width * blocks->height, magnitudes = 0;
    blocks->energy = 0;
    for (uint32_t k = 0; k < blocks->across * blocks->down; k++) {
        uint64_t sum = 0;
        uint32_t left = core->x + k % blocks->across * blocks->width, top = core->y + k / blocks->across * blocks->height;
        for (uint32_t y = top; y < top + blocks->height; y++)
            for (uint32_t x = left; x < left + blocks->width; x++)
                sum += template->grey[(size_t)y * template->width + x];
        double weight = (double)sum / pixels - template->core_mean;
        blocks->weight[k] = (float)weight;
        blocks->energy += weight * weight * pixels;
        magnitudes += fabs(weight);
    }
    blocks->rounding = (float)(SLACK_SUM * magnitudes * pixels * 255);
}

/* ---- memory ---- */

/* So many of them; without room only the size is counted. */
static void *take(struct moth_see_room *room, size_t n, size_t size_bytes)
{
    void *at = room->at ? room->at + room->used : NULL;
    room->used += (n * size_bytes + 63) & ~(size_t)63;
    return at;
}

static void lay_out(struct moth_sweep *sweep, struct moth_see_room *room)
{
    size_t columns = (size_t)sweep->region->width + 1;
    room->used = 0;
    sweep->sum = take(room, columns, sizeof *sweep->sum);
    sweep->energy = take(room, columns, sizeof *sweep->energy);
    sweep->guess = take(room, columns, sizeof *sweep->guess);
    sweep->bound = take(room, columns, sizeof *sweep->bound);
    sweep->some_sum = take(room, columns, sizeof *sweep->some_sum);
    sweep->some_squares = take(room, columns, sizeof *sweep->some_squares);
    sweep->whole.sums = take(room, columns, sizeof *sweep->whole.sums);
    sweep->whole.squares = take(room, columns, sizeof *sweep->whole.squares);
    for (uint32_t i = 0; i < MOTH_SEE_SPREAD; i++) {
        sweep->some[i].sums = take(room, columns, sizeof *sweep->some[i].sums);
        sweep->some[i].squares = take(room, columns, sizeof *sweep->some[i].squares);
    }
    sweep->part = take(room, columns, sizeof *sweep->part);
    sweep->before = take(room, columns, sizeof *sweep->before);
    sweep->mean = take(room, columns, sizeof *sweep->mean);
    sweep->product = take(room, columns, sizeof *sweep->product);
    sweep->seen = take(room, columns, sizeof *sweep->seen);
    sweep->ring = take(room, (size_t)sweep->stride * sweep->n_ring, sizeof *sweep->ring);
}

void moth_see_room_fini(struct moth_see_room *room)
{
    free(room->at);
    *room = (struct moth_see_room){0};
}

/* ---- sliding sums ---- */

static const uint8_t *line(const struct moth_sweep *sweep, uint32_t y)
{
    return sweep->picture->at + (size_t)(sweep->region->y + y) * sweep->picture->width + sweep->region->x;
}

static inline MOTH_FAST_BODY void add_line_body(const struct moth_columns *columns, const uint8_t *at, uint32_t width)
{
    uint32_t *restrict sums = columns->sums, *restrict squares = columns->squares;
    for (uint32_t x = 0; x < width; x++) {
        sums[x] += at[x];
        squares[x] += (uint32_t)at[x] * at[x];
    }
}
MOTH_FAST(add_line, (const struct moth_columns *columns, const uint8_t *at, uint32_t width), (columns, at, width))

static inline MOTH_FAST_BODY void take_line_body(const struct moth_columns *columns, const uint8_t *at, uint32_t width)
{
    uint32_t *restrict sums = columns->sums, *restrict squares = columns->squares;
    for (uint32_t x = 0; x < width; x++) {
        sums[x] -= at[x];
        squares[x] -= (uint32_t)at[x] * at[x];
    }
}
MOTH_FAST(take_line, (const struct moth_columns *columns, const uint8_t *at, uint32_t width), (columns, at, width))

/* The next row of the ring: of the blocks whose upper line this is. */
static inline MOTH_FAST_BODY void add_blocks_body(struct moth_sweep *sweep, uint32_t y)
{
    const struct moth_blocks *blocks = &sweep->blocks;
    uint32_t *restrict part = sweep->part, *restrict before = sweep->before, width = sweep->region->width;
    for (uint32_t i = y == 0 ? 0 : blocks->height - 1; i < blocks->height; i++) {
        const uint8_t *in = line(sweep, y + i);
        for (uint32_t x = 0; x < width; x++)
            part[x] += in[x];
    }
    if (y > 0) {
        const uint8_t *out = line(sweep, y - 1);
        for (uint32_t x = 0; x < width; x++)
            part[x] -= out[x];
    }
    before[0] = 0;
    for (uint32_t x = 0; x < width; x++)
        before[x + 1] = before[x] + part[x];
    float *restrict sums = sweep->ring + (size_t)(y % sweep->n_ring) * sweep->stride;
    for (uint32_t x = 0; x < sweep->stride; x++)
        sums[x] = (float)(int32_t)(before[x + blocks->width] - before[x]);
}
MOTH_FAST(add_blocks, (struct moth_sweep * sweep, uint32_t y), (sweep, y))

/* Of columns the sums over the core's width, at each place. They may wrap, and what comes of two of them is right. */
static inline MOTH_FAST_BODY void sum_along_body(struct moth_sweep *sweep, const uint32_t *restrict of,
                                                double *restrict sum)
{
    uint32_t *restrict before = sweep->before, width = sweep->template->core.width;
    of += sweep->template->core.x;
    before[0] = 0;
    for (uint32_t x = 0; x < sweep->across + width - 1; x++)
        before[x + 1] = before[x] + of[x];
    for (uint32_t x = 0; x < sweep->across; x++)
        sum[x] = (double)(before[x + width] - before[x]);
}
MOTH_FAST(sum_along, (struct moth_sweep * sweep, const uint32_t *restrict of, double *restrict sum),
          (sweep, of, sum))

/* The same of sums that 32 bits do not hold. */
static void sum_along_far(struct moth_sweep *sweep, const uint32_t *of, double *sum)
{
    uint32_t width = sweep->template->core.width;
    uint64_t window = 0;
    of += sweep->template->core.x;
    for (uint32_t x = 0; x + 1 < width; x++)
        window += of[x];
    for (uint32_t x = 0; x < sweep->across; x++) {
        window += of[x + width - 1];
        sum[x] = (double)window;
        window -= of[x];
    }
}

static void sum_columns(struct moth_sweep *sweep, const struct moth_columns *columns, double *sum, double *square)
{
    bool far = sweep->template->n_core > UINT32_MAX / (255 * 255);
    (far ? sum_along_far : sum_along)(sweep, columns->sums, sum);
    (far ? sum_along_far : sum_along)(sweep, columns->squares, square);
}

/* ---- a row of places ---- */

/* Of a row of blocks the products, and what is seen of |b|². Parameters, for only those are known not to overlap. */
static inline MOTH_FAST_BODY void add_four_body(uint32_t n, const float *restrict a, const float *restrict b,
                                               const float *restrict c, const float *restrict d, const float *weight,
                                               const float *restrict mean, float *restrict product, float *restrict seen)
{
    const float wa = weight[0], wb = weight[1], wc = weight[2], wd = weight[3];
    for (uint32_t x = 0; x < n; x++) {
        float m = mean[x], pa = a[x] - m, pb = b[x] - m, pc = c[x] - m, pd = d[x] - m;
        product[x] += wa * pa + wb * pb + (wc * pc + wd * pd);
        seen[x] += pa * pa + pb * pb + (pc * pc + pd * pd);
    }
}
MOTH_FAST(add_four,
          (uint32_t n, const float *restrict a, const float *restrict b, const float *restrict c,
           const float *restrict d, const float *weight, const float *restrict mean, float *restrict product,
           float *restrict seen),
          (n, a, b, c, d, weight, mean, product, seen))

static void add_one(struct moth_sweep *sweep, const float *sums, float weight)
{
    for (uint32_t x = 0; x < sweep->across; x++) {
        float part = sums[x] - sweep->mean[x];
        sweep->product[x] += weight * part;
        sweep->seen[x] += part * part;
    }
}

static void add_products(struct moth_sweep *sweep, uint32_t y)
{
    const struct moth_blocks *blocks = &sweep->blocks;
    const struct moth_rect *core = &sweep->template->core;
    uint32_t width = blocks->width;
    for (uint32_t k = 0; k < blocks->down; k++) {
        const float *sums = sweep->ring + core->x +
                            (size_t)((core->y + y + k * blocks->height) % sweep->n_ring) * sweep->stride;
        const float *weight = blocks->weight + k * blocks->across;
        if (blocks->across == 4)
            add_four(sweep->across, sums, sums + width, sums + 2 * width, sums + 3 * width, weight, sweep->mean,
                     sweep->product, sweep->seen);
        for (uint32_t i = 0; blocks->across != 4 && i < blocks->across; i++)
            add_one(sweep, sums + i * width, weight[i]);
    }
}

/* The mean of a block under each place, and the energy. */
static inline MOTH_FAST_BODY void begin_row_body(struct moth_sweep *sweep)
{
    double *restrict sum = sweep->sum, *restrict energy = sweep->energy, per_pixel = 1 / (double)sweep->template->n_core;
    float *restrict mean = sweep->mean;
    double of_block = (double)sweep->blocks.width * sweep->blocks.height / (double)sweep->template->n_core;
    memset(sweep->product, 0, sweep->across * sizeof *sweep->product);
    memset(sweep->seen, 0, sweep->across * sizeof *sweep->seen);
    for (uint32_t x = 0; x < sweep->across; x++) {
        mean[x] = (float)(sum[x] * of_block);
        energy[x] -= sum[x] * sum[x] * per_pixel;
    }
}
MOTH_FAST(begin_row, (struct moth_sweep * sweep), (sweep))

static inline MOTH_FAST_BODY void weigh_body(struct moth_sweep *sweep)
{
    const struct moth_blocks *blocks = &sweep->blocks;
    const struct moth_template *template = sweep->template;
    const float *restrict product = sweep->product, *restrict seen = sweep->seen;
    const double *restrict energy = sweep->energy;
    float *restrict guess = sweep->guess, *restrict bound = sweep->bound;
    float left = (float)fmax(template->core_energy - blocks->energy, 0) * (1 + SLACK_ENERGY);
    float length = (float)sqrt(template->core_energy), per_pixel = 1 / ((float)blocks->width * (float)blocks->height);
    float root = SLACK_PIXEL * (float)sqrt((double)template->n_core), rounding = blocks->rounding;
    for (uint32_t x = 0; x < sweep->across; x++) {
        float e = (float)energy[x], size = sqrtf(e > 0 ? e : 0);
        float rest = e - seen[x] * per_pixel + SLACK_ENERGY * e + root * size;
        float span = 1 / (length * (size > 0.1f ? size : 0.1f));
        float most = (product[x] + rounding + sqrtf(left * (rest > 0 ? rest : 0))) * span + SLACK;
        guess[x] = product[x] * span;
        bound[x] = energy[x] < FLAT - 0.05 ? 0 : energy[x] < FLAT * 4 ? 1 : most;
    }
}
MOTH_FAST(weigh, (struct moth_sweep * sweep), (sweep))

static void clear(const struct moth_columns *columns, uint32_t width)
{
    memset(columns->sums, 0, width * sizeof *columns->sums);
    memset(columns->squares, 0, width * sizeof *columns->squares);
}

int moth_sweep_init(struct moth_sweep *sweep, const struct moth_grey *picture, const struct moth_rect *region,
                    const struct moth_template *template, struct moth_see_room *room)
{
    *sweep = (struct moth_sweep){.picture = picture,
                                 .region = region,
                                 .template = template,
                                 .across = region->width - template->width + 1,
                                 .down = region->height - template->height + 1};
    cut(&sweep->blocks, template);
    sweep->stride = region->width - sweep->blocks.width + 1;
    sweep->n_ring = (sweep->blocks.down - 1) * sweep->blocks.height + 1;
    struct moth_see_room none = {0};
    lay_out(sweep, &none);
    if (none.used > room->size_bytes) { /* kept for the next time: to be given it anew costs as much as the search */
        free(room->at);
        room->at = malloc(none.used);
        room->size_bytes = room->at ? none.used : 0;
    }
    if (!room->at)
        return -1;
    lay_out(sweep, room);
    clear(&sweep->whole, region->width);
    memset(sweep->part, 0, region->width * sizeof *sweep->part);
    for (uint32_t y = 0; y + 1 < template->core.height; y++)
        add_line(&sweep->whole, line(sweep, template->core.y + y), region->width);
    for (uint32_t i = 0; i < MOTH_SEE_SPREAD; i++)
        sweep->next_some[i] = UINT32_MAX;
    return 0;
}

void moth_sweep_row(struct moth_sweep *sweep, uint32_t y)
{
    const struct moth_rect *core = &sweep->template->core;
    if (y > 0)
        take_line(&sweep->whole, line(sweep, core->y + y - 1), sweep->region->width);
    add_line(&sweep->whole, line(sweep, core->y + y + core->height - 1), sweep->region->width);
    while (sweep->n_rows <= core->y + y + (sweep->blocks.down - 1) * sweep->blocks.height)
        add_blocks(sweep, sweep->n_rows++);
    sum_columns(sweep, &sweep->whole, sweep->sum, sweep->energy);
    begin_row(sweep);
    add_products(sweep, y);
    weigh(sweep);
}

void moth_sweep_some(struct moth_sweep *sweep, uint32_t y)
{
    uint32_t phase = y % MOTH_SEE_SPREAD, width = sweep->region->width, top = sweep->template->core.y + y;
    uint32_t last = sweep->template->checks[MOTH_SEE_SIFTED].rows * MOTH_SEE_SPREAD;
    const struct moth_columns *some = &sweep->some[phase];
    if (sweep->next_some[phase] == y) {
        take_line(some, line(sweep, top - MOTH_SEE_SPREAD), width);
        add_line(some, line(sweep, top + last - MOTH_SEE_SPREAD), width);
    } else {
        clear(some, width);
        for (uint32_t row = 0; row < last; row += MOTH_SEE_SPREAD)
            add_line(some, line(sweep, top + row), width);
    }
    sweep->next_some[phase] = y + MOTH_SEE_SPREAD;
    sum_columns(sweep, some, sweep->some_sum, sweep->some_squares);
}
