/* SPDX-License-Identifier: MIT */
#include "eyes/blocks.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLACK 1e-4      /* of a correlation: no rounding may leave out a place */
#define SLACK_SUM 1e-6  /* of the largest sum of products that there may be */
#define A_SIDE 4u         /* blocks */
#define FLAT 0.25f        /* energy below which there is nothing to be seen */
#define BUCKETS 2048u   /* of correlations, for putting places in order */

/* ---- the template's blocks ---- */

static void cut(struct moth_blocks *blocks, const struct moth_template *template)
{
    const struct moth_rect *core = &template->core;
    blocks->width = (core->width + A_SIDE - 1) / A_SIDE;
    blocks->height = (core->height + A_SIDE - 1) / A_SIDE;
    blocks->across = core->width / blocks->width;
    blocks->down = core->height / blocks->height;
    double pixels = (double)blocks->width * blocks->height;
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
    }
}

/* ---- memory ---- */

static void *take(struct moth_see_room *room, size_t size_bytes)
{
    void *at = room->at + room->used;
    room->used += (size_bytes + 63) & ~(size_t)63;
    return at;
}

/* One piece for all that is needed, kept for the next time: to be given it anew costs as much as the search. */
static int make_room(struct moth_see_room *room, size_t size_bytes)
{
    room->used = 0;
    if (size_bytes <= room->size_bytes)
        return 0;
    free(room->at);
    room->at = malloc(size_bytes);
    room->size_bytes = room->at ? size_bytes : 0;
    return room->at ? 0 : -1;
}

void moth_see_room_fini(struct moth_see_room *room)
{
    free(room->at);
    *room = (struct moth_see_room){0};
}

/* ---- sliding sums ---- */

/* Sums over windows of so many pixels, at each place where one fits: down the columns, then along. `column` and
 * `before` are as wide as the region and one more. */
static void sum_blocks(struct moth_shortlist *list, const struct moth_grey *picture, const struct moth_rect *region,
                       uint32_t *restrict column, uint32_t *restrict before)
{
    const struct moth_blocks *blocks = &list->blocks;
    uint32_t width = region->width, n = list->stride;
    memset(column, 0, width * sizeof *column);
    before[0] = 0;
    for (uint32_t y = 0; y < region->height; y++) {
        const uint8_t *in = picture->at + (size_t)(region->y + y) * picture->width + region->x;
        const uint8_t *out = y >= blocks->height ? in - (size_t)blocks->height * picture->width : NULL;
        for (uint32_t x = 0; x < width; x++)
            column[x] += in[x];
        for (uint32_t x = 0; out && x < width; x++)
            column[x] -= out[x];
        if (y + 1 < blocks->height)
            continue;
        for (uint32_t x = 0; x < width; x++)
            before[x + 1] = before[x] + column[x];
        float *sums = list->sums + (size_t)(y + 1 - blocks->height) * n;
        for (uint32_t x = 0; x < n; x++)
            sums[x] = (float)(int32_t)(before[x + blocks->width] - before[x]);
    }
}

/* What lies under the core. */
struct sweep {
    uint32_t across, down;  /* places */
    uint32_t *sum, *square; /* of each column over the core's height */
    double *sums, *squares; /* of the columns before each */
    double *s1, *s2;        /* of each place of a row */
    float *product;         /* likewise */
    float *correlation, *total, *energy; /* of each place, row by row */
};

static int sweep_init(struct sweep *sweep, struct moth_shortlist *list, const struct moth_rect *region,
                      const struct moth_template *template, struct moth_see_room *room)
{
    uint32_t across = region->width - template->width + 1, down = region->height - template->height + 1;
    size_t columns = (size_t)region->width + 1, places = (size_t)across * down;
    list->stride = region->width - list->blocks.width + 1;
    size_t sums = (size_t)list->stride * (region->height - list->blocks.height + 1);
    if (make_room(room, columns * (2 * sizeof(uint32_t) + 4 * sizeof(double) + sizeof(float)) +
                            (3 * places + sums) * sizeof(float) + 11 * 64) != 0)
        return -1;
    *sweep = (struct sweep){.across = across, .down = down};
    sweep->sum = take(room, columns * sizeof *sweep->sum);
    sweep->square = take(room, columns * sizeof *sweep->square);
    sweep->sums = take(room, columns * sizeof *sweep->sums);
    sweep->squares = take(room, columns * sizeof *sweep->squares);
    sweep->s1 = take(room, columns * sizeof *sweep->s1);
    sweep->s2 = take(room, columns * sizeof *sweep->s2);
    sweep->product = take(room, columns * sizeof *sweep->product);
    sweep->correlation = take(room, places * sizeof *sweep->correlation);
    sweep->total = take(room, places * sizeof *sweep->total);
    sweep->energy = take(room, places * sizeof *sweep->energy);
    list->sums = take(room, sums * sizeof *list->sums);
    return 0;
}

static void add_line(struct sweep *sweep, const uint8_t *line, uint32_t width)
{
    uint32_t *restrict sum = sweep->sum, *restrict square = sweep->square;
    for (uint32_t x = 0; x < width; x++) {
        sum[x] += line[x];
        square[x] += (uint32_t)line[x] * line[x];
    }
}

static void take_line(struct sweep *sweep, const uint8_t *line, uint32_t width)
{
    uint32_t *restrict sum = sweep->sum, *restrict square = sweep->square;
    for (uint32_t x = 0; x < width; x++) {
        sum[x] -= line[x];
        square[x] -= (uint32_t)line[x] * line[x];
    }
}

static void sum_row(struct sweep *sweep, uint32_t offset, uint32_t width)
{
    double *restrict s1 = sweep->s1, *restrict s2 = sweep->s2;
    for (uint32_t x = 0; x < sweep->across + width - 1; x++) {
        sweep->sums[x + 1] = sweep->sums[x] + sweep->sum[offset + x];
        sweep->squares[x + 1] = sweep->squares[x] + sweep->square[offset + x];
    }
    for (uint32_t x = 0; x < sweep->across; x++) {
        s1[x] = sweep->sums[x + width] - sweep->sums[x];
        s2[x] = sweep->squares[x + width] - sweep->squares[x];
    }
}

/* ---- which places ---- */

double moth_shortlist_least(const struct moth_shortlist *list, const struct moth_template *template, double need)
{
    if (need <= -1 || template->core_energy <= 0)
        return -2;
    double share = sqrt(list->blocks.energy / template->core_energy);
    double angle = acos(need < 1 ? need : 1) + acos(share < 1 ? share : 1);
    return angle < acos(-1.0) ? cos(angle) - SLACK : -2;
}

/* Correlations of a row of places with the blocks; the highest. */
static float weigh(const struct moth_shortlist *list, struct sweep *sweep, const struct moth_template *template,
                   uint32_t y)
{
    const struct moth_blocks *blocks = &list->blocks;
    const struct moth_rect *core = &template->core;
    double weights = 0, per_pixel = 1 / (double)template->n_core;
    for (uint32_t k = 0; k < blocks->across * blocks->down; k++)
        weights += (double)blocks->weight[k];
    double share = -weights * blocks->width * blocks->height * per_pixel;
    float *restrict product = sweep->product, *restrict correlation = sweep->correlation + (size_t)y * sweep->across;
    float *restrict total = sweep->total + (size_t)y * sweep->across;
    float *restrict energy = sweep->energy + (size_t)y * sweep->across;
    const double *restrict s1 = sweep->s1, *restrict s2 = sweep->s2;
    uint32_t across = sweep->across;
    for (uint32_t x = 0; x < across; x++) {
        product[x] = (float)(share * s1[x]);
        total[x] = (float)s1[x];
        energy[x] = (float)(s2[x] - s1[x] * s1[x] * per_pixel);
    }
    for (uint32_t k = 0; k < blocks->across * blocks->down; k++) {
        const float weight = blocks->weight[k];
        const float *sums = list->sums + (size_t)(y + core->y + k / blocks->across * blocks->height) * list->stride +
                            core->x + k % blocks->across * blocks->width;
        for (uint32_t x = 0; x < across; x++)
            product[x] += weight * sums[x];
    }
    float length = (float)sqrt(blocks->energy), highest = -2;
    for (uint32_t x = 0; x < across; x++) {
        float seen = energy[x] < FLAT ? FLAT : energy[x];
        correlation[x] = length > 0 ? product[x] / (length * sqrtf(seen)) : 0;
    }
    for (uint32_t x = 0; x < across; x++)
        highest = correlation[x] > highest ? correlation[x] : highest;
    return highest;
}

static struct moth_place place_at(const struct sweep *sweep, size_t i)
{
    float correlation = sweep->correlation[i];
    return (struct moth_place){.x = (uint32_t)(i % sweep->across),
                               .y = (uint32_t)(i / sweep->across),
                               .correlation = correlation > 1 ? 1 : correlation < -1 ? -1 : correlation,
                               .sum = sweep->total[i],
                               .energy = sweep->energy[i]};
}

/* What is needed, and what it takes. */
struct bar {
    double (*need)(void *context, const struct moth_place *place);
    void *context;
    double least;  /* correlation that a place must have */
    float highest; /* so far */
};

static void raise_bar(struct bar *bar, const struct moth_shortlist *list, const struct moth_template *template,
                      const struct moth_place *place)
{
    double least = moth_shortlist_least(list, template, bar->need(bar->context, place));
    bar->least = least > bar->least ? least : bar->least;
}

/* The row has a place that correlates better than all before. */
static void look_at_best(const struct moth_shortlist *list, const struct sweep *sweep,
                         const struct moth_template *template, uint32_t y, float highest, struct bar *bar)
{
    size_t i = (size_t)y * sweep->across;
    while (sweep->correlation[i] < highest)
        i++;
    bar->highest = highest;
    struct moth_place place = place_at(sweep, i);
    if (place.energy >= FLAT)
        raise_bar(bar, list, template, &place);
}

/* How much rounding may cost a product, as a share of the correlation of a place with this energy. */
static bool is_over(const struct sweep *sweep, size_t i, float least, float rounding)
{
    if (least < -1)
        return true;
    return sweep->energy[i] >= FLAT && sweep->correlation[i] + rounding / sqrtf(sweep->energy[i]) >= least;
}

static int pick(struct moth_shortlist *list, const struct sweep *sweep, double least)
{
    const struct moth_blocks *blocks = &list->blocks;
    size_t places = (size_t)sweep->across * sweep->down;
    double magnitudes = 0, length = sqrt(blocks->energy);
    for (uint32_t k = 0; k < blocks->across * blocks->down; k++)
        magnitudes += fabs((double)blocks->weight[k]);
    float rounding = length > 0 ? (float)(SLACK_SUM * magnitudes * blocks->width * blocks->height * 255 / length) : 0;
    float low = least < -1 ? -FLT_MAX : (float)least - rounding / sqrtf(FLAT);
    size_t n = 0;
    for (size_t i = 0; i < places; i++)
        n += sweep->correlation[i] >= low && is_over(sweep, i, (float)least, rounding);
    list->at = malloc((n ? n : 1) * sizeof *list->at);
    if (!list->at)
        return -1;
    for (size_t i = 0; list->n < n; i++)
        if (sweep->correlation[i] >= low && is_over(sweep, i, (float)least, rounding))
            list->at[list->n++] = place_at(sweep, i);
    return 0;
}

/* The highest first; stable, so that of equals the first stays so. */
static int put_in_order(struct moth_shortlist *list)
{
    size_t begin[BUCKETS + 1] = {0};
    struct moth_place *sorted = malloc((list->n ? list->n : 1) * sizeof *sorted);
    if (!sorted)
        return -1;
    for (size_t i = 0; i < list->n; i++)
        begin[(size_t)((1 - list->at[i].correlation) * ((BUCKETS - 1) / 2.0f)) + 1]++;
    for (size_t i = 1; i <= BUCKETS; i++)
        begin[i] += begin[i - 1];
    for (size_t i = 0; i < list->n; i++)
        sorted[begin[(size_t)((1 - list->at[i].correlation) * ((BUCKETS - 1) / 2.0f))]++] = list->at[i];
    free(list->at);
    list->at = sorted;
    return 0;
}

int moth_shortlist_make(struct moth_shortlist *list, const struct moth_grey *picture, const struct moth_rect *region,
                        const struct moth_template *template,
                        double (*need)(void *context, const struct moth_place *place), void *context,
                        struct moth_see_room *room)
{
    *list = (struct moth_shortlist){0};
    cut(&list->blocks, template);
    struct bar bar = {.need = need, .context = context, .least = -3, .highest = -2};
    raise_bar(&bar, list, template, NULL);
    const struct moth_rect *core = &template->core;
    struct sweep sweep;
    if (sweep_init(&sweep, list, region, template, room) != 0)
        return -1;
    sum_blocks(list, picture, region, sweep.sum, sweep.square);
    memset(sweep.sum, 0, region->width * sizeof *sweep.sum);
    memset(sweep.square, 0, region->width * sizeof *sweep.square);
    sweep.sums[0] = sweep.squares[0] = 0;
    const uint8_t *corner = picture->at + (size_t)region->y * picture->width + region->x;
    for (uint32_t y = 0; y < core->height - 1; y++)
        add_line(&sweep, corner + (size_t)(core->y + y) * picture->width, region->width);
    for (uint32_t y = 0; y < sweep.down; y++) {
        const uint8_t *top = corner + (size_t)(core->y + y) * picture->width;
        add_line(&sweep, top + (size_t)(core->height - 1) * picture->width, region->width);
        sum_row(&sweep, core->x, core->width);
        float highest = weigh(list, &sweep, template, y);
        if (highest > bar.highest)
            look_at_best(list, &sweep, template, y, highest, &bar);
        take_line(&sweep, top, region->width);
    }
    if (pick(list, &sweep, bar.least) == 0 && put_in_order(list) == 0)
        return 0;
    moth_shortlist_fini(list);
    return -1;
}

static double over(double value)
{
    return value > 0 ? value : 0;
}

double moth_shortlist_bound(const struct moth_shortlist *list, const struct moth_template *template,
                            const struct moth_place *place)
{
    const struct moth_blocks *blocks = &list->blocks;
    double pixels = (double)blocks->width * blocks->height, under = (double)place->energy;
    if (place->energy < FLAT)
        return 1;
    double mean = (double)place->sum / (double)template->n_core * pixels, energy = 0;
    for (uint32_t k = 0; k < blocks->across * blocks->down; k++) {
        size_t row = place->y + template->core.y + (size_t)(k / blocks->across) * blocks->height;
        double sum = (double)list->sums[row * list->stride + place->x + template->core.x +
                                        k % blocks->across * blocks->width];
        energy += (sum - mean) * (sum - mean) / pixels;
    }
    double product = (double)place->correlation * sqrt(blocks->energy * under);
    double rest = over(template->core_energy - blocks->energy) * over(under - energy);
    return (product + sqrt(rest)) / sqrt(template->core_energy * under) + SLACK;
}

void moth_shortlist_fini(struct moth_shortlist *list)
{
    free(list->at);
    *list = (struct moth_shortlist){0};
}
