/* SPDX-License-Identifier: MIT */
#include "cli/remember.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/log.h"
#include "reports/record.h"

static void warn(struct moth_remember *remember, const struct moth_err *err)
{
    if (remember->warning) /* told, and in a summary */
        return;
    remember->warning = moth_fs_path("the history is not used: %s", err->message);
    moth_log_warning("%s", remember->warning);
}

static void look(struct moth_remember *remember, struct moth_history *history)
{
    struct moth_err err;
    moth_history_view_free(remember->view);
    remember->view = moth_history_view(history, (uint32_t)remember->options->fixed_after, &err);
    if (!remember->view)
        warn(remember, &err);
}

static struct moth_history *open_it(struct moth_remember *remember)
{
    struct moth_err err;
    struct moth_history *history = moth_history_open(remember->options->history, MOTH_HISTORY_CREATE, &err);
    if (!history)
        warn(remember, &err);
    return history;
}

void moth_remember_begin(struct moth_remember *remember, const struct moth_options *options)
{
    *remember = (struct moth_remember){.options = options};
    struct moth_history *history = options->history ? open_it(remember) : NULL;
    if (history)
        look(remember, history);
    moth_history_close(history);
}

void moth_remember_build(struct moth_remember *remember, const char *label, const char *build_id, int64_t built_ms,
                         int64_t started_ms)
{
    free(remember->label);
    free(remember->build_id);
    remember->label = moth_fs_path("%s", label ? label : "");
    remember->build_id = moth_fs_path("%s", build_id ? build_id : "");
    remember->when_ms = built_ms ? built_ms : started_ms;
}

struct moth_past moth_remember_past(const struct moth_remember *remember, const char *fingerprint)
{
    const struct moth_history_finding *finding = moth_history_find(remember->view, fingerprint);
    return (struct moth_past){.fixed = finding && moth_history_had_gone(remember->view, finding, remember->label,
                                                                        remember->build_id, remember->when_ms)};
}

void moth_remember_runs(struct moth_remember *remember, const struct moth_history_run *runs, size_t n)
{
    struct moth_history *history = remember->options->history ? open_it(remember) : NULL;
    struct moth_err err;
    int result = history ? 0 : -1;
    for (size_t i = 0; result == 0 && i < n; i++)
        if ((result = moth_history_add(history, &runs[i], &err)) != 0)
            warn(remember, &err);
    if (history)
        look(remember, history);
    moth_history_close(history);
}

/* The summary's list is not ours to change. */
static void add_warning(struct moth_remember *remember, struct moth_run_summary *summary)
{
    free(remember->warnings);
    remember->warnings = calloc(summary->n_warnings + 1, sizeof *remember->warnings);
    if (!remember->warnings)
        return;
    if (summary->n_warnings > 0)
        memcpy(remember->warnings, summary->warnings, summary->n_warnings * sizeof *remember->warnings);
    remember->warnings[summary->n_warnings++] = remember->warning;
    summary->warnings = remember->warnings;
}

void moth_remember_apply(struct moth_remember *remember, struct moth_run_summary *summary)
{
    if (remember->warning && (!remember->warnings || summary->warnings != remember->warnings))
        add_warning(remember, summary);
    if (!remember->view)
        return;
    summary->history = remember->view;
    for (size_t i = 0; i < summary->n_findings; i++) {
        struct moth_finding *finding = summary->findings[i];
        if (finding->status == MOTH_FINDING_STATUS_NEW && moth_remember_past(remember, finding->fingerprint).fixed)
            finding->status = MOTH_FINDING_STATUS_REOPENED;
        moth_report_take_history(finding, remember->view);
    }
}

void moth_remember_end(struct moth_remember *remember)
{
    moth_history_view_free(remember->view);
    free(remember->label);
    free(remember->build_id);
    free(remember->warning);
    free(remember->warnings);
    *remember = (struct moth_remember){0};
}
