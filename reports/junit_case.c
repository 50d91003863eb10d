/* SPDX-License-Identifier: MIT
 *
 * One test case: what went wrong in it, each replay, and what lies in the finding's folder. The order of the elements
 * is that of Surefire's schema.
 */
#include "reports/junit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/evidence.h"
#include "reports/xml.h"

#define MARK "[[ATTACHMENT|"
#define RERUN_FRAMES 3u

/* "[[" becomes "[ [". Caller frees. */
static char *without_marks(const char *text)
{
    char *plain = malloc((text ? strlen(text) : 0) * 2 + 1), *at = plain;
    for (; plain && text && *text; text++) {
        *at++ = *text;
        if (text[0] == '[' && text[1] == '[')
            *at++ = ' ';
    }
    if (plain)
        *at = '\0';
    return plain;
}

void moth_junit_text(FILE *out, const char *text)
{
    char *plain = without_marks(text);
    moth_xml_text(out, plain);
    free(plain);
}

static void write_open(FILE *out, const char *element, const char *message, const char *type)
{
    char *plain = without_marks(message);
    fprintf(out, "      <%s", element);
    moth_xml_attribute(out, "message", plain);
    free(plain);
    if (type)
        moth_xml_attribute(out, "type", type);
    fputc('>', out);
}

static void write_line(FILE *out, const char *before, const char *text)
{
    fputs(before, out);
    moth_junit_text(out, text);
    fputc('\n', out);
}

static void write_stack(FILE *out, const struct moth_finding *finding, size_t most)
{
    write_line(out, "", finding->title);
    for (size_t i = 0; i < finding->n_stack && i < most; i++)
        write_line(out, "    at ", finding->stack[i]);
}

/* ---- that it failed ---- */

static void write_failure(FILE *out, const struct moth_junit_case *each, const struct moth_finding *finding)
{
    write_open(out, "failure", finding->title, moth_finding_kind_name(finding->kind));
    write_stack(out, finding, each->elsewhere ? 0 : SIZE_MAX);
    if (each->elsewhere)
        write_line(out, "the same as in ", each->elsewhere);
    else if (finding->detail)
        write_line(out, "\n", finding->detail);
    char *command = moth_report_replay_command(each->summary, each->finding);
    fprintf(out, "reproduced %u/%u\n", finding->reproduced, finding->attempts);
    write_line(out, "", command);
    fputs("</failure>\n", out);
    free(command);
}

/* ---- each replay ---- */

static void write_rerun(FILE *out, const char *element, const struct moth_finding *finding, const char *about)
{
    write_open(out, element, finding->title, moth_finding_kind_name(finding->kind));
    fputs("\n        <stackTrace>", out);
    write_stack(out, finding, RERUN_FRAMES);
    fputs("</stackTrace>\n        <system-out>", out);
    moth_junit_text(out, about);
    fprintf(out, "</system-out>\n      </%s>\n", element);
}

/* "1-crash-0123…": the kind of what a replay ended in instead. */
static const char *kind_of(const char *fingerprint)
{
    const char *at = strchr(fingerprint, '-');
    for (int kind = 0; at && kind < MOTH_FINDING_KIND_END; kind++) {
        const char *name = moth_finding_kind_name((enum moth_finding_kind)kind);
        if (strncmp(at + 1, name, strlen(name)) == 0 && at[1 + strlen(name)] == '-')
            return name;
    }
    return "crash";
}

static void write_other(FILE *out, const char *element, const struct moth_finding_attempt *attempt,
                        const char *about)
{
    write_open(out, element, attempt->title, kind_of(attempt->fingerprint));
    fputs("\n        <stackTrace>", out);
    write_line(out, "", attempt->title);
    fputs("</stackTrace>\n        <system-out>", out);
    moth_junit_text(out, about);
    fprintf(out, "</system-out>\n      </%s>\n", element);
}

static void describe_attempt(char *text, size_t size, const struct moth_finding *finding, uint32_t i)
{
    const struct moth_finding_attempt *attempt = &finding->tries[i];
    int n = snprintf(text, size, "replay %u of %u: %s, at frame %u", i + 1, finding->n_tries,
                     moth_finding_outcome_name(attempt->outcome), attempt->frame);
    if (attempt->diverged && n > 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, "; it went another way from frame %u on", attempt->diverged_frame);
}

/* Those that did not run clean. */
static void write_replays(FILE *out, const char *element, const struct moth_finding *finding)
{
    char about[128];
    for (uint32_t i = 0; i < finding->n_tries; i++) {
        describe_attempt(about, sizeof about, finding, i);
        if (finding->tries[i].outcome == MOTH_OUTCOME_MET)
            write_rerun(out, element, finding, about);
        else if (finding->tries[i].outcome == MOTH_OUTCOME_OTHER)
            write_other(out, element, &finding->tries[i], about);
    }
    for (uint32_t i = 0; finding->n_tries == 0 && i < finding->reproduced; i++) {
        snprintf(about, sizeof about, "%u of %u replays met it", finding->reproduced, finding->attempts);
        write_rerun(out, element, finding, about);
    }
}

/* ---- what the team knows of ---- */

static void write_skipped(FILE *out, const struct moth_finding *finding)
{
    char *message = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&message, &size);
    if (!text)
        return;
    fprintf(text, "%s", moth_finding_status_name(finding->status));
    if (finding->status == MOTH_FINDING_STATUS_QUARANTINED && finding->owner)
        fprintf(text, " by %s", finding->owner);
    if (finding->expires[0])
        fprintf(text, " until %s", finding->expires);
    if (finding->reason)
        fprintf(text, ": %s", finding->reason);
    fprintf(text, " (%s: %s)", moth_finding_kind_name(finding->kind), finding->title ? finding->title : "");
    fclose(text);
    write_open(out, "skipped", message, NULL);
    fputs("</skipped>\n", out);
    free(message);
}

static void write_outcome(FILE *out, const struct moth_junit_case *each, struct moth_junit_counts *counts)
{
    const struct moth_finding *finding = each->summary->findings[each->finding];
    if (!moth_finding_counts(finding)) {
        write_skipped(out, finding);
        counts->skipped++;
    } else if (moth_finding_is_flaky(finding) && !finding->expired && !each->summary->fail_on_flaky) {
        write_rerun(out, "flakyFailure", finding, "as it was found");
        if (!each->elsewhere)
            write_replays(out, "flakyFailure", finding);
    } else {
        write_failure(out, each, finding);
        if (!each->elsewhere)
            write_replays(out, "rerunFailure", finding);
        counts->failures++;
    }
}

/* ---- what lies in its folder ---- */

static void write_attachments(FILE *out, const struct moth_junit_case *each)
{
    char **names = moth_report_attachments(each->summary, each->finding);
    char *folder = moth_report_finding_folder(each->summary, each->finding);
    for (size_t i = 0; names && names[i] && !strstr(folder, "]]") && !strpbrk(folder, "\r\n"); i++) {
        fputs(MARK, out);
        moth_xml_text(out, folder);
        fprintf(out, "/%s]]\n", names[i]);
    }
    free(folder);
    moth_report_names_free(names);
}

static void write_system_out(FILE *out, const struct moth_junit_case *each)
{
    const struct moth_finding *finding = each->summary->findings[each->finding];
    char *log = moth_report_log_tail(each->summary, each->finding);
    char about[128];
    fputs("      <system-out>", out);
    for (uint32_t i = 0; i < finding->n_tries; i++) {
        describe_attempt(about, sizeof about, finding, i);
        write_line(out, "", about);
    }
    if (log)
        write_line(out, "the end of game.log:\n", log);
    write_attachments(out, each);
    fputs("</system-out>\n", out);
    free(log);
}

static void write_fault(FILE *out, const char *fault)
{
    size_t first = strcspn(fault, "\n");
    char *line = strndup(fault, first);
    write_open(out, "error", line, "fault");
    if (fault[first])
        moth_junit_text(out, fault);
    fputs("</error>\n", out);
    free(line);
}

void moth_junit_case(FILE *out, const struct moth_junit_case *each, struct moth_junit_counts *counts)
{
    bool found = each->finding < each->summary->n_findings;
    counts->tests++;
    counts->errors += each->fault != NULL;
    counts->wall_s += each->wall_s;
    fputs("    <testcase", out);
    moth_xml_attribute(out, "name", each->name);
    moth_xml_attribute(out, "classname", each->suite);
    fprintf(out, " time=\"%.3f\"", each->wall_s);
    if (!found && !each->fault && !each->unfinished) {
        fputs("/>\n", out);
        return;
    }
    fputs(">\n", out);
    if (!found && !each->fault) {
        write_open(out, "skipped", each->unfinished, NULL);
        fputs("</skipped>\n", out);
        counts->skipped++;
    }
    if (found)
        write_outcome(out, each, counts);
    if (each->fault)
        write_fault(out, each->fault);
    if (found && !each->elsewhere)
        write_system_out(out, each);
    fputs("    </testcase>\n", out);
}
