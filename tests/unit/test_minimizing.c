/* SPDX-License-Identifier: MIT
 *
 * A whole minimization of games that are only pretended (fake_instance.c): what is worked on and what is
 * refused, what lies on disk, budgets, interrupts and games that do not do the same twice. A failure means
 * that a finding is given a trace that does not lead to it.
 */
#include "test.h"

#include <stdbool.h>
#include <unistd.h>

#include "minimize/minimize.h"

#define KEYS 30u

struct fixture {
    char *folder, *progress;
    char *argv[4];
    struct moth_input_event events[KEYS * 2];
    struct moth_trace trace;
    struct moth_minimize_config config;
    struct moth_minimize_outcome outcome;
    struct moth_err err;
    unsigned asked, asked_most, warned;
};

static bool interrupted(void *context)
{
    struct fixture *fixture = context;
    return fixture->asked_most > 0 && ++fixture->asked > fixture->asked_most;
}

static void count_warning(void *context, const char *sentence)
{
    struct fixture *fixture = context;
    assert_non_null(sentence);
    fixture->warned++;
}

/* A crash at boundary 50 in player_move, with keys that have nothing to do with it. */
static void set_up(struct fixture *fixture, char *does, char *argument)
{
    static char *no_env[] = {NULL};
    *fixture = (struct fixture){.folder = test_scratch()};
    fixture->progress = moth_fs_path("%s/.minimize", fixture->folder);
    fixture->argv[0] = "/fake/game";
    fixture->argv[1] = does;
    fixture->argv[2] = argument;
    for (uint32_t i = 0; i < KEYS * 2; i++)
        fixture->events[i] =
            (struct moth_input_event){.frame = 2 + i,
                                      .type = i % 2 ? MOTH_INPUT_KEY_UP : MOTH_INPUT_KEY_DOWN,
                                      .code = (uint16_t)(4 + i / 2)};
    fixture->trace = (struct moth_trace){
        .header = {.argv = fixture->argv,
                   .env = no_env,
                   .build_id = "fa4e",
                   .agent = "test",
                   .moth_version = "0",
                   .directory = "/",
                   .seed = 9,
                   .hz = 60},
        .events = fixture->events,
        .n_events = KEYS * 2,
        .end = {.frames = 50, .finding_frame = 50, .kind = "crash", .fingerprint = "", .title = "crash"},
        .has_end = true,
        .frames = 50,
    };
    fixture->config = (struct moth_minimize_config){
        .out = fixture->folder,
        .replay = {.interrupted = interrupted, .context = fixture},
        .replays = 3,
        .warn = count_warning,
        .context = fixture,
    };
}

/* The fake game's crash has this name. */
static char *fingerprint_of_the_crash(void)
{
    static char fingerprint[40];
    struct fixture fixture;
    struct moth_replay_outcome outcome;
    set_up(&fixture, "crash@50", NULL);
    assert_int_equal(moth_replay(&fixture.trace, &fixture.config.replay, &outcome, &fixture.err), 0);
    assert_non_null(outcome.finding);
    snprintf(fingerprint, sizeof fingerprint, "%s", outcome.finding->fingerprint);
    moth_replay_outcome_fini(&outcome);
    free(fixture.progress);
    test_scratch_remove(fixture.folder);
    return fingerprint;
}

static void set_up_crash(struct fixture *fixture, char *does, char *argument)
{
    char *fingerprint = fingerprint_of_the_crash();
    set_up(fixture, does, argument);
    fixture->trace.end.fingerprint = fingerprint;
}

static int minimize(struct fixture *fixture)
{
    fixture->asked = 0;
    return moth_minimize(&fixture->trace, &fixture->config, &fixture->outcome, &fixture->err);
}

static void tear_down(struct fixture *fixture)
{
    free(fixture->progress);
    test_scratch_remove(fixture->folder);
}

static struct moth_trace *result_of(const struct fixture *fixture)
{
    char *path = moth_fs_path("%s/" MOTH_MINIMIZED_TRACE, fixture->folder);
    struct moth_trace *trace = access(path, F_OK) == 0 ? moth_trace_read(path, NULL) : NULL;
    free(path);
    return trace;
}

static void what_needs_no_inputs_gets_none(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_crash(&fixture, "crash@50", NULL);
    assert_int_equal(minimize(&fixture), 0);
    assert_true(fixture.outcome.happened && fixture.outcome.written && fixture.outcome.minimal);
    assert_int_equal(fixture.outcome.inputs_before, KEYS * 2);
    assert_int_equal(fixture.outcome.inputs, 0);
    assert_int_equal(fixture.outcome.frame, 50);
    assert_int_equal(fixture.outcome.met, 3);
    assert_int_equal(fixture.outcome.tried, 3);
    assert_int_equal(fixture.warned, 0);
    struct moth_trace *trace = result_of(&fixture);
    assert_non_null(trace);
    assert_string_equal(trace->end.fingerprint, fixture.trace.end.fingerprint);
    assert_int_equal(trace->end.finding_frame, 50);
    assert_int_equal(trace->header.seed, 9);
    assert_string_equal(trace->header.argv[1], "crash@50");
    moth_trace_free(trace);
    char *path = moth_fs_path("%s/" MOTH_MINIMIZED_SCRIPT, fixture.folder);
    assert_int_equal(access(path, F_OK), 0);
    free(path);
    tear_down(&fixture);
}

static void what_does_not_happen_is_left_alone(void **state)
{
    (void)state;
    static char *const games[] = {"clean", "exit3@20", "hang@40"};
    for (size_t i = 0; i < COUNT(games); i++) {
        struct fixture fixture;
        set_up_crash(&fixture, games[i], NULL);
        assert_int_equal(minimize(&fixture), 0);
        assert_false(fixture.outcome.happened);
        assert_false(fixture.outcome.written);
        assert_null(result_of(&fixture));
        tear_down(&fixture);
    }
}

static void refused(char *does, bool checked, int code, const char *words)
{
    struct fixture fixture;
    set_up_crash(&fixture, does, NULL);
    fixture.config.checked = checked;
    assert_int_equal(minimize(&fixture), -1);
    assert_int_equal(fixture.err.code, code);
    if (!strstr(fixture.err.message, words))
        fail_msg("'%s' is not in: %s", words, fixture.err.message);
    tear_down(&fixture);
}

/* A game that does not do the same twice is never searched: its answers would mean nothing. */
static void flaky_ones_are_refused(void **state)
{
    (void)state;
    refused("sometimes@50", false, MOTH_ERR_NONDETERMINISTIC, "flaky: it happened in 1 of 2");
    refused("killed@30", false, MOTH_ERR_SYSTEM, "outside killed");
    refused("noframe", false, MOTH_ERR_NOTHING_RAN, "before its first frame");
    refused("missing", false, MOTH_ERR_LAUNCH, "not there");
}

/* Where it was believed to be good and turns out not to be. */
static void flaky_in_the_search(void **state)
{
    (void)state;
    refused("sometimes@50", true, MOTH_ERR_NONDETERMINISTIC, "see moth doctor");
    refused("killed@30", true, MOTH_ERR_SYSTEM, "outside killed");
}

static void another_way_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_crash(&fixture, "crash@200", NULL);
    struct moth_trace_checkpoint checkpoint = {.frame = 60, .time_ns = 12345};
    fixture.trace.end.finding_frame = 200;
    fixture.trace.checkpoints = &checkpoint;
    fixture.trace.n_checkpoints = 1;
    assert_int_equal(minimize(&fixture), -1);
    assert_int_equal(fixture.err.code, MOTH_ERR_NONDETERMINISTIC);
    assert_non_null(strstr(fixture.err.message, "virtual time of a replay differs at frame 60"));
    fixture.trace.header.build_id = "0123"; /* another build may go another way and still meet it */
    assert_int_equal(minimize(&fixture), 0);
    assert_true(fixture.outcome.written);
    struct moth_trace *trace = result_of(&fixture);
    assert_string_equal(trace->header.build_id, "fa4e");
    moth_trace_free(trace);
    tear_down(&fixture);
}

static void what_inputs_do_not_make_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_crash(&fixture, "crash@50", NULL);
    fixture.trace.end.kind = "nondeterminism";
    assert_int_equal(minimize(&fixture), -1);
    assert_int_equal(fixture.err.code, MOTH_ERR_USAGE);
    fixture.trace.has_end = false;
    assert_int_equal(minimize(&fixture), -1);
    assert_int_equal(fixture.err.code, MOTH_ERR_USAGE);
    tear_down(&fixture);
}

/* However it is cut off, by frames or by an interrupt, what is there is good and the next call goes on. */
static void it_goes_on_after_an_interrupt(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_crash(&fixture, "crash@50", NULL);
    fixture.config.progress = fixture.progress;
    unsigned interrupts = 0;
    for (fixture.asked_most = 12; !fixture.outcome.minimal; interrupts++) {
        assert_true(interrupts < 100);
        assert_int_equal(minimize(&fixture), 0);
        assert_int_equal(fixture.outcome.resumed, interrupts > 0);
        assert_int_equal(access(fixture.progress, F_OK) == 0, !fixture.outcome.minimal);
        fixture.asked_most += 3;
    }
    assert_true(interrupts > 1);
    assert_int_equal(fixture.outcome.inputs, 0);
    tear_down(&fixture);
}

static void a_budget_ends_the_search(void **state)
{
    (void)state;
    struct fixture fixture;
    set_up_crash(&fixture, "crash@50", NULL);
    fixture.config.frames_most = 10;
    assert_int_equal(minimize(&fixture), 0);
    assert_true(fixture.outcome.written);
    assert_false(fixture.outcome.minimal);
    assert_int_equal(fixture.outcome.met, 3);
    assert_true(fixture.outcome.inputs <= 49);
    tear_down(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_needs_no_inputs_gets_none),
        cmocka_unit_test(what_does_not_happen_is_left_alone),
        cmocka_unit_test(flaky_ones_are_refused),
        cmocka_unit_test(flaky_in_the_search),
        cmocka_unit_test(another_way_is_refused),
        cmocka_unit_test(what_inputs_do_not_make_is_refused),
        cmocka_unit_test(it_goes_on_after_an_interrupt),
        cmocka_unit_test(a_budget_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
