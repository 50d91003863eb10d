/* SPDX-License-Identifier: MIT
 *
 * moth baseline: what the team already knows. The only verb that writes the file.
 */
#include "baseline/baseline.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/str.h"
#include "baseline/gate.h"
#include "cli/options.h"
#include "findings/store.h"
#include "merge/merge.h"
#include "wire/trace.h"

#define OUT_DEFAULT "moth-out"
#define BUILD_CHARS 12

struct change {
    const struct moth_options *options;
    struct moth_baseline *baseline;
    bool made; /* there was no such file */
    char today[MOTH_DATE_BYTES], expires[MOTH_DATE_BYTES];
    size_t added, renewed, kept, removed;
};

static void warn(const char *sentence)
{
    moth_log_warning("%s", sentence);
}

/* Words of a file that anybody may have written, of a game, of a machine. */
static void print_plain(const char *text)
{
    char *plain = moth_str_plain(text ? text : "");
    fputs(plain, stdout);
    free(plain);
}

static void print_entry(const char *what, const struct moth_baseline_finding *entry)
{
    printf("%-12s %s  ", what, entry->fingerprint);
    print_plain(entry->title);
    putchar('\n');
}

static void say(const struct change *change, const char *what, const struct moth_baseline_finding *entry)
{
    if (!change->options->quiet && !change->options->json)
        print_entry(what, entry);
}

/* ---- the file ---- */

static int open_file(struct change *change, bool may_lack, struct moth_err *err)
{
    const char *path = change->options->baseline;
    struct moth_err why = {0};
    change->baseline = moth_baseline_read(path, &why);
    if (change->baseline)
        return 0;
    if (why.sys_errno != ENOENT)
        return moth_err_set(err, why.code == MOTH_ERR_IO ? MOTH_ERR_CONFIG : why.code, "%s", why.message);
    if (!may_lack)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "there is no baseline %s; `moth baseline accept DIR` makes one of a run's output folder", path);
    change->made = true;
    change->baseline = moth_baseline_create();
    return change->baseline ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the baseline");
}

/* Untouched where nothing changed. */
static int close_file(const struct change *change, struct moth_err *err)
{
    const char *path = change->options->baseline;
    char *text = moth_baseline_text(change->baseline);
    char *before = change->made ? NULL : moth_fs_read(path, SIZE_MAX / 2, NULL, NULL);
    int result = 0;
    if (!text)
        result = moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the baseline");
    else if (!before || strcmp(before, text) != 0)
        result = moth_baseline_write(change->baseline, path, err);
    if (result == 0 && change->options->json)
        fputs(text, stdout);
    free(before);
    free(text);
    return result;
}

static void print_sum(const struct change *change)
{
    size_t n = change->baseline->n_findings;
    printf("%s: %zu finding%s", change->options->baseline, n, n == 1 ? "" : "s");
    if (change->added > 0)
        printf(", %zu new", change->added);
    if (change->removed > 0)
        printf(", %zu gone", change->removed);
    if (change->kept > 0)
        printf(", %zu still in quarantine", change->kept);
    putchar('\n');
}

static void sum_up(const struct change *change)
{
    if (!change->options->quiet && !change->options->json)
        print_sum(change);
}

/* ---- accept ---- */

static int check_quarantine(struct change *change, struct moth_err *err)
{
    const struct moth_options *options = change->options;
    if (!options->quarantine)
        return options->expires ? moth_err_set(err, MOTH_ERR_USAGE, "--expires belongs to --quarantine") : 0;
    const char *lacks = !options->owner     ? "--owner NAME: who looks after it"
                        : !options->reason  ? "--reason TEXT: why it is accepted"
                        : !options->expires ? "--expires DATE: its last day, as 2027-01-31, or from today 14d, 2w, 3m"
                                            : NULL;
    if (lacks)
        return moth_err_set(err, MOTH_ERR_USAGE, "a quarantine needs %s", lacks);
    if (!moth_date_parse(options->expires, change->today, change->expires))
        return moth_err_set(err, MOTH_ERR_USAGE, "--expires must be a day as 2027-01-31, or from today 14d, 2w, 3m, not '%s'",
                            options->expires);
    if (strcmp(change->expires, change->today) < 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "--expires %s is past", change->expires);
    return 0;
}

/* `by_name`: a person named this very finding. */
static int accept(struct change *change, struct moth_baseline_finding entry, bool by_name, struct moth_err *err)
{
    const struct moth_options *options = change->options;
    const struct moth_baseline_finding *old = moth_baseline_find(change->baseline, entry.fingerprint);
    bool stays = old && old->status == MOTH_FINDING_STATUS_QUARANTINED && !options->quarantine && !by_name;
    entry.status = options->quarantine ? MOTH_FINDING_STATUS_QUARANTINED : MOTH_FINDING_STATUS_KNOWN;
    memcpy(entry.accepted, change->today, sizeof entry.accepted);
    memcpy(entry.expires, change->expires, sizeof entry.expires);
    entry.owner = options->owner ? options->owner : old ? old->owner : NULL;
    entry.reason = options->reason ? options->reason : old ? old->reason : NULL;
    if (stays) {
        change->kept++;
        say(change, "quarantined", old);
        return 0;
    }
    change->added += !old;
    change->renewed += old != NULL;
    say(change, options->quarantine ? "quarantined" : old ? "known" : "accepted", &entry);
    return moth_baseline_put(change->baseline, &entry, err);
}

static struct moth_baseline_finding entry_of(const struct moth_finding *finding, char *build)
{
    struct moth_baseline_finding entry = {.kind = finding->kind,
                                          .title = finding->title,
                                          .first_seen = finding->first_seen.build ? finding->first_seen.build : build};
    memcpy(entry.fingerprint, finding->fingerprint, sizeof entry.fingerprint);
    return entry;
}

/* The build that a finding's trace was made with. Caller frees. */
static char *build_of(const char *folder)
{
    char *path = moth_fs_path("%s/trace.moth", folder);
    struct moth_trace *trace = moth_trace_read(path, NULL);
    const char *id = trace ? trace->header.build_id : NULL;
    char *build = id && *id ? moth_fs_path("%.*s", BUILD_CHARS, id) : NULL;
    moth_trace_free(trace);
    free(path);
    return build;
}

static int accept_folder(struct change *change, const char *folder, struct moth_err *err)
{
    struct moth_err why = {0};
    struct moth_finding *finding = moth_finding_load(folder, &why);
    if (!finding)
        return moth_err_set(err, MOTH_ERR_USAGE, "%s", why.message);
    if (!moth_finding_is_fingerprint(finding->fingerprint)) {
        moth_err_set(err, MOTH_ERR_USAGE, "%s/finding.json: '%s' is no fingerprint", folder, finding->fingerprint);
        moth_finding_free(finding);
        return -1;
    }
    char *build = build_of(folder);
    int result = accept(change, entry_of(finding, build), true, err);
    free(build);
    moth_finding_free(finding);
    return result;
}

/* By its name alone: of the run in moth-out, or one that is in the file. */
static int accept_name(struct change *change, const char *fingerprint, struct moth_err *err)
{
    char *folder = moth_store_folder(OUT_DEFAULT, fingerprint);
    const struct moth_baseline_finding *old = moth_baseline_find(change->baseline, fingerprint);
    int result;
    if (access(folder, F_OK) == 0)
        result = accept_folder(change, folder, err);
    else if (old)
        result = accept(change, *old, true, err);
    else
        result = moth_err_set(err, MOTH_ERR_USAGE, "%s is neither in " OUT_DEFAULT " nor in %s; name it by its folder",
                              fingerprint, change->options->baseline);
    free(folder);
    return result;
}

static bool is_finding(const char *path)
{
    char *file = moth_fs_path("%s/finding.json", path);
    bool there = access(file, F_OK) == 0;
    free(file);
    return there;
}

/* What is known outlives builds, so runs of different ones go together; only what was measured does not. */
static struct moth_merge *read_runs(const struct moth_options *options, const char *const *folders, size_t n,
                                    struct moth_err *err)
{
    struct moth_merge_config config = {.force = options->force || !options->metrics, .allow_missing = true, .machine = options->machine};
    return moth_merge_folders(folders, n, &config, warn, err);
}

static int accept_runs(struct change *change, const char *const *folders, size_t n, struct moth_err *err)
{
    struct moth_merge *merge = n > 0 ? read_runs(change->options, folders, n, err) : NULL;
    int result = n > 0 && !merge ? -1 : 0;
    const struct moth_run_summary *summary = merge ? moth_merge_summary(merge) : NULL;
    for (size_t i = 0; summary && result == 0 && i < summary->n_findings; i++) {
        if (summary->findings[i]->status == MOTH_FINDING_STATUS_FIXED)
            continue;
        char *folder = moth_report_finding_folder(summary, i), *build = build_of(folder);
        if (!build && summary->build_id)
            build = moth_fs_path("%.*s", BUILD_CHARS, summary->build_id);
        result = accept(change, entry_of(summary->findings[i], build), false, err);
        free(build);
        free(folder);
    }
    moth_merge_free(merge);
    return result;
}

static int accept_findings(struct change *change, const char *const *names, size_t n, struct moth_err *err)
{
    const char **runs = calloc(n + 1, sizeof *runs);
    size_t n_runs = 0;
    int result = runs ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %zu names", n);
    for (size_t i = 0; result == 0 && i < n; i++) {
        if (moth_finding_is_fingerprint(names[i]))
            result = accept_name(change, names[i], err);
        else if (is_finding(names[i]))
            result = accept_folder(change, names[i], err);
        else
            runs[n_runs++] = names[i];
    }
    if (result == 0)
        result = accept_runs(change, runs, n_runs, err);
    free(runs);
    return result;
}

static int put_metrics(struct change *change, const struct moth_gate_measured *measured, struct moth_err *err)
{
    struct moth_baseline_metric metrics[MOTH_METRIC_END];
    struct moth_baseline_machine machine = {.name = (char *)(uintptr_t)measured->machine, .metrics = metrics};
    if (!measured->machine)
        return moth_err_set(err, MOTH_ERR_USAGE, "on which machine this was measured is not known, or it were several; "
                                                 "--machine NAME says it");
    memcpy(machine.accepted, change->today, sizeof machine.accepted);
    for (int i = 0; i < MOTH_METRIC_END; i++) {
        struct moth_baseline_metric *metric = &metrics[machine.n_metrics];
        if (isnan(measured->value[i]))
            continue;
        char rounded[32]; /* so that the file can be read */
        snprintf(rounded, sizeof rounded, "%.5g", measured->value[i]);
        *metric = (struct moth_baseline_metric){.value = strtod(rounded, NULL)};
        snprintf(metric->name, sizeof metric->name, "%s", moth_metric_name((enum moth_metric)i));
        machine.n_metrics++;
    }
    if (machine.n_metrics == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "nothing was measured: no frame was played");
    if (!change->options->quiet && !change->options->json) {
        fputs("metrics of ", stdout);
        print_plain(machine.name);
        printf(": %zu\n", machine.n_metrics);
    }
    return moth_baseline_put_machine(change->baseline, &machine, err);
}

static int accept_metrics(struct change *change, const char *const *names, size_t n, struct moth_err *err)
{
    struct moth_gate_measured measured;
    struct moth_merge *merge = read_runs(change->options, names, n, err);
    if (!merge)
        return -1;
    moth_report_measured(moth_merge_summary(merge), &measured);
    int result = put_metrics(change, &measured, err);
    moth_merge_free(merge);
    return result;
}

static int run_accept(struct change *change, const char *const *names, size_t n, struct moth_err *err)
{
    if (n == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "accept what? moth baseline accept DIR|FINDING…, such as " OUT_DEFAULT);
    if (check_quarantine(change, err) != 0 || open_file(change, true, err) != 0)
        return -1;
    int result = change->options->metrics ? accept_metrics(change, names, n, err) : accept_findings(change, names, n, err);
    if (result == 0)
        result = close_file(change, err);
    if (result == 0)
        sum_up(change);
    return result;
}

/* ---- prune ---- */

static bool is_met(const struct moth_run_summary *summary, const char *fingerprint)
{
    for (size_t i = 0; i < summary->n_findings; i++) {
        if (strcmp(summary->findings[i]->fingerprint, fingerprint) == 0 &&
            summary->findings[i]->status != MOTH_FINDING_STATUS_FIXED)
            return true;
    }
    return false;
}

/* Take out, or mark, what was not met. */
static int drop_gone(struct change *change, const struct moth_run_summary *summary, struct moth_err *err)
{
    struct moth_baseline *baseline = change->baseline;
    for (size_t i = baseline->n_findings; i-- > 0;) {
        struct moth_baseline_finding entry = baseline->findings[i];
        bool was_fixed = entry.status == MOTH_FINDING_STATUS_FIXED;
        if (is_met(summary, entry.fingerprint) || (was_fixed && change->options->keep_fixed))
            continue;
        change->removed++;
        say(change, change->options->keep_fixed ? "fixed" : "gone", &entry);
        entry.status = MOTH_FINDING_STATUS_FIXED;
        memset(entry.expires, 0, sizeof entry.expires);
        if (!change->options->keep_fixed)
            moth_baseline_remove(baseline, entry.fingerprint);
        else if (moth_baseline_put(baseline, &entry, err) != 0)
            return -1;
    }
    return 0;
}

static int check_complete(const struct change *change, const struct moth_run_summary *summary, struct moth_err *err)
{
    bool played = summary->verdict != MOTH_VERDICT_ERROR && summary->verdict != MOTH_VERDICT_NOTHING_RAN;
    const char *lacks = !summary->complete    ? "these runs did not come to their end"
                        : !played             ? "these runs ended with an error"
                        : summary->stopped_by ? "these runs did not play all they were to, for --max-findings ended them"
                                              : NULL;
    if (!lacks || change->options->force)
        return 0;
    return moth_err_set(err, MOTH_ERR_USAGE,
                        "%s, so what they did not find may be there all the same; --force prunes nevertheless", lacks);
}

static int run_prune(struct change *change, const char *const *names, size_t n, struct moth_err *err)
{
    if (n == 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "prune by what? moth baseline prune DIR…, output folders of whole runs");
    if (open_file(change, false, err) != 0)
        return -1;
    struct moth_merge *merge = read_runs(change->options, names, n, err);
    if (!merge)
        return -1;
    const struct moth_run_summary *summary = moth_merge_summary(merge);
    int result = check_complete(change, summary, err);
    if (result == 0)
        result = drop_gone(change, summary, err);
    if (result == 0)
        result = close_file(change, err);
    if (result == 0)
        sum_up(change);
    moth_merge_free(merge);
    return result;
}

/* ---- show ---- */

static bool is_expired(const struct change *change, const struct moth_baseline_finding *entry)
{
    return entry->status == MOTH_FINDING_STATUS_QUARANTINED && strcmp(change->today, entry->expires) > 0;
}

/* The file, with what follows from today. */
static int show_json(const struct change *change, struct moth_err *err)
{
    char *text = moth_baseline_text(change->baseline);
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    json_t *findings = json_object_get(json, "findings");
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const struct moth_baseline_finding *entry = &change->baseline->findings[i];
        if (entry->status == MOTH_FINDING_STATUS_QUARANTINED)
            json_object_set_new(json_array_get(findings, i), "expired", json_boolean(is_expired(change, entry)));
    }
    int result = json && json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(7)) == 0 ? 0 : -1;
    putchar('\n');
    json_decref(json);
    free(text);
    return result == 0 ? 0 : moth_err_set(err, MOTH_ERR_IO, "the baseline could not be printed");
}

static void show_finding(const struct change *change, const struct moth_baseline_finding *entry)
{
    print_entry(moth_finding_status_name(entry->status), entry);
    printf("%-12s accepted %s", "", entry->accepted[0] ? entry->accepted : "once");
    if (entry->first_seen) {
        fputs(", first seen in ", stdout);
        print_plain(entry->first_seen);
    }
    if (entry->owner) {
        fputs(", ", stdout);
        print_plain(entry->owner);
        fputs("'s", stdout);
    }
    if (entry->reason) {
        fputs(": ", stdout);
        print_plain(entry->reason);
    }
    if (entry->status == MOTH_FINDING_STATUS_QUARANTINED)
        printf("%s %s", is_expired(change, entry) ? "; it was to be fixed by" : "; until", entry->expires);
    putchar('\n');
}

static void show_list(const struct change *change)
{
    const struct moth_baseline *baseline = change->baseline;
    for (size_t i = 0; i < baseline->n_findings; i++)
        show_finding(change, &baseline->findings[i]);
    for (size_t i = 0; i < baseline->n_machines; i++) {
        const struct moth_baseline_machine *machine = &baseline->machines[i];
        fputs("metrics of ", stdout);
        print_plain(machine->name);
        printf(", accepted %s:", machine->accepted[0] ? machine->accepted : "once");
        for (size_t k = 0; k < machine->n_metrics; k++)
            printf("%s %s %g", k > 0 ? "," : "", machine->metrics[k].name, machine->metrics[k].value);
        putchar('\n');
    }
    print_sum(change);
}

static int run_show(struct change *change, const char *const *names, size_t n, struct moth_err *err)
{
    if (n > 0)
        return moth_err_set(err, MOTH_ERR_USAGE, "moth baseline show: '%s' is one argument too many; the file is --baseline's",
                            names[0]);
    if (open_file(change, false, err) != 0)
        return -1;
    if (change->options->json)
        return show_json(change, err);
    show_list(change);
    return 0;
}

/* ---- the verb ---- */

static int refuse(const char *action, struct moth_err *err)
{
    static const char *const words[] = {"show", "accept", "prune"};
    const char *near = moth_str_nearest(action, words, sizeof words / sizeof *words);
    return moth_err_set(err, MOTH_ERR_USAGE, "moth baseline does show, accept and prune, not '%s'%s%s%s", action,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int check_options(const struct moth_options *options, const char *action, struct moth_err *err)
{
    bool accepts = strcmp(action, "accept") == 0, prunes = strcmp(action, "prune") == 0;
    bool of_accept = options->quarantine || options->metrics || options->owner || options->reason || options->expires;
    if (of_accept && !accepts)
        return moth_err_set(err, MOTH_ERR_USAGE,
                            "--quarantine, --owner, --reason, --expires and --metrics belong to moth baseline accept");
    if (options->keep_fixed && !prunes)
        return moth_err_set(err, MOTH_ERR_USAGE, "--keep-fixed belongs to moth baseline prune");
    if (options->metrics && (options->quarantine || options->owner || options->reason || options->expires))
        return moth_err_set(err, MOTH_ERR_USAGE, "--metrics takes no findings: --quarantine, --owner, --reason and --expires "
                                                 "say nothing with it");
    return 0;
}

int moth_cli_baseline(const struct moth_options *options)
{
    static const struct {
        const char *name;
        int (*run)(struct change *change, const char *const *names, size_t n, struct moth_err *err);
    } actions[] = {{"show", run_show}, {"accept", run_accept}, {"prune", run_prune}};
    const char *action = options->args.items[0];
    const char *const *names = (const char *const *)options->args.items + 1;
    struct change change = {.options = options};
    struct moth_err err = {0};
    int result = check_options(options, action, &err);
    bool found = false;
    moth_date_today(change.today);
    for (size_t i = 0; result == 0 && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(action, actions[i].name) != 0)
            continue;
        found = true;
        result = actions[i].run(&change, names, options->args.n - 1, &err);
    }
    if (result == 0 && !found)
        result = refuse(action, &err);
    moth_baseline_free(change.baseline);
    if (result != 0)
        moth_log_error("%s", err.message);
    return result != 0 ? moth_err_exit_code(err.code) : 0;
}
