/* SPDX-License-Identifier: MIT
 *
 * What a script's calls do to a game, against a game that is not there.
 */
#include "lua_play.h"

#define PLAY(body) "return function(game, rng) " body " end"

static struct lua_play *fresh(void)
{
    struct lua_play *play = calloc(1, sizeof *play);
    assert_non_null(play);
    return play;
}

/* The log of a script that finishes. */
static void logs(const char *script, const char *log)
{
    struct lua_play *play = fresh();
    lua_play_well(play, script);
    assert_string_equal(play->log, log);
    free(play);
}

static void steps_are_split_and_counted(void **state)
{
    (void)state;
    logs(PLAY("game:step() game:step(3) print(game.frame) print(string.format('%.3f', game.time))"),
         "step 1\nstep 3\nprint 4\nprint 0.067\n");
    logs(PLAY("game:step(600)"), "step 256\nstep 256\nstep 88\n");
    logs(PLAY("print(game.frame, game.time, game.width, game.height) game:step() print(game.width, "
              "game.height)"),
         "print 0\t0.0\t0\t0\nstep 1\nprint 320\t200\n");
}

static void keys_wait_for_a_step(void **state)
{
    (void)state;
    logs(PLAY("game:press('a') game:press('Left Ctrl') game:step() game:release('a') game:step(2)"),
         "step 1 down:a down:left ctrl\nstep 2 up:a\nstep 1 up:left ctrl\n");
    logs(PLAY("game:tap('space')"), "step 1 down:space\nstep 1 up:space\n");
    logs(PLAY("game:tap('space', 5) game:step()"), "step 5 down:space\nstep 1 up:space\nstep 1\n");
    logs(PLAY("game:hold('up', 7) game:step()"), "step 7 down:up\nstep 1 up:up\n");
}

static void keys_cannot_be_pressed_twice(void **state)
{
    (void)state;
    logs(PLAY("game:press('a') game:press('a') game:release('b') game:step() game:release('a') "
              "game:release('a') "
              "game:step()"),
         "step 1 down:a\nstep 1 up:a\n");
}

static void what_is_held_is_let_go_at_the_end(void **state)
{
    (void)state;
    logs(PLAY("game:press('a') game:pad(2):press('start') game:pad(2):axis('leftx', -1) game:step()"),
         "step 1 down:a pad1 pad1_down:start pad1_axis:leftx=-32768\n"
         "step 1 up:a pad1_up:start pad1_axis:leftx=0\n");
    logs(PLAY("game:quit()"), "step 1 quit\n");
}

static void text_is_split_between_characters(void **state)
{
    (void)state;
    logs(PLAY("game:text('hello') game:text('')"), "step 1 text:hello\n");
    /* 31 bytes fit: fifteen two-byte letters and one of a byte, then the next */
    logs(PLAY("game:text(('ä'):rep(17))"), "step 1 text:äääääääääääääää text:ää\n");
    logs(PLAY("game:text('0123456789012345678901234567890' .. '€')"),
         "step 1 text:0123456789012345678901234567890 text:€\n");
    lua_play_fails(PLAY("game:text('ok\\xff')"), "game:text: s: byte 3 is not UTF-8 text");
    lua_play_fails(PLAY("game:text('a\\0b')"), "byte 2 is not UTF-8");
    lua_play_fails(PLAY("game:text('\\xc0\\x80')"), "byte 1 is not UTF-8");
    lua_play_fails(PLAY("game:text('\\xed\\xa0\\x80')"), "byte 1 is not UTF-8");
    lua_play_fails(PLAY("game:text('x\\xe2\\x82')"), "byte 2 is not UTF-8");
}

static void mouse_and_pads(void **state)
{
    (void)state;
    logs(PLAY("game:mouse_press() game:step() game:mouse_move(3, 4) game:mouse_release() game:step()"),
         "step 1 mouse_down:1\nstep 1 move:3,4 mouse_up:1\n");
    logs(PLAY("game:mouse_move(10, 20) game:wheel(0, -1) game:step() game:click(5, 6) game:click(1, 2, 3)"),
         "step 1 move:10,20 wheel:0,-1\nstep 1 move:5,6 mouse_down:1\nstep 1 mouse_up:1\n"
         "step 1 move:1,2 mouse_down:3\nstep 1 mouse_up:3\n");
    logs(PLAY("local p = game:pad(1) print(p == game:pad(1)) p:axis('righttrigger', 1) p:axis('lefty', 0.5) "
              "p:press('a') p:press('a') game:step() p:axis('righttrigger', 0) p:axis('lefty', 0) "
              "p:release('a')"),
         "print true\nstep 1 pad0 pad0_axis:righttrigger=32767 pad0_axis:lefty=16384 pad0_down:a\n"
         "step 1 pad0_axis:righttrigger=0 pad0_axis:lefty=0 pad0_up:a\n");
    struct lua_play *play = fresh();
    play->play.pads = 2;
    lua_play_well(play, PLAY("game:pad(2):press('b') game:step()"));
    assert_string_equal(play->log, "step 1 pad0 pad1 pad1_down:b\nstep 1 pad1_up:b\n");
    free(play);
}

static void too_many_inputs_are_an_error(void **state)
{
    (void)state;
    lua_play_fails(PLAY("while true do game:mouse_move(1, 1) end"), "more than 4096 inputs without a step");
}

static void looking(void **state)
{
    (void)state;
    logs(PLAY("game:step(5) print(game:picture()) print(game:screenshot('a-1.b_2'))"),
         "step 5\nprint 000000000000abc5\nscreenshot a-1.b_2\nprint true\n");
    struct lua_play *play = fresh();
    play->no_picture = true;
    lua_play_well(play, PLAY("print(game:picture()) print(game:screenshot('x'))"));
    assert_string_equal(play->log,
                        "print nil\tthe picture cannot be read\nprint nil\tthe picture cannot be read\n");
    free(play);
    lua_play_fails(PLAY("game:screenshot('../x')"), "game:screenshot: name: ");
    lua_play_fails(PLAY("game:screenshot('.x')"), "game:screenshot: name: ");
    lua_play_fails(PLAY("game:screenshot('a\\0b')"), "game:screenshot: name: ");
}

static void waiting_until(void **state)
{
    (void)state;
    logs(PLAY("print(game:wait_until(function(g) return g.frame == 3 end))"),
         "step 1\nstep 1\nstep 1\nprint true\n");
    logs(PLAY("print(game:wait_until(function() return false end, {timeout=2}))"),
         "step 1\nstep 1\nprint nil\ttimeout\n");
    logs(PLAY("print(game:wait_until(function() return 0 end, {timeout=2}))"), "print true\n");
    lua_play_fails(PLAY("game:wait_until(function() error('inner') end)"), "inner");
    lua_play_fails(PLAY("game:wait_until(1)"), "game:wait_until: fn: must be a function, not number");
    lua_play_fails(PLAY("game:wait_until(print, {timout=3})"), "knows only 'timeout', not 'timout'");
    lua_play_fails(PLAY("game:wait_until(print, {timeout=0})"), "game:wait_until: options.timeout: must be");
    lua_play_fails(PLAY("game:wait_until(print, {timeout='x'})"),
                   "game:wait_until: options.timeout: must be");
}

static void judging(void **state)
{
    (void)state;
    logs(PLAY("for i = 1, 3 do game:step() print(game:expect(i < 2, 'low')) end game:expect(nil, 'none') "
              "game:expect(0, 'zero is true') game:report('softlock', 'stuck') game:report('softlock', "
              "'stuck') "
              "game:report('spike', 'stuck') game:mark('here') game:waiting(true)"),
         "step 1\nprint true\nstep 1\nfinding 5 2 low\nprint false\nstep 1\nprint false\nfinding 5 3 none\n"
         "finding 3 3 stuck\nfinding 4 3 stuck\nmark 3 here\nwaiting 3 1\n");
    lua_play_fails(PLAY("game:expect()"), "game:expect: cond: is missing");
    lua_play_fails(PLAY("game:report('krash', 't')"), "'krash'; did you mean 'crash'?");
    struct lua_play *play = fresh();
    lua_play_well(play, "return function(game)\n game:expect(false)\nend");
    assert_non_null(strstr(play->log, "bot.lua:2: expectation failed"));
    free(play);
}

static void randomness_is_the_seeds(void **state)
{
    (void)state;
    const char *script =
        PLAY("for _ = 1, 20 do print(rng:int(1, 100), rng:pick{'a', 'b', 'c'}, rng:chance(0.5), "
             "math.random(1, 9), math.random()) end print(rng:int(3, 3), rng:int(-2, -2)) "
             "assert(math.random(0) ~= math.random(0)) assert(rng:chance(1)) "
             "assert(not rng:chance(0)) rng:int(math.mininteger, math.maxinteger)");
    struct lua_play *a = fresh(), *b = fresh(), *c = fresh();
    a->play.seed = b->play.seed = 7;
    c->play.seed = 8;
    lua_play_well(a, script);
    lua_play_well(b, script);
    lua_play_well(c, script);
    assert_string_equal(a->log, b->log);
    assert_string_not_equal(a->log, c->log);
    free(a);
    free(b);
    free(c);
    lua_play_fails(PLAY("rng:int(2, 1)"), "rng:int: b: must not be less than a");
    lua_play_fails(PLAY("rng:int(1)"), "rng:int: b: must be a whole number");
    lua_play_fails(PLAY("rng:int(1.5, 2)"), "rng:int: a: must be a whole number");
    lua_play_fails(PLAY("rng:pick{}"), "rng:pick: t: must be a list with something in it");
    lua_play_fails(PLAY("rng:chance(2)"), "rng:chance: p: must be a number from 0 to 1, not 2");
    lua_play_fails(PLAY("rng:chance(0/0)"), "rng:chance: p: ");
}

static void misuse_names_the_argument(void **state)
{
    (void)state;
    lua_play_fails(PLAY("game:tap('lefft')"), "game:tap: key: there is no key 'lefft'; did you mean 'left'?");
    lua_play_fails(PLAY("game:tap()"), "game:tap: key: must be the name of a key, not nothing");
    lua_play_fails(PLAY("game:tap('a', 0)"), "game:tap: frames: must be a whole number, at least 1, not 0");
    lua_play_fails(PLAY("game:tap('a', 1.5)"),
                   "game:tap: frames: must be a whole number, at least 1, not 1.5");
    lua_play_fails(PLAY("game:tap('a', '2')"),
                   "game:tap: frames: must be a whole number, at least 1, not the string");
    lua_play_fails(PLAY("game:tap('a', 1, 2)"), "game:tap takes 2 arguments, not 3");
    lua_play_fails(PLAY("game:step(-1)"), "game:step: n: must be a whole number, at least 1, not -1");
    lua_play_fails(PLAY("game.step(5)"), "game.step: call it with a colon, game:step(");
    lua_play_fails(PLAY("game.step()"), "game.step: call it with a colon, game:step(");
    lua_play_fails(PLAY("rng.int(1, 2)"), "rng.int: call it with a colon");
    lua_play_fails(PLAY("game:stpe()"), "game.stpe: there is no such thing; did you mean 'step'?");
    lua_play_fails(PLAY("game.frame = 3"), "game.frame: nothing can be stored in game");
    lua_play_fails(PLAY("game:click(1)"), "game:click: y: must be a whole number");
    lua_play_fails(PLAY("game:click(1, 2, 6)"),
                   "game:click: button: must be a whole number from 1 to 5, not 6");
    lua_play_fails(PLAY("game:pad(0)"), "game:pad: i: must be a whole number from 1 to 4, not 0");
    lua_play_fails(PLAY("game:pad(1):press('strat')"), "'strat' is none of a, b, x, y, back");
    lua_play_fails(PLAY("game:pad(1):axis('leftx', 2)"),
                   "pad:axis: value: must be a number from -1 to 1, not 2");
    lua_play_fails(PLAY("game:pad(1):axis('rightx ', 0)"),
                   "leftx, lefty, rightx, righty, lefttrigger, righttrigger");
    lua_play_fails(PLAY("game:mark(5)"), "game:mark: text: must be a string, not number");
    lua_play_fails(PLAY("game:waiting(1)"), "game:waiting: is_waiting: must be true or false, not number");
}

/* In window pixels, and with golden pictures beside the script. */
static void seeing(void **state)
{
    (void)state;
    struct lua_play *play = fresh();
    char *folder = test_scratch(), *path = moth_fs_path("%s/dark.png", folder);
    static const uint8_t dot[] = {0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,   'I',  'H',
                                  'D',  'R',  0,    0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,
                                  0,    0x3a, 0x7e, 0x9b, 0x55, 0,    0,    0,    10,   'I',  'D',  'A',  'T',  0x78,
                                  0x9c, 0x63, 0x60, 0,    0,    0,    2,    0,    1,    0x48, 0xaf, 0xa4, 0x71, 0,
                                  0,    0,    0,    'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};
    struct moth_err err;
    assert_int_equal(moth_fs_write_atomic(path, dot, sizeof dot, &err), 0);
    play->folder = folder;
    /* The window is twice as large as the picture, and its first black pixel is the upper left one. */
    lua_play_well(play, PLAY("game:step() print(game:see('dark.png')) local s = game:sight('dark.png') "
                             "print(s.left, s.top, s.width, s.height, s.score) "
                             "print(game:see('dark.png', { region = { 2, 0, 10, 1 }, threshold = 0.99 })) "
                             "print(game:expect_picture('all'))"));
    assert_non_null(strstr(play->log, "print 1\t1\nprint 0\t0\t2\t2\t1.0\n"));
    assert_non_null(strstr(play->log, "print nil\tdark.png is not to be seen\n"));
    assert_non_null(strstr(play->log, "keep all-actual 160 x 100\n"));
    assert_non_null(strstr(play->log, "`moth run --update-pictures` makes pictures/bot/all.png"));
    free(play);
    play = fresh();
    play->folder = folder;
    play->options.update_pictures = true;
    lua_play_well(play, PLAY("game:step() print(game:expect_picture('all'))"));
    assert_non_null(strstr(play->log, "keep all.png 160 x 100\nprint true\n"));
    test_scratch_remove(folder);
    free(path);
    free(play);
}

/* What a script holds down and has queued belongs to the place. */
static void branching(void **state)
{
    (void)state;
    struct lua_play play = {0};
    lua_play_well(&play,
                  PLAY("game:press('a') game:step(5) game:press('b') local s = game:snapshot() "
                       "game:release('a') game:step(3) print(game.frame) print(game:restore(s), game.frame) "
                       "game:release('a') game:step(1) s:release() s:release()"));
    assert_string_equal(play.log, "step 5 down:a\nsnapshot 1\nstep 3 down:b up:a\nprint 8\nrestore 1\n"
                                  "print true\t5\nstep 1 down:b up:a\nrelease 1\nstep 1 up:b\n");
    lua_play_fails(PLAY("game:restore(1)"), "game:restore: snapshot: must be a snapshot, not 1");
    lua_play_fails(PLAY("local s = game:snapshot() s:release() game:restore(s)"),
                   "the snapshot was released");
    struct lua_play many = {0};
    lua_play_well(&many, PLAY("for i = 1, 9 do game:step() print(game:snapshot()) end"));
    assert_non_null(strstr(many.log, "print nil\tno room for another snapshot"));
    struct lua_play killed = {.no_restore = true};
    lua_play(&killed, PLAY("game:step() local s = game:snapshot() print(game:restore(s)) "
                           "print(pcall(game.step, game))"));
    assert_non_null(
        strstr(killed.log, "print nil\tits process was killed\nprint false\tthe game ended at frame 1"));
}

/* With a snapshot in hand a death is an error like any other; without one it ends the play. */
static void branching_after_death(void **state)
{
    (void)state;
    struct lua_play play = {.ends_at = 10};
    lua_play_well(&play, PLAY("game:step(4) local s = game:snapshot() print(pcall(game.step, game, 20)) "
                              "print(pcall(game.step, game)) print(pcall(game.snapshot, game)) "
                              "game:restore(s) game:step(2) print(game.frame)"));
    assert_non_null(strstr(
        play.log, "print false\tthe game ended at frame 10\n"
                  "print false\tthe game ended at frame 10\n"
                  "print false\tthe game ended; there is nothing to keep\nrestore 1\nstep 2\nprint 6"));
    struct lua_play uncaught = {.ends_at = 10};
    lua_play(&uncaught, PLAY("local s = game:snapshot() game:step(20)"));
    assert_int_equal(uncaught.outcome.result, MOTH_AGENT_GAME_ENDED);
    struct lua_play wrong = {.ends_at = 10};
    lua_play(&wrong, PLAY("local s = game:snapshot() pcall(game.step, game, 20) error('mine')"));
    assert_int_equal(wrong.outcome.result, MOTH_AGENT_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_split_and_counted),
        cmocka_unit_test(keys_wait_for_a_step),
        cmocka_unit_test(keys_cannot_be_pressed_twice),
        cmocka_unit_test(what_is_held_is_let_go_at_the_end),
        cmocka_unit_test(text_is_split_between_characters),
        cmocka_unit_test(mouse_and_pads),
        cmocka_unit_test(too_many_inputs_are_an_error),
        cmocka_unit_test(looking),
        cmocka_unit_test(waiting_until),
        cmocka_unit_test(judging),
        cmocka_unit_test(randomness_is_the_seeds),
        cmocka_unit_test(misuse_names_the_argument),
        cmocka_unit_test(seeing),
        cmocka_unit_test(branching),
        cmocka_unit_test(branching_after_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
