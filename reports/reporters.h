/* SPDX-License-Identifier: MIT
 *
 * The reporters that `--reporter` names, in one table: name, file, function. Command line, --help, `moth run` and
 * `moth report` all go by it; to add one is to add a row and the function that it names.
 *
 * A reporter with a file is a function from the summary to the file's whole text (caller frees; NULL: no memory).
 * Those without tell people or a build server something on standard output (moth_reporters_tell). run.json is the
 * one that is more than its text: `moth run` and `moth report` write it themselves, before the others.
 */
#ifndef MOTH_REPORTS_REPORTERS_H
#define MOTH_REPORTS_REPORTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct moth_run_summary;

/* X(NAME, name, file or NULL, function that makes its text or NULL, also while the run lasts, where it goes) */
#define MOTH_REPORTERS(X) \
    X(LIST, "list", NULL, NULL, false, "on standard output") \
    X(JSON, "json", "run.json", NULL, true, "run.json") \
    X(JUNIT, "junit", "junit.xml", moth_report_junit_text, true, "junit.xml") \
    X(HTML, "html", "report.html", moth_report_html_text, false, "report.html") \
    X(GITHUB, "github", NULL, NULL, false, "annotations on standard output, and $GITHUB_STEP_SUMMARY") \
    X(SARIF, "sarif", "findings.sarif", moth_report_sarif_text, false, "findings.sarif")

enum moth_reporter_place {
#define X(NAME, name, file, text, live, where) MOTH_REPORTER_PLACE_##NAME,
    MOTH_REPORTERS(X)
#undef X
        MOTH_REPORTER_END
};

/* Bits of moth_options.reporters. */
enum moth_reporter {
#define X(NAME, name, file, text, live, where) MOTH_REPORTER_##NAME = 1 << MOTH_REPORTER_PLACE_##NAME,
    MOTH_REPORTERS(X)
#undef X
};

/* For the table of options: "list|json|…", and "list (on standard output), …, " for the help. */
#define MOTH_REPORTER_CHOICE(NAME, name, file, text, live, where) "|" name
#define MOTH_REPORTER_HELP_OF(NAME, name, file, text, live, where) name " (" where "), "
#define MOTH_REPORTER_CHOICES (&("" MOTH_REPORTERS(MOTH_REPORTER_CHOICE))[1])
#define MOTH_REPORTER_HELP MOTH_REPORTERS(MOTH_REPORTER_HELP_OF)

struct moth_reporter_row {
    const char *name, *file;
    char *(*text)(const struct moth_run_summary *summary);
    bool live;
};
extern const struct moth_reporter_row moth_reporter_rows[MOTH_REPORTER_END];

/* Write the files of all that are in `wanted`, run.json aside, into `folder`; only those that are written while a
 * run lasts where it still does. 0, or -1 with err. */
int moth_reporters_write(uint64_t wanted, const struct moth_run_summary *summary, const char *folder, bool lasts,
                         struct moth_err *err);
/* What those without a file have to say. */
int moth_reporters_tell(uint64_t wanted, const struct moth_run_summary *summary, FILE *out, struct moth_err *err);

#endif
