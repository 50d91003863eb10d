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

static void plain(const char *text, const char *expected)
{
    char *shown = moth_str_plain(text);
    assert_string_equal(shown, expected);
    free(shown);
}

static void plain_text_moves_nothing(void **state)
{
    (void)state;
    plain(NULL, "");
    plain("caf\xc3\xa9 \xf0\x9f\xa6\x8b", "caf\xc3\xa9 \xf0\x9f\xa6\x8b");
    plain("a\033[31m\r\nb\x7f", "a?[31m??b?");
    plain("a\xc2\x85" "b\xc2\x9b" "31m", "a?b?31m");                     /* C1: NEL, CSI */
    plain("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xe2\x80\xa8", "a?b?c?"); /* U+202E, U+2066, U+2028 */
    plain("a\xff\xfe" "b\xc3", "a??b?");                                /* no UTF-8; cut */
    plain("\x9b" "31m\xe2\x80", "?31m??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_moves_nothing),
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(distance_survives_long_words),
        cmocka_unit_test(nearest_proposes_only_what_is_near),
        cmocka_unit_test(case_is_ignored_in_ascii_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
