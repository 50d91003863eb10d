/* SPDX-License-Identifier: MIT
 *
 * What makes two findings one. A failure means that one bug is reported as many, or many as one.
 */
#include "test.h"

#include <stdbool.h>

#include "detect/frames.h"
#include "detect/names.h"
#include "findings/finding.h"

#define STACK_MAX 64u

struct sighting {
    enum moth_finding_kind kind;
    const char *title, *detail;
    bool scripted;
    const char *stack[STACK_MAX];
};

static void fingerprint_of(const struct sighting *sighting, char text[40])
{
    struct moth_finding finding = {.kind = sighting->kind,
                                   .title = (char *)(uintptr_t)sighting->title,
                                   .detail = (char *)(uintptr_t)sighting->detail,
                                   .scripted = sighting->scripted,
                                   .stack = (char **)(uintptr_t)sighting->stack};
    while (finding.n_stack < STACK_MAX && sighting->stack[finding.n_stack])
        finding.n_stack++;
    moth_finding_fingerprint(&finding);
    memcpy(text, finding.fingerprint, 40);
}

static void assert_same(const struct sighting *a, const struct sighting *b, bool same)
{
    char left[40], right[40];
    fingerprint_of(a, left);
    fingerprint_of(b, right);
    if ((strcmp(left, right) == 0) != same)
        fail_msg("%s and %s: %s expected", left, right, same ? "the same" : "different");
}

static const struct sighting base = {MOTH_FINDING_CRASH,
                                     "SIGSEGV at address 0x0 in player_move (game.c:42)",
                                     NULL,
                                     false,
                                     {"player_move game.c:42 (game)", "update game.c:80 (game)",
                                      "main game.c:99 (game)", "__libc_start_call_main+0x7a (libc.so.6)"}};

static void has_version_kind_and_hash(void **state)
{
    (void)state;
    char text[40];
    fingerprint_of(&base, text);
    assert_int_equal(strlen(text), strlen("2-crash-0123456789abcdef"));
    assert_int_equal(strncmp(text, "2-crash-", 8), 0);
    assert_int_equal(strspn(text + 8, "0123456789abcdef"), 16);
    /* Fingerprints outlive versions of moth: baselines name them. A change here needs a new version. */
    assert_string_equal(text, "2-crash-d2348689ca7cc4c1");
}

static void lines_addresses_and_modules_do_not_count(void **state)
{
    (void)state;
    struct sighting moved = base;
    moved.title = "SIGSEGV at address 0x18 in player_move (game.c:57)";
    moved.stack[0] = "player_move+0x1f (game)";
    moved.stack[1] = "update other.c:1 (game.bin)";
    assert_same(&base, &moved, true);
}

static void kind_and_functions_count(void **state)
{
    (void)state;
    struct sighting other = base;
    other.kind = MOTH_FINDING_HANG;
    assert_same(&base, &other, false);
    for (size_t i = 0; i < 3; i++) {
        other = base;
        other.stack[i] = "something_else game.c:42 (game)";
        assert_same(&base, &other, false);
    }
}

static void only_three_frames_count(void **state)
{
    (void)state;
    struct sighting deep = base;
    deep.stack[3] = "outer game.c:7 (game)";
    assert_same(&base, &deep, true);
}

static void machinery_does_not_count(void **state)
{
    (void)state;
    static const struct sighting aborted = {
        MOTH_FINDING_CRASH,
        "SIGABRT",
        NULL,
        false,
        {"__pthread_kill_implementation+0x11c (libc.so.6)", "raise ../sysdeps/posix/raise.c:26 (libc.so.6)",
         "abort+0xd3 (libc.so.6)", "SDL_Quit_REAL+0x2 (libSDL2-2.0.so.0)",
         "libSDL2-2.0.so.0+0x1234 (build 0123)", "switch_to fiber.c:20 (libmoth_probe.so)",
         "__asan_report_error+0x1 (game)", "std::terminate()+0x5 (game)",
         "operator new(unsigned long)+0x2 (game)", "SDL_PollEvent+0x2 (game)", "player_move game.c:42 (game)",
         "SDL_Delay+0x4 (libSDL2-2.0.so.0)", "update game.c:80 (game)", "main game.c:99 (game)"}};
    assert_same(&base, &aborted, true);
}

static void the_games_own_sdl_main_counts(void **state)
{
    (void)state;
    struct sighting a = base, b = base;
    a.stack[2] = "SDL_main game.c:99 (game)";
    b.stack[2] = "SDL_Delay game.c:99 (game)";
    assert_same(&a, &b, false);
}

static void compilers_suffixes_and_arguments_do_not_count(void **state)
{
    (void)state;
    static const struct sighting plain = {MOTH_FINDING_CRASH,
                                          "x",
                                          NULL,
                                          false,
                                          {"Player::move(int, float) p.cpp:1 (game)", "run_all g.c:2 (game)",
                                           "List<int>::add(int const&) l.h:3 (game)"}};
    static const struct sighting decorated = {MOTH_FINDING_CRASH,
                                              "y",
                                              NULL,
                                              false,
                                              {"Player::move(long, double) [clone .isra.0]+0x10 (game)",
                                               "run_all.constprop.0+0x3 (game)",
                                               "List<std::vector<char> >::add(char const&)+0x8 (game)"}};
    assert_same(&plain, &decorated, true);
}

static void numbers_of_lambdas_and_hashes_do_not_count(void **state)
{
    (void)state;
    static const struct sighting first = {MOTH_FINDING_CRASH,
                                          "x",
                                          NULL,
                                          false,
                                          {"main::{lambda(int)#1}::operator()(int) const a.cpp:1 (game)",
                                           "game::step::h0123456789abcdef s.rs:1 (game)",
                                           "(anonymous namespace)::helper()::$_0 h.cpp:3 (game)"}};
    static const struct sighting second = {MOTH_FINDING_CRASH,
                                           "x",
                                           NULL,
                                           false,
                                           {"main::{lambda(int)#2}::operator()(int) const a.cpp:1 (game)",
                                            "game::step::hfedcba9876543210 s.rs:1 (game)",
                                            "(anonymous namespace)::helper()::$_7 h.cpp:3 (game)"}};
    assert_same(&first, &second, true);
}

static void operators_are_told_apart(void **state)
{
    (void)state;
    struct sighting call = base, less = base, shift = base;
    call.stack[0] = "Order::operator()(int) o.cpp:1 (game)";
    less.stack[0] = "Order::operator<(Order const&) o.cpp:1 (game)";
    shift.stack[0] = "Order::operator<<(int) o.cpp:1 (game)";
    assert_same(&call, &less, false);
    assert_same(&less, &shift, false);
}

static void asserts_through_one_handler_are_two(void **state)
{
    (void)state;
    static const struct sighting first = {MOTH_FINDING_CRASH,
                                          "SIGABRT",
                                          NULL,
                                          false,
                                          {"abort+0xd3 (libc.so.6)", "my_assert_fail util.c:9 (game)",
                                           "open_door door.c:5 (game)", "update game.c:1 (game)",
                                           "main game.c:9 (game)"}};
    struct sighting second = first;
    second.stack[2] = "close_door door.c:15 (game)";
    assert_same(&first, &second, false);
    /* … also when only its caller's callers differ beyond the handler. */
    second = first;
    second.stack[4] = "editor game.c:9 (game)";
    assert_same(&first, &second, false);
}

static void deep_handlers_do_not_count_towards_the_three(void **state)
{
    (void)state;
    static const struct sighting first = {MOTH_FINDING_CRASH,
                                          "SIGABRT",
                                          NULL,
                                          false,
                                          {"abort+0xd3 (libc.so.6)", "Sys_Error sys.c:9 (game)", "CheckFailed sys.c:5 (game)",
                                           "bail_out sys.c:1 (game)", "open_door door.c:5 (game)", "main game.c:9 (game)"}};
    struct sighting second = first;
    second.stack[4] = "close_door door.c:15 (game)";
    assert_same(&first, &second, false);
}

static void names_like_a_handlers_do_not_hide_a_crash(void **state)
{
    (void)state;
    static const struct sighting inside = {
        MOTH_FINDING_CRASH,
        "SIGSEGV",
        NULL,
        false,
        {"fatal_blow fight.c:5 (game)", "attack fight.c:9 (game)", "update game.c:1 (game)", "main game.c:9 (game)"}};
    static const struct sighting outside = {
        MOTH_FINDING_CRASH,
        "SIGSEGV",
        NULL,
        false,
        {"attack fight.c:9 (game)", "update game.c:1 (game)", "main game.c:9 (game)"}};
    assert_same(&inside, &outside, false);
    assert_int_equal(moth_frames_first_own((char *const *)(uintptr_t)inside.stack, 4), 0);
}

static void own_assertions_are_told_apart_by_what_they_say(void **state)
{
    (void)state;
    struct sighting first = base, second = base, again = base, chatter = base;
    first.detail = "/home/a/game.c:42: check failed: hp >= 0";
    second.detail = "/home/a/game.c:43: check failed: gold >= 0";
    again.detail = "/build/7/src/game.c:52: check failed: hp >= 0";
    chatter.detail = "uncaught std::runtime_error: cannot load bob.png";
    assert_same(&first, &second, false);
    assert_same(&first, &again, true);
    assert_same(&base, &chatter, true);
}

static void sanitizers_errors_are_told_apart(void **state)
{
    (void)state;
    struct sighting freed = base, beyond = base, moved = base;
    freed.kind = beyond.kind = moved.kind = MOTH_FINDING_SANITIZER;
    freed.title = "AddressSanitizer: heap-use-after-free in player_move (game.c:42)";
    beyond.title = "AddressSanitizer: heap-buffer-overflow in player_move (game.c:42)";
    moved.title = "server: AddressSanitizer: heap-use-after-free in player_move (game.c:57)";
    assert_same(&freed, &beyond, false);
    assert_same(&freed, &moved, true);
    freed.title = "UndefinedBehaviorSanitizer: signed integer overflow: 2147483647 + 1 cannot be represented";
    moved.title = "UndefinedBehaviorSanitizer: signed integer overflow: 2147483600 + 90 cannot be represented";
    assert_same(&freed, &moved, true);
    /* Without a stack the line is all that is known of the place. */
    freed.stack[0] = moved.stack[0] = NULL;
    freed.title = "UndefinedBehaviorSanitizer: signed integer overflow: 5 + 1 at game.c:12:3";
    moved.title = "UndefinedBehaviorSanitizer: signed integer overflow: 6 + 2 at game.c:12:3";
    assert_same(&freed, &moved, true);
    moved.title = "UndefinedBehaviorSanitizer: signed integer overflow: 6 + 2 at game.c:15:3";
    assert_same(&freed, &moved, false);
}

static void names_are_plain(void **state)
{
    (void)state;
    static const struct {
        const char *name, *plain;
    } names[] = {
        {"player_move", "player_move"},
        {"damage.constprop.0.isra.0", "damage"},
        {"update.cold", "update"},
        {"nested.0", "nested"},
        {"blend.avx2.0", "blend"},
        {"puts@plt", "puts"},
        {"void std::__sort<int*, Cmp>(int*, int*, Cmp)", "std::__sort"},
        {"std::vector<int, std::allocator<int> > world::load<int>(char const*)", "world::load"},
        {"unsigned long (anonymous namespace)::sum<3>(int (&) [3])", "(anonymous)::sum"},
        {"Foo::name[abi:cxx11]() const", "Foo::name"},
        {"Foo::bar() const::{lambda(int)#2}::operator()(int) const", "Foo::bar::{lambda#}::operator"},
        {"Foo::bar::{lambda()#1}::operator()", "Foo::bar::{lambda#}::operator"},
        {"Foo::bar() const::$_3::operator()(int) const", "Foo::bar::{lambda#}::operator"},
        {"Foo::operator bool() const", "Foo::operator bool"},
        {"Foo& Foo::operator=<int>(int)", "Foo::operator="},
        {"operator new(unsigned long)", "operator new"},
        {"non-virtual thunk to Foo::draw()", "Foo::draw"},
        {"decltype(auto) pick<int>(int)", "pick"},
        {"int (*choose(int))(void)", "int (*choose(int))(void)"},
        {"core::ptr::h0123456789abcdef", "core::ptr"},
        {"main.(*Game).Update", "main..Update"},
        {"", ""},
        {"<", "<"},
        {"operator", "operator"},
        {")", ")"},
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        char plain[512];
        moth_name_plain(names[i].name, plain, sizeof plain);
        assert_string_equal(plain, names[i].plain);
    }
}

static void handlers_are_known_by_name(void **state)
{
    (void)state;
    static const char *const handlers[] = {"my_assert_fail", "Sys_Error",    "I_Error", "die",      "game::Panic(char const*)",
                                           "onFailure",      "CheckFailed", "BUG",     "bail_out", "MyAssert"};
    static const char *const others[] = {"soldier_move", "update", "mirror", "terror_level", "dieselpunk", "failover", "debug_draw"};
    for (size_t i = 0; i < COUNT(handlers); i++) {
        if (!moth_name_is_handler(handlers[i]))
            fail_msg("%s is a handler", handlers[i]);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        if (moth_name_is_handler(others[i]))
            fail_msg("%s is no handler", others[i]);
    }
}

static void asserts_in_one_function_are_two(void **state)
{
    (void)state;
    struct sighting first = base, second = base, again = base;
    first.detail = "game: game.c:42: player_move: Assertion `x > 0' failed.";
    second.detail = "game: game.c:43: player_move: Assertion `y > 0' failed.";
    again.detail = "game: game.c:52: player_move: Assertion `x > 0' failed.";
    assert_same(&first, &second, false);
    assert_same(&first, &again, true);
}

static void a_handler_alone_is_better_than_nothing(void **state)
{
    (void)state;
    struct sighting one = {
        MOTH_FINDING_CRASH, "a", NULL, false, {"abort+0x1 (libc.so.6)", "fatal_error x.c:1 (game)"}};
    struct sighting two = {
        MOTH_FINDING_CRASH, "a", NULL, false, {"abort+0x1 (libc.so.6)", "panic x.c:1 (game)"}};
    assert_same(&one, &two, false);
}

static void depth_of_recursion_does_not_count(void **state)
{
    (void)state;
    struct sighting direct[2] = {{MOTH_FINDING_CRASH, "stack overflow", NULL, false, {NULL}},
                                 {MOTH_FINDING_CRASH, "stack overflow", NULL, false, {NULL}}};
    for (size_t i = 0; i < 40; i++) {
        direct[0].stack[i] = i % 2 ? "ping g.c:1 (game)" : "pong g.c:2 (game)";
        direct[1].stack[i] = i % 2 ? "pong g.c:2 (game)" : "ping g.c:1 (game)";
    }
    /* The one that overflowed had just called something else. */
    direct[1].stack[0] = "leaf g.c:3 (game)";
    assert_same(&direct[0], &direct[1], true);
    struct sighting other = direct[0];
    for (size_t i = 0; i < 40; i++)
        other.stack[i] = "other g.c:1 (game)";
    assert_same(&direct[0], &other, false);
}

static void without_symbols_module_and_offset_count(void **state)
{
    (void)state;
    struct sighting here = {MOTH_FINDING_CRASH,
                            "SIGSEGV",
                            NULL,
                            false,
                            {"game+0x1234 (build 0123456789ab)", "game+0x20 (build 0123456789ab)"}};
    struct sighting there = here, same = here;
    there.stack[0] = "game+0x1238 (build 0123456789ab)";
    same.title = "SIGBUS";
    assert_same(&here, &there, false);
    assert_same(&here, &same, true);
    there = here;
    there.stack[0] = "game+0x1234 (build ba9876543210)";
    assert_same(&here, &there, false);
}

static void without_a_stack_the_title_counts_but_not_its_numbers(void **state)
{
    (void)state;
    struct sighting first = {MOTH_FINDING_CRASH, "SIGSEGV at address 0x7f12", NULL, false, {NULL}};
    struct sighting second = {MOTH_FINDING_CRASH, "SIGSEGV at address 0xabc9", NULL, false, {NULL}};
    struct sighting third = {MOTH_FINDING_CRASH, "SIGBUS at address 0xabc9", NULL, false, {NULL}};
    assert_same(&first, &second, true);
    assert_same(&first, &third, false);
}

static void exits_are_told_apart_by_status(void **state)
{
    (void)state;
    struct sighting one = {MOTH_FINDING_EXIT, "exit with status 1", NULL, false, {NULL}};
    struct sighting two = {MOTH_FINDING_EXIT, "exit with status 2", NULL, false, {NULL}};
    assert_same(&one, &two, false);
}

static void exits_are_told_apart_by_assertion(void **state)
{
    (void)state;
    struct sighting plain = {MOTH_FINDING_EXIT, "exit with status 3", NULL, false, {NULL}}, one = plain;
    one.title = "exit with status 3: Assertion failed: hp > 0 at /a/hp.c:7";
    one.detail = "Assertion failed: hp > 0 at /a/hp.c:7";
    struct sighting rebuilt = one, two = one, other = one;
    rebuilt.title = "exit with status 3: Assertion failed: hp > 0 at /b/hp.c:9";
    rebuilt.detail = "Assertion failed: hp > 0 at /b/hp.c:9";
    two.title = "exit with status 3: Assertion failed: mana > 0 at /a/hp.c:8";
    two.detail = "Assertion failed: mana > 0 at /a/hp.c:8";
    other.title = "exit with status 4: Assertion failed: hp > 0 at /a/hp.c:7";
    assert_same(&one, &rebuilt, true);
    assert_same(&one, &two, false);
    assert_same(&one, &plain, false);
    assert_same(&one, &other, false);
    char text[40];
    fingerprint_of(&plain, text);
    assert_string_equal(text, "2-exit-f7924e26351cb00e"); /* baselines name it */
}

static void scripts_findings_are_told_apart_by_title(void **state)
{
    (void)state;
    struct sighting one = {MOTH_FINDING_INVARIANT, "hp is -3", NULL, true, {NULL}};
    struct sighting two = {MOTH_FINDING_INVARIANT, "hp is -7", NULL, true, {NULL}};
    struct sighting three = {MOTH_FINDING_INVARIANT, "mana is -7", NULL, true, {NULL}};
    assert_same(&one, &two, true);
    assert_same(&one, &three, false);
}

static void frames_are_taken_apart(void **state)
{
    (void)state;
    struct moth_frame_parts parts;
    moth_frame_parse("(anonymous namespace)::f(int, char (&) [3]) my file.cpp:12 (libgame (1).so)", &parts);
    assert_string_equal(parts.file, "file.cpp");
    assert_int_equal(parts.line, 12);
    moth_frame_parse("player_move+0x12 (game)", &parts);
    assert_string_equal(parts.function, "player_move");
    assert_string_equal(parts.module, "game");
    moth_frame_parse("game+0x12 (build 0123456789ab)", &parts);
    assert_string_equal(parts.function, "");
    assert_string_equal(parts.module, "game");
    assert_string_equal(parts.offset, "0x12");
    assert_string_equal(parts.build, "0123456789ab");
    moth_frame_parse("0x7f0012", &parts);
    assert_string_equal(parts.function, "");
    assert_string_equal(parts.module, "");
    static const char *const odd[] = {"",    ")",   "()",  " ()", "(build )", ":1",
                                      " :1", "+0x", "a:9", "(",   "a (",      "f x:99999999999999999999"};
    for (size_t i = 0; i < COUNT(odd); i++)
        moth_frame_parse(odd[i], &parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_version_kind_and_hash),
        cmocka_unit_test(lines_addresses_and_modules_do_not_count),
        cmocka_unit_test(kind_and_functions_count),
        cmocka_unit_test(only_three_frames_count),
        cmocka_unit_test(machinery_does_not_count),
        cmocka_unit_test(the_games_own_sdl_main_counts),
        cmocka_unit_test(compilers_suffixes_and_arguments_do_not_count),
        cmocka_unit_test(numbers_of_lambdas_and_hashes_do_not_count),
        cmocka_unit_test(operators_are_told_apart),
        cmocka_unit_test(asserts_through_one_handler_are_two),
        cmocka_unit_test(deep_handlers_do_not_count_towards_the_three),
        cmocka_unit_test(names_like_a_handlers_do_not_hide_a_crash),
        cmocka_unit_test(own_assertions_are_told_apart_by_what_they_say),
        cmocka_unit_test(sanitizers_errors_are_told_apart),
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(handlers_are_known_by_name),
        cmocka_unit_test(asserts_in_one_function_are_two),
        cmocka_unit_test(a_handler_alone_is_better_than_nothing),
        cmocka_unit_test(depth_of_recursion_does_not_count),
        cmocka_unit_test(without_symbols_module_and_offset_count),
        cmocka_unit_test(without_a_stack_the_title_counts_but_not_its_numbers),
        cmocka_unit_test(exits_are_told_apart_by_status),
        cmocka_unit_test(exits_are_told_apart_by_assertion),
        cmocka_unit_test(scripts_findings_are_told_apart_by_title),
        cmocka_unit_test(frames_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
