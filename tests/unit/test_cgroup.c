/* SPDX-License-Identifier: MIT
 *
 * Control groups: who may have them, and that nothing is left of them. A failure means that a run cannot
 * begin where groups are odd, or leaves some behind. Which ceilings the kernel holds is the kernel's.
 */
#include "test.h"

#include <unistd.h>

#include "runner/cgroup.h"

static void write_file(const char *folder, const char *name, const char *text)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    assert_int_equal(moth_fs_write_atomic(path, text, strlen(text), NULL), 0);
    free(path);
}

/* A folder that looks like a group, for what is decided by reading. */
static char *like_a_group(const char *controllers, const char *procs)
{
    char *folder = test_scratch();
    write_file(folder, "cgroup.controllers", controllers);
    write_file(folder, "cgroup.procs", procs);
    write_file(folder, "cgroup.subtree_control", "");
    return folder;
}

static void without_the_memory_controller_there_are_none(void **state)
{
    (void)state;
    const char *const none[] = {"", "cpu pids\n", "memorymap pids\n"};
    for (size_t i = 0; i < COUNT(none); i++) {
        char *folder = like_a_group(none[i], "");
        assert_false(moth_cgroup_open(folder, "c"));
        test_scratch_remove(folder);
    }
    assert_false(moth_cgroup_open("/nowhere", "c"));
}

static void beside_others_there_are_none(void **state)
{
    (void)state;
    char *folder = like_a_group("cpu memory pids\n", "1\n");
    assert_false(moth_cgroup_open(folder, "c"));
    char *self = moth_fs_path("%s/moth-c-self", folder);
    assert_int_not_equal(access(self, F_OK), 0);
    free(self);
    test_scratch_remove(folder);
}

/* No process can be moved into a mere folder: all is as it was. */
static void what_cannot_be_entered_is_left(void **state)
{
    (void)state;
    char text[24];
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    char *folder = like_a_group("memory\n", text), *self = moth_fs_path("%s/moth-c-self", folder);
    assert_false(moth_cgroup_open(folder, "c"));
    assert_int_not_equal(access(self, F_OK), 0);
    moth_cgroup_begin(1 << 20);
    moth_cgroup_join();
    assert_false(moth_cgroup_starved());
    moth_cgroup_end();
    moth_cgroup_close();
    free(self);
    test_scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_memory_controller_there_are_none),
        cmocka_unit_test(beside_others_there_are_none),
        cmocka_unit_test(what_cannot_be_entered_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
