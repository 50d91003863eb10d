/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/str.h"

static void distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(moth_str_distance("", ""), 0);
    assert_int_equal(moth_str_distance("", "abc"), 3);
    assert_int_equal(moth_str_distance("abc", ""), 3);
    assert_int_equal(moth_str_distance("kitten", "sitting"), 3);
    assert_int_equal(moth_str_distance("sitting", "kitten"), 3);
    assert_int_equal(moth_str_distance("frames", "fraems"), 1); /* neighbours swapped */
    assert_int_equal(moth_str_distance("ca", "abc"), 3);
    assert_int_equal(moth_str_distance("Frames", "fRAMES"), 0);
}

static void distance_survives_long_words(void **state)
{
    (void)state;
    char a[300], b[300];
    memset(a, 'a', sizeof a - 1);
    memset(b, 'b', sizeof b - 1);
    a[sizeof a - 1] = b[sizeof b - 1] = '\0';
    assert_int_equal(moth_str_distance(a, b), 63);
}

static void nearest_proposes_only_what_is_near(void **state)
{
    (void)state;
    static const char *const words[] = {"frames", NULL, "workers", "seed", "schedule_seed"};
    assert_string_equal(moth_str_nearest("frams", words, COUNT(words)), "frames");
    assert_string_equal(moth_str_nearest("worker", words, COUNT(words)), "workers");
    assert_string_equal(moth_str_nearest("sched_seed", words, COUNT(words)), "schedule_seed");
    assert_null(moth_str_nearest("banana", words, COUNT(words)));
    assert_null(moth_str_nearest("x", words, COUNT(words)));
}

static void case_is_ignored_in_ascii_only(void **state)
{
    (void)state;
    assert_true(moth_str_equal_nocase("Left Ctrl", "left CTRL"));
    assert_false(moth_str_equal_nocase("left", "left "));
    assert_false(moth_str_equal_nocase("left ", "left"));
    assert_false(moth_str_equal_nocase("[", "{"));
    assert_false(moth_str_equal_nocase("@", "`"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(distance_survives_long_words),
        cmocka_unit_test(nearest_proposes_only_what_is_near),
        cmocka_unit_test(case_is_ignored_in_ascii_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
