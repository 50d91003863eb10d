/* SPDX-License-Identifier: MIT */
#include "eyes/see.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eyes/blocks.h"

#define ROUNDING 1e-5 /* of what is known of a place before it is looked at */
#define SPREAD 8u /* every eighth row first */

/* ---- the template ---- */

void moth_template_fini(struct moth_template *template)
{
    free(template->grey);
    free(template->mask);
    free(template->rows);
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

static int plan_rows(struct moth_template *template)
{
    const struct moth_rect *core = &template->core;
    uint32_t n = 0;
    template->rows = calloc((size_t)core->height + 1, sizeof *template->rows);
    if (!template->rows)
        return -1;
    for (uint32_t step = SPREAD; step >= 1; step /= 2) {
        for (uint32_t y = 0; y < core->height; y += step)
            if (step == SPREAD || y % (2 * step) != 0)
                template->rows[n++] = y;
        if (step > 1)
            template->checks[step == 8 ? 3 : step == 4 ? 4 : 5].rows = n;
    }
    for (uint32_t i = 0; i < 3; i++) /* a few of the first ones */
        template->checks[i].rows = (1u << i) < template->checks[3].rows ? 1u << i : 0;
    double sum = 0, squares = 0;
    template->n_core = (uint64_t)core->width * core->height;
    for (int pass = 0; pass < 2; pass++) { /* the mean, then what is about it */
        uint32_t check = 0;
        double part = 0;
        for (uint32_t i = 0; i < core->height; i++) {
            const uint8_t *row = template->grey + (size_t)(core->y + template->rows[i]) * template->width + core->x;
            for (uint32_t x = 0; x < core->width; x++) {
                double off = row[x] - template->core_mean;
                part += pass ? row[x] : 0;
                sum += pass ? 0 : row[x];
                squares += pass ? off * off : 0;
            }
            while (pass && check < MOTH_SEE_CHECKS && template->checks[check].rows == 0)
                check++;
            while (pass && check < MOTH_SEE_CHECKS && template->checks[check].rows == i + 1) {
                template->checks[check].n = (double)(i + 1) * core->width;
                template->checks[check].sum = part;
                template->checks[check++].energy = squares;
            }
        }
        if (!pass)
            template->core_mean = template->n_core ? sum / (double)template->n_core : 0;
    }
    template->core_energy = squares;
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

/* ---- one place, closely ---- */

struct look {
    const struct moth_grey *picture;
    const struct moth_rect *region;
    const struct moth_template *template;
    struct moth_sight *sight;
    double threshold;
    uint64_t at; /* of the best so far, row by row */
    bool any;
};

static const uint8_t *under(const struct look *look, uint32_t x, uint32_t y)
{
    return look->picture->at + (size_t)(look->region->y + y) * look->picture->width + look->region->x + x;
}

struct sums {
    uint64_t product, sum, squares;
};

static void add_row(struct sums *sums, const uint8_t *restrict a, const uint8_t *restrict b, uint32_t n)
{
    uint32_t product = 0, sum = 0, squares = 0; /* of 16384 pixels at most */
    for (uint32_t i = 0; i < n; i++) {
        product += (uint32_t)(a[i] * b[i]);
        sum += b[i];
        squares += (uint32_t)(b[i] * b[i]);
    }
    sums->product += product;
    sums->sum += sum;
    sums->squares += squares;
}

/* The core's correlation with a place; -1 as soon as it cannot be `need`. */
static double score_core(const struct look *look, const struct moth_place *place, double need)
{
    const struct moth_template *template = look->template;
    const struct moth_rect *core = &template->core;
    double under_energy = (double)place->energy, span = sqrt(template->core_energy * under_energy);
    double mean = (double)place->sum / (double)template->n_core;
    struct sums sums = {0};
    uint32_t check = 0;
    for (uint32_t i = 0; i < core->height; i++) {
        uint32_t y = core->y + template->rows[i];
        add_row(&sums, template->grey + (size_t)y * template->width + core->x, under(look, place->x + core->x, place->y + y),
                core->width);
        while (check < MOTH_SEE_CHECKS && template->checks[check].rows < i + 1)
            check++;
        if (check == MOTH_SEE_CHECKS || template->checks[check].rows != i + 1 || i + 1 == core->height)
            continue;
        const struct moth_template_check *done = &template->checks[check++];
        double product = (double)sums.product - template->core_mean * (double)sums.sum - mean * done->sum +
                         done->n * mean * template->core_mean;
        double energy = (double)sums.squares - 2 * mean * (double)sums.sum + done->n * mean * mean;
        double left = template->core_energy - done->energy, right = under_energy - energy;
        double rest = left > 0 && right > 0 ? sqrt(left * right) : 0;
        if (product + rest < (need - ROUNDING) * span)
            return -1;
    }
    double exact = (double)sums.squares - (double)sums.sum * (double)sums.sum / (double)template->n_core;
    if (exact < 0.25)
        return 0;
    return ((double)sums.product - template->core_mean * (double)sums.sum) / sqrt(template->core_energy * exact);
}

/* The whole template's, where it has a mask. */
static double score_masked(const struct look *look, uint32_t left, uint32_t top)
{
    const struct moth_template *template = look->template;
    uint64_t product = 0, sum = 0, squares = 0;
    for (uint32_t y = 0; y < template->height; y++) {
        const uint8_t *a = template->grey + (size_t)y * template->width, *b = under(look, left, top + y);
        const uint8_t *mask = template->mask + (size_t)y * template->width;
        uint32_t p = 0, s = 0, q = 0;
        for (uint32_t x = 0; x < template->width; x++) {
            uint32_t seen = (uint32_t)(b[x] & mask[x]);
            p += a[x] * seen;
            s += seen;
            q += seen * seen;
        }
        product += p;
        sum += s;
        squares += q;
    }
    double energy = (double)squares - (double)sum * (double)sum / (double)template->n;
    if (energy < 0.25)
        return 0;
    return ((double)product - template->mean * (double)sum) / sqrt(template->energy * energy);
}

/* One grey only: how near it is. */
static double score_plain(const struct look *look, uint32_t left, uint32_t top)
{
    const struct moth_template *template = look->template;
    uint64_t off = 0;
    uint8_t grey = (uint8_t)lround(template->mean);
    for (uint32_t y = 0; y < template->height; y++) {
        const uint8_t *b = under(look, left, top + y);
        const uint8_t *mask = template->mask ? template->mask + (size_t)y * template->width : NULL;
        uint32_t row = 0;
        for (uint32_t x = 0; x < template->width; x++)
            row += (mask ? mask[x] & 1u : 1u) * (uint32_t)abs(b[x] - grey);
        off += row;
    }
    return 1 - (double)off / (255.0 * (double)template->n);
}

/* ---- the search ---- */

/* The better one; of equals the first, row by row. */
static void note(struct look *look, uint32_t x, uint32_t y, double score)
{
    uint64_t at = (uint64_t)y << 32 | x;
    score = score > 1 ? 1 : score;
    if (look->any && (score < look->sight->score || (score <= look->sight->score && at > look->at)))
        return;
    look->any = true;
    look->at = at;
    look->sight->score = score;
    look->sight->x = look->region->x + x;
    look->sight->y = look->region->y + y;
}

/* What the core has to score where the whole has to score `need`: of the template's energy the core holds a share,
 * and the rest may agree as well as can be. */
static double core_need(const struct moth_template *template, double need)
{
    if (!template->mask)
        return need;
    double share = template->core_energy / template->energy;
    double square = need > 0 && share > 0 ? 1 - (1 - need * need) / share : -1;
    return square > 0 ? sqrt(square) - 1e-6 : -2;
}

/* What a place has to score now: no less than the best. */
static double needed(const struct look *look)
{
    bool better = look->any && look->sight->score > look->threshold;
    return core_need(look->template, better ? look->sight->score : look->threshold);
}

static void look_closely(struct look *look, const struct moth_place *place)
{
    double need = needed(look), score = score_core(look, place, need);
    if (score >= need - 1e-9)
        note(look, place->x, place->y, look->template->mask ? score_masked(look, place->x, place->y) : score);
}

static double on_the_way(void *context, const struct moth_place *place)
{
    struct look *look = context;
    if (place)
        look_closely(look, place);
    return needed(look);
}

static int see_shortlisted(struct look *look, struct moth_see_room *room)
{
    const struct moth_template *template = look->template;
    struct moth_shortlist list;
    if (moth_shortlist_make(&list, look->picture, look->region, template, on_the_way, look, room) != 0)
        return -1;
    double need = -2, least = -2;
    for (size_t i = 0; i < list.n; i++) {
        if (i == 0 || needed(look) > need) {
            need = needed(look);
            least = moth_shortlist_least(&list, template, need);
        }
        /* In order of their correlation, but for those of one bucket. */
        if ((double)list.at[i].correlation + 0.002 < least)
            break;
        if (moth_shortlist_bound(&list, template, &list.at[i]) >= need)
            look_closely(look, &list.at[i]);
    }
    moth_shortlist_fini(&list);
    return 0;
}

/* Are these the very same pixels? */
static bool is_identical(const struct look *look, uint32_t left, uint32_t top)
{
    const struct moth_template *template = look->template;
    for (uint32_t y = 0; y < template->height; y++) {
        const uint8_t *a = template->grey + (size_t)y * template->width, *b = under(look, left, top + y);
        const uint8_t *mask = template->mask ? template->mask + (size_t)y * template->width : NULL;
        if (!mask && memcmp(a, b, template->width) != 0)
            return false;
        for (uint32_t x = 0; mask && x < template->width; x++)
            if (mask[x] && a[x] != b[x])
                return false;
    }
    return true;
}

/* The first place with the very same pixels, by a few marks of the template. `same` is as wide as the region. */
static bool see_identical(struct look *look, uint8_t *restrict same)
{
    const struct moth_template *template = look->template;
    uint32_t across = look->region->width - template->width + 1;
    uint8_t grey[MOTH_SEE_MARKS];
    for (uint32_t i = 0; i < MOTH_SEE_MARKS; i++)
        grey[i] = template->grey[(size_t)template->marks[i].y * template->width + template->marks[i].x];
    for (uint32_t y = 0; y <= look->region->height - template->height; y++) {
        const uint8_t *a = under(look, template->marks[0].x, y + template->marks[0].y);
        const uint8_t *b = under(look, template->marks[1].x, y + template->marks[1].y);
        const uint8_t *c = under(look, template->marks[2].x, y + template->marks[2].y);
        const uint8_t *d = under(look, template->marks[3].x, y + template->marks[3].y);
        uint8_t any = 0;
        for (uint32_t x = 0; x < across; x++) {
            same[x] = (uint8_t)((a[x] ^ grey[0]) | (b[x] ^ grey[1]) | (c[x] ^ grey[2]) | (d[x] ^ grey[3])) == 0;
            any |= same[x];
        }
        for (uint32_t x = 0; any && x < across; x++)
            if (same[x] && is_identical(look, x, y)) {
                note(look, x, y, 1);
                return true;
            }
    }
    return false;
}

static void see_everywhere(struct look *look)
{
    const struct moth_template *template = look->template;
    bool plain = template->energy < 0.25;
    for (uint32_t y = 0; y <= look->region->height - template->height; y++)
        for (uint32_t x = 0; x <= look->region->width - template->width; x++)
            note(look, x, y, plain ? score_plain(look, x, y) : score_masked(look, x, y));
}

int moth_see(const struct moth_grey *picture, const struct moth_rect *region, const struct moth_template *template,
             double threshold, struct moth_see_room *room, struct moth_sight *sight)
{
    *sight = (struct moth_sight){0};
    if (template->width > region->width || template->height > region->height)
        return 0;
    struct look look = {.picture = picture, .region = region, .template = template, .sight = sight,
                        .threshold = threshold};
    uint8_t *same = malloc(region->width);
    int result = same ? 0 : -1;
    if (!same || see_identical(&look, same))
        ; /* no better place can there be */
    else if (template->energy < 0.25 || (template->mask && template->core_energy < 0.25))
        see_everywhere(&look);
    else
        result = see_shortlisted(&look, room);
    free(same);
    sight->found = look.any && sight->score >= threshold;
    return result;
}
