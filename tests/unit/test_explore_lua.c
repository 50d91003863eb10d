/* SPDX-License-Identifier: MIT
 *
 * game:archive, game.state and the agents that explore, on a pretended game in which one walks left and right.
 */
#include "lua_play.h"

#include "explore/share.h"

#define PLAY(text) "return function(game, rng) " text " end"

static struct lua_play *new_play(void)
{
    struct lua_play *play = calloc(1, sizeof *play);
    assert_non_null(play);
    play->now.frame = 1;
    play->play.seed = 3;
    play->play.max_frames = 100000;
    play->many_places = true;
    return play;
}

static void the_state_is_what_the_game_publishes(void **state)
{
    (void)state;
    struct lua_play *play = new_play();
    lua_play_well(play, PLAY("game:press('right') game:step(7) print(game.state.x, game.state.y, game.state.frame) "
                             "print(game:watch{ where = 'x' }, game.state.where) "
                             "local n = 0 for name, value in pairs(game.state) do n = n + value end print(n) "
                             "print(select('#', game:watch{ hp = 'player.health' }), game.state.hp)"));
    assert_non_null(strstr(play->log, "print 7\tnil\t8\nprint true\t7\nprint 14\nprint 2\tnil\n"));
    free(play);
    lua_play_fails(PLAY("game.state.x = 3"), "game.state.x: it can only be read");
    lua_play_fails(PLAY("game:watch{ 5 }"), "game:watch: names: must be a table of names");
    lua_play_fails(PLAY("assert(game:watch{ hp = 'player.health' })"),
                   "hp: 'player.health': the game does not publish it (moth_watch_… of moth.h)");
}

static void keys_of_equal_values_are_one_cell(void **state)
{
    (void)state;
    struct lua_play *play = new_play();
    lua_play_well(play, PLAY("local a = game:archive{} "
                             "print(a:see({ 1, 'b', { c = true, d = 2.5 } })) "
                             "print(a:see({ 1.0, 'b', { d = 2.5, c = true } })) "
                             "print(a:see({ 1, 'b', { c = true, d = '2.5' } })) print(a:counts().cells)"));
    assert_non_null(strstr(play->log, "print 0\topened\t1\nprint 0\tknown\t1\nprint 1\topened\t1\nprint 2\n"));
    free(play);
    lua_play_fails(PLAY("game:archive{}:see({ print })"), "a key is made of numbers, strings, booleans and tables of them");
    lua_play_fails(PLAY("game:archive{ nam = 'x' }"), "game:archive: options: knows only 'name', not 'nam'");
    lua_play_fails(PLAY("game:archive{}:frame(7)"), "archive: there is no cell 7 that a way leads to");
}

static void a_better_state_takes_the_cell(void **state)
{
    (void)state;
    struct lua_play *play = new_play();
    lua_play_well(play, PLAY("local a = game:archive{} game:step(100) print(a:see('k', 1)) print(a:see('k', 1)) "
                             "game:step(50) print(a:see('k', 1)) print(a:see('k', 2)) print(a:frame(0))"));
    assert_non_null(strstr(play->log, "print 0\topened\t1\nprint 0\tknown\t1\n"));
    assert_non_null(strstr(play->log, "print 0\tknown\t1\nprint 0\tbetter\t1\nprint 151\n"));
    free(play);
}

/* Back by inputs alone: the way to a cell is played from a snapshot at the beginning. */
static void a_way_leads_to_its_cell(void **state)
{
    (void)state;
    struct lua_play *play = new_play();
    lua_play_well(play, PLAY("local a = game:archive{} local s = game:snapshot() "
                             "a:hold(a:see(game.state.x), 1) "
                             "game:press('right') game:step(30) game:release('right') game:press('left') game:step(4) "
                             "local cell = a:see(game.state.x) local list, to = a:inputs(cell) "
                             "print(#list, list[1].type, list[2].frame, to, a:nearest(cell)) "
                             "game:restore(s) a:play(cell) print(game.state.x, game.frame, game:held().left) "
                             "a:forget(1) print(a:nearest(cell))"));
    assert_non_null(strstr(play->log, "print 3\tkey_down\t31\t35\t1\t1\n"));
    assert_non_null(strstr(play->log, "print 26\t35\ttrue\nprint \n"));
    free(play);
}

static void inputs_are_put_in_as_they_are(void **state)
{
    (void)state;
    struct lua_play *play = new_play();
    lua_play_well(play, PLAY("game:input{ type = 'key_down', code = 79, frame = 7 } "
                             "game:input{ type = 'key_down', code = 79 } game:input{ type = 'mouse_move', x = 3, y = 4 } "
                             "game:step() game:input{ type = 'key_up', code = 79 } game:step()"));
    assert_string_equal(play->log, "step 1 down:right move:3,4\nstep 1 up:right\n");
    free(play);
    lua_play_fails(PLAY("game:input{ type = 'key' }"), "game:input: type: there is no input 'key'");
    lua_play_fails(PLAY("game:input{ type = 'key_down', code = 0 }"), "game:input: input: its fields do not fit 'key_down'");
}

static const char walker[] = "return { actions = { { key = 'left', opposite = 'right' }, "
                             "{ key = 'right', opposite = 'left' } }, cell = function(s) return s.x // 10 end }";

static struct lua_play *explore(uint64_t seed)
{
    struct lua_play *play = new_play();
    play->play.seed = seed;
    play->play.max_frames = 8000;
    lua_play(play, walker);
    if (!play->loaded)
        fail_msg("%s", play->load_err.message);
    return play;
}

static void the_explorer_goes_far_and_the_same_way_each_time(void **state)
{
    (void)state;
    struct lua_play *a = explore(1), *b = explore(1), *c = explore(2);
    assert_int_equal(a->outcome.result, MOTH_AGENT_BUDGET);
    assert_string_equal(a->log, b->log);
    assert_string_not_equal(a->log, c->log);
    assert_in_range(a->furthest, 400, 8000);
    free(a);
    free(b);
    free(c);
}

static void death_is_not_the_end(void **state)
{
    (void)state;
    struct lua_play *play = new_play();
    play->dies_at = 60;
    play->play.max_frames = 8000;
    lua_play(play, walker);
    assert_int_equal(play->outcome.result, MOTH_AGENT_BUDGET);
    assert_int_equal(play->furthest, 60);
    assert_int_equal(play->outcome.frames, 8000);
    free(play);
}

static void without_snapshots_it_plays_on(void **state)
{
    (void)state;
    static const char *const names[] = {"explorer", "mutate"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct lua_play *play = new_play();
        play->no_snapshots = true;
        play->play.max_frames = 3000;
        lua_play_named(play, names[i]);
        if (play->outcome.result != MOTH_AGENT_BUDGET)
            fail_msg("%s: %s", names[i], play->outcome.err.message);
        free(play);
    }
}

static void they_play_by_pictures_too(void **state)
{
    (void)state;
    static const char *const names[] = {"explorer", "mutate"};
    for (int blind = 0; blind < 2; blind++)
        for (size_t i = 0; i < COUNT(names); i++) {
            struct lua_play *play = new_play();
            play->no_picture = blind;
            play->play.max_frames = 4000;
            lua_play_named(play, names[i]);
            if (play->outcome.result != MOTH_AGENT_BUDGET)
                fail_msg("%s: %s\n%s", names[i], play->outcome.err.message, play->outcome.traceback);
            free(play);
        }
}

static uint64_t play_in(const char *path, uint64_t seed, uint32_t frames)
{
    struct moth_err err;
    struct moth_explore_summary summary;
    struct lua_play *play = new_play();
    play->archive = moth_log_open(path, &err);
    play->play.seed = seed;
    play->play.max_frames = frames;
    lua_play(play, walker);
    assert_int_equal(play->outcome.result, MOTH_AGENT_BUDGET);
    moth_log_close(play->archive);
    free(play);
    assert_int_equal(moth_explore_summarise(path, &summary, &err), 0);
    return summary.cells;
}

/* What one play found, the next one begins with. */
static void an_archive_is_gone_on_with(void **state)
{
    (void)state;
    char *folder = test_scratch(), *path = moth_fs_path("%s/archive.bin", folder);
    struct moth_log_header header = {.program = "walk", .build_id = "b", .seed = 1};
    struct moth_err err;
    assert_int_equal(moth_log_create(path, &header, &err), 0);
    uint64_t first = play_in(path, 3, 6000), second = play_in(path, 9, 20000);
    assert_in_range(first, 50, 1000);
    assert_in_range(second, first + 5, 2000);
    free(path);
    test_scratch_remove(folder);
}

static void wrong_tables_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"return { cell = 3 }", "`cell` must be a function of the state, not a number"},
        {"return { actions = { 'left' }, hands = 2 }", "explorer.with: there is no field 'hands'"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct lua_play *play = new_play();
        lua_play(play, wrong[i][0]);
        assert_false(play->loaded);
        if (!strstr(play->load_err.message, wrong[i][1]))
            fail_msg("%s", play->load_err.message);
        free(play);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_is_what_the_game_publishes),
        cmocka_unit_test(keys_of_equal_values_are_one_cell),
        cmocka_unit_test(a_better_state_takes_the_cell),
        cmocka_unit_test(a_way_leads_to_its_cell),
        cmocka_unit_test(inputs_are_put_in_as_they_are),
        cmocka_unit_test(the_explorer_goes_far_and_the_same_way_each_time),
        cmocka_unit_test(death_is_not_the_end),
        cmocka_unit_test(without_snapshots_it_plays_on),
        cmocka_unit_test(they_play_by_pictures_too),
        cmocka_unit_test(an_archive_is_gone_on_with),
        cmocka_unit_test(wrong_tables_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
