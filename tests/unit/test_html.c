/* SPDX-License-Identifier: MIT
 *
 * report.html as text: nothing that a game says gets out of its place, and the same summary gives the same bytes.
 * What it does in a browser is tests/browser's. MOTH_UPDATE_FIXTURES=1 writes the fixture anew.
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "history/history.h"
#include "sample_summary.h"

/* The page without style and scripts, which are files of their own. */
static char *body_of(const char *page)
{
    const char *from = strstr(page, "<body>"), *to = strstr(page, "<script type=\"application/json\"");
    assert_non_null(from);
    assert_non_null(to);
    return strndup(from, (size_t)(to - from));
}

static void the_same_summary_gives_the_same_bytes(void **state)
{
    struct sample sample;
    (void)state;
    sample_fill(&sample);
    char *page = moth_report_html_text(&sample.summary), *again = moth_report_html_text(&sample.summary);
    assert_string_equal(page, again);
    char *body = body_of(page);
    size_t size;
    if (getenv("MOTH_UPDATE_FIXTURES"))
        assert_int_equal(moth_fs_write_atomic(MOTH_FIXTURES "/report.html", body, strlen(body), NULL), 0);
    char *golden = moth_fs_read(MOTH_FIXTURES "/report.html", 1 << 20, &size, NULL);
    assert_non_null(golden);
    assert_string_equal(body, golden);
    free(golden);
    free(body);
    free(again);
    free(page);
}

static size_t times(const char *text, const char *word)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        n++;
    return n;
}

static void nothing_gets_out_of_its_place(void **state)
{
    static char hostile[] = "</script><script>window.pwned=1</script>\xe2\x80\xa8\xff\xe2\x80\xae<!-- {{data}} ]]>\" onload=\"x";
    struct sample sample;
    (void)state;
    sample_fill(&sample);
    sample.findings[0].title = sample.findings[0].agent = sample.findings[0].detail = hostile;
    sample.summary.build_id = sample.summary.version = hostile;
    char *page = moth_report_html_text(&sample.summary);
    assert_int_equal(times(page, "<script"), 3);
    assert_int_equal(times(page, "</script"), 3);
    assert_null(strstr(page, "window.pwned=1</script>"));
    assert_null(strstr(page, "\xe2\x80\xa8"));
    assert_null(strstr(page, "\xe2\x80\xae"));
    assert_null(strchr(page, '\xff'));
    assert_null(strstr(page, "\" onload=\"x"));
    free(page);
}

#define WORD(text) (char *)(uintptr_t)(text)

/* The history has builds after this report's: what they changed is theirs. A finding is gone once. */
static void what_is_fixed_is_counted_once(void **state)
{
    struct sample sample;
    (void)state;
    sample_fill(&sample);
    sample.findings[0].status = MOTH_FINDING_STATUS_FIXED;
    struct moth_history_build builds[] = {{.name = WORD("v1"), .label = WORD(""), .build_id = WORD("0")},
                                          {.name = WORD("v2"), .label = WORD(""), .build_id = WORD("abcd"), .fixed = 1},
                                          {.name = WORD("v3"), .label = WORD(""), .build_id = WORD("ef"), .fixed = 1}};
    struct moth_history_finding known[] = {
        {.fingerprint = sample.findings[0].fingerprint, .kind = WORD("crash"), .title = WORD("here"), .state = MOTH_HISTORY_FIXED,
         .fixed_build = 1, .first_run = WORD("a"), .last_run = WORD("a")},
        {.fingerprint = WORD("2-hang-1"), .kind = WORD("hang"), .title = WORD("later"), .state = MOTH_HISTORY_FIXED,
         .fixed_build = 2, .first_run = WORD("a"), .last_run = WORD("a")}};
    struct moth_history_view view = {.builds = builds, .n_builds = 3, .findings = known, .n_findings = 2, .machine = WORD("")};
    sample.summary.history = &view;
    char *page = moth_report_html_text(&sample.summary);
    assert_non_null(strstr(page, "data-filter=\"fixed\"><strong>1</strong> fixed"));
    const char *changes = strstr(page, "Since build <code>v1</code>");
    assert_non_null(changes);
    char *list = strndup(changes, (size_t)(strstr(changes, "</ul>") - changes));
    assert_non_null(strstr(list, "<bdi>here</bdi>"));
    assert_null(strstr(list, "later"));
    free(list);
    free(page);
    sample.summary.build_id = "never played before"; /* nothing is known of it yet */
    page = moth_report_html_text(&sample.summary);
    assert_null(strstr(page, "Since build"));
    assert_non_null(strstr(page, "data-filter=\"fixed\"><strong>1</strong> fixed"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_summary_gives_the_same_bytes),
        cmocka_unit_test(nothing_gets_out_of_its_place),
        cmocka_unit_test(what_is_fixed_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
