/* SPDX-License-Identifier: MIT
 *
 * Finding a picture in a picture: as trying each place would, whatever the picture is; and PNG files that are none.
 */
#include "test.h"

#include <math.h>

#include "base/rng.h"
#include "eyes/compare.h"
#include "eyes/fast.h"
#include "eyes/see.h"

#define WIDTH 90
#define HEIGHT 70

static void paint(uint8_t *rgba, uint32_t n, int kind, struct moth_rng *rng)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t x = i % WIDTH, y = i / WIDTH;
        uint32_t value = kind == 0   ? (uint32_t)moth_rng_below(rng, 256)                /* noise */
                         : kind == 1 ? (x * 2 + y) % 256                                  /* a slope */
                         : kind == 2 ? ((x / 8 + y / 8) % 2 ? 200u : 40u)                 /* equal tiles */
                         : kind == 3 ? ((x * x + y * 7) / 64 % 2 ? 250u : 5u)             /* edges */
                                     : (uint32_t)(128 + 20 * sin(x * 0.2) + 20 * cos(y * 0.3)); /* little contrast */
        memset(rgba + (size_t)i * 4, (int)(value & 255), 3);
        rgba[(size_t)i * 4 + 3] = 255;
    }
}

/* The score of a place as the definition has it; less than -1 where it has none. */
static double defined(const struct moth_grey *picture, const struct moth_template *t, uint32_t left, uint32_t top)
{
    double n = 0, a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (uint32_t y = 0; y < t->height; y++)
        for (uint32_t x = 0; x < t->width; x++) {
            size_t i = (size_t)y * t->width + x;
            if (t->mask && !t->mask[i])
                continue;
            double p = t->grey[i], q = picture->at[(size_t)(top + y) * picture->width + left + x];
            n++, a += p, b += q, aa += p * p, bb += q * q, ab += p * q;
        }
    double va = aa - a * a / n, vb = bb - b * b / n;
    return va < 0.25 || vb < 0.25 ? -2 : (ab - a * b / n) / sqrt(va * vb);
}

static void as_each_place_would(const struct moth_grey *picture, const struct moth_template *template,
                                const struct moth_rect *region, double threshold, struct moth_see_room *room)
{
    double best = -2;
    for (uint32_t y = 0; y + template->height <= region->height; y++)
        for (uint32_t x = 0; x + template->width <= region->width; x++)
            best = fmax(best, defined(picture, template, region->x + x, region->y + y));
    struct moth_sight sight;
    assert_int_equal(moth_see(picture, region, template, threshold, room, &sight), 0);
    if (fabs(best - threshold) < 1e-6)
        return;
    if (sight.found != (best >= threshold))
        fail_msg("%u x %u: found %d, and the best is %f of %f", template->width, template->height, sight.found, best,
                 threshold);
    if (!sight.found)
        return;
    if (fabs(sight.score - best) > 1e-6 || fabs(defined(picture, template, sight.x, sight.y) - best) > 1e-6)
        fail_msg("%u x %u: %f at %u,%u, and the best is %f", template->width, template->height, sight.score, sight.x,
                 sight.y, best);
}

/* As on any processor. */
static void as_each_would(const struct moth_grey *picture, const struct moth_template *template,
                          const struct moth_rect *region, double threshold, struct moth_see_room *room)
{
    static const unsigned widths[] = {0, 256, 512};
    for (size_t i = 0; i < 3; i++) {
        moth_fast_most = widths[i];
        as_each_place_would(picture, template, region, threshold, room);
    }
}

/* A part of the picture, with some noise on it, and perhaps a mask. */
static void cut_out(struct moth_template *template, const uint8_t *rgba, uint32_t side, uint32_t noise, bool masked,
                    struct moth_rng *rng)
{
    uint32_t height = 1 + (uint32_t)moth_rng_below(rng, side) + side / 2;
    struct moth_pixmap part = {side, height, malloc((size_t)side * height * 4)};
    uint8_t *mask = masked ? malloc((size_t)side * height) : NULL;
    uint32_t left = (uint32_t)moth_rng_below(rng, WIDTH - side), top = (uint32_t)moth_rng_below(rng, HEIGHT - height);
    assert_non_null(part.rgba);
    for (uint32_t i = 0; i < side * height; i++) {
        const uint8_t *from = rgba + (size_t)((top + i / side) * WIDTH + left + i % side) * 4;
        uint32_t value = from[0] + (noise ? (uint32_t)moth_rng_below(rng, noise) : 0);
        memset(part.rgba + (size_t)i * 4, (int)(value > 255 ? 255 : value), 4);
        if (mask)
            mask[i] = i == 0 || moth_rng_below(rng, 8) > 0 ? 255 : 0;
    }
    struct moth_err err;
    assert_int_equal(moth_template_init(template, &part, mask, &err), 0);
    moth_pixmap_fini(&part);
}

static void nothing_is_missed(void **state)
{
    (void)state;
    struct moth_rng rng;
    moth_rng_seed(&rng, 7);
    uint8_t *rgba = malloc((size_t)WIDTH * HEIGHT * 4);
    struct moth_see_room room = {0};
    static const uint32_t sides[] = {1, 2, 3, 5, 8, 13, 24, 40};
    for (int kind = 0; kind < 5; kind++) {
        paint(rgba, WIDTH * HEIGHT, kind, &rng);
        struct moth_grey picture;
        assert_int_equal(moth_grey_of(rgba, WIDTH, HEIGHT, &picture), 0);
        for (size_t i = 0; i < 8 * 6; i++) {
            struct moth_template template;
            cut_out(&template, rgba, sides[i % 8], (uint32_t)(i / 8 % 3 * 40), i / 24, &rng);
            struct moth_rect all = {0, 0, WIDTH, HEIGHT}, part = {11, 7, 60, 62};
            if (template.energy >= 0.25 && (!template.mask || template.core_energy >= 0.25)) {
                as_each_would(&picture, &template, &all, 0.9, &room);
                as_each_would(&picture, &template, &part, 0.5, &room);
            }
            moth_template_fini(&template);
        }
        moth_grey_fini(&picture);
    }
    moth_see_room_fini(&room);
    free(rgba);
}

/* Templates wider than what a processor takes at once, and pictures in which many places are nearly as good: grain, and
 * the same tile over and over, each a little different. */
static void large_ones(void **state)
{
    (void)state;
    enum { SIDE = 190 };
    static const uint32_t sizes[][2] = {{64, 64}, {63, 3}, {130, 70}, {65, 97}};
    struct moth_rng rng;
    moth_rng_seed(&rng, 11);
    uint8_t *rgba = malloc((size_t)SIDE * SIDE * 4);
    struct moth_see_room room = {0};
    const struct moth_rect all = {0, 0, SIDE, SIDE};
    for (int kind = 0; kind < 2; kind++) {
        for (uint32_t i = 0; i < SIDE * SIDE; i++) {
            uint32_t x = i % SIDE, y = i / SIDE, grain = (uint32_t)moth_rng_below(&rng, kind ? 4 : 12);
            memset(rgba + (size_t)i * 4, (int)(kind ? (x / 4 % 4 * 50 + y / 4 % 4 * 10 + grain) : (x + y) / 4 + grain), 3);
        }
        struct moth_grey picture;
        assert_int_equal(moth_grey_of(rgba, SIDE, SIDE, &picture), 0);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            struct moth_pixmap part = {sizes[i][0], sizes[i][1], malloc((size_t)sizes[i][0] * sizes[i][1] * 4)};
            for (uint32_t k = 0; k < part.width * part.height; k++) {
                uint32_t at = (k / part.width + 50) * SIDE + k % part.width + 37;
                memset(part.rgba + (size_t)k * 4, (int)(20 + rgba[(size_t)at * 4] / 2 + moth_rng_below(&rng, 3)), 4);
            }
            struct moth_template template;
            struct moth_err err;
            assert_int_equal(moth_template_init(&template, &part, NULL, &err), 0);
            as_each_would(&picture, &template, &all, 0.85, &room);
            as_each_would(&picture, &template, &all, 0.99, &room);
            moth_template_fini(&template);
            moth_pixmap_fini(&part);
        }
        moth_grey_fini(&picture);
    }
    moth_see_room_fini(&room);
    free(rgba);
}

/* Of equal places it is the first, row by row. */
static void the_first_of_equals(void **state)
{
    (void)state;
    uint8_t *rgba = malloc((size_t)WIDTH * HEIGHT * 4);
    struct moth_rng rng;
    moth_rng_seed(&rng, 1);
    paint(rgba, WIDTH * HEIGHT, 2, &rng);
    struct moth_pixmap part = {16, 16, malloc(16 * 16 * 4)};
    for (uint32_t y = 0; y < 16; y++)
        memcpy(part.rgba + (size_t)y * 64, rgba + ((size_t)(y + 32) * WIDTH + 48) * 4, 64);
    struct moth_template template;
    struct moth_err err;
    struct moth_grey picture;
    struct moth_sight sight;
    struct moth_see_room room = {0};
    struct moth_rect all = {0, 0, WIDTH, HEIGHT}, none = {0, 0, 15, 70};
    assert_int_equal(moth_template_init(&template, &part, NULL, &err), 0);
    assert_int_equal(moth_grey_of(rgba, WIDTH, HEIGHT, &picture), 0);
    assert_int_equal(moth_see(&picture, &all, &template, 0.9, &room, &sight), 0);
    assert_true(sight.found);
    assert_int_equal(sight.x, 0);
    assert_int_equal(sight.y, 0);
    assert_int_equal(moth_see(&picture, &none, &template, 0.1, &room, &sight), 0);
    assert_false(sight.found);
    moth_template_fini(&template);

    memset(part.rgba, 199, 16 * 16 * 4); /* one grey: where it is nearest */
    assert_int_equal(moth_template_init(&template, &part, NULL, &err), 0);
    assert_int_equal(moth_see(&picture, &all, &template, 0.5, &room, &sight), 0);
    assert_true(sight.found && sight.score < 0.8);
    assert_int_equal(moth_see(&picture, &all, &template, 0.9, &room, &sight), 0);
    assert_false(sight.found);
    moth_template_fini(&template);

    uint8_t *nothing = calloc(16, 16);
    assert_int_equal(moth_template_init(&template, &part, nothing, &err), -1);
    assert_non_null(strstr(err.message, "mask"));
    moth_pixmap_fini(&part);
    moth_grey_fini(&picture);
    moth_see_room_fini(&room);
    free(rgba);
}

static void likeness(void **state)
{
    (void)state;
    uint8_t a[4 * 6] = {0}, b[4 * 6] = {0}, seen[4 * 6] = {0}, mask[6] = {1, 1, 1, 1, 0, 1};
    b[4 * 1] = 8, b[4 * 2 + 1] = 9, b[4 * 4] = 255, b[4 * 5 + 3] = 255;
    struct moth_rect all = {0, 0, 3, 2}, left = {0, 0, 2, 2};
    struct moth_likeness like = moth_pictures_compare(a, b, 3, &all, mask, 8, seen);
    assert_int_equal(like.pixels, 5);
    assert_int_equal(like.different, 1);
    assert_int_equal(like.most, 9);
    assert_int_equal(seen[4 * 2], 230);
    assert_int_equal(moth_pictures_compare(a, b, 3, &all, NULL, 0, NULL).different, 3);
    assert_int_equal(moth_pictures_compare(a, b, 3, &left, NULL, 8, NULL).different, 1);
}

/* A PNG of one black pixel. */
static const uint8_t dot[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I',  'H',
                              'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,
                              0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,    10,   'I',  'D',  'A',  'T',  0x78,
                              0x9c, 0x63, 0x60, 0,    0,    0,    2,    0,    1,    0x48, 0xaf, 0xa4, 0x71, 0,
                              0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};

static void bad_files(void **state)
{
    (void)state;
    struct moth_pixmap pixmap;
    struct moth_err err;
    assert_int_equal(moth_pixmap_decode(dot, sizeof dot, "dot", &pixmap, &err), 0);
    assert_int_equal(pixmap.width, 1);
    moth_pixmap_fini(&pixmap);
    /* Cut off anywhere before its pixels are whole, it is no picture. */
    for (size_t n = 0; n < 50; n++) {
        uint8_t *part = malloc(n ? n : 1);
        memcpy(part, dot, n);
        assert_int_equal(moth_pixmap_decode(part, n, "cut.png", &pixmap, &err), -1);
        assert_non_null(strstr(err.message, "cut.png"));
        assert_null(pixmap.rgba);
        free(part);
    }
    /* Any byte wrong: a picture or an error, and nothing worse. */
    for (size_t at = 0; at < sizeof dot; at++)
        for (int bit = 0; bit < 8; bit++) {
            uint8_t bad[sizeof dot];
            memcpy(bad, dot, sizeof dot);
            bad[at] ^= (uint8_t)(1 << bit);
            if (moth_pixmap_decode(bad, sizeof bad, "bad.png", &pixmap, &err) == 0)
                moth_pixmap_fini(&pixmap);
        }
    uint8_t huge[sizeof dot];
    memcpy(huge, dot, sizeof dot);
    huge[16] = 0x7f, huge[20] = 0x7f;
    assert_int_equal(moth_pixmap_decode(huge, sizeof huge, "huge.png", &pixmap, &err), -1);
    static const char *const others[] = {"", "GIF89a\1\0\1\0\x80\0\0", "BM", "\xff\xd8\xff\xe0", "P6 1 1 255\nabc"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(moth_pixmap_decode((const uint8_t *)others[i], strlen(others[i]), "no.png", &pixmap, &err), -1);
    assert_int_equal(moth_pixmap_read("/nowhere/at-all.png", &pixmap, &err), -1);
    assert_non_null(strstr(err.message, "/nowhere/at-all.png"));
    assert_int_equal(moth_pixmap_read("/", &pixmap, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_missed), cmocka_unit_test(large_ones), cmocka_unit_test(the_first_of_equals),
        cmocka_unit_test(likeness), cmocka_unit_test(bad_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
