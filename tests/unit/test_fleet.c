/* SPDX-License-Identifier: MIT
 *
 * Runs with games that are only pretended (fake_instance.c): who plays what, what is found and kept,
 * verdicts, and what happens when workers, games and agents die or misbehave. A failure means that a
 * night's run could lose its findings, blame the wrong one, or never end.
 */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "findings/store.h"
#include "fleet/fleet.h"
#include "fleet/plan.h"
#include "wire/trace.h"

#define CRASHES "return function(game) game:step(100000) end\n"
#define EXPECTS \
    "return function(game)\n game:step(30)\n game:expect(false, 'the door opens')\n game:step(1000)\nend\n"
#define FAILS "return function(game)\n game:step(10)\n error('agent is lost')\nend\n"
#define SHORT "return function(game) game:step(40) end\n"

struct fixture {
    char *folder, *out;
    struct moth_agent *agent;
    struct moth_fleet_agent entry;
    struct moth_fleet_config config;
    const char *argv[4];
    struct moth_fleet_result *result;
    const struct moth_run_summary *summary;
    void (*at_progress)(struct fixture *fixture, const struct moth_run_progress *progress);
    unsigned found;
};

static void on_progress(void *context, const struct moth_run_progress *progress)
{
    struct fixture *fixture = context;
    if (fixture->at_progress)
        fixture->at_progress(fixture, progress);
}

/* What is told of must be on disk by then. */
static void on_found(void *context, const char *kind, const char *title, const char *fingerprint)
{
    struct fixture *fixture = context;
    char *folder = moth_store_folder(fixture->out, fingerprint);
    struct moth_finding *finding = moth_finding_load(folder, NULL);
    assert_non_null(finding);
    assert_string_equal(finding->title, title);
    assert_string_equal(moth_finding_kind_name(finding->kind), kind);
    moth_finding_free(finding);
    free(folder);
    fixture->found++;
}

static void set_up(struct fixture *fixture, const char *script, const char *does, const char *argument)
{
    *fixture = (struct fixture){.folder = test_scratch()};
    fixture->out = moth_fs_path("%s/out", fixture->folder);
    char *path = moth_fs_path("%s/agent.lua", fixture->folder);
    assert_int_equal(moth_fs_write_atomic(path, script, strlen(script), NULL), 0);
    struct moth_err err;
    fixture->agent = moth_agent_load(path, NULL, &err);
    if (!fixture->agent)
        fail_msg("%s", err.message);
    free(path);
    fixture->entry = (struct moth_fleet_agent){fixture->agent, moth_agent_path(fixture->agent), 1};
    fixture->argv[0] = "/fake/game";
    fixture->argv[1] = does;
    fixture->argv[2] = argument;
    fixture->config = (struct moth_fleet_config){
        .argv = fixture->argv,
        .agents = &fixture->entry,
        .n_agents = 1,
        .seed = 1,
        .frames = 3000,
        .instance_frames = 600,
        .workers = 2,
        .replays = 3,
        .out = fixture->out,
        .progress = on_progress,
        .found = on_found,
        .context = fixture,
    };
    fixture->config.channel.hz = 60;
}

static void run(struct fixture *fixture)
{
    struct moth_err err = {0};
    if (moth_fleet_run(&fixture->config, &fixture->result, &err) != 0)
        fail_msg("%s", err.message);
    fixture->summary = moth_fleet_summary(fixture->result);
}

static void tear_down(struct fixture *fixture)
{
    moth_fleet_result_free(fixture->result);
    moth_agent_free(fixture->agent);
    free(fixture->out);
    test_scratch_remove(fixture->folder);
}

static bool exists(const char *folder, const char *name)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void a_clean_game_passes(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "clean", NULL);
    run(&fixture);
    assert_int_equal(fixture.summary->verdict, MOTH_VERDICT_PASS);
    assert_int_equal(fixture.summary->exit_code, 0);
    assert_int_equal(fixture.summary->n_findings, 0);
    assert_int_equal(fixture.summary->frames_total, 3000);
    assert_int_equal(fixture.summary->instances, 5);
    assert_string_equal(fixture.summary->warnings[0], "the fake game warns");
    assert_int_equal(fixture.summary->n_warnings, 1);
    assert_true(fixture.summary->frame_times.p50 > 0.9 && fixture.summary->frame_times.p50 < 1.2);
    assert_false(exists(fixture.out, ".work"));
    tear_down(&fixture);
}

static void a_crash_is_one_finding_reproduced(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "crash@100", NULL);
    fixture.config.frames = 2750; /* five parts; the rest after five crashes in each is not worth an instance */
    fixture.config.instance_frames = 550;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 1);
    assert_int_equal(fixture.summary->n_findings, 1);
    assert_int_equal(fixture.found, 1);
    const struct moth_finding *finding = fixture.summary->findings[0];
    assert_string_equal(finding->title, "SIGSEGV at address 0x0 in player_move (game.c:42)");
    assert_int_equal(finding->frame, 100);
    assert_int_equal(finding->reproduced, 3);
    assert_int_equal(finding->attempts, 3);
    assert_int_equal(finding->times_seen, fixture.summary->instances);
    char *folder = moth_store_folder(fixture.out, finding->fingerprint);
    static const char *const files[] = {"finding.json", "stack.txt", "trace.moth", "game.log"};
    for (size_t i = 0; i < COUNT(files); i++)
        assert_true(exists(folder, files[i]));
    char *path = moth_fs_path("%s/trace.moth", folder);
    struct moth_trace *trace = moth_trace_read(path, NULL);
    assert_non_null(trace);
    assert_string_equal(trace->end.fingerprint, finding->fingerprint);
    assert_int_equal(trace->end.finding_frame, 100);
    assert_int_equal(trace->header.seed, finding->seed);
    moth_trace_free(trace);
    free(path);
    free(folder);
    tear_down(&fixture);
}

static void an_expectation_is_found_with_a_picture_and_met_again(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, EXPECTS, "clean", NULL);
    run(&fixture);
    assert_int_equal(fixture.summary->n_findings, 1);
    const struct moth_finding *finding = fixture.summary->findings[0];
    assert_int_equal(finding->kind, MOTH_FINDING_INVARIANT);
    assert_int_equal(finding->frame, 31);
    assert_int_equal(finding->reproduced, 3);
    assert_int_equal(finding->attempts, 3);
    char *folder = moth_store_folder(fixture.out, finding->fingerprint);
    assert_true(exists(folder, "finding-1.png"));
    free(folder);
    tear_down(&fixture);
}

static char *plain_json(const struct moth_run_summary *summary)
{
    char *text = moth_report_json_text(summary);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    static const char *const of_the_machine[] = {"wall_s", "frames_per_s", "workers"};
    for (size_t i = 0; i < COUNT(of_the_machine); i++)
        assert_int_equal(json_object_del(json, of_the_machine[i]), 0);
    /* The agent's path lies in the scratch folder. */
    for (size_t i = 0; i < summary->n_findings; i++)
        json_object_del(json_array_get(json_object_get(json, "findings"), i), "agent");
    for (size_t i = 0; i < summary->n_agents; i++)
        json_object_del(json_array_get(json_object_get(json, "agents"), i), "name");
    free(text);
    text = json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS);
    json_decref(json);
    return text;
}

/* Found, replayed and shrunk, all in one run; what does not come back each time is not shrunk. */
static void findings_are_shrunk(void **state)
{
    (void)state;
    for (int flaky = 0; flaky < 2; flaky++) {
        struct fixture fixture;
        set_up(&fixture, "return function(game) while true do game:tap('a') end end", "crash@100", NULL);
        char *once = moth_fs_path("%s/once", fixture.folder);
        if (flaky) {
            fixture.argv[1] = "once@100";
            fixture.argv[2] = once;
        }
        fixture.config.frames = 1200;
        fixture.config.minimize_frames = 5000;
        run(&fixture);
        const struct moth_finding *finding = fixture.summary->findings[0];
        char *folder = moth_store_folder(fixture.out, finding->fingerprint);
        assert_true(finding->inputs > 40);
        assert_int_equal(finding->inputs_minimized, 0);
        assert_int_equal(finding->trace_minimized != NULL, !flaky);
        assert_int_equal(exists(folder, "minimized.moth"), !flaky);
        assert_int_equal(exists(folder, "repro.lua"), !flaky);
        free(folder);
        free(once);
        tear_down(&fixture);
    }
}

/* The seed that a script's command names leads to the instance's seed again. */
static void a_run_can_be_made_for_a_seed(void **state)
{
    (void)state;
    for (uint64_t run_seed = 1; run_seed < 50; run_seed++)
        for (uint32_t index = 0; index < 5; index++) {
            uint64_t seed = moth_plan_seed(run_seed, index);
            assert_int_equal(moth_plan_seed(moth_plan_run_seed(seed), 0), seed);
        }
    assert_int_equal(moth_plan_run_seed(moth_plan_seed(1, 0)), 1);
}

static void results_do_not_depend_on_workers(void **state)
{
    (void)state;
    char *first = NULL;
    for (uint32_t workers = 1; workers <= 5; workers += 2) {
        struct fixture fixture;
        set_up(&fixture, CRASHES, "seeded", NULL);
        fixture.config.frames = 9000;
        fixture.config.instance_frames = 300;
        fixture.config.workers = workers;
        run(&fixture);
        assert_int_equal(fixture.summary->n_findings, 1);
        assert_true(fixture.summary->instances > 10);
        char *text = plain_json(fixture.summary);
        if (first)
            assert_string_equal(text, first);
        else
            first = strdup(text);
        free(text);
        tear_down(&fixture);
    }
    free(first);
}

static void a_dead_worker_is_replaced_and_loses_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "suicide@50", NULL);
    char *marker = moth_fs_path("%s/died", fixture.folder);
    fixture.argv[2] = marker;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 0);
    assert_int_equal(fixture.summary->frames_total, 3000);
    assert_int_equal(fixture.summary->instances, 5);
    assert_true(exists(fixture.folder, "died"));
    free(marker);
    tear_down(&fixture);
}

/* Every worker that plays dies at once: the run must end, and say so. */
static void a_game_that_kills_all_workers_ends_the_run(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "suicide@50", "/dev/null/not-there");
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 3);
    assert_int_equal(fixture.summary->verdict, MOTH_VERDICT_ERROR);
    tear_down(&fixture);
}

static void kill_a_worker(struct fixture *fixture, const struct moth_run_progress *progress)
{
    (void)progress;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "r");
    int pid;
    while (children && fscanf(children, "%d", &pid) == 1) {
        char comm[64], name[32] = "";
        snprintf(comm, sizeof comm, "/proc/%d/comm", pid);
        FILE *file = fopen(comm, "r");
        if (file && fgets(name, sizeof name, file) && strncmp(name, "moth-reaper", 11) != 0) {
            kill(pid, SIGKILL);
            fixture->at_progress = NULL;
        }
        if (file)
            fclose(file);
    }
    if (children)
        fclose(children);
}

static void workers_killed_from_outside_change_no_result(void **state)
{
    (void)state;
    struct fixture calm, hit;
    set_up(&calm, CRASHES, "seeded", NULL);
    set_up(&hit, CRASHES, "seeded", NULL);
    calm.config.frames = hit.config.frames = 6000;
    hit.at_progress = kill_a_worker;
    run(&calm);
    run(&hit);
    assert_null(hit.at_progress); /* the blow was struck */
    assert_int_equal(hit.summary->n_findings, calm.summary->n_findings);
    assert_int_equal(hit.summary->frames_total, calm.summary->frames_total);
    assert_string_equal(hit.summary->findings[0]->fingerprint, calm.summary->findings[0]->fingerprint);
    assert_int_equal(hit.summary->findings[0]->seed, calm.summary->findings[0]->seed);
    tear_down(&hit);
    tear_down(&calm);
}

static void send_interrupt(struct fixture *fixture, const struct moth_run_progress *progress)
{
    (void)progress;
    fixture->at_progress = NULL;
    kill(getpid(), SIGINT);
}

static void an_interrupt_keeps_what_was_found(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "seeded", NULL);
    fixture.config.frames = 0; /* would never end */
    fixture.at_progress = send_interrupt;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 130);
    assert_true(fixture.summary->interrupted);
    bool found = fixture.summary->n_findings > 0;
    assert_int_equal(fixture.summary->verdict, found ? MOTH_VERDICT_NEW_FINDINGS : MOTH_VERDICT_ERROR);
    assert_true(fixture.summary->frames_total > 0);
    tear_down(&fixture);
}

static void an_interrupted_run_has_not_passed(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "clean", NULL);
    fixture.config.frames = 0;
    fixture.at_progress = send_interrupt;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 130);
    assert_int_equal(fixture.summary->n_findings, 0);
    assert_int_equal(fixture.summary->verdict, MOTH_VERDICT_ERROR);
    tear_down(&fixture);
}

static void duration_ends_a_run(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "clean", NULL);
    fixture.config.frames = 0;
    fixture.config.duration_ms = 300;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 0);
    assert_true(fixture.summary->wall_s >= 0.3 && fixture.summary->wall_s < 10);
    tear_down(&fixture);
}

static void max_findings_ends_a_run(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "crash@10", NULL);
    fixture.config.frames = 0;
    fixture.config.max_findings = 1;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 1);
    assert_int_equal(fixture.summary->n_findings, 1);
    tear_down(&fixture);
}

struct verdict_case {
    const char *script, *does, *argument;
    int exit_code;
    enum moth_verdict verdict;
};

static void verdicts(void **state)
{
    (void)state;
    static const struct verdict_case cases[] = {
        {CRASHES, "missing", NULL, 3, MOTH_VERDICT_ERROR},
        {CRASHES, "noframe", NULL, 4, MOTH_VERDICT_NOTHING_RAN},
        {FAILS, "clean", NULL, 2, MOTH_VERDICT_ERROR},
        {CRASHES, "exit0@20", NULL, 0, MOTH_VERDICT_PASS},
        {CRASHES, "exit3@20", NULL, 1, MOTH_VERDICT_NEW_FINDINGS},
        {CRASHES, "hang@20", NULL, 1, MOTH_VERDICT_NEW_FINDINGS},
        {CRASHES, "deadlock@20", NULL, 1, MOTH_VERDICT_NEW_FINDINGS},
        {CRASHES, "fault@20", NULL, 3, MOTH_VERDICT_ERROR},
        {CRASHES, "killed@20", NULL, 3, MOTH_VERDICT_ERROR},
        {SHORT, "clean", NULL, 0, MOTH_VERDICT_PASS},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture fixture;
        set_up(&fixture, cases[i].script, cases[i].does, cases[i].argument);
        run(&fixture);
        if (fixture.summary->exit_code != cases[i].exit_code || fixture.summary->verdict != cases[i].verdict)
            fail_msg("%s: exit code %d, verdict %s", cases[i].does, fixture.summary->exit_code,
                     moth_verdict_name(fixture.summary->verdict));
        tear_down(&fixture);
    }
}

static void what_does_not_come_back_is_flaky(void **state)
{
    (void)state;
    for (int fail = 0; fail < 2; fail++) {
        struct fixture fixture;
        set_up(&fixture, CRASHES, "once@30", NULL);
        char *file = moth_fs_path("%s/once", fixture.folder);
        fixture.argv[2] = file;
        fixture.config.fail_on_flaky = fail;
        run(&fixture);
        assert_int_equal(fixture.summary->n_findings, 1);
        assert_int_equal(fixture.summary->findings[0]->reproduced, 0);
        assert_int_equal(fixture.summary->findings[0]->attempts, 3);
        assert_int_equal(fixture.summary->verdict, MOTH_VERDICT_FLAKY);
        assert_int_equal(fixture.summary->exit_code, fail ? 5 : 0);
        free(file);
        tear_down(&fixture);
    }
}

static void scenarios_are_played_once_and_first(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, EXPECTS, "clean", NULL);
    fixture.config.scenarios = &fixture.entry;
    fixture.config.n_scenarios = 1;
    fixture.config.n_agents = 0;
    run(&fixture);
    assert_int_equal(fixture.summary->instances, 1);
    assert_int_equal(fixture.summary->n_findings, 1);
    assert_int_equal(fixture.summary->findings[0]->times_seen, 1);
    assert_int_equal(fixture.summary->findings[0]->reproduced, 3);
    tear_down(&fixture);
}

static void an_agents_fault_is_never_a_finding(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, FAILS, "clean", NULL);
    run(&fixture);
    assert_int_equal(fixture.summary->n_findings, 0);
    assert_int_equal(fixture.summary->n_agent_faults, 1);
    assert_non_null(strstr(fixture.summary->agent_faults[0], "agent is lost"));
    assert_non_null(strstr(fixture.summary->agent_faults[0], "agent.lua:3"));
    tear_down(&fixture);
}

static void strict_finds_what_differs(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "diverge@90", NULL);
    fixture.config.strict = true;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 6);
    assert_int_equal(fixture.summary->findings[0]->kind, MOTH_FINDING_NONDETERMINISM);
    assert_string_equal(fixture.summary->findings[0]->title, "a replay differs in virtual time");
    assert_int_equal(fixture.summary->findings[0]->frame, 120);
    tear_down(&fixture);
}

static void strict_is_content_with_a_deterministic_game(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "clean", NULL);
    fixture.config.strict = true;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 0);
    tear_down(&fixture);
}

static void strays_are_gone_after_a_run(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "stray@20", NULL);
    fixture.config.frames = 60;
    char *file = moth_fs_path("%s/stray", fixture.folder);
    fixture.argv[2] = file;
    run(&fixture);
    char *text = moth_fs_read(file, 100, &(size_t){0}, NULL);
    assert_non_null(text);
    pid_t stray = (pid_t)atoi(text);
    assert_true(stray > 0);
    assert_int_equal(kill(stray, 0), -1);
    assert_int_equal(errno, ESRCH);
    free(text);
    free(file);
    tear_down(&fixture);
}

static void two_runs_do_not_share_a_folder(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "clean", NULL);
    run(&fixture);
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t holder = fork();
    if (holder == 0) { /* holds the lock as another run would */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(fixture.out, O_RDONLY | O_DIRECTORY);
        if (flock(fd, LOCK_EX) != 0 || write(ready[1], "!", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct moth_fleet_result *result;
    struct moth_err err;
    assert_int_equal(moth_fleet_run(&fixture.config, &result, &err), -1);
    assert_non_null(strstr(err.message, "another run"));
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    close(ready[0]);
    tear_down(&fixture);
}

/* ---- the plan ---- */

/* A shard that is left with nothing is no failure: the others play it all. */
static void a_shard_without_a_part_passes(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up(&fixture, CRASHES, "crash@100", NULL);
    fixture.config.frames = 900; /* two parts */
    fixture.config.shard = 3;
    fixture.config.shards = 4;
    run(&fixture);
    assert_int_equal(fixture.summary->exit_code, 0);
    assert_int_equal(fixture.summary->verdict, MOTH_VERDICT_PASS);
    assert_int_equal(fixture.summary->instances, 0);
    assert_string_equal(fixture.summary->shard, "3/4");
    assert_int_equal(fixture.summary->n_warnings, 1);
    assert_non_null(strstr(fixture.summary->warnings[0], "nothing to play"));
    tear_down(&fixture);
}

static void die_of_crashes(void)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        signal(fatal[i], SIG_DFL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_game_passes),
        cmocka_unit_test(a_crash_is_one_finding_reproduced),
        cmocka_unit_test(an_expectation_is_found_with_a_picture_and_met_again),
        cmocka_unit_test(findings_are_shrunk),
        cmocka_unit_test(a_run_can_be_made_for_a_seed),
        cmocka_unit_test(results_do_not_depend_on_workers),
        cmocka_unit_test(a_dead_worker_is_replaced_and_loses_nothing),
        cmocka_unit_test(a_game_that_kills_all_workers_ends_the_run),
        cmocka_unit_test(workers_killed_from_outside_change_no_result),
        cmocka_unit_test(an_interrupt_keeps_what_was_found),
        cmocka_unit_test(an_interrupted_run_has_not_passed),
        cmocka_unit_test(duration_ends_a_run),
        cmocka_unit_test(max_findings_ends_a_run),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(what_does_not_come_back_is_flaky),
        cmocka_unit_test(scenarios_are_played_once_and_first),
        cmocka_unit_test(an_agents_fault_is_never_a_finding),
        cmocka_unit_test(strict_finds_what_differs),
        cmocka_unit_test(strict_is_content_with_a_deterministic_game),
        cmocka_unit_test(strays_are_gone_after_a_run),
        cmocka_unit_test(two_runs_do_not_share_a_folder),
        cmocka_unit_test(a_shard_without_a_part_passes),
    };
    /* A worker is a fork of this program: it must not go on with its tests where it crashes. */
    pthread_atfork(NULL, NULL, die_of_crashes);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
