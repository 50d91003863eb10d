/* SPDX-License-Identifier: MIT
 *
 * The command line.
 */
#include "test.h"

#include <unistd.h>

#include "cli/option_table.h"
#include "wire/channel.h"

/* Parse "moth " and words; NULL ends. */
static int parse(struct moth_options *options, struct moth_err *err, const char *const *words)
{
    char *argv[32] = {"moth"};
    int argc = 1;
    for (; words[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    int result = moth_options_parse(options, argc, argv, out, err);
    fclose(out);
    return result;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void fails(const char *const *words, const char *message)
{
    struct moth_options options;
    struct moth_err err = {0};
    if (parse(&options, &err, words) != -1)
        fail_msg("no error, but expected: %s", message);
    assert_int_equal(err.code, MOTH_ERR_USAGE);
    assert_string_equal(err.message, message);
    moth_options_free(&options);
}

static void defaults(void **state)
{
    (void)state;
    struct moth_options o;
    struct moth_err err;
    assert_int_equal(parse(&o, &err, WORDS("run", "--", "./game", "-x", "--seed", "--")), 0);
    assert_int_equal(o.verb, MOTH_VERB_RUN);
    assert_int_equal(o.game.n, 4);
    assert_string_equal(o.game.items[0], "./game");
    assert_string_equal(o.game.items[2], "--seed");
    assert_string_equal(o.game.items[3], "--");
    assert_null(o.game.items[4]);
    assert_int_equal(o.agents.n, 1);
    assert_string_equal(o.agents.items[0].name, "explorer");
    assert_true(o.agents.items[0].weight == 1);
    assert_int_equal(o.seed, 1);
    assert_int_equal(o.schedule_seed, 0);
    assert_int_equal(o.hz, 60);
    assert_int_equal(o.frames, 20000);
    assert_int_equal(o.instance_frames, 10800);
    assert_int_equal(o.video, MOTH_VIDEO_AUTO);
    assert_int_equal(o.reporters, MOTH_REPORTER_LIST | MOTH_REPORTER_JSON | MOTH_REPORTER_JUNIT | MOTH_REPORTER_HTML | MOTH_REPORTER_SARIF);
    assert_string_equal(o.out, "moth-out");
    assert_int_equal(o.replays, 10);
    assert_false(o.quiet);
    moth_options_free(&o);
    assert_int_equal(parse(&o, &err, WORDS("doctor", "--", "g")), 0);
    assert_int_equal(o.frames, 600);
    moth_options_free(&o);
    assert_int_equal(parse(&o, &err, WORDS("replay", "t.moth")), 0);
    assert_int_equal(o.times, 1);
    assert_string_equal(o.args.items[0], "t.moth");
    moth_options_free(&o);
}

static void every_form_of_an_option(void **state)
{
    (void)state;
    struct moth_options o;
    struct moth_err err;
    assert_int_equal(
        parse(&o, &err,
              WORDS("run", "-a", "monkey=3", "--agent=bots/a.lua", "-abots/x=y/b.lua", "--agent", "c=d.lua", "-j4", "-qv",
                    "--frames=10", "--duration", "1h30m5s", "--seed", "18446744073709551615", "--env", "A=1", "--env",
                    "B=x=y", "--video=gl", "--render", "off", "--threads", "native", "--reporter", "junit,json", "-o",
                    "out dir", "--", "g")),
        0);
    assert_int_equal(o.agents.n, 4);
    assert_string_equal(o.agents.items[0].name, "monkey");
    assert_true(o.agents.items[0].weight == 3);
    assert_string_equal(o.agents.items[1].name, "bots/a.lua");
    assert_string_equal(o.agents.items[2].name, "bots/x=y/b.lua");
    assert_string_equal(o.agents.items[3].name, "c=d.lua");
    assert_int_equal(o.workers, 4);
    assert_true(o.quiet && o.verbose);
    assert_int_equal(o.frames, 10);
    assert_int_equal(o.duration_ms, 5405000);
    assert_true(o.seed == UINT64_MAX);
    assert_int_equal(o.env.n, 2);
    assert_string_equal(o.env.items[1], "B=x=y");
    assert_int_equal(o.video, MOTH_VIDEO_GL);
    assert_int_equal(o.render, MOTH_RENDER_OFF);
    assert_int_equal(o.threads, MOTH_THREADS_NATIVE);
    assert_int_equal(o.reporters, MOTH_REPORTER_JUNIT | MOTH_REPORTER_JSON);
    assert_string_equal(o.out, "out dir");
    moth_options_free(&o);
    assert_int_equal(parse(&o, &err, WORDS("run", "--spike-ms", "16.7", "--", "g")), 0);
    assert_true(o.spike_ms == 16.7);
    moth_options_free(&o);
    static char *const numbers[] = {"", ".", "1.2.3", "1e3", "-1", "nan", "0x10", "5ms", "1000000.1"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_int_equal(parse(&o, &err, WORDS("run", "--spike-ms", numbers[i], "--", "g")), -1);
        moth_options_free(&o);
    }
    assert_int_equal(parse(&o, &err, WORDS("run", "--duration", "90", "--", "g")), 0);
    assert_int_equal(o.duration_ms, 90000);
    assert_int_equal(o.frames, 0);
    moth_options_free(&o);
}

static void wrong_words_are_told(void **state)
{
    (void)state;
    fails(WORDS("run", "--frmaes", "3", "--", "g"),
          "moth run has no option --frmaes; did you mean --frames? (see moth run --help)");
    fails(WORDS("run", "--fram", "3", "--", "g"), "moth run has no option --fram; did you mean --frames? (see moth run --help)");
    fails(WORDS("run", "--xyzzy", "--", "g"), "moth run has no option --xyzzy (see moth run --help)");
    fails(WORDS("run", "-z", "--", "g"), "moth run has no option -z (see moth run --help)");
    fails(WORDS("run", "--json", "--", "g"), "moth run has no option --json (moth replay has)");
    fails(WORDS("run", "--frames"), "--frames needs a value");
    fails(WORDS("run", "--frames", "many", "--", "g"),
          "--frames must be a whole number from 0 to 4294967295, not 'many'");
    fails(WORDS("run", "--frames", "-1", "--", "g"), "--frames must be a whole number from 0 to 4294967295, not '-1'");
    fails(WORDS("run", "--frames", "4294967296", "--", "g"),
          "--frames must be a whole number from 0 to 4294967295, not '4294967296'");
    fails(WORDS("run", "--seed", "18446744073709551616", "--", "g"),
          "--seed must be a whole number, at least 0, not '18446744073709551616'");
    fails(WORDS("run", "--hz", "0", "--", "g"), "--hz must be a whole number from 1 to 1000, not '0'");
    fails(WORDS("run", "--duration", "8 h", "--", "g"),
          "--duration must be a time like 8h, 30m, 90s or 1h30m, up to a year, not '8 h'");
    fails(WORDS("run", "--duration", "0s", "--", "g"),
          "--duration must be a time like 8h, 30m, 90s or 1h30m, up to a year, not '0s'");
    fails(WORDS("run", "--duration", "99999999999h", "--", "g"),
          "--duration must be a time like 8h, 30m, 90s or 1h30m, up to a year, not '99999999999h'");
    fails(WORDS("run", "--video", "gll", "--", "g"),
          "--video must be one of auto, none, software, gl, not 'gll'; did you mean 'gl'?");
    fails(WORDS("run", "--reporter", "list,jsn", "--", "g"),
          "--reporter must be one of list, json, junit, html, github, sarif, not 'jsn'; did you mean 'json'?");
    fails(WORDS("run", "--reporter", "", "--", "g"), "--reporter must be one of list, json, junit, html, github, sarif, not ''");
    fails(WORDS("run", "--env", "NOVALUE", "--", "g"), "--env must be NAME=VALUE, not 'NOVALUE'");
    fails(WORDS("run", "-a", "monkey=-1", "--", "g"), "--agent the weight in 'monkey=-1' must be a number over 0");
    fails(WORDS("run", "-a", "=2", "--", "g"), "--agent must be the name of an agent or a file, not '=2'");
    fails(WORDS("run", "--out", "", "--", "g"), "--out must not be empty");
    fails(WORDS("run", "--quiet=5", "--", "g"), "--quiet=5: option does not take an argument");
}

static void wrong_arguments_are_told(void **state)
{
    (void)state;
    fails(WORDS("run", "./game"), "moth run: what is './game'? The game goes after --: moth run -- ./game");
    fails(WORDS("run", "--"), "there is no game after --");
    fails(WORDS("run"), "which game? moth run -- GAME [ARG…], or a moth.lua here (moth init)");
    fails(WORDS("doctor"), "which game? moth doctor -- GAME [ARG…], or a moth.lua here (moth init)");
    fails(WORDS("replay"), "moth replay needs to know what: moth replay TRACE|FINDING");
    fails(WORDS("replay", "a", "b"), "moth replay: 'b' is one argument too many");
    fails(WORDS("bisect", "a", "b", "--", "c"), "moth bisect takes nothing after --");
    fails(WORDS("list"), "moth list needs to know what: moth list agents|scenarios|detectors|findings [DIR], state [GLOB] -- GAME");
    fails(WORDS("history"), "moth history needs to know what: moth history show|merge|prune FILE…");
    fails(WORDS("bisect", "a"), "moth bisect needs to know what: moth bisect TRACE|FINDING BUILD…");
    fails(WORDS("init", "x"), "moth init: 'x' is one argument too many");
}

static void what_the_gate_is_told_is_checked(void **state)
{
    (void)state;
    fails(WORDS("run", "--fail-on", "crsh", "--", "g"), "--fail-on is wrong: there is no kind of finding 'crsh'; did you mean 'crash'? (any, none, or a "
          "list of crash, hang, deadlock, softlock, spike, invariant, exit, sanitizer, leak, nondeterminism, each as KIND or KIND:N)");
    fails(WORDS("run", "--budget", "p99", "--", "g"), "--budget is wrong: 'p99' needs the percent that it may get worse by, such as p99=10");
    fails(WORDS("baseline"), "moth baseline needs to know what: moth baseline show|accept|prune");
}

static char *page_of(enum moth_verb verb)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    moth_help_print(out, verb);
    fclose(out);
    return text;
}

static void help_has_every_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < moth_option_count; i++) {
        const struct moth_option *option = &moth_option_table[i];
        for (unsigned bit = 0; bit < 16; bit++) {
            if (!(option->verbs & (1u << bit)))
                continue;
            char *page = page_of((enum moth_verb)(1u << bit));
            char *name = moth_fs_path("--%s", option->name);
            assert_non_null(strstr(page, name));
            assert_non_null(strstr(page, "EXIT CODES"));
            for (const char *line = page; *line; line += strcspn(line, "\n") + 1)
                assert_in_range(strcspn(line, "\n"), 0, 100);
            free(name);
            free(page);
        }
    }
    char *page = page_of(0);
    assert_non_null(strstr(page, "moth --version"));
    free(page);
    struct moth_options o;
    struct moth_err err;
    assert_int_equal(parse(&o, &err, WORDS("run", "--help")), 1);
    moth_options_free(&o);
    assert_int_equal(parse(&o, &err, WORDS("run", "--frames", "5", "-h", "--", "g")), 1);
    moth_options_free(&o);
    assert_int_equal(parse(&o, &err, WORDS("minimize", "--help")), 1);
    moth_options_free(&o);
}

/* Names, letters and fields of the table are one each a verb. */
static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < moth_option_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct moth_option *a = &moth_option_table[i], *b = &moth_option_table[j];
            if (!(a->verbs & b->verbs))
                continue;
            assert_string_not_equal(a->name, b->name);
            assert_true(!a->letter || a->letter != b->letter);
            assert_true(a->offset != b->offset);
        }
}

int main(void)
{
    char *scratch = test_scratch(); /* no moth.lua there */
    if (chdir(scratch) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_form_of_an_option),
        cmocka_unit_test(wrong_words_are_told),
        cmocka_unit_test(wrong_arguments_are_told),
        cmocka_unit_test(what_the_gate_is_told_is_checked),
        cmocka_unit_test(help_has_every_option),
        cmocka_unit_test(the_table_is_sound),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_scratch_remove(scratch);
    return failed;
}
