/* SPDX-License-Identifier: MIT
 *
 * SARIF: valid by the standard's schema whatever a game says, and every finding in it as what it is to the team. A
 * failure means that code scanning refuses a report, or shows an old finding as a new one.
 */
#include "test.h"

#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reports/reports.h"
#include "sample_summary.h"

/* Valid, and its run. Caller releases. */
static json_t *valid_run(const struct moth_run_summary *summary)
{
    char *text = moth_report_sarif_text(summary), *folder = test_scratch();
    char *path = moth_fs_path("%s/findings.sarif", folder);
    assert_int_equal(moth_fs_write_atomic(path, text, strlen(text), NULL), 0);
    pid_t child = fork();
    if (child == 0) {
        execlp("python3", "python3", MOTH_SCHEMAS "/check.py", MOTH_SCHEMAS "/sarif-2.1.0.json", path, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 0);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *run = json_array_get(json_object_get(json, "runs"), 0);
    assert_non_null(run);
    json_incref(run);
    json_decref(json);
    free(path);
    free(text);
    test_scratch_remove(folder);
    return run;
}

static const char *text_at(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static void results_are_findings(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    json_t *run = valid_run(&sample.summary), *results = json_object_get(run, "results");
    assert_int_equal(json_array_size(results), 2);
    json_t *crash = json_array_get(results, 0), *flaky = json_array_get(results, 1);
    assert_string_equal(text_at(crash, "ruleId"), "crash");
    assert_string_equal(text_at(crash, "level"), "error");
    assert_string_equal(text_at(crash, "baselineState"), "new");
    assert_string_equal(text_at(flaky, "ruleId"), "exit");
    assert_string_equal(text_at(flaky, "level"), "warning");
    json_t *rules = json_object_get(json_object_get(json_object_get(run, "tool"), "driver"), "rules");
    for (size_t i = 0; i < 2; i++) {
        json_t *result = json_array_get(results, i);
        json_t *rule = json_array_get(rules, (size_t)json_integer_value(json_object_get(result, "ruleIndex")));
        assert_string_equal(text_at(rule, "id"), text_at(result, "ruleId"));
        assert_non_null(text_at(json_object_get(rule, "help"), "text"));
    }
    json_t *place = json_object_get(json_array_get(json_object_get(crash, "locations"), 0), "physicalLocation");
    assert_string_equal(text_at(json_object_get(place, "artifactLocation"), "uri"), "a%26b.c");
    assert_string_equal(text_at(json_object_get(place, "artifactLocation"), "uriBaseId"), "%SRCROOT%");
    assert_string_equal(text_at(json_object_get(crash, "partialFingerprints"), "moth/v1"), "1-crash-00112233445566aa");
    json_t *invocation = json_array_get(json_object_get(run, "invocations"), 0);
    assert_int_equal(json_integer_value(json_object_get(invocation, "exitCode")), 1);
    assert_true(json_is_true(json_object_get(invocation, "executionSuccessful")));
    assert_int_equal(json_array_size(json_object_get(invocation, "toolExecutionNotifications")), 2);
    json_decref(run);
}

static void what_the_team_knows_is_told(void **state)
{
    (void)state;
    static const struct {
        enum moth_finding_status status;
        bool expired;
        const char *state;
        size_t suppressions;
    } cases[] = {{MOTH_FINDING_STATUS_NEW, false, "new", 0},
                 {MOTH_FINDING_STATUS_KNOWN, false, "unchanged", 0},
                 {MOTH_FINDING_STATUS_FIXED, false, "absent", 0},
                 {MOTH_FINDING_STATUS_REOPENED, false, "updated", 0},
                 {MOTH_FINDING_STATUS_QUARANTINED, false, "unchanged", 1},
                 {MOTH_FINDING_STATUS_QUARANTINED, true, "unchanged", 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample;
        sample_fill(&sample);
        sample.summary.n_findings = 1;
        sample.findings[0].status = cases[i].status;
        sample.findings[0].expired = cases[i].expired;
        sample.findings[0].owner = (char *)(uintptr_t) "ann";
        sample.findings[0].reason = (char *)(uintptr_t)NASTY;
        json_t *run = valid_run(&sample.summary), *result = json_array_get(json_object_get(run, "results"), 0);
        assert_string_equal(text_at(result, "baselineState"), cases[i].state);
        assert_int_equal(json_array_size(json_object_get(result, "suppressions")), cases[i].suppressions);
        json_decref(run);
    }
}

static void a_game_makes_no_links(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    sample.findings[0].title = (char *)(uintptr_t) "[click](https://evil.example) {0} {x} a[1](2)";
    json_t *run = valid_run(&sample.summary), *result = json_array_get(json_object_get(run, "results"), 0);
    const char *text = text_at(json_object_get(result, "message"), "text");
    assert_null(strstr(text, "]("));
    assert_null(strstr(text, "{0"));
    assert_non_null(strstr(text, "[click] (https://evil.example) { 0} {x} a[1] (2)\n"));
    json_decref(run);
}

static void runs_without_findings_are_valid(void **state)
{
    (void)state;
    struct moth_run_summary nothing = {.verdict = MOTH_VERDICT_NOTHING_RAN, .exit_code = 4, .out = "o"};
    json_t *run = valid_run(&nothing), *invocation = json_array_get(json_object_get(run, "invocations"), 0);
    assert_true(json_is_false(json_object_get(invocation, "executionSuccessful")));
    json_decref(run);
    struct sample sample;
    sample_fill(&sample);
    sample.findings[0].n_stack = 0;
    run = valid_run(&sample.summary);
    json_t *result = json_array_get(json_object_get(run, "results"), 0);
    json_t *place = json_object_get(json_array_get(json_object_get(result, "locations"), 0), "physicalLocation");
    assert_string_equal(text_at(json_object_get(place, "artifactLocation"), "uri"),
                        "findings/1-crash-00112233445566aa/finding.json");
    json_decref(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_findings),
        cmocka_unit_test(what_the_team_knows_is_told),
        cmocka_unit_test(a_game_makes_no_links),
        cmocka_unit_test(runs_without_findings_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
