/* SPDX-License-Identifier: MIT
 *
 * moth report: runs and shards put together, and judged as one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "cli/judge.h"
#include "cli/options.h"
#include "cli/remember.h"
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

/* Each run that was put together goes into the history by itself, as if it had been told of it when it was played. */
static void remember(struct moth_remember *remember, struct moth_merge *merge)
{
    const struct moth_options *options = remember->options;
    size_t n = moth_merge_n_runs(merge), n_records = 0, without = 0;
    struct moth_history_run *records = calloc(n + 1, sizeof *records);
    for (size_t i = 0; records && i < n; i++) {
        const json_t *json = moth_merge_record(merge, i);
        struct moth_err err = {0};
        if (!json || moth_history_run_from_json(json, "merge.json", &records[n_records], &err) != 0) {
            if (json)
                moth_log_warning("%s", err.message);
            without++;
            continue;
        }
        if (options->build_label) {
            free(records[n_records].label);
            records[n_records].label = moth_fs_path("%s", options->build_label);
        }
        n_records++;
    }
    if (without > 0)
        moth_log_warning("%zu of the runs left no record for a history and %s not in it", without,
                         without == 1 ? "is" : "are");
    moth_remember_runs(remember, records, n_records);
    moth_remember_apply(remember, moth_merge_edit(merge));
    for (size_t i = 0; i < n_records; i++)
        moth_history_run_fini(&records[i]);
    free(records);
}

/* All of them are of one build, unless --force: the first says which. */
static void name_build(void *context, const struct moth_merge *merge)
{
    const struct moth_cli_judge *judge = context;
    struct moth_history_run run;
    struct moth_err err;
    const json_t *json = moth_merge_record(merge, 0);
    if (!json || moth_history_run_from_json(json, "merge.json", &run, &err) != 0)
        return;
    const char *label = judge->past->options->build_label;
    moth_remember_build(judge->past, label ? label : run.label, run.build_id, run.built_ms, run.started_ms);
    moth_history_run_fini(&run);
}

static void judge_by(struct moth_cli_judge *judge, const struct moth_options *options, struct moth_merge_config *config)
{
    config->gate = &judge->rules;
    config->baseline = judge->baseline;
    config->machine = options->machine;
    config->judge_warning = judge->warning;
    if (!options->baseline && !options->history) /* what the runs themselves knew of their findings stays */
        return;
    config->know = moth_cli_judge_know;
    config->read = name_build;
    config->know_context = judge;
}

int moth_cli_report(const struct moth_options *options)
{
    struct moth_merge_config config = {.force = options->force,
                                       .allow_missing = options->allow_missing,
                                       .strict = options->strict,
                                       .fail_on_flaky = options->fail_on_flaky};
    struct moth_err err = {0};
    struct moth_cli_judge judge;
    struct moth_merge *merge = NULL;
    struct moth_remember past;
    moth_remember_begin(&past, options);
    if (moth_cli_judge_open(&judge, options, &err) == 0) {
        judge.past = &past;
        judge_by(&judge, options, &config);
        merge = moth_merge_folders((const char *const *)options->args.items, options->args.n, &config, warn, &err);
    }
    int code = merge ? moth_merge_summary(merge)->exit_code : 0;
    if (merge && options->history) {
        if (options->build_label)
            moth_merge_edit(merge)->build_label = options->build_label;
        remember(&past, merge);
    }
    if (!merge || tell(options, merge, &err) != 0) {
        moth_log_error("%s", err.message);
        code = moth_err_exit_code(err.code);
    }
    moth_merge_free(merge);
    moth_remember_end(&past);
    moth_cli_judge_close(&judge);
    return code;
}
