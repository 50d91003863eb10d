/* SPDX-License-Identifier: MIT
 *
 * moth: which verb, and with what exit code.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/option_table.h"

static int unknown_verb(const char *given)
{
    static const char *const names[] = {
#define X(name, text, bit, line, here) text,
        MOTH_VERBS(X)
#undef X
    };
    const char *near = moth_str_nearest(given, names, sizeof names / sizeof names[0]);
    moth_log_error("there is no verb '%s'%s%s%s (see moth --help)", given, near ? "; did you mean '" : "",
                   near ? near : "", near ? "'?" : "");
    return moth_err_exit_code(MOTH_ERR_USAGE);
}

static int dispatch(const struct moth_options *options)
{
    if (options->quiet)
        moth_log_set_level(MOTH_LOG_ERROR);
    else if (options->verbose)
        moth_log_set_level(MOTH_LOG_DEBUG);
    switch (options->verb) {
    case MOTH_VERB_RUN:
        return moth_cli_run(options);
    case MOTH_VERB_REPLAY:
        return moth_cli_replay(options);
    case MOTH_VERB_RECORD:
        return moth_cli_record(options);
    case MOTH_VERB_MINIMIZE:
        return moth_cli_minimize(options);
    case MOTH_VERB_DOCTOR:
        return moth_cli_doctor(options);
    case MOTH_VERB_REPORT:
        return moth_cli_report(options);
    case MOTH_VERB_SCAN:
        return moth_cli_scan(options);
    case MOTH_VERB_LIST:
        return moth_cli_list(options);
    case MOTH_VERB_COMPARE:
        return moth_cli_compare(options);
    case MOTH_VERB_HISTORY:
        return moth_cli_history(options);
    case MOTH_VERB_BISECT:
        return moth_cli_bisect(options);
    case MOTH_VERB_BASELINE:
        return moth_cli_baseline(options);
    case MOTH_VERB_INIT:
        return moth_cli_init(options);
    default:
        return moth_err_exit_code(MOTH_ERR_USAGE); /* the parser refuses the others */
    }
}

/* Standard output that did not get through (a full disk) is a failure, whatever the verb says. */
static int finish(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    moth_log_error("standard output could not be written");
    return code == 0 ? moth_err_exit_code(MOTH_ERR_IO) : code;
}

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk; games have their own */
    if (argc < 2) {
        moth_help_print(stderr, 0);
        return moth_err_exit_code(MOTH_ERR_USAGE);
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        moth_help_print(stdout, argc > 2 ? moth_verb_from_name(argv[2]) : 0);
        return finish(0);
    }
    if (strcmp(first, "--version") == 0) {
        printf("moth %s\n", MOTH_VERSION);
        return finish(0);
    }
    if (!moth_verb_from_name(first))
        return unknown_verb(first);

    struct moth_options options;
    struct moth_err err = {0};
    int result = moth_options_parse(&options, argc, argv, stdout, &err);
    int code = 0;
    if (result < 0) {
        moth_log_error("%s", err.message);
        code = moth_err_exit_code(err.code);
    } else if (result == 0) {
        code = dispatch(&options);
    }
    moth_options_free(&options);
    return finish(code);
}
