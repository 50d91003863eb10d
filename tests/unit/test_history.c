/* SPDX-License-Identifier: MIT
 *
 * The history: what is said of a finding is true of the runs, whatever the order in which they came in, and nothing
 * is lost by several writers or a writer's death.
 */
#include "history_runs.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"

/* ---- 200 builds, 50 findings ---- */

/* Which builds each finding is in: stretches of random lengths. */
static void make_truth(bool truth[FINDINGS][BUILDS])
{
    struct moth_rng rng;
    moth_rng_seed(&rng, 7);
    for (unsigned i = 0; i < FINDINGS; i++) {
        unsigned build = (unsigned)moth_rng_below(&rng, 100);
        bool present = true, stays = i % 5 == 0;
        for (unsigned begin = 0; begin < build; begin++)
            truth[i][begin] = false;
        while (build < BUILDS) {
            unsigned length = stays ? BUILDS : 1 + (unsigned)moth_rng_below(&rng, present ? 40 : 6);
            for (; length > 0 && build < BUILDS; length--)
                truth[i][build++] = present;
            present = !present;
        }
    }
}

struct expected {
    unsigned first, last, fixed, reopened, times_fixed, runs;
    enum moth_history_state state;
};

/* By the definition, one build at a time: a build without it is RUNS_A_BUILD runs that should have seen it. */
static struct expected expect(const bool truth[BUILDS])
{
    struct expected expected = {.first = BUILDS};
    unsigned missed = 0;
    for (unsigned build = 0; build < BUILDS; build++) {
        if (truth[build]) {
            if (expected.first == BUILDS)
                expected.first = build;
            else if (expected.state == MOTH_HISTORY_FIXED) {
                expected.state = MOTH_HISTORY_REOPENED;
                expected.reopened = build;
            }
            expected.last = build;
            expected.runs += RUNS_A_BUILD;
            missed = 0;
        } else if (expected.first < BUILDS && expected.state != MOTH_HISTORY_FIXED) {
            missed += RUNS_A_BUILD;
            if (missed >= FIXED_AFTER) {
                expected.state = MOTH_HISTORY_FIXED;
                expected.fixed = expected.last + 1;
                expected.times_fixed++;
            }
        }
    }
    return expected;
}

static void make_synthetic(struct made *made, bool truth[FINDINGS][BUILDS], unsigned build, unsigned k)
{
    history_run_make(made, build, k);
    for (unsigned i = 0; i < FINDINGS; i++)
        if (truth[i][build])
            history_run_see(made, i, 10);
}

static void check_finding(const struct moth_history_view *view, unsigned i, const struct expected *expected)
{
    const struct moth_history_finding *finding = history_find(view, i);
    char name[32];
    assert_non_null(finding);
    snprintf(name, sizeof name, "v%u", expected->first);
    assert_string_equal(view->builds[finding->first_build].name, name);
    snprintf(name, sizeof name, "v%u", expected->last);
    assert_string_equal(view->builds[finding->last_build].name, name);
    assert_non_null(strstr(finding->title, name));
    assert_int_equal(finding->state, expected->state);
    assert_int_equal(finding->runs_seen, expected->runs);
    assert_int_equal(finding->times_fixed, expected->times_fixed);
    assert_int_equal(finding->runs_since, (BUILDS - 1 - expected->last) * RUNS_A_BUILD);
    if (expected->state == MOTH_HISTORY_FIXED)
        assert_int_equal(finding->fixed_build, expected->fixed);
    if (expected->state == MOTH_HISTORY_REOPENED)
        assert_int_equal(finding->reopened_build, expected->reopened);
}

static void check_builds(const struct moth_history_view *view, bool truth[FINDINGS][BUILDS])
{
    unsigned found = 0, fixed = 0, reopened = 0, states[3] = {0};
    assert_int_equal(view->n_builds, BUILDS);
    for (size_t i = 0; i < view->n_builds; i++) {
        found += view->builds[i].found;
        fixed += view->builds[i].fixed;
        reopened += view->builds[i].reopened;
        assert_int_equal(view->builds[i].open, found + reopened - fixed);
        assert_int_equal(view->builds[i].runs, RUNS_A_BUILD);
        assert_float_equal((float)view->values[i * view->n_metrics], 10.5F + (float)i, 1e-6); /* the median of two */
    }
    for (unsigned i = 0; i < FINDINGS; i++)
        states[expect(truth[i]).state]++;
    assert_int_equal(found, FINDINGS);
    assert_int_equal(view->builds[BUILDS - 1].open, states[MOTH_HISTORY_OPEN] + states[MOTH_HISTORY_REOPENED]);
    for (unsigned i = 0; i < 3; i++)
        assert_true(states[i] > 0); /* else the sample shows nothing */
}

static void two_hundred_builds(void **state)
{
    static bool truth[FINDINGS][BUILDS];
    static struct made made;
    make_truth(truth);
    struct moth_history *history = history_open_at(*state, "all.db", MOTH_HISTORY_CREATE);
    for (unsigned n = 0; n < BUILDS * RUNS_A_BUILD; n++) { /* not in the order of their dates */
        unsigned at = n * 147 % (BUILDS * RUNS_A_BUILD);
        make_synthetic(&made, truth, at / RUNS_A_BUILD, at % RUNS_A_BUILD);
        history_add(history, &made.run);
    }
    struct moth_history_view *view = history_view_of(history);
    assert_int_equal(view->n_runs, BUILDS * RUNS_A_BUILD);
    assert_int_equal(view->n_findings, FINDINGS);
    check_builds(view, truth);
    for (unsigned i = 0; i < FINDINGS; i++) {
        struct expected expected = expect(truth[i]);
        check_finding(view, i, &expected);
    }
    moth_history_view_free(view);
    moth_history_close(history);
}

/* ---- merging ---- */

#define PIECES 5u

/* Runs dealt out to files, some of them to two. */
static void deal(const char *folder, bool truth[FINDINGS][BUILDS])
{
    static struct made made;
    struct moth_rng rng;
    struct moth_history *pieces[PIECES], *all = history_open_at(folder, "all.db", MOTH_HISTORY_CREATE);
    moth_rng_seed(&rng, 3);
    for (unsigned i = 0; i < PIECES; i++) {
        char name[32];
        snprintf(name, sizeof name, "piece%u.db", i);
        pieces[i] = history_open_at(folder, name, MOTH_HISTORY_CREATE);
    }
    for (unsigned n = 0; n < 80; n++) {
        make_synthetic(&made, truth, n * 2 + 40, 0);
        unsigned here = (unsigned)moth_rng_below(&rng, PIECES), there = (unsigned)moth_rng_below(&rng, PIECES);
        history_add(all, &made.run);
        history_add(pieces[here], &made.run);
        made.run.complete = n % 3 != 0; /* one of the two was told of before its end */
        made.run.frames = 10000;
        history_add(pieces[there], &made.run);
    }
    for (unsigned i = 0; i < PIECES; i++)
        moth_history_close(pieces[i]);
    moth_history_close(all);
}

static void merge_into(const char *folder, const char *into, const char *from)
{
    struct moth_err err;
    size_t added;
    struct moth_history *history = history_open_at(folder, into, MOTH_HISTORY_CREATE);
    char *path = moth_fs_path("%s/%s", folder, from);
    if (moth_history_merge(history, path, &added, &err) != 0)
        fail_msg("%s", err.message);
    free(path);
    moth_history_close(history);
}

static void merges_commute(void **state)
{
    static bool truth[FINDINGS][BUILDS];
    static const char *const orders[] = {"01234", "43210", "20314", "0123401234", "33333102344"};
    const char *folder = *state;
    make_truth(truth);
    deal(folder, truth);
    char *wanted = history_said_by(folder, "all.db");
    for (size_t i = 0; i < COUNT(orders); i++) {
        char into[32], from[32];
        snprintf(into, sizeof into, "merged%zu.db", i);
        for (const char *at = orders[i]; *at; at++) {
            snprintf(from, sizeof from, "piece%c.db", *at);
            merge_into(folder, into, from);
        }
        char *said = history_said_by(folder, into);
        assert_string_equal(said, wanted);
        free(said);
    }
    merge_into(folder, "left.db", "piece0.db"); /* (0 1) (2 (3 4)) */
    merge_into(folder, "left.db", "piece1.db");
    merge_into(folder, "right.db", "piece3.db");
    merge_into(folder, "right.db", "piece4.db");
    merge_into(folder, "right.db", "piece2.db");
    merge_into(folder, "left.db", "right.db");
    merge_into(folder, "left.db", "left.db");
    char *said = history_said_by(folder, "left.db");
    assert_string_equal(said, wanted);
    free(said);
    free(wanted);
}

static void of_two_records_the_fuller(void **state)
{
    static struct made made;
    history_run_make(&made, 0, 0);
    history_run_see(&made, 1, 10);
    for (unsigned order = 0; order < 2; order++) {
        char name[32];
        snprintf(name, sizeof name, "order%u.db", order);
        struct moth_history *history = history_open_at(*state, name, MOTH_HISTORY_CREATE);
        for (unsigned k = 0; k < 2; k++) {
            made.run.complete = k != order;
            made.run.n_findings = made.run.complete ? 1 : 0;
            history_add(history, &made.run);
        }
        struct moth_history_view *view = history_view_of(history);
        assert_int_equal(view->n_runs, 1);
        assert_int_equal(view->n_findings, 1);
        moth_history_view_free(view);
        moth_history_close(history);
    }
}

/* ---- what counts as fixed ---- */

struct step {
    unsigned build;
    bool sees, replays, complete;
    const char *plan;
    uint32_t shard;
};

static enum moth_history_state after(const char *folder, const char *name, uint32_t reproduced, const struct step *steps,
                                     size_t n)
{
    static struct made made;
    struct moth_history *history = history_open_at(folder, name, MOTH_HISTORY_CREATE);
    for (size_t i = 0; i < n; i++) {
        history_run_make(&made, steps[i].build, (unsigned)i);
        made.run.plan = text(steps[i].plan);
        made.run.complete = steps[i].complete;
        made.run.shard = steps[i].shard ? steps[i].shard : 1;
        made.run.shards = 4;
        if (steps[i].sees)
            history_run_see(&made, 1, reproduced);
        if (steps[i].replays)
            history_run_play(&made, 1, steps[i].sees);
        history_add(history, &made.run);
    }
    struct moth_history_view *view = history_view_of(history);
    enum moth_history_state state = history_find(view, 1)->state;
    moth_history_view_free(view);
    moth_history_close(history);
    return state;
}

static void what_is_fixed(void **state)
{
    const struct step same_plan[] = {{0, true, false, true, "a", 0},
                                     {1, false, false, true, "a", 0},
                                     {2, false, false, true, "a", 0},
                                     {2, false, false, true, "a", 0}};
    const struct step other_plan[] = {{0, true, false, true, "a", 0},
                                      {1, false, false, true, "b", 0},
                                      {2, false, false, true, "b", 0},
                                      {3, false, false, true, "b", 0}};
    const struct step other_shard[] = {{0, true, false, true, "a", 1},
                                       {1, false, false, true, "a", 2},
                                       {2, false, false, true, "a", 3},
                                       {3, false, false, true, "a", 4}};
    const struct step cut_short[] = {{0, true, false, true, "a", 0},
                                     {1, false, false, false, "a", 0},
                                     {2, false, false, false, "a", 0},
                                     {3, false, false, false, "a", 0}};
    const struct step same_build[] = {{0, true, false, true, "a", 0},
                                      {0, false, false, true, "a", 0},
                                      {0, false, true, true, "a", 0},
                                      {0, false, false, true, "a", 0}};
    const struct step replayed[] = {{0, true, false, true, "a", 0}, {1, false, true, true, "gate", 0}};
    const struct step came_back[] = {{0, true, false, true, "a", 0},
                                     {1, false, true, true, "gate", 0},
                                     {2, true, true, true, "gate", 0}};
    const struct step nowhere[] = {{0, true, false, true, "", 0},
                                   {1, false, false, true, "", 0},
                                   {2, false, false, true, "", 0},
                                   {3, false, false, true, "", 0}};
    const char *folder = *state;
    assert_int_equal(after(folder, "1", 10, same_plan, COUNT(same_plan)), MOTH_HISTORY_FIXED);
    assert_int_equal(after(folder, "2", 10, same_plan, COUNT(same_plan) - 1), MOTH_HISTORY_OPEN);
    assert_int_equal(after(folder, "3", 10, other_plan, COUNT(other_plan)), MOTH_HISTORY_OPEN);
    assert_int_equal(after(folder, "4", 10, other_shard, COUNT(other_shard)), MOTH_HISTORY_OPEN);
    assert_int_equal(after(folder, "5", 10, cut_short, COUNT(cut_short)), MOTH_HISTORY_OPEN);
    assert_int_equal(after(folder, "6", 10, same_build, COUNT(same_build)), MOTH_HISTORY_OPEN);
    assert_int_equal(after(folder, "7", 10, replayed, COUNT(replayed)), MOTH_HISTORY_FIXED);
    assert_int_equal(after(folder, "8", 4, replayed, COUNT(replayed)), MOTH_HISTORY_OPEN); /* it comes and goes */
    assert_int_equal(after(folder, "9", 10, came_back, COUNT(came_back)), MOTH_HISTORY_REOPENED);
    assert_int_equal(after(folder, "10", 10, nowhere, COUNT(nowhere)), MOTH_HISTORY_OPEN);
}

/* An old build that is played again today is no new one. */
static void builds_by_the_date_of_their_sources(void **state)
{
    static struct made made;
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_CREATE);
    for (unsigned k = 0; k < 3; k++) {
        history_run_make(&made, 2 - k, k); /* played 2, 1, 0 */
        made.run.built_ms = made.run.started_ms - DAY_MS;
        made.run.started_ms = BEGIN_MS + 100 * DAY_MS + k;
        history_run_see(&made, 1, 10);
        history_add(history, &made.run);
    }
    struct moth_history_view *view = history_view_of(history);
    assert_string_equal(view->builds[0].name, "v0");
    assert_string_equal(view->builds[2].name, "v2");
    assert_string_equal(view->builds[history_find(view, 1)->first_build].name, "v0");
    moth_history_view_free(view);
    moth_history_close(history);
}

static void metrics_of_one_class_of_machines(void **state)
{
    static struct made made;
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_CREATE);
    for (unsigned k = 0; k < 3; k++) {
        history_run_make(&made, 0, k);
        made.run.machine = text(k == 0 ? "laptop" : "server");
        made.metrics[0].value = k == 0 ? 1000 : 10;
        made.metrics[1].value = k == 0 ? 300 : 100;
        history_add(history, &made.run);
    }
    struct moth_history_view *view = history_view_of(history);
    assert_string_equal(view->machine, "server");
    assert_float_equal((float)view->values[0], 10, 1e-6);  /* a time: not the laptop's */
    assert_float_equal((float)view->values[1], 100, 1e-6); /* memory: the middle of all three */
    assert_int_equal(view->metrics[0].better, -1);
    moth_history_view_free(view);
    moth_history_close(history);
}

/* ---- pruning ---- */

static void pruning_keeps_what_is_said(void **state)
{
    static bool truth[FINDINGS][BUILDS];
    static struct made made;
    struct moth_err err;
    size_t dropped;
    make_truth(truth);
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_CREATE);
    for (unsigned n = 0; n < BUILDS * RUNS_A_BUILD; n++) {
        make_synthetic(&made, truth, n / RUNS_A_BUILD, n % RUNS_A_BUILD);
        history_add(history, &made.run);
    }
    struct moth_history_view *before = history_view_of(history);
    assert_int_equal(moth_history_prune(history, 10, FIXED_AFTER, &dropped, &err), 0);
    struct moth_history_view *view = history_view_of(history);
    assert_true(dropped > 20);
    assert_int_equal(view->n_runs, before->n_runs - dropped);
    assert_int_equal(view->n_findings, before->n_findings);
    for (size_t i = 0; i < view->n_findings; i++) {
        const struct moth_history_finding *was = &before->findings[i], *is = &view->findings[i];
        assert_int_equal(is->state, was->state);
        assert_int_equal(is->times_fixed, was->times_fixed);
        assert_string_equal(is->first_run, was->first_run);
        assert_string_equal(is->last_run, was->last_run);
        if (is->state == MOTH_HISTORY_FIXED)
            assert_string_equal(view->builds[is->fixed_build].name, before->builds[was->fixed_build].name);
    }
    assert_int_equal(moth_history_prune(history, 10, FIXED_AFTER, &dropped, &err), 0);
    assert_int_equal(dropped, 0);
    moth_history_view_free(before);
    moth_history_view_free(view);
    moth_history_close(history);
}

/* ---- several at once, and deaths ---- */

static void several_writers(void **state)
{
    enum { WRITERS = 4, EACH = 20 };
    static struct made made;
    pid_t children[WRITERS];
    for (unsigned w = 0; w < WRITERS; w++) {
        children[w] = fork();
        if (children[w] != 0)
            continue;
        for (unsigned k = 0; k < EACH; k++) { /* opened anew each time, as runs do; the first ones make it together */
            char *path = moth_fs_path("%s/h.db", (char *)*state);
            struct moth_history *history = moth_history_open(path, MOTH_HISTORY_CREATE, NULL);
            history_run_make(&made, w, k);
            history_run_see(&made, k, 10);
            if (!history || moth_history_add(history, &made.run, NULL) != 0)
                _exit(1);
            moth_history_close(history);
            free(path);
        }
        _exit(0);
    }
    for (unsigned w = 0; w < WRITERS; w++) {
        int status = 1;
        assert_int_equal(waitpid(children[w], &status, 0), children[w]);
        assert_int_equal(status, 0);
    }
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_READ);
    struct moth_history_view *view = history_view_of(history);
    assert_int_equal(view->n_runs, WRITERS * EACH);
    moth_history_view_free(view);
    moth_history_close(history);
}

static int die(struct moth_history *history, void *context, struct moth_err *err)
{
    (void)context;
    sqlite3_exec(history->db, "PRAGMA cache_size = 1; DELETE FROM sighting; DELETE FROM run", NULL, NULL, NULL);
    sqlite3_db_cacheflush(history->db); /* it is in the file by now */
    (void)err;
    _exit(0);
}

static void a_writer_that_dies_loses_nothing(void **state)
{
    static struct made made;
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_CREATE);
    for (unsigned k = 0; k < 30; k++) {
        history_run_make(&made, k, 0);
        for (unsigned i = 0; i < FINDINGS; i++)
            history_run_see(&made, i, 10);
        history_add(history, &made.run);
    }
    moth_history_close(history);
    char *before = history_said_by(*state, "h.db");
    pid_t child = fork();
    if (child == 0) {
        struct moth_history *mine = history_open_at(*state, "h.db", MOTH_HISTORY_WRITE);
        moth_history_change(mine, die, NULL, NULL);
        _exit(1);
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    char *now = history_said_by(*state, "h.db");
    assert_string_equal(now, before);
    free(before);
    free(now);
}

/* Seen in 0, gone since 1, back in 3: whether it had gone is asked of builds, not of the time of day. */
static void an_old_build_brings_nothing_back(void **state)
{
    struct moth_history *history = history_open_at(*state, "h.db", MOTH_HISTORY_CREATE);
    struct made made;
    for (unsigned build = 0; build < 4; build++) {
        for (unsigned k = 0; k < FIXED_AFTER; k++) {
            history_run_make(&made, build, k);
            if (build == 0 || build == 3)
                history_run_see(&made, 1, 10);
            history_add(history, &made.run);
        }
    }
    struct moth_history_view *view = history_view_of(history);
    const struct moth_history_finding *finding = history_find(view, 1);
    for (unsigned build = 0; build < 4; build++) {
        history_run_make(&made, build, 9);
        assert_int_equal(moth_history_find_build(view, made.label, made.build), build);
        assert_int_equal(moth_history_had_gone(view, finding, made.label, made.build, INT64_MAX), build > 0);
    }
    history_run_make(&made, 7, 0);
    assert_int_equal(moth_history_find_build(view, NULL, made.build), 4);
    assert_true(moth_history_had_gone(view, finding, NULL, made.build, made.run.started_ms));
    assert_false(moth_history_had_gone(view, finding, NULL, made.build, BEGIN_MS + DAY_MS - 1));
    moth_history_view_free(view);
    moth_history_close(history);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, history_set_up, history_tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(two_hundred_builds),
        WITH_FOLDER(merges_commute),
        WITH_FOLDER(of_two_records_the_fuller),
        WITH_FOLDER(what_is_fixed),
        WITH_FOLDER(an_old_build_brings_nothing_back),
        WITH_FOLDER(builds_by_the_date_of_their_sources),
        WITH_FOLDER(metrics_of_one_class_of_machines),
        WITH_FOLDER(pruning_keeps_what_is_said),
        WITH_FOLDER(several_writers),
        WITH_FOLDER(a_writer_that_dies_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
