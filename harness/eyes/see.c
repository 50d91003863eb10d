/* SPDX-License-Identifier: MIT */
#include "eyes/see.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "eyes/blocks.h"
#include "eyes/core.h"

#define FLAT 0.25 /* energy below which there is nothing to be seen */

/* ---- one place, closely ---- */

struct look {
    struct moth_under under;
    struct moth_sight *sight;
    double threshold;
    uint64_t at; /* of the best so far, row by row */
    bool any;
};

static const uint8_t *under(const struct look *look, uint32_t x, uint32_t y)
{
    return look->under.picture->at + (size_t)(look->under.region->y + y) * look->under.picture->width + look->under.region->x + x;
}

/* One grey only: how near it is. */
static double score_plain(const struct look *look, uint32_t left, uint32_t top)
{
    const struct moth_template *template = look->under.template;
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
    look->sight->x = look->under.region->x + x;
    look->sight->y = look->under.region->y + y;
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
    return core_need(look->under.template, better ? look->sight->score : look->threshold);
}

static void look_closely(struct look *look, const struct moth_place *place)
{
    double score;
    if (moth_core_score(&look->under, place, needed(look), &score))
        note(look, place->x, place->y, look->under.template->mask ? moth_core_score_masked(&look->under, place->x, place->y) : score);
}

/* The place of a row that the blocks think most of, where that is more than of all before: what it scores the others
 * have to score, too. */
static void look_at_best(struct look *look, const struct moth_sweep *sweep, uint32_t y, float *highest)
{
    uint32_t best = 0;
    bool any = false;
    for (uint32_t x = 0; x < sweep->across; x++)
        any |= sweep->guess[x] > *highest;
    if (!any)
        return;
    for (uint32_t x = 1; x < sweep->across; x++)
        best = sweep->guess[x] > sweep->guess[best] ? x : best;
    if (sweep->energy[best] < FLAT)
        return;
    *highest = sweep->guess[best];
    struct moth_place place = {best, y, sweep->bound[best], sweep->sum[best], sweep->energy[best]};
    look_closely(look, &place);
}

/* Those that promise more first: what they score spares most of the others. So often they are not many, and where they
 * are, to put them in order would take longer than to look. */
static void look_at_all(struct look *look, const struct moth_place *places, size_t n)
{
    static const float least[] = {0.99f, 0.97f, 0.94f, 0.9f, 0.8f, -INFINITY};
    float most = INFINITY;
    for (size_t k = 0; k < sizeof least / sizeof *least; most = least[k++])
        for (size_t i = 0; i < n; i++)
            if (places[i].bound >= least[k] && places[i].bound < most && (double)places[i].bound >= needed(look))
                look_closely(look, &places[i]);
}

static int see_by_blocks(struct look *look, struct moth_see_room *room)
{
    struct moth_sweep sweep;
    if (moth_sweep_init(&sweep, look->under.picture, look->under.region, look->under.template, room) != 0)
        return -1;
    struct moth_place *places = NULL;
    size_t n = 0, most = 0;
    float highest = -2;
    for (uint32_t y = 0; y < sweep.down; y++) {
        moth_sweep_row(&sweep, y);
        look_at_best(look, &sweep, y, &highest);
        if (n + sweep.across > most) {
            most = most * 2 + sweep.across;
            struct moth_place *grown = realloc(places, most * sizeof *places);
            if (!grown) {
                free(places);
                return -1;
            }
            places = grown;
        }
        n += moth_core_sift(&look->under, &sweep, y, needed(look), places + n);
    }
    look_at_all(look, places, n);
    free(places);
    return 0;
}

/* Are these the very same pixels? */
static bool is_identical(const struct look *look, uint32_t left, uint32_t top)
{
    const struct moth_template *template = look->under.template;
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
    const struct moth_template *template = look->under.template;
    uint32_t across = look->under.region->width - template->width + 1;
    uint8_t grey[MOTH_SEE_MARKS];
    for (uint32_t i = 0; i < MOTH_SEE_MARKS; i++)
        grey[i] = template->grey[(size_t)template->marks[i].y * template->width + template->marks[i].x];
    for (uint32_t y = 0; y <= look->under.region->height - template->height; y++) {
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
    const struct moth_template *template = look->under.template;
    bool plain = template->energy < FLAT;
    for (uint32_t y = 0; y <= look->under.region->height - template->height; y++)
        for (uint32_t x = 0; x <= look->under.region->width - template->width; x++)
            note(look, x, y, plain ? score_plain(look, x, y) : moth_core_score_masked(&look->under, x, y));
}

int moth_see(const struct moth_grey *picture, const struct moth_rect *region, const struct moth_template *template,
             double threshold, struct moth_see_room *room, struct moth_sight *sight)
{
    *sight = (struct moth_sight){0};
    if (template->width > region->width || template->height > region->height)
        return 0;
    struct look look = {.under = {picture, region, template}, .sight = sight,
                        .threshold = threshold};
    uint8_t *same = malloc(region->width);
    int result = same ? 0 : -1;
    if (!same || see_identical(&look, same))
        ; /* no better place can there be */
    else if (template->energy < FLAT || (template->mask && template->core_energy < FLAT))
        see_everywhere(&look);
    else
        result = see_by_blocks(&look, room);
    free(same);
    sight->found = look.any && sight->score >= threshold;
    return result;
}
