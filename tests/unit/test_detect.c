/* SPDX-License-Identifier: MIT
 *
 * Detectors: what a death or a sanitizer's report becomes. A failure means that a bug is called by the
 * wrong name, or that something that is no bug is called one.
 */
#include "test.h"

#include <signal.h>

#include "detect/detect.h"
#include "detect/detectors.h"

static struct moth_frame frames[] = {
    {.symbol = "raise", .module = "libc.so.6", .symbol_offset = 1},
    {.symbol = "player_move", .file = "/src/game.c", .line = 42, .module = "game"},
    {.symbol = "main", .file = "/src/game.c", .line = 99, .module = "game"},
};
static struct moth_frame other_frames[] = {
    {.symbol = "pthread_mutex_lock", .module = "libmoth_probe.so"},
    {.symbol = "save_game", .file = "/src/save.c", .line = 7, .module = "game"},
};

static struct moth_finding *judge(struct moth_death death, const struct moth_channel *channel,
                                  const char *log)
{
    struct moth_fiber_stack fibers[] = {
        {.fiber = 0, .owner = -1, .frames = frames, .n_frames = COUNT(frames)}};
    struct moth_stacks stacks = {.fibers = fibers, .n_fibers = 1};
    if (!death.unwound)
        death.unwound = &stacks;
    struct moth_evidence evidence = {.death = &death, .channel = channel, .log = log};
    return moth_detect(&evidence);
}

static void assert_finding(struct moth_finding *finding, enum moth_finding_kind kind, const char *title)
{
    assert_non_null(finding);
    assert_string_equal(finding->title, title);
    assert_int_equal(finding->kind, kind);
    moth_finding_free(finding);
}

static void what_is_no_finding(void **state)
{
    (void)state;
    assert_null(judge((struct moth_death){.how = MOTH_STEP_OK}, NULL, "hello"));
    assert_null(judge((struct moth_death){.how = MOTH_STEP_EXIT, .exit_status = 0}, NULL, NULL));
    assert_null(judge((struct moth_death){.how = MOTH_STEP_KILLED}, NULL, NULL));
    assert_null(judge((struct moth_death){.how = MOTH_STEP_FAULT}, NULL, NULL));
    assert_null(
        judge((struct moth_death){.how = MOTH_STEP_OK}, NULL, "script: runtime error: no such thing"));
    assert_null(judge((struct moth_death){.how = MOTH_STEP_OK}, NULL, "3:4: runtime error: x"));
}

static void deaths_have_titles(void **state)
{
    (void)state;
    struct moth_channel *channel = aligned_alloc(_Alignof(struct moth_channel), sizeof *channel);
    assert_non_null(channel);
    memset(&channel->crash, 0, sizeof channel->crash);
    channel->crash.address = 0x18;
    struct moth_death crash = {.how = MOTH_STEP_CRASH, .signal = SIGSEGV};
    assert_finding(judge(crash, channel, NULL), MOTH_FINDING_CRASH,
                   "SIGSEGV at address 0x18 in player_move (game.c:42)");
    channel->crash.stack_overflow = 1;
    assert_finding(judge(crash, channel, NULL), MOTH_FINDING_CRASH,
                   "stack overflow in player_move (game.c:42)");
    free(channel);
    crash.signal = SIGABRT;
    assert_finding(judge(crash, NULL, NULL), MOTH_FINDING_CRASH, "SIGABRT in player_move (game.c:42)");
    strcpy(crash.detail, "free(): invalid pointer\n");
    assert_finding(judge(crash, NULL, NULL), MOTH_FINDING_CRASH,
                   "SIGABRT in player_move (game.c:42): free(): invalid pointer");
    strcpy(crash.detail, "game: game.c:42: player_move: Assertion `x > 0' failed.\n");
    assert_finding(judge(crash, NULL, NULL), MOTH_FINDING_CRASH,
                   "assertion failed in player_move (game.c:42): x > 0");
    crash.signal = 200;
    crash.detail[0] = '\0';
    assert_finding(judge(crash, NULL, NULL), MOTH_FINDING_CRASH, "signal 200 in player_move (game.c:42)");
    struct moth_death hang = {.how = MOTH_STEP_HANG, .detail = "no frame for 5000 ms of CPU time"};
    assert_finding(judge(hang, NULL, NULL), MOTH_FINDING_HANG,
                   "hang in player_move (game.c:42): no frame for 5000 ms of CPU time");
    struct moth_death memory = {.how = MOTH_STEP_MEMORY, .detail = "more than 300 MB"};
    assert_finding(judge(memory, NULL, NULL), MOTH_FINDING_LEAK, "over the memory limit: more than 300 MB");
    struct moth_death left = {.how = MOTH_STEP_EXIT, .exit_status = 3};
    assert_finding(judge(left, NULL, NULL), MOTH_FINDING_EXIT,
                   "exit with status 3 in player_move (game.c:42)");
}

static void an_exit_says_which_assertion_ended_in_it(void **state)
{
    (void)state;
    struct moth_death left = {.how = MOTH_STEP_EXIT, .exit_status = 42};
    static const char sdl[] = "hello\nWARN: \n\nAssertion failure at sa (/src/x.c:12), triggered 1 time:\n  'x > 0'\n\n"
                              "Abort/Break/Retry/Ignore/AlwaysIgnore? [abriA] : \n\nSDL assertion report.\n"
                              "All SDL assertions between last init/reset:\n\n  'x > 0'\n    * sa (/src/x.c:12)\n";
    struct moth_finding *finding = judge(left, NULL, sdl);
    assert_non_null(finding);
    assert_string_equal(finding->detail, "Assertion failure at sa (/src/x.c:12): 'x > 0'");
    assert_finding(finding, MOTH_FINDING_EXIT, "exit with status 42 in player_move (game.c:42): Assertion failure at sa (/src/x.c:12): 'x > 0'");
    left.exit_status = 3;
    assert_finding(judge(left, NULL, "Assertion failed: hp > 0 at hp.c:7\n"), MOTH_FINDING_EXIT,
                   "exit with status 3 in player_move (game.c:42): Assertion failed: hp > 0 at hp.c:7");
    assert_finding(judge(left, NULL, "cannot open level 3\n"), MOTH_FINDING_EXIT, "exit with status 3 in player_move (game.c:42)");
    char stale[200] = "Assertion failed: hp > 0 at hp.c:7\n"; /* that the game survived long ago */
    for (int i = 0; i < 30; i++)
        strcat(stale, "on\n");
    assert_finding(judge(left, NULL, stale), MOTH_FINDING_EXIT, "exit with status 3 in player_move (game.c:42)");
}

static void a_deadlocks_stack_is_its_cycle(void **state)
{
    (void)state;
    /* worker closed the circle; audio waits for nobody in particular */
    struct moth_fiber_stack fibers[] = {
        {.fiber = 3,
         .owner = 0,
         .wait = MOTH_WAIT_MUTEX,
         .frames = other_frames,
         .n_frames = COUNT(other_frames)},
        {.fiber = 0, .owner = 3, .wait = MOTH_WAIT_MUTEX, .frames = frames, .n_frames = COUNT(frames)},
        {.fiber = 2, .owner = -1, .wait = MOTH_WAIT_COND, .frames = frames, .n_frames = 1},
    };
    struct moth_stacks stacks = {.fibers = fibers, .n_fibers = 3};
    struct moth_death death = {
        .how = MOTH_STEP_DEADLOCK, .unwound = &stacks, .detail = "main waits for worker"};
    struct moth_finding *finding = judge(death, NULL, NULL);
    assert_int_equal(finding->n_stack, 3);
    assert_string_equal(finding->stack[0], "player_move game.c:42 (game)");
    assert_string_equal(finding->stack[1], "main game.c:99 (game)");
    assert_string_equal(finding->stack[2], "save_game save.c:7 (game)");
    assert_finding(finding, MOTH_FINDING_DEADLOCK, "deadlock: main waits for worker");
}

static void a_deadlock_without_owners_has_mains_stack(void **state)
{
    (void)state;
    struct moth_fiber_stack fibers[] = {
        {.fiber = 1, .owner = 7, .wait = MOTH_WAIT_COND, .frames = other_frames, .n_frames = 1},
        {.fiber = 0, .owner = -1, .wait = MOTH_WAIT_COND, .frames = frames, .n_frames = COUNT(frames)},
    };
    struct moth_stacks stacks = {.fibers = fibers, .n_fibers = 2};
    struct moth_finding *finding =
        judge((struct moth_death){.how = MOTH_STEP_DEADLOCK, .unwound = &stacks}, NULL, NULL);
    assert_int_equal(finding->n_stack, 3);
    assert_finding(finding, MOTH_FINDING_DEADLOCK, "deadlock: every thread waits");
}

static void a_death_without_stacks_is_found_too(void **state)
{
    (void)state;
    struct moth_stacks none = {0};
    struct moth_death crash = {.how = MOTH_STEP_CRASH, .signal = SIGSEGV, .unwound = &none};
    assert_finding(judge(crash, NULL, NULL), MOTH_FINDING_CRASH, "SIGSEGV");
}

/* ---- sanitizers ---- */

static const char asan[] =
    "some output of the game\n"
    "=================================================================\n"
    "==4242==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x55 bp 0x7f sp "
    "0x7e\n"
    "READ of size 4 at 0x602000000010 thread T0\n"
    "    #0 0x7f0a1b2c3d4e in memcpy (/usr/lib/libasan.so.8+0x39d4e)\n"
    "    #1 0x555555555189 in Player::hit(int, char const*) /home/dev/src/player.cpp:42:7\n"
    "    #2 0x555555555200 in main src/game.c:10\n"
    "    #3 0x555555555300 in helper (/usr/games/game+0x1300) (BuildId: 0123)\n"
    "    #4 0x7f0a1b000000  (/usr/lib/libgame.so+0x1000)\n"
    "\n"
    "0x602000000010 is located 0 bytes inside of 4-byte region\n"
    "freed by thread T0 here:\n"
    "    #0 0x7f0a1b2c3d4e in free (/usr/lib/libasan.so.8+0x39d4e)\n"
    "SUMMARY: AddressSanitizer: heap-use-after-free /home/dev/src/player.cpp:42:7 in Player::hit\n";

static void address_sanitizer(void **state)
{
    (void)state;
    struct moth_death death = {
        .how = MOTH_STEP_CRASH, .signal = SIGABRT, .sanitizer = (char *)(uintptr_t)asan};
    struct moth_finding *finding = judge(death, NULL, NULL);
    assert_non_null(finding);
    static const char *const expected[] = {"memcpy (libasan.so.8)",
                                           "Player::hit(int, char const*) player.cpp:42", "main game.c:10",
                                           "helper (game)", "libgame.so+0x1000"};
    assert_int_equal(finding->n_stack, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(finding->stack[i], expected[i]);
    assert_int_equal(strncmp(finding->detail, "==4242==ERROR", 13), 0);
    assert_finding(finding, MOTH_FINDING_SANITIZER,
                   "AddressSanitizer: heap-use-after-free in Player::hit(int, char const*) (player.cpp:42)");
    /* Also when it is only in the log, and the game left by itself. */
    death = (struct moth_death){.how = MOTH_STEP_EXIT, .exit_status = 1};
    assert_finding(judge(death, NULL, asan), MOTH_FINDING_SANITIZER,
                   "AddressSanitizer: heap-use-after-free in Player::hit(int, char const*) (player.cpp:42)");
}

static void undefined_behaviour_sanitizer(void **state)
{
    (void)state;
    static const char bare[] =
        "/src/game.c:12:3: runtime error: signed integer overflow: 1 + 2147483647 cannot be\n";
    struct moth_stacks none = {0};
    struct moth_death death = {.how = MOTH_STEP_OK, .unwound = &none};
    assert_finding(
        judge(death, NULL, bare), MOTH_FINDING_SANITIZER,
        "UndefinedBehaviorSanitizer: signed integer overflow: 1 + 2147483647 cannot be at game.c:12:3");
    static const char with_stack[] =
        "game.c:12:3: runtime error: division by zero\n"
        "    #0 0x55 in share /src/game.c:12:3\n    #1 0x56 in main /src/game.c:20:1\n";
    assert_finding(judge(death, NULL, with_stack), MOTH_FINDING_SANITIZER,
                   "UndefinedBehaviorSanitizer: division by zero in share (game.c:12)");
}

static void leak_and_thread_sanitizer(void **state)
{
    (void)state;
    static const char leak[] = "==7==ERROR: LeakSanitizer: detected memory leaks\n\n"
                               "Direct leak of 7 byte(s) in 1 object(s) allocated from:\n"
                               "    #0 0x7f in __interceptor_malloc ../asan_malloc_linux.cpp:69\n"
                               "    #1 0x55 in make_enemy /src/game.c:12\n";
    struct moth_death death = {.how = MOTH_STEP_EXIT, .exit_status = 23};
    assert_finding(judge(death, NULL, leak), MOTH_FINDING_SANITIZER,
                   "LeakSanitizer: detected memory leaks in make_enemy (game.c:12)");
    static const char race[] = "WARNING: ThreadSanitizer: data race (pid=12)\n"
                               "  Write of size 4 at 0x55 by thread T1:\n"
                               "    #0 worker /src/game.c:31:5 (game+0x1234)\n"
                               "    #1 <null> <null> (libtsan.so.0+0x1)\n";
    assert_finding(judge(death, NULL, race), MOTH_FINDING_SANITIZER,
                   "ThreadSanitizer: data race in worker (game.c:31)");
}

/* Whatever bytes, cut anywhere: no report, or one that holds together. */
static void cut_and_broken_reports_do_no_harm(void **state)
{
    (void)state;
    char text[sizeof asan];
    for (size_t length = 0; length < sizeof asan; length++) {
        memcpy(text, asan, length);
        text[length] = '\0';
        struct moth_sanitizer_report report;
        if (moth_sanitizer_parse(text, &report)) {
            assert_non_null(report.title);
            assert_non_null(report.text);
            moth_sanitizer_report_fini(&report);
        }
    }
    uint64_t random = 3;
    for (int round = 0; round < 2000; round++) {
        memcpy(text, asan, sizeof text);
        for (int i = 0; i < 6; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            text[(random >> 33) % (sizeof text - 1)] = "\n #(:/ x0)\xff"[(random >> 20) % 11];
        }
        struct moth_sanitizer_report report;
        if (moth_sanitizer_parse(text, &report))
            moth_sanitizer_report_fini(&report);
    }
}

static void each_detector_is_listed(void **state)
{
    (void)state;
    assert_int_equal(moth_detectors_n, 9);
    for (size_t i = 0; i < moth_detectors_n; i++) {
        assert_true(moth_finding_kind_from_name(moth_detectors[i].name) >= 0);
        assert_true(strlen(moth_detectors[i].summary) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_finding),
        cmocka_unit_test(deaths_have_titles),
        cmocka_unit_test(an_exit_says_which_assertion_ended_in_it),
        cmocka_unit_test(a_deadlocks_stack_is_its_cycle),
        cmocka_unit_test(a_deadlock_without_owners_has_mains_stack),
        cmocka_unit_test(a_death_without_stacks_is_found_too),
        cmocka_unit_test(address_sanitizer),
        cmocka_unit_test(undefined_behaviour_sanitizer),
        cmocka_unit_test(leak_and_thread_sanitizer),
        cmocka_unit_test(cut_and_broken_reports_do_no_harm),
        cmocka_unit_test(each_detector_is_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
