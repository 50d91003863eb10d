/* SPDX-License-Identifier: MIT
 *
 * Findings on disk: what is saved is loaded again, folders are whole or absent, the better sighting is
 * kept. A failure means that findings get lost or mixed up.
 */
#include "test.h"

#include <stdbool.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "findings/store.h"

static struct moth_finding *make_finding(uint32_t frame, uint64_t seed, const char *run)
{
    struct moth_finding *finding = calloc(1, sizeof *finding);
    finding->kind = MOTH_FINDING_CRASH;
    finding->title = strdup("SIGSEGV in player_move \xff\x01 \"quoted\" \xc3\xa4");
    finding->detail = strdup("detail\nof two lines");
    finding->stack = calloc(2, sizeof *finding->stack);
    finding->stack[finding->n_stack++] = strdup("player_move game.c:42 (game)");
    finding->stack[finding->n_stack++] = strdup("main game.c:80 (game)");
    finding->stacks = strdup("thread 0 main:\n  #0 player_move\n");
    finding->agent = strdup("monkey");
    finding->seed = seed;
    finding->frame = frame;
    finding->inputs = 7;
    finding->reproduced = 9;
    finding->attempts = 10;
    finding->status = MOTH_FINDING_STATUS_KNOWN;
    finding->run = strdup(run);
    moth_finding_fingerprint(finding);
    return finding;
}

static void a_finding_survives_the_disk(void **state)
{
    (void)state;
    char *folder = test_scratch();
    struct moth_finding *saved = make_finding(123, 0x1fffffffffffff, "r1");
    saved->scripted = true;
    saved->played = 4567;
    assert_int_equal(moth_finding_save(saved, folder, NULL), 0);
    struct moth_err err;
    struct moth_finding *loaded = moth_finding_load(folder, &err);
    if (!loaded)
        fail_msg("%s", err.message);
    assert_int_equal(loaded->kind, saved->kind);
    assert_string_equal(loaded->fingerprint, saved->fingerprint);
    assert_string_equal(loaded->title, "SIGSEGV in player_move \xef\xbf\xbd\x01 \"quoted\" \xc3\xa4");
    assert_string_equal(loaded->detail, saved->detail);
    assert_string_equal(loaded->stacks, saved->stacks);
    assert_string_equal(loaded->agent, saved->agent);
    assert_int_equal(loaded->status, saved->status);
    assert_string_equal(loaded->run, saved->run);
    assert_int_equal(loaded->n_stack, 2);
    assert_string_equal(loaded->stack[1], saved->stack[1]);
    assert_int_equal(loaded->seed, saved->seed);
    assert_int_equal(loaded->frame, 123);
    assert_int_equal(loaded->inputs, 7);
    assert_int_equal(loaded->reproduced, 9);
    assert_int_equal(loaded->attempts, 10);
    assert_true(loaded->scripted);
    assert_int_equal(loaded->played, 4567);
    assert_null(loaded->trace);
    moth_finding_free(loaded);
    moth_finding_free(saved);
    test_scratch_remove(folder);
}

static void what_is_no_finding_is_an_error(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *path = moth_fs_path("%s/finding.json", folder);
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"schema\": \"moth.finding/2\", \"fingerprint\": \"x\", \"kind\": \"crash\"}",
        "{\"schema\": \"moth.finding/1\", \"fingerprint\": \"x\", \"kind\": \"nothing\"}",
        "{\"schema\": \"moth.finding/1\", \"fingerprint\": 7, \"kind\": \"crash\"}"};
    struct moth_err err;
    assert_null(moth_finding_load(folder, &err));
    for (size_t i = 0; i < COUNT(texts); i++) {
        assert_int_equal(moth_fs_write_atomic(path, texts[i], strlen(texts[i]), NULL), 0);
        err.message[0] = '\0';
        assert_null(moth_finding_load(folder, &err));
        assert_non_null(strstr(err.message, "finding"));
    }
    /* Missing and odd members are not. */
    static const char least[] =
        "{\"schema\": \"moth.finding/1\", \"fingerprint\": \"1-crash-0\", \"kind\": \"crash\", "
        "\"stack\": [1, \"a\", null], \"frame\": -5, \"reproduced\": 3, \"title\": []}";
    assert_int_equal(moth_fs_write_atomic(path, least, strlen(least), NULL), 0);
    struct moth_finding *finding = moth_finding_load(folder, &err);
    assert_non_null(finding);
    assert_int_equal(finding->n_stack, 1);
    assert_int_equal(finding->frame, 0);
    moth_finding_free(finding);
    free(path);
    test_scratch_remove(folder);
}

static enum moth_store_result put(const char *out, uint32_t frame, uint64_t seed, const char *run)
{
    char *trace = moth_fs_path("%s/source.moth", out);
    char text[32];
    snprintf(text, sizeof text, "trace of %u", frame);
    assert_int_equal(moth_fs_write_atomic(trace, text, strlen(text), NULL), 0);
    char *png = moth_fs_path("%s/a.png", out);
    assert_int_equal(moth_fs_write_atomic(png, "png", 3, NULL), 0);
    struct moth_finding *finding = make_finding(frame, seed, run);
    struct moth_store_files files = {.trace = trace, .pictures = out};
    struct moth_err err;
    enum moth_store_result result = moth_store_put(out, finding, &files, &err);
    if (result == MOTH_STORE_FAILED)
        print_error("%s\n", err.message);
    moth_finding_free(finding);
    free(png);
    free(trace);
    return result;
}

static struct moth_finding *load(const char *out)
{
    struct moth_finding *finding = make_finding(0, 0, "");
    char *folder = moth_store_folder(out, finding->fingerprint);
    moth_finding_free(finding);
    finding = moth_finding_load(folder, NULL);
    free(folder);
    assert_non_null(finding);
    return finding;
}

static void assert_kept(const char *out, uint32_t frame, uint32_t times_seen)
{
    struct moth_finding *finding = load(out);
    assert_int_equal(finding->frame, frame);
    assert_int_equal(finding->times_seen, times_seen);
    char *path = moth_fs_path("%s/%s", out, finding->trace);
    char *text = moth_fs_read(path, 100, &(size_t){0}, NULL);
    char expected[32];
    snprintf(expected, sizeof expected, "trace of %u", frame);
    assert_string_equal(text, expected);
    char *picture = moth_fs_path("%s/findings/%s/a.png", out, finding->fingerprint);
    assert_int_equal(access(picture, F_OK), 0);
    free(picture);
    free(text);
    free(path);
    moth_finding_free(finding);
}

static void the_better_sighting_is_kept(void **state)
{
    (void)state;
    char *out = test_scratch();
    assert_int_equal(put(out, 200, 5, "r"), MOTH_STORE_NEW);
    assert_kept(out, 200, 1);
    assert_int_equal(put(out, 300, 5, "r"), MOTH_STORE_SEEN);
    assert_kept(out, 200, 2);
    assert_int_equal(put(out, 100, 9, "r"), MOTH_STORE_SHORTER);
    assert_kept(out, 100, 3);
    assert_int_equal(put(out, 100, 8, "r"), MOTH_STORE_SHORTER);
    assert_int_equal(put(out, 100, 9, "r"), MOTH_STORE_SEEN);
    assert_kept(out, 100, 5);
    test_scratch_remove(out);
}

/* The game may have changed since: an old trace, however short, may say nothing any more. */
static void write_in(const char *folder, const char *name, const char *text)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    assert_int_equal(moth_fs_write_atomic(path, text, strlen(text), NULL), 0);
    free(path);
}

static void assert_minimized(const char *folder, uint32_t inputs, const char *text)
{
    struct moth_finding *finding = moth_finding_load(folder, NULL);
    char *path = moth_fs_path("%s/minimized.moth", folder);
    size_t size;
    char *found = moth_fs_read(path, 100, &size, NULL);
    assert_non_null(finding);
    assert_int_equal(finding->inputs_minimized, inputs);
    assert_int_equal(finding->trace_minimized != NULL, text != NULL);
    assert_int_equal(found != NULL, text != NULL);
    if (text)
        assert_string_equal(found, text);
    free(found);
    free(path);
    moth_finding_free(finding);
}

/* What the inputs were shrunk to stays when a better sighting comes, and goes with the run. */
static void the_short_form_stays_with_the_run(void **state)
{
    (void)state;
    char *out = test_scratch(), *work = test_scratch();
    struct moth_finding *finding = make_finding(1, 1, "r");
    char *folder = moth_store_folder(out, finding->fingerprint);
    write_in(work, "minimized.moth", "short");
    assert_int_equal(put(out, 200, 5, "r"), MOTH_STORE_NEW);
    assert_int_equal(moth_store_minimized(out, finding->fingerprint, 3, work, NULL), -1); /* no script */
    write_in(work, "repro.lua", "return");
    assert_int_equal(moth_store_minimized(out, finding->fingerprint, 3, work, NULL), 0);
    assert_minimized(folder, 3, "short");
    assert_int_equal(put(out, 300, 5, "r"), MOTH_STORE_SEEN);
    assert_minimized(folder, 3, "short");
    assert_int_equal(put(out, 100, 5, "r"), MOTH_STORE_SHORTER);
    assert_minimized(folder, 3, "short");
    write_in(work, "minimized.moth", "shorter");
    assert_int_equal(moth_store_minimized(out, finding->fingerprint, 0, work, NULL), 0);
    assert_minimized(folder, 0, "shorter");
    assert_int_equal(put(out, 400, 5, "another run"), MOTH_STORE_NEW);
    assert_minimized(folder, 0, NULL);
    moth_finding_free(finding);
    free(folder);
    test_scratch_remove(work);
    test_scratch_remove(out);
}

static void another_runs_sighting_is_replaced(void **state)
{
    (void)state;
    char *out = test_scratch();
    assert_int_equal(put(out, 100, 5, "old"), MOTH_STORE_NEW);
    assert_int_equal(put(out, 400, 5, "now"), MOTH_STORE_NEW);
    assert_kept(out, 400, 2);
    test_scratch_remove(out);
}

static void a_damaged_folder_is_replaced(void **state)
{
    (void)state;
    char *out = test_scratch();
    assert_int_equal(put(out, 100, 5, "r"), MOTH_STORE_NEW);
    struct moth_finding *finding = load(out);
    char *path = moth_fs_path("%s/findings/%s/finding.json", out, finding->fingerprint);
    assert_int_equal(moth_fs_write_atomic(path, "{", 1, NULL), 0);
    assert_int_equal(put(out, 300, 5, "r"), MOTH_STORE_NEW);
    assert_kept(out, 300, 1);
    free(path);
    moth_finding_free(finding);
    test_scratch_remove(out);
}

static void replays_are_noted_for_their_trace_only(void **state)
{
    (void)state;
    char *out = test_scratch();
    struct moth_finding_attempt ended[5] = {{.frame = 100}, {.frame = 100}, {.frame = 100}, {.frame = 100}};
    ended[4] = (struct moth_finding_attempt){.outcome = MOTH_OUTCOME_OTHER,
                                     .frame = 90,
                                     .diverged = true,
                                     .diverged_frame = 60,
                                     .fingerprint = "1-exit-0123456789abcdef",
                                     .title = "exit with status 3"};
    assert_int_equal(put(out, 100, 5, "r"), MOTH_STORE_NEW);
    struct moth_finding *finding = load(out);
    assert_int_equal(moth_store_reproduced(out, finding->fingerprint, 5, 100, ended, 5, NULL), 0);
    assert_int_equal(moth_store_reproduced(out, finding->fingerprint, 6, 100, ended, 1, NULL), 0);
    moth_finding_free(finding);
    finding = load(out);
    assert_int_equal(finding->reproduced, 4);
    assert_int_equal(finding->attempts, 5);
    assert_int_equal(finding->n_tries, 5);
    assert_int_equal(finding->tries[0].outcome, MOTH_OUTCOME_MET);
    assert_int_equal(finding->tries[0].frame, 100);
    assert_false(finding->tries[0].diverged);
    assert_int_equal(finding->tries[4].outcome, MOTH_OUTCOME_OTHER);
    assert_int_equal(finding->tries[4].diverged_frame, 60);
    assert_string_equal(finding->tries[4].fingerprint, "1-exit-0123456789abcdef");
    assert_string_equal(finding->tries[4].title, "exit with status 3");
    moth_finding_free(finding);
    test_scratch_remove(out);
}

static void half_made_folders_are_cleaned(void **state)
{
    (void)state;
    char *out = test_scratch();
    assert_int_equal(put(out, 100, 5, "r"), MOTH_STORE_NEW);
    char *half = moth_fs_path("%s/findings/.half-1-crash-0", out);
    assert_int_equal(moth_fs_make_dirs(half, NULL), 0);
    moth_store_clean(out);
    assert_int_equal(access(half, F_OK), -1);
    assert_kept(out, 100, 1);
    free(half);
    test_scratch_remove(out);
}

static void an_unwritable_folder_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    char *out = test_scratch();
    char *findings = moth_fs_path("%s/findings", out);
    assert_int_equal(moth_fs_write_atomic(findings, "a file", 6, NULL), 0);
    struct moth_finding *finding = make_finding(1, 1, "r");
    struct moth_store_files files = {0};
    struct moth_err err = {0};
    assert_int_equal(moth_store_put(out, finding, &files, &err), MOTH_STORE_FAILED);
    assert_int_equal(err.code, MOTH_ERR_IO);
    moth_finding_free(finding);
    free(findings);
    test_scratch_remove(out);
}

/* Killed at any moment while it stores, a process leaves a whole folder or none. */
static void a_killed_writer_leaves_whole_folders(void **state)
{
    (void)state;
    char *out = test_scratch();
    for (long round = 0; round < 40; round++) {
        int started[2];
        assert_int_equal(pipe(started), 0);
        pid_t writer = fork();
        if (writer == 0) {
            (void)!write(started[1], "!", 1);
            for (uint32_t frame = 100000; frame > 1; frame--)
                put(out, frame, 1, frame % 3 ? "r" : "s");
            _exit(0);
        }
        char byte;
        assert_int_equal(read(started[0], &byte, 1), 1);
        for (volatile long spin = 0; spin < round * 20011; spin++)
            continue;
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        close(started[0]);
        close(started[1]);
        struct moth_finding *any = make_finding(0, 0, "");
        char *folder = moth_store_folder(out, any->fingerprint);
        moth_finding_free(any);
        if (access(folder, F_OK) == 0) {
            struct moth_finding *finding = load(out);
            assert_kept(out, finding->frame, finding->times_seen);
            moth_finding_free(finding);
        }
        free(folder);
    }
    test_scratch_remove(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_survives_the_disk),
        cmocka_unit_test(what_is_no_finding_is_an_error),
        cmocka_unit_test(the_better_sighting_is_kept),
        cmocka_unit_test(the_short_form_stays_with_the_run),
        cmocka_unit_test(another_runs_sighting_is_replaced),
        cmocka_unit_test(a_damaged_folder_is_replaced),
        cmocka_unit_test(replays_are_noted_for_their_trace_only),
        cmocka_unit_test(half_made_folders_are_cleaned),
        cmocka_unit_test(an_unwritable_folder_is_an_error_and_leaves_nothing),
        cmocka_unit_test(a_killed_writer_leaves_whole_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
