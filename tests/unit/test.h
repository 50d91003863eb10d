/* SPDX-License-Identifier: MIT
 *
 * What every unit test includes: cmocka and what it wants before it, and a scratch folder.
 */
#ifndef MOTH_TEST_H
#define MOTH_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A new empty folder; test_scratch_remove takes it away. */
static inline char *test_scratch(void)
{
    const char *parent = getenv("TMPDIR");
    char *folder = moth_fs_path("%s/moth-test-XXXXXX", parent && *parent ? parent : "/tmp");
    assert_non_null(mkdtemp(folder));
    return folder;
}

static inline void test_scratch_remove(char *folder)
{
    struct moth_err err;
    if (moth_fs_remove_tree(folder, &err) != 0)
        fail_msg("%s", err.message);
    free(folder);
}

#endif
