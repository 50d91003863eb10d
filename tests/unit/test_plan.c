/* SPDX-License-Identifier: MIT
 *
 * The plan of a run: who plays what, with which budget, and that shards are the whole run, whichever way it is cut.
 */
#include "test.h"

#include <stdlib.h>

#include "fleet/plan.h"

#define SHORT "return function(game) game:step(40) end\n"

static struct moth_agent *plain_agent; /* one that does not explore */

static int load_plain_agent(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = moth_fs_path("%s/agent.lua", folder);
    struct moth_err err;
    if (moth_fs_write_atomic(path, SHORT, strlen(SHORT), &err) == 0)
        plain_agent = moth_agent_load(path, NULL, &err);
    free(path);
    test_scratch_remove(folder);
    return plain_agent ? 0 : -1;
}

static int free_plain_agent(void **state)
{
    (void)state;
    moth_agent_free(plain_agent);
    return 0;
}

static void the_plan_shares_by_weight_and_budget(void **state)
{
    (void)state;
    struct moth_fleet_agent agents[] = {{plain_agent, "a", 3}, {plain_agent, "b", 1}};
    struct moth_fleet_agent scenario = {plain_agent, "s", 1};
    struct moth_fleet_config config = {.agents = agents,
                                       .n_agents = 2,
                                       .scenarios = &scenario,
                                       .n_scenarios = 1,
                                       .seed = 5,
                                       .frames = 10000,
                                       .instance_frames = 5000};
    struct moth_plan plan;
    struct moth_plan_job job;
    assert_int_equal(moth_plan_init(&plan, &config), 0);
    assert_int_equal(moth_plan_next(&plan, &job), MOTH_PLAN_JOB);
    assert_true(job.scenario);
    assert_int_equal(job.frames, 5000);
    moth_plan_settle(&plan, &job, 1000);
    unsigned count[2] = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(moth_plan_next(&plan, &job), MOTH_PLAN_JOB);
        assert_int_equal(job.frames, 10000 / MOTH_PLAN_SHARES);
        assert_int_equal(job.seed, moth_plan_seed(5, job.index));
        count[job.agent]++;
        moth_plan_settle(&plan, &job, job.frames);
    }
    assert_int_equal(count[0], 3);
    assert_int_equal(count[1], 1);
    moth_plan_fini(&plan);
}

/* Each of the parts is gone on with by itself, so what one leaves says nothing about the others. */
static void a_part_goes_on_where_its_instance_ended(void **state)
{
    (void)state;
    struct moth_fleet_agent agent = {plain_agent, "a", 1};
    struct moth_fleet_config config = {
        .agents = &agent, .n_agents = 1, .frames = 1500, .instance_frames = 5000};
    struct moth_plan plan;
    struct moth_plan_job parts[3], job;
    assert_int_equal(moth_plan_init(&plan, &config), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(moth_plan_next(&plan, &parts[i]), MOTH_PLAN_JOB);
        assert_int_equal(parts[i].index, i);
        assert_int_equal(parts[i].frames, i < 2 ? 600 : 300);
    }
    assert_int_equal(moth_plan_next(&plan, &job), MOTH_PLAN_WAIT);
    moth_plan_settle(&plan, &parts[1], 100);
    assert_int_equal(moth_plan_next(&plan, &job), MOTH_PLAN_JOB);
    assert_int_equal(job.index, 4); /* part 1, once more */
    assert_int_equal(job.frames, 500);
    assert_int_equal(job.seed, moth_plan_seed(0, 4));
    moth_plan_settle(&plan, &parts[0], 600);
    moth_plan_settle(&plan, &parts[2], 250); /* the rest is not worth an instance */
    assert_int_equal(moth_plan_next(&plan, &parts[0]), MOTH_PLAN_WAIT);
    moth_plan_settle(&plan, &job, 500);
    assert_int_equal(moth_plan_next(&plan, &job), MOTH_PLAN_DONE);
    moth_plan_fini(&plan);
}

/* Frames that an instance of this number uses of its budget: some end early, some never begin. */
static uint32_t used_by(const struct moth_plan_job *job)
{
    uint64_t draw = moth_plan_seed(99, job->index) % 5;
    return draw == 0 ? 0 : draw < 3 ? job->frames : (uint32_t)(job->frames * draw / 7);
}

struct played {
    struct moth_plan_job jobs[2000];
    size_t n;
};

static int by_number(const void *a, const void *b)
{
    const struct moth_plan_job *left = a, *right = b;
    return (left->index > right->index) - (left->index < right->index);
}

/* Play a shard, so many instances at a time; they end in an order of the workers' own. */
static void play_shard(struct moth_fleet_config config, uint32_t shard, uint32_t shards, uint32_t workers,
                       struct played *played)
{
    config.shard = shard;
    config.shards = shards;
    struct moth_plan plan;
    struct moth_plan_job open[8];
    uint32_t n_open = 0;
    assert_int_equal(moth_plan_init(&plan, &config), 0);
    for (;;) {
        enum moth_plan_answer answer = MOTH_PLAN_WAIT;
        while (n_open < workers && (answer = moth_plan_next(&plan, &open[n_open])) == MOTH_PLAN_JOB) {
            assert_true(played->n < COUNT(played->jobs));
            played->jobs[played->n++] = open[n_open++];
        }
        if (n_open == 0) {
            assert_int_equal(answer, MOTH_PLAN_DONE);
            break;
        }
        uint32_t ends = (uint32_t)(moth_plan_seed(played->n, n_open) % n_open);
        moth_plan_settle(&plan, &open[ends], used_by(&open[ends]));
        open[ends] = open[--n_open];
    }
    moth_plan_fini(&plan);
}

static void shards_are_the_whole_run(void **state)
{
    (void)state;
    struct moth_fleet_agent agents[] = {{plain_agent, "a", 3}, {plain_agent, "b", 1}, {plain_agent, "c", 0.5}};
    static struct played whole, parts;
    for (uint64_t frames = 400; frames < 300000; frames = frames * 2 + 77)
        for (uint32_t shards = 1; shards <= 9; shards++) {
            struct moth_fleet_config config = {
                .agents = agents, .n_agents = 3, .seed = frames, .frames = frames, .instance_frames = 10800};
            whole.n = parts.n = 0;
            play_shard(config, 0, 0, 3, &whole);
            for (uint32_t shard = 1; shard <= shards; shard++)
                play_shard(config, shard, shards, shard % 3 + 1, &parts);
            assert_true(whole.n > 0);
            assert_int_equal(parts.n, whole.n);
            qsort(whole.jobs, whole.n, sizeof *whole.jobs, by_number);
            qsort(parts.jobs, parts.n, sizeof *parts.jobs, by_number);
            for (size_t i = 0; i < whole.n; i++) {
                assert_int_equal(parts.jobs[i].index, whole.jobs[i].index);
                assert_int_equal(parts.jobs[i].agent, whole.jobs[i].agent);
                assert_int_equal(parts.jobs[i].frames, whole.jobs[i].frames);
                assert_int_equal(parts.jobs[i].seed, whole.jobs[i].seed);
                assert_true(i == 0 || whole.jobs[i].index > whole.jobs[i - 1].index);
            }
        }
}

static void scenarios_are_shared_out_too(void **state)
{
    (void)state;
    struct moth_fleet_agent scenarios[] = {{plain_agent, "s", 1}, {plain_agent, "t", 1}, {plain_agent, "u", 1}}, agent = {plain_agent, "a", 1};
    struct moth_fleet_config config = {.scenarios = scenarios,
                                       .n_scenarios = 3,
                                       .agents = &agent,
                                       .n_agents = 1,
                                       .frames = 10000,
                                       .instance_frames = 1000,
                                       .shards = 2};
    unsigned seen[3] = {0}, frames = 0;
    for (config.shard = 1; config.shard <= 2; config.shard++) {
        struct moth_plan plan;
        struct moth_plan_job job;
        assert_int_equal(moth_plan_init(&plan, &config), 0);
        while (moth_plan_next(&plan, &job) == MOTH_PLAN_JOB) {
            if (job.scenario)
                seen[job.agent]++;
            else
                frames += job.frames;
            moth_plan_settle(&plan, &job, job.frames);
        }
        moth_plan_fini(&plan);
    }
    assert_int_equal(frames, 10000);
    for (size_t i = 0; i < COUNT(seen); i++)
        assert_int_equal(seen[i], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plan_shares_by_weight_and_budget),
        cmocka_unit_test(a_part_goes_on_where_its_instance_ended),
        cmocka_unit_test(shards_are_the_whole_run),
        cmocka_unit_test(scenarios_are_shared_out_too),
    };
    return cmocka_run_group_tests(tests, load_plain_agent, free_plain_agent);
}
