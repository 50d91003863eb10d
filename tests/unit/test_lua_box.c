/* SPDX-License-Identifier: MIT
 *
 * What a script can't do: run on, use up the machine, look outside, differ from run to run.
 */
#include "lua_play.h"

#include <sys/wait.h>
#include <unistd.h>

#define PLAY(body) "return function(game, rng) " body " end"

static struct lua_play *fresh(void)
{
    struct lua_play *play = calloc(1, sizeof *play);
    assert_non_null(play);
    return play;
}

static void ends_as(struct lua_play *play, const char *script, enum moth_agent_result result, uint32_t frames)
{
    lua_play(play, script);
    if (!play->loaded)
        fail_msg("not loaded: %s", play->load_err.message);
    if (play->outcome.result != result)
        fail_msg("%s: %s", moth_agent_result_name(play->outcome.result), play->outcome.err.message);
    assert_int_equal(play->outcome.frames, frames);
    free(play);
}

/* ---- ends ---- */

static const char *const stubborn[] = {
    PLAY("while true do game:step() end"),
    PLAY("game:step(1000000)"),
    PLAY("while true do pcall(game.step, game) end"),
    PLAY("while true do pcall(function() while true do game:step(3) end end) end"),
    PLAY("while true do xpcall(function() game:step() end, function() while true do end end) end"),
    PLAY("while true do pcall(function() game:wait_until(function() return false end) end) end"),
    PLAY("while true do pcall(coroutine.wrap(function() while true do game:step() end end)) end"),
    PLAY("while true do coroutine.resume(coroutine.create(function() game:step() end)) end"),
    PLAY("local t = setmetatable({}, {__close = function(_, e) while e do end end}) "
         "while true do pcall(function() local x <close> = t game:step() end) end"),
    PLAY("setmetatable(_G, {__index = function() game:step() end}) while true do pcall(function() return x end) end"),
    PLAY("table.sort({1, 2, 3, 4, 5, 6, 7, 8}, function(a, b) while true do pcall(game.step, game) end end)"),
};

static void a_game_that_ended_ends_the_script(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stubborn); i++) {
        struct lua_play *play = fresh();
        play->ends_at = 100;
        ends_as(play, stubborn[i], MOTH_AGENT_GAME_ENDED, 100);
    }
}

static void the_budget_is_kept_to_the_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stubborn); i++) {
        struct lua_play *play = fresh();
        play->play.max_frames = 301;
        ends_as(play, stubborn[i], MOTH_AGENT_BUDGET, 301);
    }
    /* A script that needs exactly the budget is not cut off. */
    struct lua_play *play = fresh();
    play->play.max_frames = 10;
    lua_play_well(play, PLAY("game:press('a') game:step(10) game:expect(false, 'seen')"));
    assert_string_equal(play->log, "step 10 down:a\nfinding 5 10 seen\n");
    free(play);
}

static void an_interrupt_ends_the_script(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stubborn); i++) {
        struct lua_play *play = fresh();
        play->interrupts_at = 5;
        ends_as(play, stubborn[i], MOTH_AGENT_INTERRUPTED, 5);
    }
}

/* ---- faults ---- */

static void errors_have_place_and_traceback(void **state)
{
    (void)state;
    struct lua_play *play = fresh();
    lua_play(play, "local function inner()\n  error('broken')\nend\nreturn function(game)\n  game:step(2)\n  inner()\nend");
    assert_int_equal(play->outcome.result, MOTH_AGENT_ERROR);
    assert_int_equal(play->outcome.frames, 2);
    assert_non_null(strstr(play->outcome.err.message, "bot.lua:2: broken"));
    assert_non_null(strstr(play->outcome.traceback, "bot.lua:6: in function"));
    assert_non_null(strstr(play->outcome.traceback, "in upvalue 'inner'"));
    free(play);
    lua_play_fails(PLAY("error({code = 5})"), "bot.lua: (the error is a table value)");
    lua_play_fails(PLAY("error(setmetatable({}, {__tostring = function() return 'as text' end}))"), "as text");
    lua_play_fails(PLAY("error()"), "(the error is a nil value)");
    lua_play_fails(PLAY("local t = nil; t.x = 1"), "attempt to index a nil value (local 't')");
    lua_play_fails(PLAY("local function f() return f() + 1 end f()"), "stack overflow");
    lua_play_fails(PLAY("error(setmetatable({}, {__tostring = function() error('again') end}))"), "");
}

static void endless_loops_are_faults(void **state)
{
    (void)state;
    static const char *const loops[] = {
        PLAY("game:step() while true do end"),
        PLAY("game:step() while true do pcall(function() while true do end end) end"),
        PLAY("game:step() while true do coroutine.wrap(function() for i = 1, 100 do end end)() end"),
        PLAY("game:step() local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) "
             "while true do pcall(function() return t[1] end) end"),
        PLAY("game:step() while true do game:press('a') game:release('b') game:mark('x') end"),
    };
    for (size_t i = 0; i < COUNT(loops); i++) {
        struct lua_play *play = fresh();
        play->options.instructions_max = 2000000;
        lua_play(play, loops[i]);
        assert_int_equal(play->outcome.result, MOTH_AGENT_ERROR);
        assert_int_equal(play->outcome.frames, 1);
        const char *words = "the script ran 2000000 instructions without stepping the game";
        if (!strstr(play->outcome.err.message, words) || !strstr(play->outcome.err.message, "bot.lua:1: "))
            fail_msg("%zu: %s", i, play->outcome.err.message);
        assert_non_null(strstr(play->outcome.traceback, "stack traceback"));
        free(play);
    }
    /* Steps keep a script alive, however long it lasts. */
    struct lua_play *play = fresh();
    play->options.instructions_max = 100000;
    lua_play_well(play, PLAY("for i = 1, 100 do for j = 1, 10000 do end game:step() end"));
    free(play);
}

/* Inside library functions no instructions are counted. */
static void library_calls_without_end_are_faults(void **state)
{
    (void)state;
    static const char *const stuck[] = {
        PLAY("game:step() while true do pcall(string.rep, '', 1 << 60) end"),
        PLAY("game:step() return (('a'):rep(60):find(('a*'):rep(30) .. 'b'))"),
    };
    for (size_t i = 0; i < COUNT(stuck); i++) {
        struct lua_play *play = fresh();
        play->options.stuck_ms = 200;
        lua_play(play, stuck[i]);
        assert_int_equal(play->outcome.result, MOTH_AGENT_ERROR);
        assert_int_equal(play->outcome.frames, 1);
        if (!strstr(play->outcome.err.message, "in one call of a library function, last seen at ") ||
            !strstr(play->outcome.err.message, "bot.lua:1"))
            fail_msg("%zu: %s", i, play->outcome.err.message);
        free(play);
    }
}

static void memory_hogs_are_faults(void **state)
{
    (void)state;
    static const char *const hogs[] = {
        PLAY("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end"),
        PLAY("local s = 'x' while true do s = s .. s end"),
        PLAY("return ('x'):rep(1 << 28)"),
        PLAY("local t = {} for i = 1, 1e9 do t[i] = i end"),
    };
    for (size_t i = 0; i < COUNT(hogs); i++) {
        struct lua_play *play = fresh();
        play->options.memory_bytes_max = 16 << 20;
        lua_play(play, hogs[i]);
        assert_int_equal(play->outcome.result, MOTH_AGENT_ERROR);
        if (!strstr(play->outcome.err.message, "the script used more than 16 MB of memory") ||
            ((i == 0 || i == 3) && !strstr(play->outcome.err.message, ", last seen at ")))
            fail_msg("%zu: %s", i, play->outcome.err.message);
        free(play);
    }
    /* What is let go is there again. */
    struct lua_play *play = fresh();
    play->options.memory_bytes_max = 16 << 20;
    lua_play_well(play, PLAY("for i = 1, 200 do local s = ('x'):rep(1000000 + i) end "
                             "for i = 1, 50 do local t = {} for j = 1, 20000 do t[j] = {} end end"));
    free(play);
}

/* ---- ways out ---- */

static void ways_out_are_closed(void **state)
{
    (void)state;
    lua_play_fails(PLAY("os.time()"), "os.time is closed to scripts, so that they repeat (--unsafe-lua opens it)");
    lua_play_fails(PLAY("os.execute('true')"), "os.execute is closed");
    lua_play_fails(PLAY("io.open('/etc/passwd')"), "io.open is closed");
    lua_play_fails(PLAY("debug.getregistry()"), "debug.getregistry is closed");
    lua_play_fails(PLAY("debug.sethook()"), "debug.sethook is closed");
    lua_play_fails(PLAY("package.loadlib('libc.so.6', '*')"), "package.loadlib is closed");
    lua_play_fails(PLAY("os.x = 1"), "os.x is closed");
    lua_play_fails(PLAY("dofile('/etc/passwd')"), "dofile is closed");
    lua_play_fails(PLAY("loadfile('/etc/passwd')"), "loadfile is closed");
    lua_play_fails(PLAY("string.dump(print)"), "field 'dump'");
    lua_play_fails(PLAY("setmetatable({}, {__gc = function() while true do end end})"), "__gc is closed to scripts");
    lua_play_fails(PLAY("getmetatable(os).__index = nil"), "attempt to index a boolean value");
    lua_play_fails(PLAY("getmetatable(game).__index = nil"), "attempt to index a boolean value");
    lua_play_fails(PLAY("require('../x')"), "'../x' is no module's name");
    lua_play_fails(PLAY("require('/etc/passwd')"), "is no module's name");
    lua_play_fails(PLAY("require('a..b')"), "is no module's name");
    lua_play_fails(PLAY("require('.a')"), "is no module's name");
    lua_play_fails(PLAY("require('a\\0b')"), "");
    lua_play_fails(PLAY("require('nowhere')"), "module 'nowhere' is neither beside the script");
    lua_play_fails(PLAY("require('io').open('x')"), "");
    lua_play_fails(PLAY("require('debug')"), "module 'debug'");
    lua_play_fails(PLAY("assert(load('\\27Lua'))"), "attempt to load a binary chunk");
    lua_play_fails(PLAY("assert(load('\\27Lua', 'x', 'b'))"), "attempt to load a binary chunk");
    lua_play_fails(PLAY("assert(load(function() return '\\27Lua' end, 'x', 'bt'))"), "attempt to load a binary chunk");
}

static void what_is_harmless_stays(void **state)
{
    (void)state;
    struct lua_play *play = fresh();
    lua_play_well(play,
                  PLAY("assert(load('return 1 + ...'))(1) assert(load('x = 1', 'n', 't', {}))() assert(x == nil) "
                       "assert(collectgarbage() == 0) assert(collectgarbage('count') > 1) "
                       "assert(collectgarbage('stop') == 0) assert(collectgarbage('incremental') == 0) "
                       "math.randomseed(5) assert(debug.traceback('x'):find('stack traceback')) "
                       "assert(select('#', pcall(error)) == 2) assert(utf8.len('ä') == 1) "
                       "assert(string.format('%5.1f|%q|%s|%-4s|%%|%d', 2, 'a', nil, 'b', 7) == '  2.0|\"a\"|nil|b   |%|7') "
                       "local t = setmetatable({}, {__index = table, __len = function() return 9 end, __pairs = "
                       "function() return function(_, k) if not k then return 1, 2 end end end}) assert(#t == 9) "
                       "for k, v in pairs(t) do assert(k == 1 and v == 2) end "
                       "local n = 0 for i, v in ipairs{1, 2, 3} do n = n + i * v end assert(n == 14) "
                       "assert(next({}) == nil) assert(require('string') == string) print('a\\nb', 1) print()"));
    assert_string_equal(play->log, "print a\nprint b\t1\nprint \n");
    free(play);
}

static void unsafe_lua_opens_everything(void **state)
{
    (void)state;
    struct lua_play *play = fresh();
    play->options.unsafe_lua = true;
    lua_play_well(play, PLAY("assert(os.time() > 0) assert(io.open('/dev/null')) assert(debug.getinfo(1)) "
                             "assert(load(string.dump(function() end))) assert(require('monkey').play) "
                             "setmetatable({}, {__gc = function() end})"));
    free(play);
}

/* ---- modules ---- */

static void put(const char *folder, const char *name, const char *text)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    struct moth_err err;
    if (moth_fs_write_atomic(path, text, strlen(text), &err) != 0)
        fail_msg("%s", err.message);
    free(path);
}

static void modules_are_found_beside_the_script(void **state)
{
    (void)state;
    char *folder = test_scratch();
    char *sub = moth_fs_path("%s/lib/deep", folder);
    assert_int_equal(moth_fs_make_dirs(sub, NULL), 0);
    free(sub);
    put(folder, "helper.lua", "local n = ... return {name = n, twice = function(x) return 2 * x end}");
    put(folder, "lib/one.lua", "return {deep = require('lib.deep')}");
    put(folder, "lib/deep/init.lua", "return 'deep'");
    put(folder, "loop.lua", "return require('loop')");
    put(folder, "broken.lua", "return +");
    struct lua_play *play = fresh();
    play->folder = folder;
    lua_play_well(play, "local h = require('helper')\n"
                        "return {name = 'bot!', play = function(game) print(h.name, h.twice(4), require('lib.one').deep,\n"
                        "require('helper') == h, type(require('monkey').play), pcall(require, 'loop'))\n"
                        "print((select(2, pcall(require, 'broken')):gsub('^.*/', ''))) end}");
    assert_non_null(strstr(play->log, "print helper\t8\tdeep\ttrue\tfunction\tfalse\t"));
    assert_non_null(strstr(play->log, "module 'loop' requires itself"));
    assert_non_null(strstr(play->log, "print broken.lua:1: unexpected symbol near '+'"));
    free(play);
    test_scratch_remove(folder);
}

static void an_agent_keeps_what_it_was_checked_with(void **state)
{
    (void)state;
    char *folder = test_scratch();
    put(folder, "helper.lua", "return 'first'");
    put(folder, "bot.lua", "local h = require('helper') return function(game) print(h) end");
    char *path = moth_fs_path("%s/bot.lua", folder);
    struct moth_err err;
    struct moth_agent *agent = moth_agent_load(path, NULL, &err);
    assert_non_null(agent);
    assert_string_equal(moth_agent_name(agent), "bot");
    assert_string_equal(moth_agent_path(agent), path);
    put(folder, "helper.lua", "return 'second'");
    put(folder, "bot.lua", "error('changed')");
    struct moth_agent_outcome outcome;
    struct moth_lua_backend backend = {0}; /* never stepped */
    struct moth_agent_play play = {0};
    assert_int_equal(moth_agent_play(agent, &backend, &play, &outcome), MOTH_AGENT_FINISHED);
    moth_agent_free(agent);
    free(path);
    test_scratch_remove(folder);
}

static void load_fails(const char *name, const char *script, const char *part)
{
    struct lua_play *play = fresh();
    play->options.instructions_max = 100000;
    if (script)
        lua_play(play, script);
    else
        lua_play_named(play, name);
    assert_false(play->loaded);
    assert_int_equal(play->load_err.code, MOTH_ERR_SCRIPT);
    if (!strstr(play->load_err.message, part))
        fail_msg("\"%s\" has no \"%s\" in it", play->load_err.message, part);
    free(play);
}

static void bad_agents_are_refused_before_any_game(void **state)
{
    (void)state;
    load_fails(NULL, "return function(game)\n  game:step(\nend", "bot.lua:3: unexpected symbol near 'end'");
    load_fails(NULL, "", "bot.lua: an agent returns function(game, rng), or a table with `play`; this one returns nothing");
    load_fails(NULL, "return 5", "this one returns number");
    load_fails(NULL, "return {}", "the agent's table needs a function `play`, not nil");
    load_fails(NULL, "return {play = print, name = 5}", "the agent's `name` must be a string, not number");
    load_fails(NULL, "error('at once')", "bot.lua:1: at once");
    load_fails(NULL, "while true do end", "ran 100000 instructions before it returned an agent");
    load_fails(NULL, "\x1bLua", "attempt to load a binary chunk");
    load_fails("nowhere/bot.lua", NULL, "agent 'nowhere/bot.lua': No such file or directory");
    load_fails("/etc/", NULL, "agent '/etc/' is not a file");
    load_fails("monky", NULL, "moth ships no agent 'monky'; did you mean 'monkey'?");
}

/* ---- the same every time ---- */

/* All that addresses, hashes and the collector could show. */
static const char chaos[] =
    "return function(game, rng)\n"
    "  local keys, t = {}, {}\n"
    "  for i = 1, 200 do t['key' .. i] = i; t[{}] = i; t[function() end] = i; t[coroutine.create(print)] = i end\n"
    "  for k, v in pairs(t) do print(tostring(k), v) end\n"
    "  for k, v in pairs(_G) do print(k, tostring(v)) end\n"
    "  for name, lib in pairs{string, table, math, coroutine, utf8} do\n"
    "    for k, v in pairs(lib) do print(k, v) end\n"
    "  end\n"
    "  local by = {}\n"
    "  for _, lib in ipairs{string, table, math, coroutine, utf8} do for k, f in pairs(lib) do by[f] = k end end\n"
    "  for f, k in pairs(by) do print(k, f) end\n"
    "  print(string.format('%p %s %p %p', t, t, 'text', 5), game, rng, print, (pairs{}), (ipairs{}))\n"
    "  print(collectgarbage('count'), math.random(), rng:int(1, 1000000))\n"
    "  local weak = setmetatable({}, {__mode = 'k'})\n"
    "  for i = 1, 5000 do weak[{}] = i end\n"
    "  local n = 0 for _ in pairs(weak) do n = n + 1 end print(n)\n"
    "  print(pcall(error, {})) print(select(2, pcall(function() return {} .. 'x' end)))\n"
    "  print(coroutine.running())\n"
    "end\n";

static int print_chaos(const char *path)
{
    struct moth_err err = {0};
    struct moth_agent *agent = moth_agent_load(path, NULL, &err);
    if (!agent) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    moth_agent_free(agent);
    struct lua_play *play = calloc(1, sizeof *play);
    if (!play)
        return 1;
    lua_play_named(play, path);
    fputs(play->log, stdout);
    int result = play->outcome.result == MOTH_AGENT_FINISHED ? 0 : 1;
    if (result)
        fprintf(stderr, "%s\n", play->outcome.err.message);
    free(play);
    return result;
}

static char *output_of(const char *path, const char *padding)
{
    char *command = moth_fs_path("MOTH_PADDING=%s /proc/%d/exe --chaos %s", padding, (int)getpid(), path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 16) - 1, pipe);
    assert_in_range(n, 20000, (1 << 16) - 2);
    assert_int_equal(pclose(pipe), 0);
    free(command);
    return text;
}

static void two_processes_see_the_same(void **state)
{
    (void)state;
    char *folder = test_scratch();
    put(folder, "bot.lua", chaos);
    char *path = moth_fs_path("%s/bot.lua", folder);
    char *first = output_of(path, "");
    static const char *const paddings[] = {"x", "0123456789012345678901234567890123456789", "0123456"};
    for (size_t i = 0; i < COUNT(paddings); i++) {
        char *again = output_of(path, paddings[i]);
        assert_string_equal(first, again);
        free(again);
    }
    assert_null(strstr(first, "0x7f"));
    free(first);
    free(path);
    test_scratch_remove(folder);
}

static void agents_that_moth_ships_play(void **state)
{
    (void)state;
    static const char *const names[] = {"monkey", "menus", "clicker", "idle", "explorer", "mutate"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct lua_play *play = fresh(), *again = fresh();
        play->play.max_frames = again->play.max_frames = 3000;
        play->play.seed = again->play.seed = 3;
        lua_play_named(play, names[i]);
        if (!play->loaded)
            fail_msg("%s", play->load_err.message);
        if (play->outcome.result != MOTH_AGENT_BUDGET)
            fail_msg("%s: %s", names[i], play->outcome.err.message);
        assert_int_equal(play->outcome.frames, 3000);
        lua_play_named(again, names[i]);
        assert_string_equal(play->log, again->log);
        free(play);
        free(again);
    }
}

/* Does the log go on with this event? "down:left" is not the beginning of "down:left ctrl". */
static bool goes_on(const char *log, const char *event)
{
    size_t n = strlen(event);
    return strncmp(log, event, n) == 0 && strncmp(log + n, " ctrl", 5) != 0 && strncmp(log + n, " shift", 6) != 0 &&
           strncmp(log + n, " alt", 4) != 0;
}

static void the_monkey_never_holds_opposites(void **state)
{
    (void)state;
    static const char *const keys[] = {"left", "right", "up", "down"};
    struct lua_play *play = fresh();
    play->play.max_frames = 4000;
    lua_play_named(play, "monkey");
    assert_int_equal(play->outcome.result, MOTH_AGENT_BUDGET);
    bool down[4] = {false};
    size_t steps = 0, presses = 0;
    for (const char *at = play->log; *at; at++) {
        for (size_t i = 0; i < 4; i++) {
            char press[16], release[16];
            snprintf(press, sizeof press, " down:%s", keys[i]);
            snprintf(release, sizeof release, " up:%s", keys[i]);
            if (goes_on(at, press)) {
                assert_false(down[i]);
                down[i] = true;
                presses++;
            } else if (goes_on(at, release)) {
                assert_true(down[i]);
                down[i] = false;
            }
        }
        if (*at == '\n') { /* the state a frame begins with */
            assert_false(down[0] && down[1]);
            assert_false(down[2] && down[3]);
            steps++;
        }
    }
    assert_in_range(steps, 200, 3000); /* programs of several frames, not a call a frame */
    assert_in_range(presses, 100, 2000);
    assert_non_null(strstr(play->log, " move:"));
    free(play);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--chaos") == 0)
        return print_chaos(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_game_that_ended_ends_the_script),
        cmocka_unit_test(the_budget_is_kept_to_the_frame),
        cmocka_unit_test(an_interrupt_ends_the_script),
        cmocka_unit_test(errors_have_place_and_traceback),
        cmocka_unit_test(endless_loops_are_faults),
        cmocka_unit_test(library_calls_without_end_are_faults),
        cmocka_unit_test(memory_hogs_are_faults),
        cmocka_unit_test(ways_out_are_closed),
        cmocka_unit_test(what_is_harmless_stays),
        cmocka_unit_test(unsafe_lua_opens_everything),
        cmocka_unit_test(modules_are_found_beside_the_script),
        cmocka_unit_test(an_agent_keeps_what_it_was_checked_with),
        cmocka_unit_test(bad_agents_are_refused_before_any_game),
        cmocka_unit_test(two_processes_see_the_same),
        cmocka_unit_test(agents_that_moth_ships_play),
        cmocka_unit_test(the_monkey_never_holds_opposites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
