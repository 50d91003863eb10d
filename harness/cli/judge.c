/* SPDX-License-Identifier: MIT */
#include "cli/judge.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/log.h"

static int open_baseline(struct moth_cli_judge *judge, const char *path, struct moth_err *err)
{
    struct moth_err why = {0};
    judge->baseline = moth_baseline_read(path, &why);
    if (judge->baseline)
        return 0;
    if (why.code == MOTH_ERR_IO && why.sys_errno == ENOENT) {
        judge->warning = moth_fs_path("there is no baseline %s yet, so every finding is new; `moth baseline accept "
                                      "--baseline %s DIR` makes one of a run's output folder",
                                      path, path);
        moth_log_warning("%s", judge->warning);
        return 0;
    }
    return moth_err_set(err, MOTH_ERR_CONFIG, "the baseline cannot be used: %s", why.message);
}

int moth_cli_judge_open(struct moth_cli_judge *judge, const struct moth_options *options, struct moth_err *err)
{
    *judge = (struct moth_cli_judge){0};
    moth_gate_rules_init(&judge->rules);
    moth_date_today(judge->today);
    if (options->verb == MOTH_VERB_RUN)
        judge->machine = options->machine ? moth_fs_path("%s", options->machine) : moth_machine_class();
    if (options->fail_on && moth_gate_parse_fail_on(options->fail_on, &judge->rules, err) != 0)
        return -1;
    if (options->budget && moth_gate_parse_budget(options->budget, &judge->rules, err) != 0)
        return -1;
    return options->baseline ? open_baseline(judge, options->baseline, err) : 0;
}

void moth_cli_judge_know(void *context, struct moth_finding *finding)
{
    const struct moth_cli_judge *judge = context;
    struct moth_past past = {0};
    if (judge->past && judge->past->view)
        past = moth_remember_past(judge->past, finding->fingerprint);
    moth_lifecycle_apply(finding, judge->baseline, &past, judge->today);
}

void moth_cli_judge_close(struct moth_cli_judge *judge)
{
    moth_baseline_free(judge->baseline);
    free(judge->warning);
    free(judge->machine);
}
