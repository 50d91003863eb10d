/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>

#include "base/err.h"

static void carries_code_and_message(void **state)
{
    (void)state;
    struct moth_err err;
    assert_int_equal(moth_err_set(&err, MOTH_ERR_CONFIG, "no key \"%s\", line %d", "frams", 3), -1);
    assert_int_equal(err.code, MOTH_ERR_CONFIG);
    assert_int_equal(err.sys_errno, 0);
    assert_string_equal(err.message, "no key \"frams\", line 3");
}

static void carries_errno_and_its_text(void **state)
{
    (void)state;
    struct moth_err err;
    errno = ENOSPC;
    assert_int_equal(moth_err_sys(&err, MOTH_ERR_IO, "cannot write %s", "x"), -1);
    assert_int_equal(err.sys_errno, ENOSPC);
    assert_string_equal(err.message, "cannot write x: No space left on device");
}

static void null_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(moth_err_set(NULL, MOTH_ERR_USAGE, "%d", 1), -1);
    assert_int_equal(moth_err_sys(NULL, MOTH_ERR_USAGE, "%d", 1), -1);
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    struct moth_err err;
    char text[4096];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    errno = EIO;
    moth_err_sys(&err, MOTH_ERR_IO, "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static void exit_codes_are_the_contracts(void **state)
{
    (void)state;
    assert_int_equal(moth_err_exit_code(MOTH_ERR_OK), 0);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_USAGE), 2);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_CONFIG), 2);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_SCRIPT), 2);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_LAUNCH), 3);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_ATTACH), 3);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_NOTHING_RAN), 4);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_INTERRUPTED), 130);
    assert_int_equal(moth_err_exit_code(MOTH_ERR_END), 3);
}

static void every_code_has_a_text(void **state)
{
    (void)state;
    for (unsigned code = 0; code < MOTH_ERR_END; code++)
        assert_true(strlen(moth_err_text((enum moth_err_code)code)) > 3);
    assert_string_equal(moth_err_text(MOTH_ERR_END), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_code_and_message),
        cmocka_unit_test(carries_errno_and_its_text),
        cmocka_unit_test(null_is_allowed),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(exit_codes_are_the_contracts),
        cmocka_unit_test(every_code_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
