/* SPDX-License-Identifier: MIT
 *
 * The command line: moth VERB [options] [arguments] [-- GAME…]. popt reads it by a table made from ours.
 */
#include "cli/options.h"

#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"
#include "cli/option_table.h"

#define CONFIG_FILE "moth.lua"
#define FRAMES_DEFAULT 20000
#define VAL_HELP 1
#define VAL_FIRST 2 /* popt's val of option i is VAL_FIRST + i */

static const struct {
    const char *name;
    enum moth_verb verb;
    bool here;
} verbs[] = {
#define X(name, text, bit, line, here) {text, MOTH_VERB_##name, here},
    MOTH_VERBS(X)
#undef X
};

#define N_VERBS (sizeof verbs / sizeof verbs[0])

enum moth_verb moth_verb_from_name(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return verbs[i].verb;
    return 0;
}

const char *moth_verb_name(enum moth_verb verb)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (verbs[i].verb == verb)
            return verbs[i].name;
    return "moth";
}

static bool verb_is_here(enum moth_verb verb)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (verbs[i].verb == verb)
            return verbs[i].here;
    return false;
}

/* ---- popt ---- */

static struct poptOption *popt_table(enum moth_verb verb)
{
    struct poptOption *table = calloc(moth_option_count + 2, sizeof *table);
    if (!table)
        abort();
    size_t n = 0;
    table[n++] = (struct poptOption){"help", 'h', POPT_ARG_NONE, NULL, VAL_HELP, NULL, NULL};
    for (size_t i = 0; i < moth_option_count; i++) {
        const struct moth_option *option = &moth_option_table[i];
        if (!(option->verbs & verb))
            continue;
        table[n++] = (struct poptOption){option->name,
                                         option->letter,
                                         option->type == MOTH_OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
                                         NULL,
                                         VAL_FIRST + (int)i,
                                         NULL,
                                         NULL};
    }
    return table;
}

/* An option that this verb does not have: is it another's, or misspelt? */
static int unknown_option(enum moth_verb verb, const char *given, struct moth_err *err)
{
    char name[64];
    const char *bare = given + strspn(given, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(bare, "="), bare);
    const char *words[128];
    size_t n = 0;
    for (size_t i = 0; i < moth_option_count && n < 128; i++) {
        const struct moth_option *option = &moth_option_table[i];
        if (option->verbs & verb)
            words[n++] = option->name;
        else if (strcmp(option->name, name) == 0)
            for (size_t v = 0; v < N_VERBS; v++)
                if (option->verbs & verbs[v].verb)
                    return moth_err_set(err, MOTH_ERR_USAGE, "moth %s has no option --%s (moth %s has)",
                                        moth_verb_name(verb), name, verbs[v].name);
    }
    const char *near = strncmp(given, "--", 2) == 0 ? moth_str_nearest(name, words, n) : NULL;
    return moth_err_set(err, MOTH_ERR_USAGE, "moth %s has no option %s%s%s%s (see moth %s --help)",
                        moth_verb_name(verb), given, near ? "; did you mean --" : "", near ? near : "",
                        near ? "?" : "", moth_verb_name(verb));
}

static int take_option(struct moth_options *options, size_t i, const char *text, bool *given, struct moth_err *err)
{
    const struct moth_option *option = &moth_option_table[i];
    if (option->later)
        return moth_err_set(err, MOTH_ERR_USAGE, "--%s is not in this version of moth", option->name);
    struct moth_err why = {0};
    if (moth_option_set(options, option, text, MOTH_ERR_USAGE, &why) != 0)
        return moth_err_set(err, why.code, "--%s %s", option->name, why.message);
    given[i] = true;
    return 0;
}

/* 1: help was asked for. */
static int read_options(struct moth_options *options, poptContext context, bool *given, struct moth_err *err)
{
    int value;
    while ((value = poptGetNextOpt(context)) > 0) {
        if (value == VAL_HELP)
            return 1;
        char *text = poptGetOptArg(context);
        int result = take_option(options, (size_t)(value - VAL_FIRST), text ? text : "true", given, err);
        free(text);
        if (result != 0)
            return -1;
    }
    if (value == POPT_ERROR_BADOPT)
        return unknown_option(options->verb, poptBadOption(context, POPT_BADOPTION_NOALIAS), err);
    if (value == POPT_ERROR_NOARG)
        return moth_err_set(err, MOTH_ERR_USAGE, "%s needs a value", poptBadOption(context, POPT_BADOPTION_NOALIAS));
    if (value < -1)
        return moth_err_set(err, MOTH_ERR_USAGE, "%s: %s", poptBadOption(context, POPT_BADOPTION_NOALIAS),
                            poptStrerror(value));
    const char **rest = poptGetArgs(context);
    for (; rest && *rest; rest++)
        moth_strings_add(&options->args, *rest);
    return 0;
}

static int parse_words(struct moth_options *options, int argc, char **argv, bool *given, struct moth_err *err)
{
    struct poptOption *table = popt_table(options->verb);
    poptContext context = poptGetContext("moth", argc, (const char **)argv, table, 0);
    int result = context ? read_options(options, context, given, err)
                         : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the command line");
    poptFreeContext(context);
    free(table);
    return result;
}

/* ---- what is left to do ---- */

static bool was_given(const bool *given, const char *name)
{
    for (size_t i = 0; i < moth_option_count; i++) {
        if (given[i] && strcmp(moth_option_table[i].name, name) == 0)
            return true;
    }
    return false;
}

static void fill_defaults(struct moth_options *options, const bool *given)
{
    for (size_t i = 0; i < moth_option_count; i++) {
        const struct moth_option *option = &moth_option_table[i];
        if ((option->verbs & options->verb) && option->fallback && !given[i])
            moth_option_set(options, option, option->fallback, MOTH_ERR_INTERNAL, NULL);
    }
    if (options->verb == MOTH_VERB_REPORT && options->reporters == 0)
        options->reporters = MOTH_REPORTER_LIST;
    if (options->verb != MOTH_VERB_RUN)
        return;
    options->seed_given = was_given(given, "seed");
    if (options->resume && !was_given(given, "out")) {
        free(options->out);
        options->out = moth_fs_path("%s", options->resume);
    }
    bool ends = options->scenarios.n > 0 && options->agents.n == 0; /* with the last scenario */
    if (options->frames == 0 && options->duration_ms == 0 && !ends)
        options->frames = FRAMES_DEFAULT;
    if (options->agents.n == 0 && options->scenarios.n == 0)
        moth_option_add_agent(options, "explorer", 1);
}

/* What stands on the command line besides options. */
static const struct arguments {
    enum moth_verb verb;
    size_t least, most;
    const char *what;
} arguments[] = {
    {MOTH_VERB_REPLAY, 1, 1, "TRACE|FINDING"},
    {MOTH_VERB_MINIMIZE, 1, 1, "FINDING"},
    {MOTH_VERB_LIST, 1, 2, "agents|scenarios|detectors|findings [DIR], state [GLOB] -- GAME"},
    {MOTH_VERB_REPORT, 1, SIZE_MAX, "DIR…"},
    {MOTH_VERB_BASELINE, 1, SIZE_MAX, "show|accept|prune"},
    {MOTH_VERB_COMPARE, 2, 2, "A B --trace TRACE"},
    {MOTH_VERB_HISTORY, 1, SIZE_MAX, "show|merge|prune FILE…"},
    {MOTH_VERB_BISECT, 2, SIZE_MAX, "TRACE|FINDING BUILD…"},
    {0, 0, 0, ""}, /* the others: none */
};

static const struct arguments *wanted_by(enum moth_verb verb)
{
    const struct arguments *wants = arguments;
    while (wants->verb && wants->verb != verb)
        wants++;
    return wants;
}

/* The one list that is of a game. */
static bool lists_state(const struct moth_options *options)
{
    return options->verb == MOTH_VERB_LIST && options->args.n > 0 && strcmp(options->args.items[0], "state") == 0;
}

static int check_arguments(const struct moth_options *options, bool has_game, struct moth_err *err)
{
    const char *verb = moth_verb_name(options->verb);
    const char *first = options->args.n ? options->args.items[0] : NULL;
    bool plays = options->verb & (MOTH_VERB_RUN | MOTH_VERB_DOCTOR | MOTH_VERB_RECORD | MOTH_VERB_SCAN);
    if (has_game && !plays && options->verb != MOTH_VERB_REPLAY && !lists_state(options))
        return moth_err_set(err, MOTH_ERR_USAGE, "moth %s takes nothing after --", verb);
    if (plays && first)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth %s: what is '%s'? The game goes after --: moth %s -- %s", verb,
                            first, verb, first);
    if (has_game && options->game.n == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "there is no game after --");
    const struct arguments *wants = wanted_by(options->verb);
    if (options->args.n < wants->least)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth %s needs to know what: moth %s %s", verb, verb, wants->what);
    uint64_t several = options->reporters & (options->reporters - 1), beside = MOTH_REPORTER_LIST | MOTH_REPORTER_GITHUB;
    if (options->verb == MOTH_VERB_REPORT && !options->out && several && (options->reporters & ~beside))
        return moth_err_set(err, MOTH_ERR_USAGE, "--reporter: without -o there is room for one, on standard output");
    if (options->args.n > wants->most)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth %s: '%s' is one argument too many", verb,
                            options->args.items[wants->most]);
    return 0;
}

static int read_config(struct moth_options *options, bool *given, struct moth_err *err)
{
    bool plays = (options->verb & (MOTH_VERB_RUN | MOTH_VERB_DOCTOR | MOTH_VERB_RECORD | MOTH_VERB_SCAN)) || lists_state(options);
    bool judges = options->verb & (MOTH_VERB_REPORT | MOTH_VERB_BASELINE);
    if (!plays && !judges)
        return 0;
    bool named = options->config_path != NULL;
    if (!named && access(CONFIG_FILE, F_OK) == 0)
        options->config_path = moth_fs_path(CONFIG_FILE);
    if (options->config_path && moth_config_read(options, options->config_path, given, err) != 0)
        return -1;
    if (plays && options->game.n == 0 && !options->input)
        return moth_err_set(err, MOTH_ERR_USAGE, "which game? moth %s -- GAME [ARG…]%s", moth_verb_name(options->verb),
                            options->config_path ? ", or `game` in moth.lua" : ", or a moth.lua here (moth init)");
    return 0;
}

int moth_options_parse(struct moth_options *options, int argc, char **argv, FILE *out, struct moth_err *err)
{
    memset(options, 0, sizeof *options);
    options->verb = argc > 1 ? moth_verb_from_name(argv[1]) : 0;
    if (!options->verb)
        return moth_err_set(err, MOTH_ERR_USAGE, "no such verb");
    int end = 2;
    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    for (int i = end + 1; i < argc; i++)
        moth_strings_add(&options->game, argv[i]);

    bool *given = calloc(moth_option_count, sizeof *given);
    if (!given)
        abort();
    int result;
    if (verb_is_here(options->verb)) {
        result = parse_words(options, end - 1, argv + 1, given, err);
    } else {
        bool help = end > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
        result = help ? 1
                      : moth_err_set(err, MOTH_ERR_USAGE, "moth %s is not in this version of moth",
                                     moth_verb_name(options->verb));
    }
    if (result == 1)
        moth_help_print(out, options->verb);
    if (result == 0)
        result = check_arguments(options, end < argc, err);
    if (result == 0)
        result = read_config(options, given, err);
    if (result == 0)
        fill_defaults(options, given);
    free(given);
    return result;
}

void moth_options_free(struct moth_options *options)
{
    moth_strings_free(&options->game);
    moth_strings_free(&options->args);
    moth_strings_free(&options->scenarios);
    moth_strings_free(&options->tags);
    moth_strings_free(&options->not_tags);
    moth_strings_free(&options->env);
    moth_strings_free(&options->map_watches);
    moth_strings_free(&options->replay_first);
    for (size_t i = 0; i < options->agents.n; i++)
        free(options->agents.items[i].name);
    free(options->agents.items);
    free(options->config_path);
    moth_strings_free(&options->compared);
    free(options->threshold);
    moth_strings_free(&options->watches);
    moth_strings_free(&options->debug_dirs);
    moth_strings_free(&options->steps);
    free(options->value_type);
    free(options->input);
    free(options->out);
    free(options->shard);
    free(options->bus);
    free(options->bus_token);
    free(options->scene_watch);
    free(options->baseline);
    free(options->fail_on);
    free(options->budget);
    free(options->machine);
    free(options->owner);
    free(options->reason);
    free(options->expires);
    free(options->history);
    free(options->build_label);
    free(options->speed);
    free(options->host_key);
    free(options->events);
    memset(options, 0, sizeof *options);
}
