/* SPDX-License-Identifier: MIT
 *
 * Which part of a run a process plays. A failure means that an array of jobs plays something twice, or leaves
 * something out, without a word.
 */
#include "test.h"

#include <string.h>

#include "cli/shard.h"

static const char *environment[17]; /* name, value, …, NULL */

static const char *variable(const char *name)
{
    for (const char **at = environment; *at; at += 2)
        if (strcmp(at[0], name) == 0)
            return at[1];
    return NULL;
}

static void set_environment(const char *const *words)
{
    size_t n = 0;
    do {
        assert_true(n < COUNT(environment));
        environment[n] = words[n];
    } while (words[n++]);
}

#define ENV(...) set_environment((const char *const[]){__VA_ARGS__, NULL})

static void is(uint32_t index, uint32_t of)
{
    struct moth_shard shard;
    struct moth_err err;
    if (moth_shard_auto(variable, &shard, &err) != 0)
        fail_msg("%s", err.message);
    assert_int_equal(shard.index, index);
    assert_int_equal(shard.of, of);
}

static void fails(const char *words)
{
    struct moth_shard shard;
    struct moth_err err = {0};
    assert_int_equal(moth_shard_auto(variable, &shard, &err), -1);
    assert_int_equal(err.code, MOTH_ERR_USAGE);
    if (!strstr(err.message, words))
        fail_msg("not '%s': %s", words, err.message);
}

static void a_shard_is_one_of_so_many(void **state)
{
    (void)state;
    struct moth_shard shard;
    assert_true(moth_shard_parse("2/4", &shard));
    assert_int_equal(shard.index, 2);
    assert_int_equal(shard.of, 4);
    assert_true(moth_shard_parse("1/1", &shard));
    assert_true(moth_shard_parse("100000/100000", &shard));
    static const char *const wrong[] = {"0/4",
                                        "5/4",
                                        "4/0",
                                        "x/y",
                                        "1/0",
                                        "0/0",
                                        "",
                                        "/",
                                        "1/",
                                        "/4",
                                        "1",
                                        "-1/4",
                                        "+1/4",
                                        " 1/4",
                                        "1/4 ",
                                        "1/4/4",
                                        "1.0/4",
                                        "1//4",
                                        "0x1/4",
                                        "1/100001",
                                        "1/99999999999999999999999",
                                        "99999999999999999999/4"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (moth_shard_parse(wrong[i], &shard))
            fail_msg("'%s' was taken for a shard", wrong[i]);
}

static void slurm_arrays(void **state)
{
    (void)state;
    ENV("SLURM_ARRAY_TASK_ID", "3", "SLURM_ARRAY_TASK_MIN", "1", "SLURM_ARRAY_TASK_MAX", "4",
        "SLURM_ARRAY_TASK_STEP", "1", "SLURM_ARRAY_TASK_COUNT", "4");
    is(3, 4);
    ENV("SLURM_ARRAY_TASK_ID", "0", "SLURM_ARRAY_TASK_MIN", "0", "SLURM_ARRAY_TASK_MAX", "3",
        "SLURM_ARRAY_TASK_COUNT", "4");
    is(1, 4);
    ENV("SLURM_ARRAY_TASK_ID", "40", "SLURM_ARRAY_TASK_MIN", "10", "SLURM_ARRAY_TASK_MAX", "40",
        "SLURM_ARRAY_TASK_STEP", "10", "SLURM_ARRAY_TASK_COUNT", "4");
    is(4, 4);
    ENV("SLURM_ARRAY_TASK_ID", "5", "SLURM_ARRAY_TASK_MIN", "2", "SLURM_ARRAY_TASK_MAX", "7",
        "SLURM_ARRAY_TASK_STEP", "3"); /* before Slurm told the count */
    is(2, 2);
    ENV("SLURM_ARRAY_TASK_ID", "7", "SLURM_ARRAY_TASK_MIN", "1", "SLURM_ARRAY_TASK_MAX", "7",
        "SLURM_ARRAY_TASK_STEP", "1", "SLURM_ARRAY_TASK_COUNT", "3"); /* --array=1,2,7 */
    fails("--array=1-4");
    ENV("SLURM_ARRAY_TASK_ID", "5", "SLURM_ARRAY_TASK_MIN", "1", "SLURM_ARRAY_TASK_MAX", "4",
        "SLURM_ARRAY_TASK_STEP", "0", "SLURM_ARRAY_TASK_COUNT", "4");
    fails("task 5");
    ENV("SLURM_ARRAY_TASK_ID", "5", "SLURM_ARRAY_TASK_MAX", "4");
    fails("SLURM_ARRAY_TASK_MIN is not set");
    ENV("SLURM_ARRAY_TASK_ID", "five", "SLURM_ARRAY_TASK_MIN", "1", "SLURM_ARRAY_TASK_MAX", "4");
    fails("SLURM_ARRAY_TASK_ID is five");
}

static void engines_that_count_their_jobs(void **state)
{
    (void)state;
    ENV("JOB_COMPLETION_INDEX", "0", "MOTH_SHARDS", "4");
    is(1, 4);
    ENV("MOTH_SHARD_INDEX", "3", "MOTH_SHARDS", "4");
    is(4, 4);
    ENV("CI_NODE_INDEX", "4", "CI_NODE_TOTAL", "4");
    is(4, 4);
    ENV("CIRCLE_NODE_INDEX", "1", "CIRCLE_NODE_TOTAL", "2");
    is(2, 2);
    ENV("BUILDKITE_PARALLEL_JOB", "1", "BUILDKITE_PARALLEL_JOB_COUNT", "2");
    is(2, 2);
    ENV("CI_NODE_TOTAL", "1"); /* a GitLab job without `parallel` */
    is(1, 1);
    ENV("JOB_COMPLETION_INDEX", "2");
    fails("MOTH_SHARDS does not say of how many");
    ENV("JOB_COMPLETION_INDEX", "4", "MOTH_SHARDS", "4");
    fails("no part of a whole");
    ENV("CI_NODE_INDEX", "0", "CI_NODE_TOTAL", "4");
    fails("counts from 1");
    ENV("CI_NODE_INDEX", "1", "CI_NODE_TOTAL", "99999999999999999999");
    fails("no part of a whole");
}

static void nobody_says_anything(void **state)
{
    (void)state;
    ENV("SLURM_ARRAY_TASK_ID", "", "HOME", "/");
    static const char *const looked_for[] = {"SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "CI_NODE_INDEX",
                                             "MOTH_SHARD_INDEX", "--shard I/N"};
    for (size_t i = 0; i < COUNT(looked_for); i++)
        fails(looked_for[i]);
}

static void two_that_say_different_things(void **state)
{
    (void)state;
    ENV("CI_NODE_INDEX", "1", "CI_NODE_TOTAL", "4", "SLURM_ARRAY_TASK_ID", "2", "SLURM_ARRAY_TASK_MIN", "1",
        "SLURM_ARRAY_TASK_MAX", "4", "SLURM_ARRAY_TASK_COUNT", "4");
    fails("Slurm says 2/4 and GitLab says 1/4");
    ENV("JOB_COMPLETION_INDEX", "1", "MOTH_SHARD_INDEX", "2", "MOTH_SHARDS", "4");
    fails("MOTH_SHARD_INDEX of MOTH_SHARDS says 3/4");
    ENV("JOB_COMPLETION_INDEX", "1", "MOTH_SHARD_INDEX", "1", "MOTH_SHARDS", "4");
    is(2, 4);
    /* A CI job that is not parallel hands its array to Slurm. */
    ENV("CI_NODE_INDEX", "1", "CI_NODE_TOTAL", "1", "SLURM_ARRAY_TASK_ID", "2", "SLURM_ARRAY_TASK_MIN", "1",
        "SLURM_ARRAY_TASK_MAX", "4", "SLURM_ARRAY_TASK_COUNT", "4");
    is(2, 4);
    ENV("CIRCLE_NODE_INDEX", "0", "CIRCLE_NODE_TOTAL", "1", "BUILDKITE_PARALLEL_JOB", "1",
        "BUILDKITE_PARALLEL_JOB_COUNT", "2");
    is(2, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shard_is_one_of_so_many),     cmocka_unit_test(slurm_arrays),
        cmocka_unit_test(engines_that_count_their_jobs), cmocka_unit_test(nobody_says_anything),
        cmocka_unit_test(two_that_say_different_things),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
