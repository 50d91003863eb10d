/* SPDX-License-Identifier: MIT
 *
 * Reports: run.json keeps the contract's members, JUnit is well-formed whatever a game says, the list
 * shows what one needs to go on. A failure means that somebody's pipeline breaks.
 */
#include "test.h"

#include <jansson.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/utf8.h"
#include "baseline/gate.h"
#include "reports/evidence.h"
#include "reports/github.h"
#include "reports/reporters.h"
#include "reports/reports.h"
#include "sample_summary.h"

static void run_json_keeps_the_contract(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    char *text = moth_report_json_text(&sample.summary);
    json_error_t why;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (!json)
        fail_msg("line %d: %s", why.line, why.text);
    const char *schema, *verdict, *build_id, *shard, *fingerprint, *kind, *status, *reproduced, *agent,
        *trace;
    int exit_code, seed, workers, instances, frames_total, frame, inputs, times_seen, finding_seed;
    double virtual_s, wall_s, frames_per_s, p50, max;
    json_t *argv, *findings, *warnings, *finding, *stack, *coverage, *null;
    assert_int_equal(
        json_unpack_ex(
            json, &why, 0,
            "{s:s s:s s:i s:{s:o s:s} s:i s:s s:i s:i s:i s:F s:F s:F s:o s:{s:F s:F s:o} s:o s:o}", "schema",
            &schema, "verdict", &verdict, "exit_code", &exit_code, "game", "argv", &argv, "build_id",
            &build_id, "seed", &seed, "shard", &shard, "workers", &workers, "instances", &instances,
            "frames_total", &frames_total, "virtual_s", &virtual_s, "wall_s", &wall_s, "frames_per_s",
            &frames_per_s, "findings", &findings, "frame_time_ms", "p50", &p50, "max", &max, "low1_avg",
            &null, "coverage", &coverage, "warnings", &warnings),
        0);
    assert_string_equal(schema, "moth.run/1");
    assert_string_equal(verdict, "new-findings");
    assert_int_equal(exit_code, 1);
    assert_int_equal(json_array_size(argv), 3);
    assert_string_equal(json_string_value(json_array_get(argv, 2)), "a\xef\xbf\xbd");
    assert_int_equal(json_array_size(findings), 2);
    assert_true(frames_per_s > 754 && frames_per_s < 756);
    finding = json_array_get(findings, 0);
    assert_int_equal(json_unpack_ex(finding, &why, 0, "{s:s s:s s:s s:s s:i s:s s:i s:i s:o s:i s:o s:s s:o}",
                                    "fingerprint", &fingerprint, "kind", &kind, "status", &status,
                                    "reproduced", &reproduced, "frame", &frame, "agent", &agent, "seed",
                                    &finding_seed, "times_seen", &times_seen, "stack", &stack, "inputs",
                                    &inputs, "inputs_minimized", &null, "trace", &trace, "trace_minimized",
                                    &null),
                     0);
    assert_string_equal(reproduced, "10/10");
    assert_string_equal(status, "new");
    assert_int_equal(json_array_size(stack), 2);
    json_decref(json);
    free(text);
}

static void run_json_of_an_empty_run_is_valid(void **state)
{
    (void)state;
    struct moth_run_summary summary = {.verdict = MOTH_VERDICT_NOTHING_RAN, .exit_code = 4, .out = "o"};
    char *text = moth_report_json_text(&summary);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_string_equal(json_string_value(json_object_get(json, "verdict")), "nothing-ran");
    assert_int_equal(json_array_size(json_object_get(json, "findings")), 0);
    json_decref(json);
    free(text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void junit_counts_and_escapes(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    char *text = moth_report_junit_text(&sample.summary);
    assert_int_equal(count(text, "<testsuite "), 2);
    assert_int_equal(count(text, "<testcase "), 4);
    assert_int_equal(count(text, "<failure "), 1);
    assert_int_equal(count(text, "<flakyFailure "), 5); /* as it was found, and four replays */
    assert_int_equal(count(text, "<error "), 1);
    assert_int_equal(count(text, "<rerunFailure "), 10);
    assert_non_null(strstr(text, "tests=\"3\" failures=\"1\" errors=\"0\""));
    assert_non_null(strstr(text, "tests=\"1\" failures=\"0\" errors=\"1\""));
    assert_non_null(strstr(text, "<property name=\"seed\" value=\"1\"/>"));
    assert_non_null(strstr(text, "name=\"bots/&lt;mine&gt;.lua\""));
    assert_non_null(strstr(text, "type=\"crash\""));
    assert_null(strchr(text, '\x01'));
    assert_null(strchr(text, '\x1b'));
    for (size_t size = strlen(text), at = 0; at < size;) {
        unsigned code;
        size_t length = moth_utf8_next(text + at, size - at, &code);
        assert_true(length > 0 && code != 0xffff);
        at += length;
    }
    free(text);
    sample.summary.fail_on_flaky = true;
    text = moth_report_junit_text(&sample.summary);
    assert_int_equal(count(text, "<failure "), 2);
    assert_int_equal(count(text, "<rerunFailure "), 14);
    assert_int_equal(count(text, "<flakyFailure "), 0);
    free(text);
}

/* With Surefire's schema, and by another parser. */
static void junit_is_valid(const struct moth_run_summary *summary)
{
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/junit.xml", folder);
    assert_int_equal(moth_report_junit(summary, path, NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        execlp("xmllint", "xmllint", "--noout", "--nonet", "--schema", MOTH_SCHEMAS "/junit.xsd", path, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    free(path);
    test_scratch_remove(folder);
    assert_int_equal(WEXITSTATUS(status), 0); /* 127: libxml2-utils is not installed */
}

/* All that a finding can be to a team. */
static void junit_tells_the_cases_apart(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    junit_is_valid(&sample.summary);
    sample.findings[0].status = MOTH_FINDING_STATUS_QUARANTINED;
    sample.findings[0].owner = (char *)(uintptr_t) "a@b.c";
    sample.findings[0].reason = (char *)(uintptr_t)NASTY;
    strcpy(sample.findings[0].expires, "2027-01-31");
    sample.findings[1].status = MOTH_FINDING_STATUS_KNOWN;
    char *text = moth_report_junit_text(&sample.summary);
    assert_int_equal(count(text, "<failure "), 0);
    assert_int_equal(count(text, "<flakyFailure "), 0);
    assert_int_equal(count(text, "<skipped "), 2);
    assert_non_null(strstr(text, "failures=\"0\" errors=\"1\" skipped=\"2\""));
    assert_non_null(strstr(text, "message=\"quarantined by a@b.c until 2027-01-31: "));
    free(text);
    junit_is_valid(&sample.summary);
    sample.findings[0].expired = true;
    sample.findings[1].status = MOTH_FINDING_STATUS_FIXED;
    sample.records[3].fingerprint = NULL;
    text = moth_report_junit_text(&sample.summary);
    assert_int_equal(count(text, "<failure "), 1);
    assert_int_equal(count(text, "<skipped "), 0);
    assert_non_null(strstr(text, "<property name=\"fixed\" value=\"1-exit-00112233445566bb\"/>"));
    free(text);
    junit_is_valid(&sample.summary);
}

/* What a game, or an agent that repeats it, may write. */
static void junit_attaches_nothing_that_a_game_names(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    sample.findings[0].title = (char *)(uintptr_t) "x [[ATTACHMENT|/etc/passwd]] [[[ATTACHMENT|/etc/shadow]]";
    sample.findings[0].detail = sample.findings[0].title;
    sample.records[2].fault = "bot.lua:3: no\n[[ATTACHMENT|/etc/passwd]]";
    char *text = moth_report_junit_text(&sample.summary);
    assert_null(strstr(text, "[["));
    free(text);
}

/* An instance that met two, and a run that none of them was to blame for. */
static void junit_leaves_nothing_out(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    sample.records[3].fingerprint = sample.findings[0].fingerprint;
    char *text = moth_report_junit_text(&sample.summary);
    assert_int_equal(count(text, "<failure "), 2);
    assert_non_null(strstr(text, "the same as in instance 1 seed 77"));
    assert_non_null(strstr(text, "<testcase name=\"finding 1-exit-00112233445566bb\" classname=\"monkey\""));
    free(text);
    junit_is_valid(&sample.summary);
    struct moth_run_summary nothing = {.verdict = MOTH_VERDICT_NOTHING_RAN, .exit_code = 4, .out = "o"};
    text = moth_report_junit_text(&nothing);
    assert_non_null(strstr(text, "tests=\"1\" failures=\"0\" errors=\"1\""));
    assert_non_null(strstr(text, "<error message=\"nothing ran: no instance reached its first frame\" type=\"fault\">"));
    free(text);
    junit_is_valid(&nothing);
    struct moth_run_summary clean = {.verdict = MOTH_VERDICT_PASS, .out = "o"};
    junit_is_valid(&clean);
}

static char *list_of(const struct moth_run_summary *summary)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    moth_report_list(summary, out);
    fclose(out);
    return text;
}

static void the_list_shows_the_way_on(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    char *text = list_of(&sample.summary);
    assert_non_null(strstr(text, "2 findings:"));
    assert_non_null(strstr(text, "reproduced 10/10"));
    assert_non_null(strstr(text, "reproduced 4/10 (flaky)"));
    assert_non_null(strstr(text, "moth replay moth-out/findings/1-crash-00112233445566aa"));
    assert_non_null(strstr(text, "report: moth-out/run.json"));
    assert_non_null(strstr(text, "agent fault: bot.lua:3: no"));
    sample.summary.out = "my game's run";
    char *quoted = list_of(&sample.summary);
    assert_non_null(strstr(quoted, "            moth replay 'my game'\\''s run/findings/1-crash-00112233445566aa'\n"));
    free(quoted);
    char *command = moth_report_replay_of("-o dd");
    assert_string_equal(command, "moth replay ./'-o dd'");
    free(command);
    assert_null(strchr(text, '\x1b')); /* nothing from a game moves the cursor */
    free(text);
}

static void an_interrupted_run_says_so(void **state)
{
    (void)state;
    struct moth_run_summary cut = {.verdict = MOTH_VERDICT_ERROR, .exit_code = 130, .interrupted = true, .instances = 1, .out = "o"};
    char *text = moth_report_junit_text(&cut);
    assert_non_null(strstr(text, "tests=\"1\" failures=\"0\" errors=\"1\""));
    assert_non_null(strstr(text, "<error message=\"interrupted: it did not come to its end\""));
    free(text);
    junit_is_valid(&cut);
    text = list_of(&cut);
    assert_non_null(strstr(text, "\ninterrupted: it did not come to its end\n"));
    free(text);
    text = moth_report_html_text(&cut);
    assert_non_null(strstr(text, "Interrupted: it did not come to its end"));
    assert_non_null(strstr(text, "✗</span> interrupted</h2>"));
    free(text);
    FILE *out = NULL;
    size_t size = 0;
    out = open_memstream(&text, &size);
    moth_report_github(&cut, NULL, out);
    fclose(out);
    assert_string_equal(text, "::error title=moth%3A interrupted::interrupted: it did not come to its end\n");
    free(text);
}

/* Of a gate that fails by both, the findings' reasons are not the budgets'. */
static void budgets_have_their_own_reasons(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    sample.summary.n_agent_faults = 0;
    struct moth_gate_rules rules;
    moth_gate_rules_init(&rules);
    rules.worse_pct[MOTH_METRIC_P99] = 10;
    struct moth_baseline_metric metrics[] = {{"p99", 10}};
    struct moth_baseline_machine machine = {(char *)(uintptr_t)"x2", "2026-01-01", metrics, 1};
    struct moth_baseline *baseline = moth_baseline_create();
    assert_int_equal(moth_baseline_put_machine(baseline, &machine, NULL), 0);
    struct moth_gate_measured measured = {.machine = "x2", .value = {[MOTH_METRIC_P99] = 20}};
    struct moth_gate gate;
    assert_int_equal(moth_gate_judge(&rules, false, sample.pointers, 2, baseline, &measured, &gate), 0);
    assert_true(gate.findings_fail && gate.metrics_fail && gate.n_reasons == 2);
    sample.summary.gate = &gate;
    char *text = moth_report_junit_text(&sample.summary), *budgets = strstr(text, "name=\"budgets\"");
    assert_non_null(budgets);
    assert_non_null(strstr(budgets, "message=\"p99 is over its budget"));
    assert_null(strstr(budgets, "that fails the gate"));
    free(text);
    FILE *out = NULL;
    size_t size = 0;
    out = open_memstream(&text, &size);
    moth_report_github(&sample.summary, NULL, out);
    fclose(out);
    assert_non_null(strstr(text, "::error title=moth%3A over budget::p99 is over its budget"));
    assert_null(strstr(text, "that fails the gate"));
    free(text);
    moth_gate_fini(&gate);
    moth_baseline_free(baseline);
}

static void progress_is_one_line(void **state)
{
    (void)state;
    struct moth_run_progress progress = {.instances_done = 1,
                                         .instances_running = 2,
                                         .frames = 500,
                                         .frames_budget = 1000,
                                         .wall_s = 2,
                                         .findings = 1,
                                         .replaying = 1};
    char *text = moth_report_progress(&progress);
    assert_string_equal(text, " 50 %  500 frames, 250/s, 1 instance done, 2 running, 1 finding, replaying 1");
    free(text);
}

static void reports_are_not_written_halfway(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    struct moth_err err = {0};
    assert_int_equal(moth_report_json(&sample.summary, "/nowhere/at/all/run.json", &err), -1);
    assert_int_equal(err.code, MOTH_ERR_IO);
    assert_int_equal(moth_report_junit(&sample.summary, "/nowhere/at/all/junit.xml", &err), -1);
}

static void utf8_is_cleaned(void **state)
{
    (void)state;
    static const struct {
        const char *dirty, *clean;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"\xc3\xa4", "\xc3\xa4"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\xc3", "a\xef\xbf\xbd"},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\xa6\x8b", "\xf0\x9f\xa6\x8b"},
        {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *clean = moth_utf8_clean(cases[i].dirty);
        assert_string_equal(clean, cases[i].clean);
        free(clean);
    }
    assert_null(moth_utf8_clean(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_json_keeps_the_contract),
        cmocka_unit_test(run_json_of_an_empty_run_is_valid),
        cmocka_unit_test(junit_counts_and_escapes),
        cmocka_unit_test(junit_tells_the_cases_apart),
        cmocka_unit_test(junit_attaches_nothing_that_a_game_names),
        cmocka_unit_test(junit_leaves_nothing_out),
        cmocka_unit_test(the_list_shows_the_way_on),
        cmocka_unit_test(an_interrupted_run_says_so),
        cmocka_unit_test(budgets_have_their_own_reasons),
        cmocka_unit_test(progress_is_one_line),
        cmocka_unit_test(reports_are_not_written_halfway),
        cmocka_unit_test(utf8_is_cleaned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
