/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <unistd.h>

#include "base/log.h"

static int kept_stderr, pipe_ends[2];

static void begin_capture(void)
{
    assert_int_equal(pipe(pipe_ends), 0);
    kept_stderr = dup(STDERR_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(pipe_ends[1]);
}

static size_t end_capture(char *text, size_t size)
{
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    size_t used = 0;
    for (ssize_t n; (n = read(pipe_ends[0], text + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = '\0';
    close(pipe_ends[0]);
    return used;
}

static void levels_are_kept(void **state)
{
    (void)state;
    char text[1000];
    begin_capture();
    moth_log_error("a %d", 1);
    moth_log_debug("hidden");
    moth_log_set_level(MOTH_LOG_DEBUG);
    moth_log_debug("b");
    moth_log_info("c");
    moth_log_set_level(MOTH_LOG_ERROR);
    moth_log_warning("hidden");
    moth_log_error("d");
    moth_log_set_level(MOTH_LOG_INFO);
    moth_log_warning("e");
    end_capture(text, sizeof text);
    assert_string_equal(text, "moth: error: a 1\nmoth: b\nmoth: c\nmoth: error: d\nmoth: warning: e\n");
}

static void no_live_line_without_a_terminal(void **state)
{
    (void)state;
    char text[100];
    begin_capture();
    moth_log_live("10 %");
    moth_log_live(NULL);
    assert_int_equal(end_capture(text, sizeof text), 0);
}

static void long_lines_end_in_a_newline(void **state)
{
    (void)state;
    static char text[20000], line[10000];
    memset(line, 'x', sizeof line - 1);
    begin_capture();
    moth_log_info("%s", line);
    size_t used = end_capture(text, sizeof text);
    assert_in_range(used, 8000, 8192);
    assert_int_equal(text[used - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_kept),
        cmocka_unit_test(no_live_line_without_a_terminal),
        cmocka_unit_test(long_lines_end_in_a_newline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
