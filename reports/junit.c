/* SPDX-License-Identifier: MIT
 *
 * JUnit in Surefire's dialect: each <testsuite> is valid against its schema, and they stand in one <testsuites>.
 *
 * A suite is a scenario or an agent, a test case an instance that it played. An instance that met a finding which
 * counts fails with the finding's kind as its type, and each replay that met it is a rerunFailure; one that does not
 * always come back is a flakyFailure with its replays, unless --fail-on-flaky. What the team knows of, or has put in
 * quarantine, is skipped, and so is a property that was never seen. The finding is told of in full where it was first met, or in a case of its own where an
 * instance met several. What went wrong with the harness or an agent is an error, never a failure; what is true of
 * the whole run and of no instance stands in a suite "moth".
 */
#include "reports/junit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "baseline/gate.h"
#include "findings/properties.h"
#include "reports/evidence.h"
#include "reports/xml.h"

#define OWN_SUITE "moth"

struct junit {
    const struct moth_run_summary *summary;
    size_t *met;     /* of each record, the finding that it met; n_findings: none */
    size_t *tellers; /* of each finding, the record that tells of it in full; n_records: none */
};

/* ---- who tells of what ---- */

struct place {
    const char *fingerprint;
    size_t at;
};

static int by_fingerprint(const void *a, const void *b)
{
    return strcmp(((const struct place *)a)->fingerprint, ((const struct place *)b)->fingerprint);
}

static void look_up(struct junit *junit, const struct place *places)
{
    const struct moth_run_summary *summary = junit->summary;
    for (size_t i = 0; i < summary->n_records; i++) {
        const struct moth_instance_record *record = &summary->records[i];
        struct place key = {.fingerprint = record->fingerprint}, *found = NULL;
        if (key.fingerprint && summary->n_findings > 0)
            found = bsearch(&key, places, summary->n_findings, sizeof key, by_fingerprint);
        junit->met[i] = found ? found->at : summary->n_findings;
        if (!found)
            continue;
        size_t *teller = &junit->tellers[found->at];
        const struct moth_finding *finding = summary->findings[found->at];
        bool its_own = record->seed == finding->seed && finding->agent && strcmp(record->agent, finding->agent) == 0;
        if (*teller == summary->n_records ||
            (its_own && summary->records[*teller].seed != finding->seed))
            *teller = i;
    }
}

/* False: memory is out. */
static bool prepare(struct junit *junit, const struct moth_run_summary *summary)
{
    *junit = (struct junit){.summary = summary,
                            .met = calloc(summary->n_records + 1, sizeof *junit->met),
                            .tellers = calloc(summary->n_findings + 1, sizeof *junit->tellers)};
    struct place *places = calloc(summary->n_findings + 1, sizeof *places);
    bool good = junit->met && junit->tellers && places;
    for (size_t i = 0; good && i < summary->n_findings; i++) {
        places[i] = (struct place){summary->findings[i]->fingerprint, i};
        junit->tellers[i] = summary->n_records;
    }
    if (good && summary->n_findings > 0)
        qsort(places, summary->n_findings, sizeof *places, by_fingerprint);
    if (good)
        look_up(junit, places);
    free(places);
    return good;
}

/* ---- cases ---- */

/* A scenario's suite is the scenario, and what is played of it a case. */
static const char *suite_of_record(const struct moth_instance_record *record)
{
    return record->scenario ? record->scenario : record->agent;
}

static char *record_name(const struct moth_instance_record *record)
{
    if (record->scenario)
        return moth_fs_path("%s", record->scenario_case ? record->scenario_case : record->scenario);
    return moth_fs_path("instance %" PRIu32 " seed %" PRIu64, record->index, record->seed);
}

static void write_record(FILE *out, const struct junit *junit, size_t i, struct moth_junit_counts *counts)
{
    const struct moth_run_summary *summary = junit->summary;
    const struct moth_instance_record *record = &summary->records[i];
    size_t teller = junit->met[i] < summary->n_findings ? junit->tellers[junit->met[i]] : i;
    char *name = record_name(record), *elsewhere = teller != i ? record_name(&summary->records[teller]) : NULL;
    struct moth_junit_case each = {.name = name,
                                   .suite = suite_of_record(record),
                                   .wall_s = record->wall_s,
                                   .summary = summary,
                                   .finding = junit->met[i],
                                   .elsewhere = elsewhere,
                                   .fault = record->fault,
                                   .unfinished =
                                       moth_scenario_is_unfinished(record) ? MOTH_SCENARIO_UNFINISHED : NULL};
    moth_junit_case(out, &each, counts);
    free(name);
    free(elsewhere);
}

/* One that an instance met beside another. Those that are fixed were not met. */
static bool stands_alone(const struct junit *junit, size_t i)
{
    return junit->tellers[i] == junit->summary->n_records &&
           junit->summary->findings[i]->status != MOTH_FINDING_STATUS_FIXED;
}

static const char *suite_of(const struct moth_run_summary *summary, const struct moth_finding *finding)
{
    for (size_t i = 0; finding->agent && i < summary->n_records && summary->records[i].scenario; i++) /* they come first */
        if (strcmp(summary->records[i].agent, finding->agent) == 0)
            return summary->records[i].scenario;
    return finding->agent ? finding->agent : OWN_SUITE;
}

static void write_alone(FILE *out, const struct junit *junit, size_t i, struct moth_junit_counts *counts)
{
    const struct moth_finding *finding = junit->summary->findings[i];
    char *name = moth_fs_path("finding %s", finding->fingerprint);
    struct moth_junit_case each = {
        .name = name, .suite = suite_of(junit->summary, finding), .summary = junit->summary, .finding = i};
    moth_junit_case(out, &each, counts);
    free(name);
}

/* ---- what is true of the run ---- */

static bool has_faults(const struct moth_run_summary *summary)
{
    for (size_t i = 0; i < summary->n_records; i++)
        if (summary->records[i].fault)
            return true;
    return false;
}

static const char *run_fault(const struct moth_run_summary *summary)
{
    if (summary->verdict == MOTH_VERDICT_NOTHING_RAN)
        return "nothing ran: no instance reached its first frame";
    if (moth_report_cut_short(summary))
        return MOTH_REPORT_CUT_SHORT;
    if (summary->verdict != MOTH_VERDICT_ERROR || has_faults(summary))
        return NULL;
    return summary->n_agent_faults > 0 ? summary->agent_faults[0]
           : summary->n_warnings > 0   ? summary->warnings[summary->n_warnings - 1]
                                       : "the run could not be judged";
}

static bool over_budget(const struct moth_run_summary *summary)
{
    return summary->gate && summary->gate->metrics_fail;
}

static bool has_missing(const struct moth_run_summary *summary)
{
    for (size_t i = 0; summary->properties && i < summary->properties->n; i++)
        if (moth_property_missing(&summary->properties->at[i]))
            return true;
    return false;
}

/* What should have been seen at some time, and never was: that fails nothing. */
static void write_missing(FILE *out, const struct moth_run_summary *summary, struct moth_junit_counts *counts)
{
    for (size_t i = 0; summary->properties && i < summary->properties->n; i++) {
        const struct moth_property *property = &summary->properties->at[i];
        if (!moth_property_missing(property))
            continue;
        char *name = moth_fs_path("%s %s", moth_property_kind_name(property->kind), property->message);
        char *message = moth_fs_path("never seen (%s:%" PRIu32 ")", property->file, property->line);
        fputs("    <testcase", out);
        moth_xml_attribute(out, "name", name);
        fputs(" classname=\"" OWN_SUITE "\" time=\"0.000\">\n      <skipped", out);
        moth_xml_attribute(out, "message", message);
        fputs("/>\n    </testcase>\n", out);
        counts->tests++;
        counts->skipped++;
        free(name);
        free(message);
    }
}

static void write_own(FILE *out, const struct junit *junit, struct moth_junit_counts *counts)
{
    const struct moth_run_summary *summary = junit->summary;
    struct moth_junit_case run = {.name = "run",
                                  .suite = OWN_SUITE,
                                  .summary = summary,
                                  .finding = summary->n_findings,
                                  .fault = run_fault(summary)};
    if (run.fault)
        moth_junit_case(out, &run, counts);
    write_missing(out, summary, counts);
    if (!over_budget(summary))
        return;
    const struct moth_gate *gate = summary->gate;
    size_t from = gate->n_about_findings;
    counts->tests++;
    counts->failures++;
    fprintf(out, "    <testcase name=\"budgets\" classname=\"" OWN_SUITE "\" time=\"0.000\">\n      <failure");
    moth_xml_attribute(out, "message", from < gate->n_reasons ? gate->reasons[from] : "over budget");
    fputs(" type=\"budget\">", out);
    for (size_t i = from; i < gate->n_reasons; i++) {
        moth_junit_text(out, gate->reasons[i]);
        fputc('\n', out);
    }
    fputs("</failure>\n    </testcase>\n", out);
}

/* ---- suites ---- */

static void write_property(FILE *out, const char *name, const char *value)
{
    fputs("      <property", out);
    moth_xml_attribute(out, "name", name);
    moth_xml_attribute(out, "value", value ? value : "");
    fputs("/>\n", out);
}

static void write_game(FILE *out, const struct moth_run_summary *summary)
{
    char *command = moth_fs_path("%s", "");
    for (size_t i = 0; summary->argv && summary->argv[i]; i++) {
        char *word = moth_report_shell_word(summary->argv[i]);
        char *longer = moth_fs_path("%s%s%s", command, i > 0 ? " " : "", word);
        free(command);
        free(word);
        command = longer;
    }
    write_property(out, "game", command);
    free(command);
}

static void write_attachment_properties(FILE *out, const struct junit *junit, const char *suite)
{
    const struct moth_run_summary *summary = junit->summary;
    for (size_t i = 0; i < summary->n_findings; i++) {
        size_t teller = junit->tellers[i];
        const char *agent = teller < summary->n_records ? suite_of_record(&summary->records[teller]) : suite_of(summary, summary->findings[i]);
        if (strcmp(agent, suite) != 0)
            continue;
        char **names = moth_report_attachments(summary, i), *folder = moth_report_finding_folder(summary, i);
        for (size_t j = 0; names && names[j]; j++) {
            char *path = moth_fs_path("%s/%s", folder, names[j]);
            write_property(out, "attachment", path);
            free(path);
        }
        moth_report_names_free(names);
        free(folder);
    }
}

static void write_properties(FILE *out, const struct junit *junit, const char *suite)
{
    const struct moth_run_summary *summary = junit->summary;
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, summary->seed);
    fputs("    <properties>\n", out);
    write_property(out, "seed", seed);
    write_property(out, "build_id", summary->build_id);
    write_game(out, summary);
    write_property(out, "shard", summary->shard ? summary->shard : "1/1");
    write_property(out, "moth", summary->version);
    write_property(out, "verdict", moth_verdict_name(summary->verdict));
    if (summary->interrupted)
        write_property(out, "interrupted", "true");
    for (size_t i = 0; i < summary->n_warnings; i++)
        write_property(out, "warning", summary->warnings[i]);
    for (size_t i = 0; i < summary->n_findings; i++)
        if (summary->findings[i]->status == MOTH_FINDING_STATUS_FIXED)
            write_property(out, "fixed", summary->findings[i]->fingerprint);
    write_attachment_properties(out, junit, suite);
    fputs("    </properties>\n", out);
}

static void write_counts(FILE *out, const struct moth_junit_counts *counts)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"", counts->tests,
            counts->failures, counts->errors, counts->skipped, counts->wall_s);
}

static void add_counts(struct moth_junit_counts *sum, const struct moth_junit_counts *counts)
{
    sum->tests += counts->tests;
    sum->failures += counts->failures;
    sum->errors += counts->errors;
    sum->skipped += counts->skipped;
    sum->wall_s += counts->wall_s;
}

/* Its cases first: their numbers stand in its head. */
static void write_suite(FILE *out, const struct junit *junit, const char *suite, struct moth_junit_counts *sum)
{
    const struct moth_run_summary *summary = junit->summary;
    struct moth_junit_counts counts = {0};
    char *cases = NULL;
    size_t size = 0;
    FILE *inner = open_memstream(&cases, &size);
    if (!inner)
        return;
    for (size_t i = 0; i < summary->n_records; i++)
        if (strcmp(suite_of_record(&summary->records[i]), suite) == 0)
            write_record(inner, junit, i, &counts);
    for (size_t i = 0; i < summary->n_findings; i++)
        if (stands_alone(junit, i) && strcmp(suite_of(summary, summary->findings[i]), suite) == 0)
            write_alone(inner, junit, i, &counts);
    if (strcmp(suite, OWN_SUITE) == 0)
        write_own(inner, junit, &counts);
    fclose(inner);
    fputs("  <testsuite", out);
    moth_xml_attribute(out, "name", suite);
    write_counts(out, &counts);
    fputs(">\n", out);
    write_properties(out, junit, suite);
    fwrite(cases, 1, size, out);
    fputs("  </testsuite>\n", out);
    add_counts(sum, &counts);
    free(cases);
}

/* The suites' names, each once, in the order in which they first come. */
static const char **suites_of(const struct junit *junit, size_t *n)
{
    const struct moth_run_summary *summary = junit->summary;
    const char **names = calloc(summary->n_records + summary->n_findings + 1, sizeof *names);
    *n = 0;
    for (size_t i = 0; names && i <= summary->n_records + summary->n_findings; i++) {
        size_t finding = i - summary->n_records;
        const char *name = i < summary->n_records ? suite_of_record(&summary->records[i]) : NULL;
        if (i >= summary->n_records && finding < summary->n_findings && stands_alone(junit, finding))
            name = suite_of(summary, summary->findings[finding]);
        if (finding == summary->n_findings && (run_fault(summary) || over_budget(summary) || has_missing(summary)))
            name = OWN_SUITE;
        size_t known = 0;
        while (name && known < *n && strcmp(names[known], name) != 0)
            known++;
        if (name && known == *n)
            names[(*n)++] = name;
    }
    return names;
}

char *moth_report_junit_text(const struct moth_run_summary *summary)
{
    struct junit junit;
    struct moth_junit_counts sum = {0};
    char *inner_text = NULL, *text = NULL;
    size_t n = 0, inner_size = 0, size = 0;
    bool good = prepare(&junit, summary);
    const char **suites = good ? suites_of(&junit, &n) : NULL;
    FILE *inner = suites ? open_memstream(&inner_text, &inner_size) : NULL;
    for (size_t i = 0; inner && i < n; i++)
        write_suite(inner, &junit, suites[i], &sum);
    if (inner)
        fclose(inner);
    FILE *out = inner ? open_memstream(&text, &size) : NULL;
    if (out) {
        fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"moth\"", out);
        write_counts(out, &sum);
        fputs(">\n", out);
        fwrite(inner_text, 1, inner_size, out);
        fputs("</testsuites>\n", out);
        fclose(out);
    }
    free(inner_text);
    free(suites);
    free(junit.met);
    free(junit.tellers);
    return text;
}

int moth_report_junit(const struct moth_run_summary *summary, const char *path, struct moth_err *err)
{
    char *text = moth_report_junit_text(summary);
    if (!text)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for %s", path);
    int result = moth_fs_write_atomic(path, text, strlen(text), err);
    free(text);
    return result;
}
