/* SPDX-License-Identifier: MIT
 *
 * What every unit test includes: cmocka and what it wants before it, and a scratch folder.
 */
#ifndef MOTH_TEST_H
#define MOTH_TEST_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A child that a test's subject forks must never come back into the list of tests, which it would run in its turn, with
 * children of their own, without end. There are two ways back: cmocka's handler of faults, which it would inherit, and an
 * assertion that fails in it; the second one gets as far as the next scratch folder. */
static pid_t test_process;

static inline void test_in_child(void)
{
    static const int faults[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    for (size_t i = 0; i < COUNT(faults); i++)
        signal(faults[i], SIG_DFL);
}

__attribute__((constructor)) static void test_begins(void)
{
    test_process = getpid();
    pthread_atfork(NULL, NULL, test_in_child);
}

/* A new empty folder; test_scratch_remove takes it away. */
static inline char *test_scratch(void)
{
    const char *parent = getenv("TMPDIR");
    if (getpid() != test_process)
        _exit(99);
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
