/* SPDX-License-Identifier: MIT
 *
 * JUnit in Surefire's dialect. A suite an agent; a test case an instance. An instance that met a
 * finding fails with it; a finding that did not come back in each replay is a flakyFailure, or with
 * --fail-on-flaky a failure with the rerunFailures of the replays that met it. What went wrong with the
 * harness or the agent is an error, never a failure.
 */
#include "reports/reports.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "reports/xml.h"

static const struct moth_finding *find_finding(const struct moth_run_summary *summary,
                                               const char *fingerprint)
{
    for (size_t i = 0; fingerprint && i < summary->n_findings; i++) {
        if (strcmp(summary->findings[i]->fingerprint, fingerprint) == 0)
            return summary->findings[i];
    }
    return NULL;
}

static void write_failure(FILE *out, const char *element, const struct moth_run_summary *summary,
                          const struct moth_finding *finding)
{
    fprintf(out, "      <%s", element);
    moth_xml_attribute(out, "message", finding->title);
    moth_xml_attribute(out, "type", moth_finding_kind_name(finding->kind));
    fputc('>', out);
    moth_xml_text(out, finding->title);
    fputc('\n', out);
    for (size_t i = 0; i < finding->n_stack; i++) {
        fputs("    at ", out);
        moth_xml_text(out, finding->stack[i]);
        fputc('\n', out);
    }
    size_t place = 0;
    while (summary->findings[place] != finding)
        place++;
    char *folder = moth_report_finding_folder(summary, place);
    fprintf(out, "reproduced %u/%u\nmoth replay ", finding->reproduced, finding->attempts);
    moth_xml_text(out, folder);
    fprintf(out, "\n</%s>\n", element);
    free(folder);
}

static void write_finding(FILE *out, const struct moth_run_summary *summary,
                          const struct moth_finding *finding)
{
    if (!moth_finding_is_flaky(finding)) {
        write_failure(out, "failure", summary, finding);
    } else if (!summary->fail_on_flaky) {
        write_failure(out, "flakyFailure", summary, finding);
    } else {
        write_failure(out, "failure", summary, finding);
        for (uint32_t i = 0; i < finding->reproduced; i++)
            write_failure(out, "rerunFailure", summary, finding);
    }
}

static void write_case(FILE *out, const struct moth_run_summary *summary,
                       const struct moth_instance_record *record)
{
    const struct moth_finding *finding = find_finding(summary, record->fingerprint);
    fprintf(out, "    <testcase name=\"instance %" PRIu32 " seed %" PRIu64 "\"", record->index, record->seed);
    moth_xml_attribute(out, "classname", record->agent);
    fprintf(out, " time=\"%.3f\"", record->wall_s);
    if (!finding && !record->fault) {
        fputs("/>\n", out);
        return;
    }
    fputs(">\n", out);
    if (finding)
        write_finding(out, summary, finding);
    if (record->fault) {
        fputs("      <error", out);
        moth_xml_attribute(out, "message", record->fault);
        fputs(" type=\"fault\"/>\n", out);
    }
    fputs("    </testcase>\n", out);
}

struct counts {
    size_t tests, failures, errors;
    double wall_s;
};

static void count(const struct moth_run_summary *summary, const struct moth_instance_record *record,
                  struct counts *counts)
{
    const struct moth_finding *finding = find_finding(summary, record->fingerprint);
    bool fails = finding && (!moth_finding_is_flaky(finding) || summary->fail_on_flaky);
    counts->tests++;
    counts->failures += fails;
    counts->errors += record->fault != NULL;
    counts->wall_s += record->wall_s;
}

static void write_counts(FILE *out, const struct counts *counts)
{
    fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"%.3f\"", counts->tests,
            counts->failures, counts->errors, counts->wall_s);
}

static void write_property(FILE *out, const char *name, const char *value)
{
    fputs("      <property", out);
    moth_xml_attribute(out, "name", name);
    moth_xml_attribute(out, "value", value);
    fputs("/>\n", out);
}

static void write_suite(FILE *out, const struct moth_run_summary *summary, const char *agent)
{
    struct counts counts = {0};
    for (size_t i = 0; i < summary->n_records; i++) {
        if (strcmp(summary->records[i].agent, agent) == 0)
            count(summary, &summary->records[i], &counts);
    }
    fputs("  <testsuite", out);
    moth_xml_attribute(out, "name", agent);
    write_counts(out, &counts);
    fputs(">\n    <properties>\n", out);
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, summary->seed);
    write_property(out, "seed", seed);
    write_property(out, "build_id", summary->build_id ? summary->build_id : "");
    fputs("    </properties>\n", out);
    for (size_t i = 0; i < summary->n_records; i++) {
        if (strcmp(summary->records[i].agent, agent) == 0)
            write_case(out, summary, &summary->records[i]);
    }
    fputs("  </testsuite>\n", out);
}

static bool named_before(const struct moth_run_summary *summary, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(summary->records[i].agent, summary->records[index].agent) == 0)
            return true;
    }
    return false;
}

char *moth_report_junit_text(const struct moth_run_summary *summary)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct counts counts = {0};
    for (size_t i = 0; i < summary->n_records; i++)
        count(summary, &summary->records[i], &counts);
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"moth\"", out);
    write_counts(out, &counts);
    fputs(">\n", out);
    for (size_t i = 0; i < summary->n_records; i++) {
        if (!named_before(summary, i))
            write_suite(out, summary, summary->records[i].agent);
    }
    fputs("</testsuites>\n", out);
    fclose(out);
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
