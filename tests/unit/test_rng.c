/* SPDX-License-Identifier: MIT
 *
 * Vectors: xoshiro256** from the state {1, 2, 3, 4} and splitmix64 from 1234567, as the authors' C code
 * gives them (http://prng.di.unimi.it).
 */
#include "test.h"

#include "base/rng.h"

static void xoshiro_matches_its_authors(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    struct moth_rng rng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(moth_rng_next(&rng) == expected[i]);
}

static void splitmix_matches_its_authors(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),  UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431), UINT64_C(16408922859458223821),
    };
    uint64_t seed = 1234567;
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(moth_splitmix64(&seed) == expected[i]);
}

static void below_is_uniform_and_bounded(void **state)
{
    (void)state;
    enum { N = 7, DRAWS = 70000 };
    unsigned counts[N] = {0};
    struct moth_rng rng;
    moth_rng_seed(&rng, 1);
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t drawn = moth_rng_below(&rng, N);
        assert_true(drawn < N);
        counts[drawn]++;
    }
    double chi_square = 0;
    for (unsigned i = 0; i < N; i++)
        chi_square += (counts[i] - 1e4) * (counts[i] - 1e4) / 1e4;
    assert_true(chi_square < 22.5); /* 0.1 % quantile for 6 degrees of freedom */
    assert_true(moth_rng_below(&rng, 1) == 0);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(moth_rng_below(&rng, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void unit_stays_below_one(void **state)
{
    (void)state;
    struct moth_rng rng;
    moth_rng_seed(&rng, 2);
    double sum = 0;
    for (unsigned i = 0; i < 10000; i++) {
        double drawn = moth_rng_unit(&rng);
        assert_true(drawn >= 0 && drawn < 1);
        sum += drawn;
    }
    assert_true(sum > 4900 && sum < 5100);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct moth_rng a, b;
    moth_rng_seed(&a, 1);
    moth_rng_seed(&b, 2);
    assert_true(moth_rng_next(&a) != moth_rng_next(&b));
    moth_rng_seed(&b, 1);
    (void)moth_rng_next(&b);
    assert_true(moth_rng_next(&a) == moth_rng_next(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xoshiro_matches_its_authors),
        cmocka_unit_test(splitmix_matches_its_authors),
        cmocka_unit_test(below_is_uniform_and_bounded),
        cmocka_unit_test(unit_stays_below_one),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
