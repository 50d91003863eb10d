/* SPDX-License-Identifier: MIT
 *
 * moth report: runs and shards put together, and judged as one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/options.h"
#include "merge/merge.h"

static void warn(const char *sentence)
{
    moth_log_warning("%s", sentence);
}

/* What goes to people and build servers. */
static int tell_them(const struct moth_options *options, const struct moth_merge *merge, struct moth_err *err)
{
    uint64_t told = options->quiet ? options->reporters & ~(uint64_t)MOTH_REPORTER_LIST : options->reporters;
    if (told & MOTH_REPORTER_LIST)
        moth_merge_list_runs(merge, stdout);
    return moth_reporters_tell(told, moth_merge_summary(merge), stdout, err);
}

static const struct moth_reporter_row *only(uint64_t reporters)
{
    const struct moth_reporter_row *row = moth_reporter_rows;
    while (!(reporters & 1))
        reporters >>= 1, row++;
    return row;
}

/* Without a folder to write to there is one place to write: standard output. */
static int print_one(const struct moth_options *options, const struct moth_merge *merge, struct moth_err *err)
{
    const struct moth_reporter_row *row = only(options->reporters);
    if (!row->file)
        return tell_them(options, merge, err);
    char *text = row->text ? row->text(moth_merge_summary(merge)) : moth_merge_json_text(merge);
    if (!text)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the report");
    size_t n = strlen(text);
    printf("%s%s", text, n > 0 && text[n - 1] == '\n' ? "" : "\n");
    free(text);
    return 0;
}

static int tell(const struct moth_options *options, struct moth_merge *merge, struct moth_err *err)
{
    if (!options->out)
        return print_one(options, merge, err);
    if (moth_merge_write(merge, options->out, options->reporters, err) != 0)
        return -1;
    return tell_them(options, merge, err);
}

int moth_cli_report(const struct moth_options *options)
{
    struct moth_merge_config config = {.force = options->force,
                                       .allow_missing = options->allow_missing,
                                       .strict = options->strict,
                                       .fail_on_flaky = options->fail_on_flaky};
    struct moth_err err = {0};
    struct moth_merge *merge =
        moth_merge_folders((const char *const *)options->args.items, options->args.n, &config, warn, &err);
    int code = merge ? moth_merge_summary(merge)->exit_code : 0;
    if (!merge || tell(options, merge, &err) != 0) {
        moth_log_error("%s", err.message);
        code = moth_err_exit_code(err.code);
    }
    moth_merge_free(merge);
    return code;
}
