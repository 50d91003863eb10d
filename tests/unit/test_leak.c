/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>

#include "detect/leak.h"

#define KB 1024u

/* Laps whose memory is so many KB, and whose ends show `scene`, but for lap `odd`. */
static struct moth_laps laps_of(const unsigned *kb, size_t n, size_t odd)
{
    struct moth_laps laps = {.frames = 100, .n = n};
    for (size_t i = 0; i < n; i++) {
        struct moth_view view = {.frame = (uint32_t)(100 * i), .ok = true};
        memset(view.cell, i == odd ? 200 : 100, sizeof view.cell);
        moth_views_add(&laps.views, &view);
        laps.bytes[i] = (uint64_t)kb[i] * KB;
    }
    return laps;
}

static void what_grows_in_each_lap_is_a_leak(void **state)
{
    (void)state;
    static const unsigned grows[13] = {500,  700,  760,  828,  892,  960, 1024,
                                       1090, 1160, 1224, 1290, 1360, 1424};
    struct moth_laps laps = laps_of(grows, 13, 99);
    uint64_t per_lap;
    assert_true(moth_laps_grow(&laps, &per_lap));
    assert_int_equal(per_lap, 64 * KB);
    struct moth_finding *finding = moth_leak_finding(&laps, 4000);
    assert_int_equal(finding->kind, MOTH_FINDING_LEAK);
    assert_non_null(strstr(finding->title, "12 identical laps leaves 64 KB"));
    assert_non_null(strstr(finding->detail, " 500 700 760 "));
    moth_finding_free(finding);
    moth_laps_fini(&laps);
}

static void what_settles_or_is_not_alike_is_none(void **state)
{
    (void)state;
    static const unsigned cache[13] = {500,  900,  1000, 1000, 1000, 1000, 1000,
                                       1000, 1000, 1000, 1000, 1000, 1000};
    static const unsigned late[13] = {500,  600,  700,  800,  900,  1000, 1100,
                                      1200, 1300, 1400, 1500, 1600, 1600};
    static const unsigned grows[13] = {500,  600,  700,  800,  900,  1000, 1100,
                                       1200, 1300, 1400, 1500, 1600, 1700};
    static const unsigned little[13] = {500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512};
    const struct {
        const unsigned *kb;
        size_t n, odd;
        bool leaks;
    } cases[] = {{cache, 13, 99, false}, {late, 13, 99, false}, {little, 13, 99, false},
                 {grows, 13, 7, false},  {grows, 8, 99, false}, {grows, 13, 0, true},
                 {grows, 13, 99, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct moth_laps laps = laps_of(cases[i].kb, cases[i].n, cases[i].odd);
        uint64_t per_lap;
        assert_int_equal(moth_laps_grow(&laps, &per_lap), cases[i].leaks);
        struct moth_finding *finding = moth_leak_finding(&laps, 1);
        assert_int_equal(finding != NULL, cases[i].leaks);
        moth_finding_free(finding);
        moth_laps_fini(&laps);
    }
}

static void only_growth_in_the_second_half_is_suspect(void **state)
{
    (void)state;
    static struct moth_leak leak;
    assert_false(moth_leak_suspect(&leak));
    for (unsigned i = 0; i < 2000; i++) /* loads much at first, and keeps it */
        moth_leak_size(&leak, (uint64_t)(i < 500 ? i : 500) << 20);
    assert_true(leak.n <= 512);
    assert_false(moth_leak_suspect(&leak));
    leak = (struct moth_leak){0};
    for (unsigned i = 0; i < 2000; i++)
        moth_leak_size(&leak, (uint64_t)i * KB);
    assert_true(moth_leak_suspect(&leak));
}

static void laps_lead_away_and_back(void **state)
{
    (void)state;
    static const uint8_t scenes[] = {1, 1, 3, 1, 1, 5, 7, 5, 5};
    struct moth_views line = {0};
    for (uint32_t i = 0; i < sizeof scenes; i++) {
        struct moth_view view = {.frame = i * 60, .ok = true};
        memset(view.cell, scenes[i] * 32, sizeof view.cell);
        moth_views_add(&line, &view);
    }
    struct moth_lap laps[MOTH_LEAK_LAPS_MAX];
    assert_int_equal(moth_leak_laps(&line, 60, laps), 3);
    assert_true(laps[0].from == 5 * 60 && laps[0].to == 7 * 60);
    assert_true(laps[1].from == 1 * 60 && laps[1].to == 3 * 60);
    assert_true(laps[2].from == laps[2].to);
    moth_views_fini(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_grows_in_each_lap_is_a_leak),
        cmocka_unit_test(what_settles_or_is_not_alike_is_none),
        cmocka_unit_test(only_growth_in_the_second_half_is_suspect),
        cmocka_unit_test(laps_lead_away_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
