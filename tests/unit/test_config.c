/* SPDX-License-Identifier: MIT
 *
 * moth.lua: its keys, and the lines of its mistakes.
 */
#include "test.h"

#include <unistd.h>

#include "cli/option_table.h"

static int parse_with(struct moth_options *options, struct moth_err *err, const char *config, const char *const *words)
{
    assert_int_equal(moth_fs_write_atomic("moth.lua", config, strlen(config), NULL), 0);
    char *argv[32] = {"moth"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    return moth_options_parse(options, argc, argv, stdout, err);
}

static void reads(struct moth_options *options, const char *config)
{
    struct moth_err err = {0};
    if (parse_with(options, &err, config, (const char *const[]){"run", NULL}) != 0)
        fail_msg("%s", err.message);
}

static void fails(const char *config, const char *message)
{
    struct moth_options options;
    struct moth_err err = {0};
    if (parse_with(&options, &err, config, (const char *const[]){"run", NULL}) != -1)
        fail_msg("no error, but expected: %s", message);
    assert_string_equal(err.message, message);
    assert_int_equal(err.code, MOTH_ERR_CONFIG);
    moth_options_free(&options);
}

static void keys_are_options(void **state)
{
    (void)state;
    struct moth_options o;
    reads(&o, "return {\n"
              "  game = {'./game', '-w', '320'}, agents = {'idle', 'bots/a.lua=2', monkey = 3.5, ['b/c.lua'] = 1},\n"
              "  scenarios = 's.lua', budgets = {frames = 500, duration = '2m', max_findings = 3, ['instance-frames'] = 7},\n"
              "  seed = 9, schedule_seed = 4, hz = 30.0, video = 'none', env = {'A=1', LANG = 'C', N = 5},\n"
              "  detectors = {hang = {cpu_ms = 100, wall_ms = 200}}, limits = {memory_mb = 64, lua_memory_mb = 8},\n"
              "  reporter = {'list', 'junit'}, out = 'elsewhere', fail_on_flaky = true, quiet = false,\n"
              "}");
    assert_int_equal(o.game.n, 3);
    assert_string_equal(o.game.items[2], "320");
    assert_int_equal(o.agents.n, 4);
    assert_string_equal(o.agents.items[0].name, "idle");
    assert_string_equal(o.agents.items[1].name, "bots/a.lua");
    assert_true(o.agents.items[1].weight == 2);
    assert_string_equal(o.agents.items[2].name, "b/c.lua");
    assert_string_equal(o.agents.items[3].name, "monkey");
    assert_true(o.agents.items[3].weight == 3.5);
    assert_string_equal(o.scenarios.items[0], "s.lua");
    assert_int_equal(o.frames, 500);
    assert_int_equal(o.duration_ms, 120000);
    assert_int_equal(o.max_findings, 3);
    assert_int_equal(o.instance_frames, 7);
    assert_int_equal(o.seed, 9);
    assert_int_equal(o.schedule_seed, 4);
    assert_int_equal(o.hz, 30);
    assert_int_equal(o.video, 1);
    assert_int_equal(o.env.n, 3);
    assert_string_equal(o.env.items[0], "A=1");
    assert_string_equal(o.env.items[1], "LANG=C");
    assert_string_equal(o.env.items[2], "N=5");
    assert_int_equal(o.frame_cpu_ms, 100);
    assert_int_equal(o.frame_wall_ms, 200);
    assert_int_equal(o.memory_mb, 64);
    assert_int_equal(o.lua_memory_mb, 8);
    assert_int_equal(o.reporters, MOTH_REPORTER_LIST | MOTH_REPORTER_JUNIT);
    assert_string_equal(o.out, "elsewhere");
    assert_true(o.fail_on_flaky);
    assert_string_equal(o.config_path, "moth.lua");
    moth_options_free(&o);
    reads(&o, "local n = 3 return {game = './g', frames = n * 100, agent = 'idle'}");
    assert_int_equal(o.frames, 300);
    assert_string_equal(o.agents.items[0].name, "idle");
    moth_options_free(&o);
}

static void the_command_line_wins(void **state)
{
    (void)state;
    struct moth_options o;
    struct moth_err err = {0};
    const char *config = "return {game = './g', frames = 5, agents = {'idle'}, env = {A = 'config'}, seed = 3}";
    assert_int_equal(parse_with(&o, &err, config,
                                (const char *const[]){"run", "--frames", "9", "-a", "menus", "--env", "A=line", "--",
                                                      "other", "x", NULL}),
                     0);
    assert_int_equal(o.frames, 9);
    assert_int_equal(o.agents.n, 1);
    assert_string_equal(o.agents.items[0].name, "menus");
    assert_int_equal(o.env.n, 1);
    assert_string_equal(o.env.items[0], "A=line");
    assert_int_equal(o.seed, 3);
    assert_int_equal(o.game.n, 2);
    assert_string_equal(o.game.items[0], "other");
    moth_options_free(&o);
    /* What is for another verb is passed over, but has to be right. */
    config = "return {game = './g', frames = 5, hz = 50, workers = 3}";
    assert_int_equal(parse_with(&o, &err, config, (const char *const[]){"doctor", NULL}), 0);
    assert_int_equal(o.frames, 600);
    assert_int_equal(o.hz, 50);
    assert_int_equal(o.workers, 0);
    moth_options_free(&o);
    config = "return {game = './g', workers = 'x'}";
    assert_int_equal(parse_with(&o, &err, config, (const char *const[]){"doctor", NULL}), -1);
    assert_string_equal(err.message, "moth.lua:1: workers must be a whole number, not a string");
    moth_options_free(&o);
}

static void a_report_is_judged_as_the_run(void **state)
{
    (void)state;
    struct moth_options o;
    struct moth_err err = {0};
    const char *config = "return {game = './g', fail_on = 'crash', budgets = {metrics = 'p99=10'}, baseline = 'b.json', history = 'h.db',"
                         " machine = 'm', fixed_after = 7, fail_on_flaky = true, out = 'elsewhere', reporter = {'junit', 'json'}}";
    assert_int_equal(parse_with(&o, &err, config, (const char *const[]){"report", "--history", "mine.db", "out", NULL}), 0);
    assert_string_equal(o.fail_on, "crash");
    assert_string_equal(o.budget, "p99=10");
    assert_string_equal(o.baseline, "b.json");
    assert_string_equal(o.history, "mine.db");
    assert_string_equal(o.machine, "m");
    assert_int_equal(o.fixed_after, 7);
    assert_true(o.fail_on_flaky);
    assert_null(o.out); /* that is the run's */
    assert_int_equal(o.reporters, MOTH_REPORTER_LIST);
    moth_options_free(&o);
    assert_int_equal(parse_with(&o, &err, "return {budget = 'p98=1'}", (const char *const[]){"report", "out", NULL}), -1);
    assert_int_equal(err.code, MOTH_ERR_CONFIG);
    moth_options_free(&o);
}

static void wrong_keys_have_line_and_neighbour(void **state)
{
    (void)state;
    fails("return {\n  game = 'g',\n  frmaes = 5,\n}", "moth.lua:3: there is no key 'frmaes'; did you mean 'frames'?");
    fails("return {\n  game = 'g',\n\n  scheduleseed = 5,\n}",
          "moth.lua:4: there is no key 'scheduleseed'; did you mean 'schedule_seed'?");
    fails("return {\n game = 'g', xyzzy = 1 }", "moth.lua:2: there is no key 'xyzzy'");
    fails("return {\n gaem = 'g' }", "moth.lua:2: there is no key 'gaem'; did you mean 'game'?");
    fails("return {\n agnets = {} }", "moth.lua:2: there is no key 'agnets'; did you mean 'agents'?");
    fails("return {\n budgets = {\n  frames = 1,\n  durations = '5s' } }",
          "moth.lua:4: there is no key 'budgets.durations'; did you mean 'duration'?");
    fails("return {\n budgets = {\n  seed = 1 } }", "moth.lua:3: there is no key 'budgets.seed'");
    fails("return {\n detectors = {\n  hang = {\n   cpu_ms = 1,\n   wal_ms = 5,\n  } } }",
          "moth.lua:5: there is no key 'detectors.hang.wal_ms'; did you mean 'wall_ms'?");
    fails("return {\n detectors = {\n  hangs = {} } }", "moth.lua:3: there is no key 'detectors.hangs'; did you mean 'hang'?");
    fails("return {\n 'game' }", "moth.lua:2: there is no key '1'");
    fails("return { budgets = {\n 5 } }", "moth.lua:2: there is no key 'budgets.1'");
    fails("return {\n [\"frmaes\"] = 5 }", "moth.lua:2: there is no key 'frmaes'; did you mean 'frames'?");
    fails("return {\n json = true }", "moth.lua:2: there is no key 'json'");
}

/* The key's name stands elsewhere too: in comments, strings, other tables, code. */
static void lines_are_the_right_ones(void **state)
{
    (void)state;
    fails("-- frmaes = 1\n--[[ frmaes = 2\n]] local s = 'frmaes = 3' .. [==[\nfrmaes = 4 ]] ]==]\nreturn {\n game = s,\n\n frmaes = 5 }",
          "moth.lua:8: there is no key 'frmaes'; did you mean 'frames'?");
    fails("return {\n game = 'g',\n env = {\n  frmaes = 'x',\n },\n frmaes = 5,\n}",
          "moth.lua:6: there is no key 'frmaes'; did you mean 'frames'?");
    fails("return {\n seed = 1,\n budgets = {\n  seed = 2 },\n hz = 5 }", "moth.lua:4: there is no key 'budgets.seed'");
    fails("local function f(t)\n return t\nend\nlocal t = f({ frmaes = 1 })\nreturn {\n game = 'g',\n seed = f(1),\n hz = (function() local frmaes = 2 return 60 end)(),\n frmaes = 3 }",
          "moth.lua:9: there is no key 'frmaes'; did you mean 'frames'?");
    fails("local t = { game = 'g' }\nif t.frmaes == nil then\n t.frmaes = 5\nend\nreturn t",
          "moth.lua:3: there is no key 'frmaes'; did you mean 'frames'?");
    fails("local budgets = {\n frams = 1 }\nreturn { game = 'g', budgets = budgets }",
          "moth.lua:2: there is no key 'budgets.frams'; did you mean 'frames'?");
    fails("return { game = 'a\\\n b', s = \"}\",\n seed = 'x' }", "moth.lua:2: there is no key 's'");
}

static void wrong_values_have_their_line(void **state)
{
    (void)state;
    fails("return {\n game = 'g',\n frames = '5' }", "moth.lua:3: frames must be a whole number, not a string");
    fails("return {\n game = 'g',\n frames = -5 }", "moth.lua:3: frames must be a whole number from 0 to 4294967295, not '-5'");
    fails("return {\n game = 'g',\n frames = 1.5 }", "moth.lua:3: frames must be a whole number from 0 to 4294967295, not '1.5'");
    fails("return {\n game = 'g',\n quiet = 1 }", "moth.lua:3: quiet must be true or false, not a number");
    fails("return {\n game = 'g',\n video = true }", "moth.lua:3: video must be a string, not boolean");
    fails("return {\n game = 'g',\n video = 'opengl' }", "moth.lua:3: video must be one of auto, none, software, gl, not 'opengl'");
    fails("return {\n game = 'g',\n budgets = 5 }", "moth.lua:3: budgets must be a table, not a number");
    fails("return {\n game = 'g',\n budgets = {\n  duration = {} } }",
          "moth.lua:4: budgets.duration must be a time like \"30m\" or a number of seconds, not a table");
    fails("return {\n game = {\n  'g',\n  5 } }", "moth.lua:4: game.2 must be a string, not a number");
    fails("return {\n game = {} }", "moth.lua:2: game must not be empty");
    fails("return {\n game = 5 }", "moth.lua:2: game must be a string or a list of strings, not a number");
    fails("return { game = 'g', agents = {\n monkey = 1,\n idle = 0 } }",
          "moth.lua:3: the weight of agent 'idle' must be a number over 0");
    fails("return { game = 'g', agents = {\n 'monkey',\n 5 } }", "moth.lua:3: agents.2 must be a string, not a number");
    fails("return { game = 'g', env = {\n A = {} } }", "moth.lua:2: env.A must be a string, not a table");
    fails("return { game = 'g', reporter = {\n 'list', 5 } }", "moth.lua:1: reporter must be a list of strings, not a number");
    fails("return { game = 'g',\n frames = 5,\n budgets = {\n  frames = 6 } }", "moth.lua:2: frames is there twice");
    fails("return { game = 'g',\n fail_on = 'crash:x' }", "moth.lua:2: fail_on is wrong: 'crash:x': behind the colon stands how many fail the gate, 0 for never");
    fails("return { game = 'g', budgets = {\n metrics = 'p98=1' } }", "moth.lua:2: budgets.metrics is wrong: there is no metric 'p98'; did you mean 'p95'? (p50, p95, p99, max, memory, heap, frames_per_s)");
    fails("return { game = 'g',\n watches = { hp = 'player..hp' } }", "moth.lua:2: watches.hp 'hp=player..hp': a member's name is missing at '.hp'");
}

static void broken_files_are_told(void **state)
{
    (void)state;
    fails("return {\n game = = }", "moth.lua:2: unexpected symbol near '='");
    fails("game = 'g'", "moth.lua: it must return a table, not nil");
    fails("return 5", "moth.lua: it must return a table, not number");
    fails("return {\n game = os.getenv('GAME') }",
          "moth.lua:2: os.getenv is closed to scripts, so that they repeat (--unsafe-lua opens it)");
    fails("while true do end", "moth.lua:1: the script ran 100000000 instructions");
    fails("error('no')", "moth.lua:1: no");
    struct moth_options o;
    struct moth_err err = {0};
    assert_int_equal(parse_with(&o, &err, "", (const char *const[]){"run", "--config", "nowhere.lua", NULL}), -1);
    assert_int_equal(err.code, MOTH_ERR_CONFIG);
    assert_non_null(strstr(err.message, "nowhere.lua"));
    moth_options_free(&o);
    assert_int_equal(parse_with(&o, &err, "return {game = 'g'}",
                                (const char *const[]){"run", "--config", "./moth.lua", NULL}), 0);
    moth_options_free(&o);
}

/* A line of the template that shows a key: without its "-- ". */
static void uncomment(char *text)
{
    for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
        char *at = line + strspn(line, " ");
        size_t n = strcspn(at, "\n");
        if (strncmp(at, "-- ", 3) != 0 || at == line || !memmem(at, n, " = ", 3) || at[n - 1] != ',')
            continue;
        memcpy(at, "   ", 3);
    }
}

static void what_init_writes_is_read(void **state)
{
    (void)state;
    assert_int_equal(moth_fs_remove_tree("moth.lua", NULL), 0);
    struct moth_options init = {0}, o;
    assert_int_equal(moth_cli_init(&init), 0);
    assert_int_equal(moth_cli_init(&init), 2); /* it is there */
    init.force = true;
    assert_int_equal(moth_cli_init(&init), 0);
    char *text = moth_fs_read("moth.lua", 1 << 20, NULL, NULL);
    assert_non_null(text);
    reads(&o, text);
    assert_string_equal(o.game.items[0], "./game");
    assert_int_equal(o.agents.n, 2);
    moth_options_free(&o);
    uncomment(text);
    reads(&o, text);
    assert_int_equal(o.agents.n, 3);
    assert_int_equal(o.duration_ms, 30 * 60 * 1000);
    assert_true(o.fail_on_flaky);
    assert_int_equal(o.lua_memory_mb, 256);
    moth_options_free(&o);
    free(text);
}

/* Any text whatever: the line is one of the text's, and it ends. */
static void the_lexer_survives_anything(void **state)
{
    (void)state;
    static const char *const texts[] = {"",       "{",         "}",        "{{{{{{{{{{{{{{{{{{{{{{", "}}}}}", "[", "[[", "[==[", "--[[",
                                        "'",      "\"\\",      "{[",       "{['a'",              "{['a']=", "{a=", "{a=b", "{function(",
                                        "{(((((", "{end end}", "{a={b={c", "=",                  "a=",      "\\", "--", "{,;,}", "{=}"};
    const char *const path[] = {"a", "b"};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(moth_config_line(texts[i], path, 2), 1);
}

int main(void)
{
    char *scratch = test_scratch();
    if (chdir(scratch) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_options),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(a_report_is_judged_as_the_run),
        cmocka_unit_test(wrong_keys_have_line_and_neighbour),
        cmocka_unit_test(lines_are_the_right_ones),
        cmocka_unit_test(wrong_values_have_their_line),
        cmocka_unit_test(broken_files_are_told),
        cmocka_unit_test(what_init_writes_is_read),
        cmocka_unit_test(the_lexer_survives_anything),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_scratch_remove(scratch);
    return failed;
}
