/* SPDX-License-Identifier: MIT
 *
 * Expressions over scenarios' tags: what they say, and what is wrong with those that say nothing.
 */
#include "test.h"

#include "cli/tags.h"

static void what_they_say(void **state)
{
    (void)state;
    static const char *const tags[] = {"smoke", "menu", "level:3"};
    static const struct {
        const char *expression;
        bool holds;
    } rows[] = {
        {"smoke", true},
        {"slow", false},
        {"not slow", true},
        {"not not smoke", true},
        {"smoke and menu", true},
        {"smoke and slow", false},
        {"slow or menu", true},
        {"slow or gl", false},
        {"slow and smoke or menu", true},
        {"menu or slow and gl", true},
        {"slow and (smoke or menu)", false},
        {"not (slow or gl)", true},
        {"not slow and not gl", true},
        {"  ( level:3 )  ", true},
        {"smok", false},
        {"smoke-free", false},
        {"notslow", false},
        {"android or menu", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct moth_err err;
        bool holds = !rows[i].holds;
        if (moth_tags_match(rows[i].expression, tags, 3, &holds, &err) != 0)
            fail_msg("%s: %s", rows[i].expression, err.message);
        if (holds != rows[i].holds)
            fail_msg("'%s' is %d", rows[i].expression, holds);
    }
    bool holds;
    assert_int_equal(moth_tags_match("smoke", NULL, 0, &holds, NULL), 0);
    assert_false(holds);
}

static void what_is_wrong(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "a tag is missing"},          {"   ", "a tag is missing"},       {"and", "a tag is missing"},
        {"smoke and", "a tag is missing"}, {"smoke or or b", "a tag is missing"}, {"not", "a tag is missing"},
        {"(smoke", "a ')' is missing"},    {"smoke)", "a ')' too many"},       {"smoke slow", "`and` or `or`"},
        {"smoke, slow", "`and` or `or`"},  {"()", "a tag is missing"},         {"smoke & slow", "`and` or `or`"},
        {"!smoke", "a tag is missing"},    {"caf\xc3\xa9", "`and` or `or`"},
    };
    struct moth_err err;
    bool holds;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(moth_tags_match(rows[i][0], NULL, 0, &holds, &err), -1);
        if (!strstr(err.message, rows[i][1]))
            fail_msg("'%s': %s", rows[i][0], err.message);
    }
    char deep[4096];
    memset(deep, '(', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(moth_tags_match(deep, NULL, 0, &holds, &err), -1);
    assert_non_null(strstr(err.message, "too deeply"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_they_say), cmocka_unit_test(what_is_wrong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
