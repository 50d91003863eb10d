/* SPDX-License-Identifier: MIT
 *
 * The baseline and the gate. A failure means that a team is told a wrong thing of what it knows, or that a build
 * passes that must not, or the other way round.
 */
#include "test.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "baseline/baseline.h"
#include "baseline/gate.h"

#define TODAY "2026-11-23"

static const char head[] = "{\"schema\": \"moth.baseline/1\",\n \"findings\": [\n  {\"fingerprint\": \"2-crash-0123456789abcdef\","
                           " \"kind\": \"crash\",\n   \"title\": \"a \\\"[{ title\", \"status\": \"known\"},\n";

static struct moth_baseline_finding entry_of(const char *fingerprint, enum moth_finding_status status)
{
    struct moth_baseline_finding entry = {.kind = MOTH_FINDING_CRASH, .status = status, .accepted = TODAY};
    entry.title = (char *)(uintptr_t)"SIGSEGV in buy";
    snprintf(entry.fingerprint, sizeof entry.fingerprint, "%s", fingerprint);
    return entry;
}

static struct moth_finding *finding_of(const char *fingerprint, enum moth_finding_kind kind)
{
    struct moth_finding *finding = calloc(1, sizeof *finding);
    assert_non_null(finding);
    snprintf(finding->fingerprint, sizeof finding->fingerprint, "%s", fingerprint);
    finding->kind = kind;
    finding->title = strdup("a title");
    finding->reproduced = finding->attempts = 10;
    return finding;
}

static void put(struct moth_baseline *baseline, struct moth_baseline_finding entry)
{
    assert_int_equal(moth_baseline_put(baseline, &entry, NULL), 0);
}

/* ---- the file ---- */

static void it_is_sorted_and_stable(void **state)
{
    (void)state;
    struct moth_baseline *baseline = moth_baseline_create();
    put(baseline, entry_of("2-hang-bbbbbbbbbbbbbbbb", MOTH_FINDING_STATUS_KNOWN));
    struct moth_baseline_finding quarantined = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_QUARANTINED);
    quarantined.owner = (char *)(uintptr_t)"ada";
    quarantined.reason = (char *)(uintptr_t)"known since the fair";
    memcpy(quarantined.expires, "2026-12-24", MOTH_DATE_BYTES);
    put(baseline, quarantined);
    struct moth_baseline_metric metrics[] = {{"p99", 3.25}, {"frames_per_s", 1234.5678}};
    struct moth_baseline_machine machine = {(char *)(uintptr_t)"CPU x2", TODAY, metrics, 2};
    assert_int_equal(moth_baseline_put_machine(baseline, &machine, NULL), 0);
    char *text = moth_baseline_text(baseline);
    assert_string_equal(text, "{\n"
                              "  \"schema\": \"moth.baseline/1\",\n"
                              "  \"findings\": [\n"
                              "    {\n"
                              "      \"fingerprint\": \"2-crash-aaaaaaaaaaaaaaaa\",\n"
                              "      \"kind\": \"crash\",\n"
                              "      \"title\": \"SIGSEGV in buy\",\n"
                              "      \"status\": \"quarantined\",\n"
                              "      \"accepted\": \"2026-11-23\",\n"
                              "      \"owner\": \"ada\",\n"
                              "      \"reason\": \"known since the fair\",\n"
                              "      \"expires\": \"2026-12-24\"\n"
                              "    },\n"
                              "    {\n"
                              "      \"fingerprint\": \"2-hang-bbbbbbbbbbbbbbbb\",\n"
                              "      \"kind\": \"crash\",\n"
                              "      \"title\": \"SIGSEGV in buy\",\n"
                              "      \"status\": \"known\",\n"
                              "      \"accepted\": \"2026-11-23\"\n"
                              "    }\n"
                              "  ],\n"
                              "  \"metrics\": {\n"
                              "    \"CPU x2\": {\n"
                              "      \"accepted\": \"2026-11-23\",\n"
                              "      \"frames_per_s\": 1234.568,\n"
                              "      \"p99\": 3.25\n"
                              "    }\n"
                              "  }\n"
                              "}\n");
    struct moth_baseline *again = moth_baseline_parse(text, strlen(text), "b", NULL);
    char *same = moth_baseline_text(again);
    assert_string_equal(text, same);
    free(same);
    free(text);
    moth_baseline_free(again);
    moth_baseline_free(baseline);
}

static void entries_are_replaced_and_removed(void **state)
{
    (void)state;
    struct moth_baseline *baseline = moth_baseline_create();
    struct moth_baseline_finding entry = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_KNOWN);
    entry.first_seen = (char *)(uintptr_t)"v1";
    put(baseline, entry);
    memcpy(entry.accepted, "2027-01-01", MOTH_DATE_BYTES);
    entry.first_seen = (char *)(uintptr_t)"v2";
    entry.title = (char *)(uintptr_t)"another title";
    put(baseline, entry);
    assert_int_equal(baseline->n_findings, 1);
    const struct moth_baseline_finding *kept = moth_baseline_find(baseline, entry.fingerprint);
    assert_string_equal(kept->accepted, TODAY);
    assert_string_equal(kept->first_seen, "v1");
    assert_string_equal(kept->title, "another title");
    assert_true(moth_baseline_remove(baseline, entry.fingerprint));
    assert_false(moth_baseline_remove(baseline, entry.fingerprint));
    assert_null(moth_baseline_find(baseline, entry.fingerprint));
    moth_baseline_free(baseline);
}

static void assert_refused(const char *text, int line, const char *says)
{
    struct moth_err err = {0};
    char start[32];
    struct moth_baseline *baseline = moth_baseline_parse(text, strlen(text), "b.json", &err);
    if (baseline)
        fail_msg("taken: %s", text);
    assert_int_equal(moth_err_exit_code(err.code), 2);
    snprintf(start, sizeof start, "b.json:%d: ", line);
    if (strncmp(err.message, start, strlen(start)) != 0 || !strstr(err.message, says))
        fail_msg("%sand %s expected: %s", start, says, err.message);
}

static void assert_second_refused(const char *second, int line, const char *says)
{
    char text[1000];
    snprintf(text, sizeof text, "%s%s\n]}", head, second);
    assert_refused(text, line, says);
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    assert_refused("{\n\"schema\": \"moth.baseline/1\",\n nonsense", 3, "expected near");
    assert_refused("[]", 1, "no baseline");
    assert_refused("", 1, "");
    assert_refused("{\n \"schema\": \"moth.run/1\"}", 2, "moth.baseline/1");
    assert_refused("{\"schema\": \"moth.baseline/1\"}", 1, "findings");
    assert_refused("{\"schema\": \"moth.baseline/1\",\n\n \"findings\": {}}", 3, "must be a list");
    assert_refused("{\"schema\": \"moth.baseline/1\", \"findings\": [],\n \"findings\": []}", 2, "duplicate");
    assert_refused("{\"schema\": \"moth.baseline/1\", \"findings\": [],\n\"metrics\": []}", 2, "must be an object");
    assert_refused("{\"schema\": \"moth.baseline/1\", \"findings\": [],\n\"metrics\": {\"m\": {\"p99\": \"x\"}}}", 2, "p99");
    assert_refused("{\"schema\": \"moth.baseline/1\", \"findings\": [],\n\"metrics\": {\"m\": {\"p50\": 1},\n\"n\":\n"
                   "{\"p99\": -1}}}",
                   4, "not below 0");
    assert_refused("{\"schema\": \"moth.baseline/1\", \"findings\": [],\n\"metrics\": {\"m\": {\"p50\": 1},\n\"n\": {\"p98\": 1}}}",
                   3, "n: \"p98\" is no key of a baseline (did you mean");
    assert_refused("{\"schema\": \"moth.baseline/1\",\n \"findings\": [],\n\n \"notes\": []}", 4, "\"notes\" is no key");
    assert_second_refused("  {\"fingerprint\": \"2-hang-0123456789abcdef\", \"kind\": \"hang\", \"status\": \"known\", "
                          "\"ticket\": \"X-1\"}",
                          5, "2-hang-0123456789abcdef: \"ticket\" is no key of a baseline");
    assert_second_refused("  7", 1, "must be an object");
    assert_second_refused("\n\n{\"fingerprint\": \"../..\"}", 7, "needs a fingerprint");
    assert_second_refused("  {\"fingerprint\": \"2-crash-0123456789abcdef\",\n\"kind\": \"crash\", \"status\": \"known\"}", 5,
                          "there twice");
    assert_second_refused("  {\"fingerprint\": \"2-hang-0123456789abcdef\", \"kind\": \"hangs\"}", 5, "no kind 'hangs'");
    assert_second_refused("  {\"fingerprint\": \"2-hang-0123456789abcdef\", \"kind\": \"hang\", \"status\": \"new\"}", 5,
                          "known, quarantined or fixed");
    assert_second_refused("  {\"fingerprint\": \"2-hang-0123456789abcdef\", \"kind\": \"hang\", \"status\": \"quarantined\"}", 5,
                          "needs an owner");
    assert_second_refused("  {\"fingerprint\": \"2-hang-0123456789abcdef\", \"kind\": \"hang\", \"status\": \"known\", "
                          "\"accepted\": \"2026-02-30\"}",
                          5, "a date is wanted");
    assert_second_refused("  {\"fingerprint\": \"2-hang-0123456789abcdef\", \"kind\": \"hang\", \"status\": \"known\", "
                          "\"title\": 7}",
                          5, "title must be text");
}

static void a_file_that_is_not_there_is_told_from_one_that_is_wrong(void **state)
{
    (void)state;
    struct moth_err err = {0};
    assert_null(moth_baseline_read("/nowhere/b.json", &err));
    assert_int_equal(err.sys_errno, ENOENT);
}

/* ---- dates ---- */

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *text, *date;
    } good[] = {{"2027-01-31", "2027-01-31"}, {"0d", "2026-11-23"},  {"14d", "2026-12-07"}, {"40d", "2027-01-02"},
                {"2w", "2026-12-07"},         {"3m", "2027-02-23"},  {"463d", "2028-02-29"}, {"12m", "2027-11-23"}};
    static const char *const bad[] = {"", "2027-02-29", "2027-13-01", "2027-1-1", "14", "14 d", "d", "-1d", "14x",
                                      "99999999d", "2027-01-31 ", "14dd", "2027-01-00"};
    char date[MOTH_DATE_BYTES];
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(moth_date_parse(good[i].text, TODAY, date));
        assert_string_equal(date, good[i].date);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (moth_date_parse(bad[i], TODAY, date))
            fail_msg("'%s' is no date, but %s", bad[i], date);
    }
    assert_true(moth_date_parse("3m", "2026-11-30", date));
    assert_string_equal(date, "2027-02-28");
}

/* ---- the life cycle ---- */

static enum moth_finding_status status_with(const struct moth_baseline_finding *entry, const struct moth_past *past,
                                            const char *today, bool *expired)
{
    struct moth_baseline *baseline = moth_baseline_create();
    if (entry)
        put(baseline, *entry);
    struct moth_finding *finding = finding_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_CRASH);
    moth_lifecycle_apply(finding, baseline, past, today);
    enum moth_finding_status status = finding->status;
    *expired = finding->expired;
    if (entry && status == MOTH_FINDING_STATUS_QUARANTINED)
        assert_string_equal(finding->owner, "ada");
    moth_finding_free(finding);
    moth_baseline_free(baseline);
    return status;
}

static void statuses_follow_from_what_is_known(void **state)
{
    (void)state;
    bool expired;
    struct moth_past fixed = {true}, open = {false};
    struct moth_baseline_finding known = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_KNOWN);
    struct moth_baseline_finding was_fixed = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_FIXED);
    struct moth_baseline_finding away = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_QUARANTINED);
    away.owner = (char *)(uintptr_t)"ada";
    away.reason = (char *)(uintptr_t)"later";
    memcpy(away.expires, TODAY, MOTH_DATE_BYTES);
    assert_int_equal(status_with(NULL, NULL, TODAY, &expired), MOTH_FINDING_STATUS_NEW);
    assert_int_equal(status_with(NULL, &open, TODAY, &expired), MOTH_FINDING_STATUS_NEW);
    assert_int_equal(status_with(NULL, &fixed, TODAY, &expired), MOTH_FINDING_STATUS_REOPENED);
    assert_int_equal(status_with(&known, NULL, TODAY, &expired), MOTH_FINDING_STATUS_KNOWN);
    assert_int_equal(status_with(&known, &fixed, TODAY, &expired), MOTH_FINDING_STATUS_KNOWN);
    assert_int_equal(status_with(&was_fixed, NULL, TODAY, &expired), MOTH_FINDING_STATUS_REOPENED);
    assert_int_equal(status_with(&away, NULL, TODAY, &expired), MOTH_FINDING_STATUS_QUARANTINED);
    assert_false(expired); /* its last day is one of it */
    assert_int_equal(status_with(&away, NULL, "2026-11-24", &expired), MOTH_FINDING_STATUS_QUARANTINED);
    assert_true(expired);
}

static void a_status_is_set_anew_each_time(void **state)
{
    (void)state;
    struct moth_baseline *baseline = moth_baseline_create();
    struct moth_baseline_finding away = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_QUARANTINED);
    away.owner = (char *)(uintptr_t)"ada";
    away.reason = (char *)(uintptr_t)"later";
    memcpy(away.expires, "2026-11-01", MOTH_DATE_BYTES);
    put(baseline, away);
    struct moth_finding *finding = finding_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_CRASH);
    moth_lifecycle_apply(finding, baseline, NULL, TODAY);
    assert_true(finding->expired);
    assert_true(moth_finding_counts(finding));
    moth_lifecycle_apply(finding, NULL, NULL, TODAY);
    assert_int_equal(finding->status, MOTH_FINDING_STATUS_NEW);
    assert_false(finding->expired);
    assert_null(finding->owner);
    finding->status = MOTH_FINDING_STATUS_FIXED;
    moth_lifecycle_apply(finding, baseline, NULL, TODAY);
    assert_int_equal(finding->status, MOTH_FINDING_STATUS_FIXED);
    assert_false(moth_finding_counts(finding));
    moth_finding_free(finding);
    moth_baseline_free(baseline);
}

/* ---- the gate ---- */

static void fail_on_is_read(void **state)
{
    (void)state;
    struct moth_gate_rules rules;
    assert_int_equal(moth_gate_parse_fail_on("crash, hang,softlock:2", &rules, NULL), 0);
    assert_int_equal(rules.least[MOTH_FINDING_CRASH], 1);
    assert_int_equal(rules.least[MOTH_FINDING_HANG], 1);
    assert_int_equal(rules.least[MOTH_FINDING_SOFTLOCK], 2);
    assert_int_equal(rules.least[MOTH_FINDING_SPIKE], 0);
    assert_int_equal(moth_gate_parse_fail_on("spike:0,any:3,crash", &rules, NULL), 0);
    assert_int_equal(rules.least[MOTH_FINDING_SPIKE], 0);
    assert_int_equal(rules.least[MOTH_FINDING_EXIT], 3);
    assert_int_equal(rules.least[MOTH_FINDING_CRASH], 1);
    assert_int_equal(moth_gate_parse_fail_on("none", &rules, NULL), 0);
    for (int i = 0; i < MOTH_FINDING_KIND_END; i++)
        assert_int_equal(rules.least[i], 0);
    static const char *const bad[] = {"", "crsh", "crash:", "crash:x", "crash:-1", "crash:1x", ",", "crash,,hang", "none,crash",
                                      "crash:99999999999", "Crash"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct moth_err err = {0};
        if (moth_gate_parse_fail_on(bad[i], &rules, &err) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(err.code, MOTH_ERR_USAGE);
    }
}

static void none_stands_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"none,crash", "crash, none", "none:2", "none,none"};
    struct moth_gate_rules rules;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct moth_err err = {0};
        if (moth_gate_parse_fail_on(bad[i], &rules, &err) == 0 || !strstr(err.message, "'none' stands alone"))
            fail_msg("'%s': %s", bad[i], err.message);
    }
}

static void budgets_are_read(void **state)
{
    (void)state;
    struct moth_gate_rules rules;
    moth_gate_rules_init(&rules);
    assert_int_equal(moth_gate_parse_budget("p99=10, frames_per_s=2.5%", &rules, NULL), 0);
    assert_true(rules.worse_pct[MOTH_METRIC_P99] == 10 && rules.worse_pct[MOTH_METRIC_FRAMES_PER_S] == 2.5);
    assert_true(rules.worse_pct[MOTH_METRIC_P50] < 0);
    assert_int_equal(moth_gate_parse_budget("p99=200, frames_per_s=99.9", &rules, NULL), 0);
    static const char *const bad[] = {"", "p99", "p99=", "p99=x", "p98=3", "p99=-1", "p99=1e9", "p99=10%%", "p99=1,,p50=2",
                                      "frames_per_s=100", "frames_per_s=200%"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (moth_gate_parse_budget(bad[i], &rules, NULL) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static struct moth_gate judged(const char *fail_on, bool fail_on_flaky, struct moth_finding *const *findings, size_t n)
{
    struct moth_gate_rules rules;
    struct moth_gate gate;
    moth_gate_rules_init(&rules);
    if (fail_on)
        assert_int_equal(moth_gate_parse_fail_on(fail_on, &rules, NULL), 0);
    assert_int_equal(moth_gate_judge(&rules, fail_on_flaky, findings, n, NULL, NULL, &gate), 0);
    return gate;
}

static void findings_fail_it_by_kind_and_number(void **state)
{
    (void)state;
    struct moth_finding *findings[] = {finding_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_CRASH),
                                       finding_of("2-softlock-aaaaaaaaaaaaaaaa", MOTH_FINDING_SOFTLOCK),
                                       finding_of("2-softlock-bbbbbbbbbbbbbbbb", MOTH_FINDING_SOFTLOCK)};
    static const struct {
        const char *fail_on;
        size_t n;
        bool passes;
    } cases[] = {{NULL, 0, true},         {NULL, 1, false},         {"any", 1, false},        {"none", 3, true},
                 {"hang", 3, true},       {"softlock:2", 2, true},  {"softlock:2", 3, false}, {"any:2", 2, true},
                 {"any:2", 3, false},     {"any,crash:0", 1, true}, {"any,crash:0", 2, false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct moth_gate gate = judged(cases[i].fail_on, false, findings, cases[i].n);
        if (gate.passed != cases[i].passes)
            fail_msg("--fail-on %s of the first %zu", cases[i].fail_on, cases[i].n);
        assert_int_equal(gate.n_reasons == 0, gate.passed);
        moth_gate_fini(&gate);
    }
    findings[0]->status = MOTH_FINDING_STATUS_KNOWN;
    findings[1]->status = MOTH_FINDING_STATUS_QUARANTINED;
    findings[2]->status = MOTH_FINDING_STATUS_FIXED;
    struct moth_gate gate = judged(NULL, true, findings, 3);
    assert_true(gate.passed);
    moth_gate_fini(&gate);
    findings[1]->expired = true;
    memcpy(findings[1]->expires, "2026-11-01", MOTH_DATE_BYTES);
    gate = judged(NULL, false, findings, 3);
    assert_false(gate.passed);
    assert_int_equal(gate.n_reasons, 2);
    assert_non_null(strstr(gate.reasons[1], "2-softlock-aaaaaaaaaaaaaaaa (a title) ended on 2026-11-01"));
    moth_gate_fini(&gate);
    for (size_t i = 0; i < COUNT(findings); i++)
        moth_finding_free(findings[i]);
}

static void a_quarantine_that_is_over_is_told_of(void **state)
{
    (void)state;
    static const struct {
        const char *fail_on;
        bool passes;
    } cases[] = {{"any", false}, {"crash", false}, {"none", true}, {"hang", true}, {"crash:2", true}};
    struct moth_finding *finding = finding_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_CRASH);
    finding->reproduced = 3; /* flaky */
    finding->status = MOTH_FINDING_STATUS_QUARANTINED;
    finding->expired = true;
    memcpy(finding->expires, "2026-11-01", MOTH_DATE_BYTES);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct moth_gate gate = judged(cases[i].fail_on, false, &finding, 1);
        if (gate.passed != cases[i].passes || gate.flaky || gate.n_reasons != (gate.passed ? 0 : 2) ||
            gate.n_warnings != (gate.passed ? 1 : 0))
            fail_msg("--fail-on %s: %zu reasons, %zu warnings", cases[i].fail_on, gate.n_reasons, gate.n_warnings);
        assert_non_null(strstr(gate.passed ? gate.warnings[0] : gate.reasons[1], "(a title) ended on 2026-11-01"));
        moth_gate_fini(&gate);
    }
    moth_finding_free(finding);
}

static size_t warnings_of(const char *today, struct moth_finding *const *findings, size_t n)
{
    struct moth_gate_rules rules;
    struct moth_gate gate;
    struct moth_baseline *baseline = moth_baseline_create();
    struct moth_baseline_finding away = entry_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_STATUS_QUARANTINED);
    away.owner = (char *)(uintptr_t)"ada";
    away.reason = (char *)(uintptr_t)"later";
    memcpy(away.expires, TODAY, MOTH_DATE_BYTES);
    put(baseline, away);
    put(baseline, entry_of("2-crash-bbbbbbbbbbbbbbbb", MOTH_FINDING_STATUS_KNOWN));
    moth_gate_rules_init(&rules);
    memcpy(rules.today, today, MOTH_DATE_BYTES);
    assert_int_equal(moth_gate_judge(&rules, false, findings, n, baseline, NULL, &gate), 0);
    size_t n_warnings = gate.n_warnings;
    assert_true(gate.passed && gate.n_reasons == 0);
    assert_true(n_warnings == 0 || strstr(gate.warnings[0], "2-crash-aaaaaaaaaaaaaaaa (SIGSEGV in buy) ended on " TODAY));
    moth_gate_fini(&gate);
    moth_baseline_free(baseline);
    return n_warnings;
}

static void a_quarantine_that_is_over_is_told_of_though_nobody_met_it(void **state)
{
    (void)state;
    struct moth_finding *finding = finding_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_CRASH);
    finding->status = MOTH_FINDING_STATUS_QUARANTINED;
    assert_int_equal(warnings_of(TODAY, NULL, 0), 0);
    assert_int_equal(warnings_of("2026-11-24", NULL, 0), 1);
    assert_int_equal(warnings_of("2026-11-24", &finding, 1), 0);
    finding->status = MOTH_FINDING_STATUS_FIXED;
    assert_int_equal(warnings_of("2026-11-24", &finding, 1), 1);
    moth_finding_free(finding);
}

static void flaky_ones_fail_it_only_when_asked(void **state)
{
    (void)state;
    struct moth_finding *findings[] = {finding_of("2-crash-aaaaaaaaaaaaaaaa", MOTH_FINDING_CRASH)};
    findings[0]->reproduced = 3;
    struct moth_gate gate = judged(NULL, false, findings, 1);
    assert_true(gate.passed && gate.flaky && !gate.findings_fail && gate.n_reasons == 0);
    moth_gate_fini(&gate);
    gate = judged(NULL, true, findings, 1);
    assert_true(!gate.passed && gate.flaky && !gate.findings_fail && gate.n_reasons == 1);
    moth_gate_fini(&gate);
    findings[0]->status = MOTH_FINDING_STATUS_KNOWN;
    gate = judged(NULL, true, findings, 1);
    assert_true(gate.passed && !gate.flaky);
    moth_gate_fini(&gate);
    moth_finding_free(findings[0]);
}

static struct moth_gate measured(const char *budget, const char *machine, double p99, double frames_per_s,
                                 bool with_baseline)
{
    struct moth_gate_rules rules;
    struct moth_gate gate;
    struct moth_baseline_metric metrics[] = {{"p99", 10}, {"frames_per_s", 1000}};
    struct moth_baseline_machine known = {(char *)(uintptr_t)"CPU x2", TODAY, metrics, 2};
    struct moth_baseline *baseline = moth_baseline_create();
    assert_int_equal(moth_baseline_put_machine(baseline, &known, NULL), 0);
    struct moth_gate_measured run = {.machine = machine};
    for (int i = 0; i < MOTH_METRIC_END; i++)
        run.value[i] = NAN;
    run.value[MOTH_METRIC_P99] = p99;
    run.value[MOTH_METRIC_FRAMES_PER_S] = frames_per_s;
    moth_gate_rules_init(&rules);
    assert_int_equal(moth_gate_parse_budget(budget, &rules, NULL), 0);
    assert_int_equal(moth_gate_judge(&rules, false, NULL, 0, with_baseline ? baseline : NULL, &run, &gate), 0);
    moth_baseline_free(baseline);
    return gate;
}

static void metrics_are_held_against_those_of_the_same_machines(void **state)
{
    (void)state;
    static const struct {
        const char *budget, *machine;
        double p99, frames_per_s;
        bool passes, warns;
    } cases[] = {{"p99=10", "CPU x2", 11.0, 1000, true, false},
                 {"p99=10", "CPU x2", 11.01, 1000, false, false},
                 {"p99=0", "CPU x2", 10.0005, 1000, true, false},
                 {"p99=0", "CPU x2", 10.01, 1000, false, false},
                 {"p99=0", "CPU x2", 9, 1, true, false},
                 {"frames_per_s=10", "CPU x2", 99, 900, true, false},
                 {"frames_per_s=10", "CPU x2", 99, 899, false, false},
                 {"p99=10,frames_per_s=10", "CPU x2", 99, 99, false, false},
                 {"p99=10", "CPU x4", 99, 1000, true, true},
                 {"p99=10", NULL, 99, 1000, true, true},
                 {"p50=10", "CPU x2", 99, 1000, true, true},
                 {"p99=10", "CPU x2", NAN, 1000, true, true}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct moth_gate gate = measured(cases[i].budget, cases[i].machine, cases[i].p99, cases[i].frames_per_s, true);
        if (gate.passed != cases[i].passes || gate.metrics_fail == cases[i].passes || (gate.n_warnings > 0) != cases[i].warns)
            fail_msg("case %zu: %s", i, gate.n_reasons ? gate.reasons[0] : gate.n_warnings ? gate.warnings[0] : "");
        moth_gate_fini(&gate);
    }
    struct moth_gate gate = measured("p99=10", "CPU x2", 99, 99, false);
    assert_true(gate.passed && gate.n_warnings == 1 && strstr(gate.warnings[0], "moth baseline accept --metrics"));
    moth_gate_fini(&gate);
    char *machine = moth_machine_class();
    assert_true(strlen(machine) > 3 && strstr(machine, " x"));
    free(machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_sorted_and_stable),
        cmocka_unit_test(entries_are_replaced_and_removed),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_told_from_one_that_is_wrong),
        cmocka_unit_test(dates),
        cmocka_unit_test(statuses_follow_from_what_is_known),
        cmocka_unit_test(a_status_is_set_anew_each_time),
        cmocka_unit_test(fail_on_is_read),
        cmocka_unit_test(none_stands_alone),
        cmocka_unit_test(budgets_are_read),
        cmocka_unit_test(findings_fail_it_by_kind_and_number),
        cmocka_unit_test(a_quarantine_that_is_over_is_told_of),
        cmocka_unit_test(a_quarantine_that_is_over_is_told_of_though_nobody_met_it),
        cmocka_unit_test(flaky_ones_fail_it_only_when_asked),
        cmocka_unit_test(metrics_are_held_against_those_of_the_same_machines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
