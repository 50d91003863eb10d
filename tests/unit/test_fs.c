/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t entries_in(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void assert_holds(const char *path, const char *text)
{
    struct moth_err err;
    size_t size;
    char *bytes = moth_fs_read(path, 1 << 20, &size, &err);
    if (!bytes)
        fail_msg("%s", err.message);
    assert_int_equal(size, strlen(text));
    assert_string_equal(bytes, text); /* terminated beyond its size */
    free(bytes);
}

static void write_atomic_replaces_and_leaves_nothing_beside(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/run.json", folder);
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic(path, "old", 3, &err), 0);
    assert_int_equal(moth_fs_write_atomic(path, "newer", 5, &err), 0);
    assert_holds(path, "newer");
    assert_int_equal(entries_in(folder), 1);
    free(path);
    test_scratch_remove(folder);
}

static void write_atomic_keeps_the_old_file_when_it_fails(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/run.json", folder);
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic(path, "old", 3, &err), 0);

    /* A file size limit is a full disk that needs no mount. */
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    static const char many[5000];
    int result = moth_fs_write_atomic(path, many, sizeof many, &err);
    setrlimit(RLIMIT_FSIZE, &before);

    assert_int_equal(result, -1);
    assert_int_equal(err.code, MOTH_ERR_IO);
    assert_int_equal(err.sys_errno, EFBIG);
    assert_non_null(strstr(err.message, path));
    assert_holds(path, "old");
    assert_int_equal(entries_in(folder), 1);
    free(path);
    test_scratch_remove(folder);
}

static void write_atomic_names_a_missing_folder(void **state)
{
    (void)state;
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic("/nowhere/at/all", "x", 1, &err), -1);
    assert_int_equal(err.sys_errno, ENOENT);
}

static void read_refuses_more_than_its_limit(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/file", folder);
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic(path, "12345", 5, &err), 0);
    char *bytes = moth_fs_read(path, 5, NULL, &err);
    assert_non_null(bytes);
    free(bytes);
    assert_null(moth_fs_read(path, 4, NULL, &err));
    assert_null(moth_fs_read("/dev/zero", 100000, NULL, &err));
    assert_null(moth_fs_read(folder, 100, NULL, &err));
    assert_int_equal(err.sys_errno, EISDIR);
    free(path);
    test_scratch_remove(folder);
}

static void make_dirs_makes_all_and_is_content_with_what_is_there(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *deep = moth_fs_path("%s/a/b//c/", folder);
    struct moth_err err;
    assert_int_equal(moth_fs_make_dirs(deep, &err), 0);
    assert_int_equal(moth_fs_make_dirs(deep, &err), 0);
    struct stat st;
    assert_int_equal(stat(deep, &st), 0);

    char *file = moth_fs_path("%s/file", folder);
    char *below = moth_fs_path("%s/file/b", folder);
    assert_int_equal(moth_fs_write_atomic(file, "", 0, &err), 0);
    assert_int_equal(moth_fs_make_dirs(file, &err), -1);
    assert_int_equal(moth_fs_make_dirs(below, &err), -1);
    assert_non_null(strstr(err.message, "is a file"));
    free(file);
    free(below);
    free(deep);
    test_scratch_remove(folder);
}

static void remove_tree_follows_no_link_and_minds_no_mode(void **state)
{
    (void)state;
    char *folder = test_scratch();
    struct moth_err err;
    char *outside = moth_fs_path("%s/outside", folder);
    char *inside = moth_fs_path("%s/tree/locked/deep", folder);
    char *file = moth_fs_path("%s/kept", outside);
    assert_int_equal(moth_fs_make_dirs(outside, &err), 0);
    assert_int_equal(moth_fs_make_dirs(inside, &err), 0);
    assert_int_equal(moth_fs_write_atomic(file, "x", 1, &err), 0);
    char *link = moth_fs_path("%s/link", inside);
    char *tree = moth_fs_path("%s/tree", folder);
    char *locked = moth_fs_path("%s/tree/locked", folder);
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(chmod(locked, 0), 0);

    assert_int_equal(moth_fs_remove_tree(tree, &err), 0);
    assert_int_equal(access(tree, F_OK), -1);
    assert_holds(file, "x");
    assert_int_equal(moth_fs_remove_tree(tree, &err), 0); /* not there: fine */
    assert_int_equal(moth_fs_remove_tree(file, &err), 0); /* a file: fine */
    assert_int_equal(access(file, F_OK), -1);
    free(outside);
    free(inside);
    free(file);
    free(link);
    free(tree);
    free(locked);
    test_scratch_remove(folder);
}

static void copy_takes_bytes_and_sets_the_mode(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *from = moth_fs_path("%s/from", folder);
    char *to = moth_fs_path("%s/to", folder);
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic(from, "bytes", 5, &err), 0);
    assert_int_equal(moth_fs_copy(from, to, 0755, &err), 0);
    assert_holds(to, "bytes");
    struct stat st;
    stat(to, &st);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(unlink(from), 0);
    assert_int_equal(moth_fs_copy(from, to, 0755, &err), -1);
    assert_holds(to, "bytes"); /* a source that is not there harms nothing */
    free(from);
    free(to);
    test_scratch_remove(folder);
}

static void shipped_files_are_found_from_the_build_tree(void **state)
{
    (void)state;
    char *path = moth_fs_shipped("harness/TRACE.md");
    assert_non_null(path);
    assert_int_equal(access(path, R_OK), 0);
    free(path);
    assert_null(moth_fs_shipped("agents/there-is-no-such-agent.lua"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_atomic_replaces_and_leaves_nothing_beside),
        cmocka_unit_test(write_atomic_keeps_the_old_file_when_it_fails),
        cmocka_unit_test(write_atomic_names_a_missing_folder),
        cmocka_unit_test(read_refuses_more_than_its_limit),
        cmocka_unit_test(make_dirs_makes_all_and_is_content_with_what_is_there),
        cmocka_unit_test(remove_tree_follows_no_link_and_minds_no_mode),
        cmocka_unit_test(copy_takes_bytes_and_sets_the_mode),
        cmocka_unit_test(shipped_files_are_found_from_the_build_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
