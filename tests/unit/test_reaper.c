/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "fleet/reaper.h"
#include "runner/cookie.h"

/* Whatever kills a verb, nothing of it is left: processes with its cookie, folders. */

/* Fork `verb`, which is to start a reaper, write its cookie to `file` and be killed. Returns when nobody has `gone` open any
 * more; says whether the reaper then takes all folders away. */
static bool is_cleared_after(void (*verb)(const char *file))
{
    char *folder = test_scratch();
    char *file = moth_fs_path("%s/cookie", folder);
    int gone[2]; /* open in whatever was started; its end shows that all of it is gone */
    assert_int_equal(pipe(gone), 0);
    pid_t pid = fork();
    if (pid == 0) {
        moth_cookie_mark(1);
        verb(file);
        _exit(1);
    }
    close(gone[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    char byte;
    assert_int_equal(read(gone[0], &byte, 1), 0); /* waits for the strays' death */
    close(gone[0]);
    char *cookie = moth_fs_read(file, 100, &(size_t){0}, NULL);
    assert_non_null(cookie);
    const char *parent = getenv("TMPDIR");
    /* The folders go last, right after the strays. */
    bool there = true;
    for (int round = 0; there && round < 1000000; round++) {
        DIR *entries = opendir(parent && *parent ? parent : "/tmp");
        struct dirent *entry;
        there = false;
        while ((entry = readdir(entries)))
            there = there || (strncmp(entry->d_name, "moth-", 5) == 0 && strstr(entry->d_name, cookie));
        closedir(entries);
    }
    free(cookie);
    free(file);
    test_scratch_remove(folder);
    return !there;
}

static void say_cookie(const char *file)
{
    moth_fs_write_atomic(file, moth_cookie(), strlen(moth_cookie()), NULL);
}

/* Starts a game's stray and is then killed: only the reaper is left to clear away. */
static void verb_with_stray(const char *file)
{
    struct moth_reaper reaper;
    if (moth_reaper_start(&reaper, NULL) != 0 || !moth_cookie_make_folder(NULL))
        _exit(1);
    setenv(MOTH_COOKIE_VARIABLE, moth_cookie(), 1);
    if (fork() == 0) {
        setsid();
        execl("/bin/sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    say_cookie(file);
    raise(SIGKILL);
}

/* Its child goes on making folders for a while when the verb is dead. */
static void verb_with_child(const char *file)
{
    struct moth_reaper reaper;
    if (moth_reaper_start(&reaper, NULL) != 0)
        _exit(1);
    struct pollfd verb = {.fd = (int)syscall(SYS_pidfd_open, getpid(), 0), .events = POLLIN};
    if (fork() == 0) {
        poll(&verb, 1, -1);
        for (int i = 0; i < 300; i++)
            free(moth_cookie_make_folder(NULL));
        _exit(0);
    }
    say_cookie(file);
    raise(SIGKILL);
}

static void strays_are_killed(void **state)
{
    (void)state;
    assert_true(is_cleared_after(verb_with_stray));
}

static void children_are_waited_for(void **state)
{
    (void)state;
    assert_true(is_cleared_after(verb_with_child));
}

/* A child that has nothing to do with the end of its verb does not hold it up. */
static void a_living_child_does_not_block_the_end(void **state)
{
    (void)state;
    struct moth_reaper reaper;
    int lives[2];
    assert_int_equal(pipe(lives), 0);
    assert_int_equal(moth_reaper_start(&reaper, NULL), 0);
    char *folder = moth_cookie_make_folder(NULL);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(lives[1]);
        _exit(read(lives[0], &byte, 1) == 0 ? 0 : 1);
    }
    moth_reaper_stop(&reaper);
    assert_int_equal(access(folder, F_OK), -1);
    close(lives[0]);
    close(lives[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strays_are_killed),
        cmocka_unit_test(children_are_waited_for),
        cmocka_unit_test(a_living_child_does_not_block_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
