/* SPDX-License-Identifier: MIT
 *
 * Golden reports: a summary that is the same each time, and its folder, give the bytes that are kept in
 * fixtures/reports, whatever the environment says of languages and time zones (moth stays in the C locale). A failure means that a report has changed:
 * if that was meant, `MOTH_GOLDEN_WRITE=1 build/tests/unit/test_golden` writes them anew, and the diff shows how.
 */
#include "test.h"

#include <unistd.h>

#include "reports/github.h"
#include "reports/reporters.h"
#include "reports/reports.h"
#include "sample_summary.h"

static char *to_stream(const struct moth_run_summary *summary, void (*write)(const struct moth_run_summary *, FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    write(summary, out);
    fclose(out);
    return text;
}

static void write_github(const struct moth_run_summary *summary, FILE *out)
{
    moth_report_github(summary, NULL, out);
}

static char *list_text(const struct moth_run_summary *summary)
{
    return to_stream(summary, moth_report_list);
}

static char *github_text(const struct moth_run_summary *summary)
{
    return to_stream(summary, write_github);
}

static char *summary_text(const struct moth_run_summary *summary)
{
    return moth_report_github_summary_text(summary, MOTH_GITHUB_SUMMARY_BYTES);
}

static const struct {
    const char *name;
    char *(*text)(const struct moth_run_summary *summary);
} reports[] = {{"list.txt", list_text},
               {"junit.xml", moth_report_junit_text},
               {"github.txt", github_text},
               {"summary.md", summary_text},
               {"findings.sarif", moth_report_sarif_text}};

/* Two findings' folders below the working directory, as a run leaves them. */
static void make_folders(const struct sample *sample)
{
    static const char *const names[] = {"trace.moth", "stack.txt", "game.log", "shot.png", "not shown.png", "finding.json"};
    for (size_t i = 0; i < 2; i++) {
        char *folder = moth_fs_path("moth-out/findings/%s", sample->findings[i].fingerprint);
        assert_int_equal(moth_fs_make_dirs(folder, NULL), 0);
        for (size_t j = 0; j < COUNT(names); j++) {
            char *path = moth_fs_path("%s/%s", folder, names[j]);
            const char *text = j == 2 ? "loading\n" NASTY "\n[[ATTACHMENT|/etc/passwd]]\n::error::x\n]]>\n" : "x";
            assert_int_equal(moth_fs_write_atomic(path, text, strlen(text), NULL), 0);
            free(path);
        }
        free(folder);
    }
}

static struct moth_finding_attempt tries[] = {
    {.outcome = MOTH_OUTCOME_MET, .frame = 300},
    {.outcome = MOTH_OUTCOME_CLEAN, .frame = 420, .diverged = true, .diverged_frame = 17},
    {.outcome = MOTH_OUTCOME_OTHER, .frame = 99, .fingerprint = "1-hang-00112233445566cc", .title = NASTY}};

static void compare(const char *name, const char *text)
{
    char *path = moth_fs_path("%s/%s", MOTH_GOLDEN, name);
    if (getenv("MOTH_GOLDEN_WRITE"))
        assert_int_equal(moth_fs_write_atomic(path, text, strlen(text), NULL), 0);
    size_t size;
    struct moth_err err;
    char *golden = moth_fs_read(path, 16u << 20, &size, &err);
    if (!golden)
        fail_msg("%s", err.message);
    size_t at = 0;
    while (text[at] && text[at] == golden[at])
        at++;
    if (text[at] != golden[at])
        fail_msg("%s is another from byte %zu on:\n%.200s\n--- golden ---\n%.200s", name, at, text + at, golden + at);
    free(golden);
    free(path);
}

static void reports_are_the_same_bytes(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    sample.findings[1].tries = tries;
    sample.findings[1].n_tries = COUNT(tries);
    char *scratch = test_scratch(), *before = getcwd(NULL, 0);
    assert_int_equal(chdir(scratch), 0);
    make_folders(&sample);
    static const char *const locales[] = {"C", "de_DE.UTF-8", "tr_TR.UTF-8"};
    for (size_t i = 0; i < COUNT(locales); i++) {
        setenv("LC_ALL", locales[i], 1);
        setenv("TZ", i ? "Pacific/Chatham" : "UTC", 1);
        for (size_t j = 0; j < COUNT(reports); j++) {
            char *text = reports[j].text(&sample.summary);
            compare(reports[j].name, text);
            free(text);
        }
    }
    assert_int_equal(chdir(before), 0);
    free(before);
    test_scratch_remove(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reports_are_the_same_bytes)};
    unsetenv("GITHUB_WORKSPACE");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
