/* SPDX-License-Identifier: MIT
 *
 * The GitHub reporter: annotations within the runner's limits, the worst first, and nothing that a game says becomes
 * a command, markup or HTML. A failure means that a game's log could drive somebody's pipeline.
 */
#include "test.h"

#include <ctype.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/utf8.h"
#include "reports/github.h"
#include "sample_summary.h"

#define EVIL                                                                                                          \
    "x\n::error::owned\r\n  ::set-output name=a::b ##[add-mask]x ::stop-commands::t %0A::warning::y "                 \
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [a](javascript:alert(1)) ![i](http://e.x/p.png) | x | "   \
    "`code` **bold** _it_ ~~no~~ @someone #123 www.evil.example https://evil.example :tada: $x$ &lt;b&gt; \\| "      \
    "</code></pre></details> \xe2\x80\xae \x1b[31m \xff"

static char *commands(const struct moth_run_summary *summary, const char *workspace)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    moth_report_github(summary, workspace, out);
    fclose(out);
    return text;
}

static size_t lines_with(const char *text, const char *beginning)
{
    size_t n = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        n += strncmp(line, beginning, strlen(beginning)) == 0;
    return n;
}

/* Every line is one command of ours, whose properties and message hold nothing that ends them. */
static void check_commands(const char *text)
{
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        size_t length = strcspn(line, "\n");
        assert_int_equal(line[length], '\n');
        assert_true(length < 64 << 10);
        assert_null(memchr(line, '\r', length));
        assert_null(memchr(line, '\x1b', length));
        assert_null(memmem(line, length, "##[", 3));
        assert_true(strncmp(line, "::error ", 8) == 0 || strncmp(line, "::warning ", 10) == 0 ||
                    strncmp(line, "::notice ", 9) == 0);
        const char *properties = strchr(line, ' ') + 1, *message = strstr(line + 2, "::");
        assert_true(message && message < line + length && message > properties);
        assert_null(memchr(properties, ':', (size_t)(message - properties)));
        for (const char *at = line; at < line + length; at++)
            if (*at == '%')
                assert_true(isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2]));
        for (size_t at = 0; at < length;) {
            unsigned code;
            size_t n = moth_utf8_next(line + at, length - at, &code);
            assert_true(n > 0);
            at += n;
        }
    }
}

static void annotations_say_where_and_how(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    sample.findings[0].title = (char *)(uintptr_t) "SIGSEGV: 100% sure, at x";
    char *text = commands(&sample.summary, NULL);
    check_commands(text);
    assert_int_equal(lines_with(text, "::error file=a&b.c,line=1,title=crash%3A SIGSEGV%3A 100%25 sure%2C at x::"
                                      "SIGSEGV: 100%25 sure, at x%0A    at f<int>"), 1);
    assert_non_null(strstr(text, "%0Areproduced 10/10, new, at frame 300 of agent monkey with seed 77%0A"
                                 "moth replay moth-out/findings/1-crash-00112233445566aa\n"));
    assert_int_equal(lines_with(text, "::warning file=a&b.c,line=1,title=exit%3A exit with status 3::"), 1);
    assert_int_equal(lines_with(text, "::error title=moth%3A an agent failed::bot.lua:3: no%0Astack traceback"), 1);
    assert_int_equal(lines_with(text, "::warning title=moth::the game writes outside"), 1);
    free(text);
    sample.findings[0].status = MOTH_FINDING_STATUS_KNOWN;
    sample.findings[1].status = MOTH_FINDING_STATUS_QUARANTINED;
    text = commands(&sample.summary, NULL);
    assert_int_equal(lines_with(text, "::notice "), 2);
    free(text);
    sample.findings[1].expired = true;
    sample.summary.fail_on_flaky = true;
    text = commands(&sample.summary, NULL);
    assert_int_equal(lines_with(text, "::error file="), 1);
    free(text);
}

static void nothing_is_injected(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    const char *const texts[] = {EVIL};
    char *stack[] = {(char *)(uintptr_t)EVIL, (char *)(uintptr_t) "f " EVIL ",file=/etc/passwd:1 (x)"};
    for (size_t i = 0; i < 2; i++) {
        sample.findings[i].title = sample.findings[i].agent = sample.findings[i].reason = (char *)(uintptr_t)EVIL;
        sample.findings[i].stack = stack;
    }
    sample.summary.warnings = sample.summary.agent_faults = texts;
    sample.summary.build_id = EVIL;
    char *text = commands(&sample.summary, NULL);
    check_commands(text);
    free(text);
    text = moth_report_github_summary_text(&sample.summary, MOTH_GITHUB_SUMMARY_BYTES);
    for (const char *evil[] = {"<script", "<img", "](", "![", "`", "*bold", "~~", "@", " #1", "www.", "://", ":tada",
                               "$", "&lt;", "\\", "_it_", "##[", "\x1b", "\r", "\xe2\x80\xae", NULL},
                     **each = evil;
         *each; each++)
        if (strstr(text, *each))
            fail_msg("'%s' in the summary", *each);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_true(strncmp(line + strspn(line, " \t"), "::", 2) != 0);
    size_t opened = 0, closed = 0;
    for (const char *at = text; (at = strstr(at, "<details>")); at++)
        opened++;
    for (const char *at = text; (at = strstr(at, "</details>")); at++)
        closed++;
    assert_int_equal(opened, 2);
    assert_int_equal(closed, 2);
    free(text);
}

/* A summary with very many findings. */
struct many {
    struct moth_finding *findings;
    struct moth_finding **pointers;
    struct moth_run_summary summary;
};

static void many_fill(struct many *many, const struct sample *sample, size_t n)
{
    many->findings = calloc(n, sizeof *many->findings);
    many->pointers = calloc(n, sizeof *many->pointers);
    many->summary = sample->summary;
    for (size_t i = 0; i < n; i++) {
        many->findings[i] = sample->findings[0];
        many->findings[i].kind = i % 3 == 0 ? MOTH_FINDING_SPIKE : MOTH_FINDING_CRASH;
        snprintf(many->findings[i].fingerprint, sizeof many->findings[i].fingerprint, "1-%s-%016zx",
                 moth_finding_kind_name(many->findings[i].kind), i);
        many->pointers[i] = &many->findings[i];
    }
    many->summary.findings = many->pointers;
    many->summary.n_findings = n;
    many->summary.n_agent_faults = 0;
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct sample sample;
    struct many many;
    sample_fill(&sample);
    many_fill(&many, &sample, 3000);
    char *huge = malloc(200001);
    memset(huge, '%', 200000);
    huge[200000] = '\0';
    many.findings[1].title = huge;
    const char *const warnings[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"};
    many.summary.warnings = warnings;
    many.summary.n_warnings = COUNT(warnings);
    char *text = commands(&many.summary, NULL);
    check_commands(text);
    assert_int_equal(lines_with(text, "::error "), 10);
    assert_int_equal(lines_with(text, "::warning "), 10);
    assert_int_equal(lines_with(text, "::error file=a&b.c,line=1,title=crash"), 9);
    assert_non_null(strstr(text, "::and 2991 more errors: 1991 crash, 1000 spike. "));
    assert_non_null(strstr(text, "::and 2 more warnings. "));
    free(text);
    text = moth_report_github_summary_text(&many.summary, MOTH_GITHUB_SUMMARY_BYTES);
    assert_true(strlen(text) <= MOTH_GITHUB_SUMMARY_BYTES && strlen(text) > MOTH_GITHUB_SUMMARY_BYTES / 2);
    assert_non_null(strstr(text, "more are in their folders."));
    assert_non_null(strstr(text, "| measured |"));
    free(text);
    text = moth_report_github_summary_text(&many.summary, 5000);
    assert_true(strlen(text) <= 5000 && strstr(text, " more, in run.json."));
    free(text);
    free(huge);
    free(many.findings);
    free(many.pointers);
}

static void ten_are_not_summed_up(void **state)
{
    (void)state;
    struct sample sample;
    struct many many;
    sample_fill(&sample);
    many_fill(&many, &sample, 10);
    char *text = commands(&many.summary, NULL);
    assert_int_equal(lines_with(text, "::error file="), 10);
    assert_null(strstr(text, "more errors"));
    free(text);
    free(many.findings);
    free(many.pointers);
}

static void the_summary_is_appended_as_far_as_there_is_room(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    char *folder = test_scratch(), *path = moth_fs_path("%s/summary.md", folder);
    assert_int_equal(moth_fs_write_atomic(path, "before", 6, NULL), 0);
    struct moth_err err;
    assert_int_equal(moth_report_github_summary(&sample.summary, path, &err), 0);
    assert_int_equal(moth_report_github_summary(&sample.summary, path, &err), 0);
    size_t size;
    char *text = moth_fs_read(path, 1 << 20, &size, NULL);
    assert_int_equal(strncmp(text, "before\n\n## moth: new findings", 28), 0);
    assert_non_null(strstr(text + 28, "\n\n## moth: new findings"));
    assert_non_null(strstr(text, "<code>moth replay moth-out/findings/1-crash-00112233445566aa</code>"));
    free(text);
    char *full = calloc(1, MOTH_GITHUB_SUMMARY_BYTES);
    memset(full, 'x', MOTH_GITHUB_SUMMARY_BYTES - 10);
    assert_int_equal(moth_fs_write_atomic(path, full, strlen(full), NULL), 0);
    assert_int_equal(moth_report_github_summary(&sample.summary, path, &err), 0);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_size, MOTH_GITHUB_SUMMARY_BYTES - 10);
    assert_int_equal(moth_report_github_summary(&sample.summary, folder, &err), -1);
    assert_int_equal(err.code, MOTH_ERR_IO);
    free(full);
    free(path);
    test_scratch_remove(folder);
}

/* A file of a stack stands where the repository has it, if it has it once. */
static void files_are_found_in_the_workspace(void **state)
{
    (void)state;
    struct sample sample;
    sample_fill(&sample);
    char *folder = test_scratch();
    const char *const places[] = {"src", "src/game", "src/.git", "copy"};
    for (size_t i = 0; i < COUNT(places); i++) {
        char *path = moth_fs_path("%s/%s", folder, places[i]);
        assert_int_equal(moth_fs_make_dirs(path, NULL), 0);
        free(path);
    }
    const char *const files[] = {"src/game/a&b.c", "src/.git/a&b.c", "copy/a&b.c"};
    for (size_t i = 0; i < COUNT(files); i++) {
        char *path = moth_fs_path("%s/%s", folder, files[i]);
        assert_int_equal(moth_fs_write_atomic(path, "", 0, NULL), 0);
        free(path);
        char *text = commands(&sample.summary, folder);
        check_commands(text);
        assert_non_null(strstr(text, i < 2 ? "file=src/game/a&b.c,line=1," : "file=a&b.c,line=1,"));
        free(text);
    }
    test_scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(annotations_say_where_and_how),
        cmocka_unit_test(nothing_is_injected),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(ten_are_not_summed_up),
        cmocka_unit_test(the_summary_is_appended_as_far_as_there_is_room),
        cmocka_unit_test(files_are_found_in_the_workspace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
