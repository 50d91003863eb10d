/* SPDX-License-Identifier: MIT
 *
 * Which functions are named as slower, from made-up profiles: whose time it is, and whose it only seems to
 * be.
 */
#include "test.h"

#include "compare/functions.h"

#define PLAYS 6u

/* A function's time in both builds, in ms: with what was inlined into it, its own code's, and of that where
 * it was inlined itself. By name. */
struct planted {
    const char *name;
    double with[2], own[2], inlined[2];
};

static void fill(struct moth_profile *profile, const struct planted *planted, size_t n, int build,
                 uint32_t play)
{
    static struct moth_profile_function functions[2][PLAYS][8];
    struct moth_profile_function *to = functions[build][play];
    *profile = (struct moth_profile){.functions = to};
    double noise = 1 + (play % 3) * 0.001;
    for (size_t i = 0; i < n; i++) {
        if (planted[i].with[build] <= 0)
            continue;
        struct moth_profile_function *function = &to[profile->n++];
        *function = (struct moth_profile_function){.name = (char *)(uintptr_t)planted[i].name,
                                                   .place = (char *)(uintptr_t)planted[i].name};
        function->ns = (uint64_t)(planted[i].with[build] * noise * 1e6);
        function->own_ns = (uint64_t)(planted[i].own[build] * noise * 1e6);
        function->inlined_ns = (uint64_t)(planted[i].inlined[build] * noise * 1e6);
        function->samples = function->ns / 50000;
        profile->ns += function->own_ns;
    }
}

/* What is known of the whole is known to 2 percent. */
static void fill_whole(const struct planted *planted, size_t n, double scale,
                       struct moth_compare_change *whole)
{
    for (size_t i = 0; i < n; i++) {
        whole->a_ms += planted[i].own[0];
        whole->b_ms += planted[i].own[1] * scale;
    }
    whole->change = moth_compare_part(whole->a_ms, whole->b_ms);
    whole->low = whole->change - 0.02;
    whole->high = whole->change + 0.02;
}

static void compare(const struct planted *planted, size_t n, double scale, struct moth_comparison *out)
{
    struct moth_profile profiles[2][PLAYS];
    *out = (struct moth_comparison){0};
    for (int x = 0; x < 2; x++)
        for (uint32_t k = 0; k < PLAYS; k++)
            fill(&profiles[x][k], planted, n, x, k);
    fill_whole(planted, n, scale, &out->whole);
    moth_compare_functions((const struct moth_profile *const[]){profiles[0], profiles[1]}, PLAYS, out);
    for (size_t i = 0; i < out->n_functions; i++)
        out->slower = out->slower || out->functions[i].worse;
}

/* Exactly this one is named, or none (NULL). */
static void expect_named(const struct planted *planted, size_t n, double scale, const char *name)
{
    struct moth_comparison out;
    compare(planted, n, scale, &out);
    assert_int_equal(out.slower, name != NULL);
    for (size_t i = 0; i < out.n_functions; i++)
        assert_int_equal(moth_comparison_blames(&out, i), name && strcmp(out.functions[i].name, name) == 0);
    moth_comparison_fini(&out);
}

#define EXPECT_NAMED(planted, name) expect_named(planted, sizeof(planted) / sizeof *(planted), 1, name)

static void the_same_is_not_slower(void **state)
{
    (void)state;
    static const struct planted same[] = {{"draw", {60, 60}, {60, 60}, {0}},
                                          {"think", {80, 80}, {80, 80}, {0}}};
    EXPECT_NAMED(same, NULL);
    /* The machine was slower in all plays of B. */
    expect_named(same, 2, 1.035, NULL);
}

static void one_that_is_slower_is_named(void **state)
{
    (void)state;
    static const struct planted slower[] = {{"draw", {60, 60}, {60, 60}, {0}},
                                            {"think", {80, 84}, {80, 84}, {0}}};
    EXPECT_NAMED(slower, "think");
}

/* All of them work in a helper that was inlined; one calls it more often. */
static void the_caller_of_an_inlined_helper_is_named(void **state)
{
    (void)state;
    static const struct planted slower[] = {{"draw", {80, 80}, {0, 0}, {0}},
                                            {"helper", {240, 246}, {240, 246}, {240, 246}},
                                            {"main", {241, 247}, {1, 1}, {0}},
                                            {"think", {80, 86}, {0, 0}, {0}}};
    EXPECT_NAMED(slower, "think");
}

static void moved_time_is_nobodys_fault(void **state)
{
    (void)state;
    static const struct planted inlined[] = {{"physics", {70, 70}, {70, 70}, {0, 70}},
                                             {"update", {2, 72}, {2, 2}, {0}}};
    static const struct planted renamed[] = {{"old_name", {70, 0}, {70, 0}, {0}},
                                             {"new_name", {0, 70}, {0, 70}, {0}}};
    EXPECT_NAMED(inlined, NULL);
    EXPECT_NAMED(renamed, NULL);
}

static void a_new_function_that_costs_is_named(void **state)
{
    (void)state;
    static const struct planted added[] = {{"draw", {60, 60}, {60, 60}, {0}}, {"shine", {0, 9}, {0, 9}, {0}}};
    EXPECT_NAMED(added, "shine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_not_slower),
        cmocka_unit_test(one_that_is_slower_is_named),
        cmocka_unit_test(the_caller_of_an_inlined_helper_is_named),
        cmocka_unit_test(moved_time_is_nobodys_fault),
        cmocka_unit_test(a_new_function_that_costs_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
