/* SPDX-License-Identifier: MIT
 *
 * Annotations. Escaping and limits are the runner's: actions/toolkit's command.ts, and "Workflow commands for
 * GitHub Actions" with its table of limits.
 */
#include "reports/github.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/utf8.h"
#include "baseline/gate.h"
#include "detect/frames.h"
#include "reports/evidence.h"
#include "reports/severity.h"
#include "reports/workspace.h"

#define TITLE_BYTES 200u
#define FRAMES_SHOWN 12u

static const char *const commands[] = {
    [MOTH_LEVEL_ERROR] = "error", [MOTH_LEVEL_WARNING] = "warning", [MOTH_LEVEL_NOTE] = "notice"};

/* ---- escaping ---- */

/* Not for a log: it would move the cursor, or turn the text's direction round. */
static bool is_hidden(unsigned code)
{
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0) ||
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static void put_code(FILE *out, unsigned code, const char *bytes, size_t length, bool property)
{
    if (is_hidden(code))
        fputs("\xef\xbf\xbd", out);
    else if (code == '%' || code == '\n' || (property && (code == ':' || code == ',' || code == '\t')))
        fprintf(out, "%%%02X", code);
    else
        fwrite(bytes, 1, length, out);
}

/* At most `most` bytes of a text, escaped. The runner also knows an older form of commands, "##[…]", anywhere in
 * a line. */
static void put_escaped(FILE *out, const char *text, size_t most, bool property)
{
    size_t size = text ? strlen(text) : 0, room = most;
    while (size > 0) {
        unsigned code = 0;
        size_t length = moth_utf8_next(text, size, &code);
        if ((length ? length : 1) > room) {
            fputs("…", out);
            return;
        }
        if (length == 0)
            fputs("\xef\xbf\xbd", out);
        else if (strncmp(text, "##[", 3) == 0)
            fputs("# ", out);
        else
            put_code(out, code, text, length, property);
        room -= length ? length : 1;
        text += length ? length : 1;
        size -= length ? length : 1;
    }
}

/* ---- one annotation ---- */

struct note {
    const char *file; /* or NULL */
    int line;
    const char *title, *message;
};

static void put_note(FILE *out, enum moth_level level, const struct note *note)
{
    fprintf(out, "::%s ", commands[level]);
    if (note->file) {
        fputs("file=", out);
        put_escaped(out, note->file, 1024, true);
        if (note->line > 0)
            fprintf(out, ",line=%d", note->line);
        fputc(',', out);
    }
    fputs("title=", out);
    put_escaped(out, note->title, TITLE_BYTES, true);
    fputs("::", out);
    put_escaped(out, note->message, MOTH_GITHUB_MESSAGE_BYTES, false);
    fputc('\n', out);
}

void moth_report_github_fault(const char *message, FILE *out)
{
    put_note(out, MOTH_LEVEL_ERROR, &(struct note){.title = "moth: the run could not be played", .message = message});
}

/* ---- of a finding ---- */

static void write_message(FILE *out, const struct moth_run_summary *summary, size_t place)
{
    const struct moth_finding *finding = summary->findings[place];
    char *command = moth_report_replay_command(summary, place);
    fprintf(out, "%s\n", finding->title ? finding->title : "");
    for (size_t i = 0; i < finding->n_stack && i < FRAMES_SHOWN; i++)
        fprintf(out, "    at %s\n", finding->stack[i]);
    if (finding->n_stack > FRAMES_SHOWN)
        fprintf(out, "    … %zu more\n", finding->n_stack - FRAMES_SHOWN);
    fprintf(out, "reproduced %u/%u, %s, at frame %u of agent %s with seed %" PRIu64 "\n", finding->reproduced,
            finding->attempts, moth_finding_status_name(finding->status), finding->frame,
            finding->agent ? finding->agent : "?", finding->seed);
    if (finding->reason)
        fprintf(out, "%s%s%s\n", finding->owner ? finding->owner : "", finding->owner ? ": " : "", finding->reason);
    fputs(command, out);
    free(command);
}

static void put_finding(FILE *out, const struct moth_run_summary *summary, size_t place,
                        const struct moth_workspace *workspace)
{
    const struct moth_finding *finding = summary->findings[place];
    struct moth_frame_parts frame = {0};
    size_t own = moth_frames_first_own(finding->stack, finding->n_stack), size = 0;
    if (own < finding->n_stack)
        moth_frame_parse(finding->stack[own], &frame);
    char *text = NULL, *title = moth_fs_path("%s: %s", moth_finding_kind_name(finding->kind),
                                             finding->title ? finding->title : "");
    FILE *message = open_memstream(&text, &size);
    if (message) {
        write_message(message, summary, place);
        fclose(message);
    }
    struct note note = {.file = frame.file[0] ? moth_workspace_path(workspace, frame.file) : NULL,
                        .line = frame.line,
                        .title = title,
                        .message = text};
    put_note(out, moth_report_level(summary, finding), &note);
    free(text);
    free(title);
}

/* ---- all of a level ---- */

/* What is told beside the findings: faults are errors, warnings warnings. Borrowed texts. */
struct others {
    const char *const *texts;
    size_t n;
    const char *title;
};

/* "…and 12 more errors: 3 crash, 9 spike" */
static void put_rest(FILE *out, const struct moth_run_summary *summary, enum moth_level level, const size_t *places,
                     size_t n_places, size_t n_others)
{
    char *text = NULL;
    size_t size = 0;
    FILE *message = open_memstream(&text, &size);
    if (!message)
        return;
    const char *before = ": ";
    fprintf(message, "and %zu more %ss", n_places + n_others, commands[level]);
    for (int kind = 0; kind < MOTH_FINDING_KIND_END; kind++) {
        size_t n = 0;
        for (size_t i = 0; i < n_places; i++)
            n += (int)summary->findings[places[i]]->kind == kind;
        if (n > 0)
            fprintf(message, "%s%zu %s", before, n, moth_finding_kind_name((enum moth_finding_kind)kind));
        if (n > 0)
            before = ", ";
    }
    fprintf(message, ". GitHub shows %u of a step; all of them are in the step summary and in run.json.",
            MOTH_GITHUB_ANNOTATIONS);
    fclose(message);
    put_note(out, level, &(struct note){.title = "moth: more than can be shown", .message = text});
    free(text);
}

static void put_level(FILE *out, const struct moth_run_summary *summary, enum moth_level level,
                      const struct others *others, const size_t *places, size_t n_places,
                      const struct moth_workspace *workspace)
{
    size_t n = others->n + n_places, room = MOTH_GITHUB_ANNOTATIONS - (n > MOTH_GITHUB_ANNOTATIONS);
    size_t left = n_places < room / 2 ? room - n_places : room - room / 2; /* findings get their half */
    size_t first = others->n < left ? others->n : left;
    size_t second = n_places < room - first ? n_places : room - first;
    for (size_t i = 0; i < first; i++)
        put_note(out, level, &(struct note){.title = others->title, .message = others->texts[i]});
    for (size_t i = 0; i < second; i++)
        put_finding(out, summary, places[i], workspace);
    if (first + second < n)
        put_rest(out, summary, level, places + second, n_places - second, others->n - first);
}

static struct others faults_of(const struct moth_run_summary *summary)
{
    static const char *const nothing[] = {"nothing ran: no instance reached its first frame"};
    static const char *const cut_short[] = {MOTH_REPORT_CUT_SHORT};
    if (summary->verdict == MOTH_VERDICT_NOTHING_RAN && summary->n_agent_faults == 0)
        return (struct others){nothing, 1, "moth: nothing ran"};
    if (summary->n_agent_faults > 0)
        return (struct others){summary->agent_faults, summary->n_agent_faults, "moth: an agent failed"};
    if (moth_report_cut_short(summary))
        return (struct others){cut_short, 1, "moth: interrupted"};
    if (summary->gate && summary->gate->metrics_fail)
        return (struct others){(const char *const *)summary->gate->reasons + summary->gate->n_about_findings,
                               summary->gate->n_reasons - summary->gate->n_about_findings, "moth: over budget"};
    return (struct others){0};
}

void moth_report_github(const struct moth_run_summary *summary, const char *workspace, FILE *out)
{
    size_t *places = moth_report_worst_first(summary), from = 0;
    struct moth_workspace *found = moth_workspace_open(workspace, summary);
    struct others others[] = {
        [MOTH_LEVEL_ERROR] = faults_of(summary),
        [MOTH_LEVEL_WARNING] = {summary->warnings, summary->n_warnings, "moth"},
        [MOTH_LEVEL_NOTE] = {0},
    };
    for (int level = MOTH_LEVEL_ERROR; places && level <= MOTH_LEVEL_NOTE; level++) {
        size_t n = 0;
        while (from + n < summary->n_findings &&
               (int)moth_report_level(summary, summary->findings[places[from + n]]) == level)
            n++;
        put_level(out, summary, (enum moth_level)level, &others[level], places + from, n, found);
        from += n;
    }
    moth_workspace_close(found);
    free(places);
}
