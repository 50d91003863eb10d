/* SPDX-License-Identifier: MIT
 *
 * The step summary, in Markdown.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "baseline/gate.h"
#include "reports/evidence.h"
#include "reports/github.h"
#include "reports/severity.h"

#define TAIL_BYTES 2048u /* kept for the line that says what was left out, and for what is measured */
#define TEXT_BYTES 400u  /* of a title in a table */
#define FRAMES_SHOWN 40u
#define SCENES_SHOWN 5u

/* ---- text from elsewhere ---- */

static bool is_word(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* May it stand as it is, before `next` and after `last`? What could begin or end markup, a link, a mention, a short
 * name of a picture or HTML may not, so that paths and commands can be read and copied from the text itself. */
static bool is_plain(int last, unsigned code, int next)
{
    bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (code >= 0xa0)
        return !turns;
    if (code == '_') /* within a word it is a letter */
        return is_word(last) && is_word(next);
    if (code == ':')
        return next == ' ' || (next >= '0' && next <= '9');
    if (code == '.')
        return last != 'w' && last != 'W'; /* www. */
    return is_word((int)code) || (code && code < 0x80 && strchr(" /-+(),=%;'", (int)code));
}

/* A character reference is never markup. */
static void put_reference(FILE *out, int last, unsigned code, const char *bytes, size_t length)
{
    if (is_plain(last, code, (unsigned char)bytes[length]))
        fwrite(bytes, 1, length, out);
    else if (code == '\n' || code == '\t')
        fputc(' ', out);
    else if (code < 0x20 || code >= 0x7f)
        fputs("\xef\xbf\xbd", out);
    else
        fprintf(out, "&#%u;", code);
}

static void put_text(FILE *out, const char *text)
{
    size_t size = text ? strlen(text) : 0, put = 0;
    int last = 0;
    while (size > 0) {
        unsigned code = 0;
        size_t length = moth_utf8_next(text, size, &code);
        if (put++ == TEXT_BYTES) {
            fputs("…", out);
            return;
        }
        if (length == 0)
            fputs("\xef\xbf\xbd", out);
        else
            put_reference(out, last, code, text, length);
        last = (unsigned char)*text;
        text += length ? length : 1;
        size -= length ? length : 1;
    }
}

static void put_code(FILE *out, const char *text)
{
    fputs("<code>", out);
    put_text(out, text);
    fputs("</code>", out);
}

/* ---- the head ---- */

static const char *verdict_text(const struct moth_run_summary *summary)
{
    static const char *const texts[] = {[MOTH_VERDICT_PASS] = "passed",
                                        [MOTH_VERDICT_NEW_FINDINGS] = "new findings",
                                        [MOTH_VERDICT_FLAKY] = "flaky findings",
                                        [MOTH_VERDICT_ERROR] = "error",
                                        [MOTH_VERDICT_NOTHING_RAN] = "nothing ran"};
    return (unsigned)summary->verdict < MOTH_VERDICT_END ? texts[summary->verdict] : "error";
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void put_statuses(FILE *out, const struct moth_run_summary *summary)
{
    size_t counts[MOTH_FINDING_STATUS_END] = {0};
    for (size_t i = 0; i < summary->n_findings; i++)
        counts[summary->findings[i]->status]++;
    fprintf(out, "**%zu finding%s**", summary->n_findings, plural(summary->n_findings));
    const char *before = " (";
    for (int i = 0; i < MOTH_FINDING_STATUS_END; i++) {
        if (counts[i] == 0)
            continue;
        fprintf(out, "%s%zu %s", before, counts[i], moth_finding_status_name((enum moth_finding_status)i));
        before = ", ";
    }
    fputs(summary->n_findings > 0 ? ")" : "", out);
}

static void put_texts(FILE *out, const char *heading, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n && i < 20; i++) {
        fprintf(out, "* %s: ", heading);
        put_text(out, texts[i]);
        fputc('\n', out);
    }
    fputs(n > 0 ? "\n" : "", out);
}

static void put_head(FILE *out, const struct moth_run_summary *summary)
{
    const char *game = summary->argv && summary->argv[0] ? summary->argv[0] : "";
    const char *slash = strrchr(game, '/');
    fprintf(out, "## moth: %s%s", verdict_text(summary), summary->interrupted ? " (interrupted)" : "");
    if (*game) {
        fputs(" – ", out);
        put_text(out, slash ? slash + 1 : game);
    }
    fputs("\n\n", out);
    put_statuses(out, summary);
    fprintf(out, " in %u instance%s, %" PRIu64 " frames (%.0f s of game time), seed %" PRIu64 ", build ",
            summary->instances, plural(summary->instances), summary->frames_total, summary->virtual_s, summary->seed);
    put_code(out, summary->build_id ? summary->build_id : "?");
    fputs("\n\n", out);
    if (summary->gate && !summary->gate->passed)
        put_texts(out, "the gate", (const char *const *)summary->gate->reasons, summary->gate->n_reasons);
    put_texts(out, "agent fault", summary->agent_faults, summary->n_agent_faults);
    put_texts(out, "warning", summary->warnings, summary->n_warnings);
}

/* ---- findings ---- */

static void put_row(FILE *out, const struct moth_run_summary *summary, size_t place)
{
    const struct moth_finding *finding = summary->findings[place];
    char *command = moth_report_replay_command(summary, place);
    fprintf(out, "| **%s** | ", moth_finding_kind_name(finding->kind));
    put_code(out, finding->title);
    fprintf(out, " | %s%s | %u/%u%s | %u | %u | ", moth_finding_status_name(finding->status),
            finding->expired ? ", expired" : "", finding->reproduced, finding->attempts,
            moth_finding_is_flaky(finding) ? " flaky" : "", finding->times_seen, finding->frame);
    put_code(out, finding->agent ? finding->agent : "?");
    fprintf(out, " | %" PRIu64 " | ", finding->seed);
    put_code(out, command);
    fputs(" |\n", out);
    free(command);
}

static void put_stack(FILE *out, const struct moth_finding *finding)
{
    for (size_t i = 0; i < finding->n_stack && i < FRAMES_SHOWN; i++) {
        fprintf(out, "%s#%zu ", i == 0 ? "<pre>" : "", i);
        put_text(out, finding->stack[i]);
        fputc('\n', out);
    }
    if (finding->n_stack > FRAMES_SHOWN)
        fprintf(out, "… %zu more\n", finding->n_stack - FRAMES_SHOWN);
    fputs(finding->n_stack > 0 ? "</pre>\n\n" : "", out);
}

static void put_attempts(FILE *out, const struct moth_finding *finding)
{
    for (uint32_t i = 0; moth_finding_is_flaky(finding) && i < finding->n_tries; i++) {
        const struct moth_finding_attempt *attempt = &finding->tries[i];
        fprintf(out, "%u. %s, at frame %u ", i + 1, moth_finding_outcome_name(attempt->outcome), attempt->frame);
        put_text(out, attempt->title);
        fputc('\n', out);
    }
    fputs(moth_finding_is_flaky(finding) && finding->n_tries > 0 ? "\n" : "", out);
}

static void put_detail(FILE *out, const struct moth_run_summary *summary, size_t place)
{
    const struct moth_finding *finding = summary->findings[place];
    char *command = moth_report_replay_command(summary, place);
    fprintf(out, "<details><summary><b>%s</b> ", moth_finding_kind_name(finding->kind));
    put_code(out, finding->title);
    fputs("</summary>\n\n<pre>", out);
    put_text(out, command);
    fputs("</pre>\n\n", out);
    put_stack(out, finding);
    if (finding->trace_minimized)
        fprintf(out, "Inputs %u → %u.\n\n", finding->inputs, finding->inputs_minimized);
    if (finding->owner || finding->reason) {
        fputs("Looked after by ", out);
        put_text(out, finding->owner ? finding->owner : "nobody");
        fputs(finding->expires[0] ? " until " : "", out);
        put_text(out, finding->expires);
        fputs(": ", out);
        put_text(out, finding->reason);
        fputs("\n\n", out);
    }
    put_attempts(out, finding);
    fputs("</details>\n\n", out);
    free(command);
}

/* ---- what was measured ---- */

/* Those that held the most, the most first. */
static void put_scenes(FILE *out, const struct moth_memory_summary *memory)
{
    uint64_t below_bytes = UINT64_MAX;
    for (uint32_t shown = 0; shown < SCENES_SHOWN && shown < memory->n_scenes; shown++) {
        const struct moth_memory_scene *most = NULL;
        for (uint32_t i = 0; i < memory->n_scenes; i++)
            if (memory->scenes[i].rss_bytes < below_bytes && (!most || memory->scenes[i].rss_bytes > most->rss_bytes))
                most = &memory->scenes[i];
        if (!most)
            break;
        below_bytes = most->rss_bytes;
        fputs(shown == 0 ? "| memory by scene | " : ", ", out);
        put_text(out, most->name);
        fprintf(out, " %.1f MB", (double)most->rss_bytes / (1 << 20));
    }
    fputs(memory->n_scenes > 0 ? " |\n" : "", out);
}

static void put_metrics(FILE *out, const struct moth_run_summary *summary)
{
    const struct moth_frame_times *times = &summary->frame_times;
    fputs("| measured | |\n|---|---|\n", out);
    fprintf(out, "| speed | %.0f frames/s with %u worker%s |\n",
            summary->wall_s > 0 ? (double)summary->frames_total / summary->wall_s : 0.0, summary->workers,
            plural(summary->workers));
    if (times->n > 0)
        fprintf(out, "| frame time | p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, max %.2f ms |\n", times->p50, times->p95,
                times->p99, times->max);
    if (times->memory.n > 0)
        fprintf(out, "| memory | %.1f MB resident, %.1f MB on the heap, at most |\n", times->memory.rss_mb,
                times->memory.heap_mb);
    put_scenes(out, &times->memory);
    if (summary->coverage.known)
        fprintf(out, "| explored | %" PRIu64 " cells, the deepest at frame %u |\n", summary->coverage.cells,
                summary->coverage.deepest_frame);
    fputc('\n', out);
}

/* ---- all of it, as far as there is room ---- */

typedef void put_one(FILE *out, const struct moth_run_summary *summary, size_t place);

/* The worst first, until `room` is used up. How many. */
static size_t put_while_room(FILE *out, put_one *put, const struct moth_run_summary *summary, const size_t *places,
                             size_t *room)
{
    size_t n = 0;
    for (; n < summary->n_findings; n++) {
        char *text = NULL;
        size_t size = 0;
        FILE *one = open_memstream(&text, &size);
        if (!one)
            break;
        put(one, summary, places[n]);
        fclose(one);
        bool fits = size <= *room;
        if (fits)
            fwrite(text, 1, size, out);
        *room -= fits ? size : 0;
        free(text);
        if (!fits)
            break;
    }
    return n;
}

static void put_findings(FILE *out, const struct moth_run_summary *summary, size_t room)
{
    size_t *places = moth_report_worst_first(summary);
    if (!places || summary->n_findings == 0) {
        free(places);
        return;
    }
    size_t rows_room = room / 2, details_room = room - rows_room;
    fputs("| kind | what | status | came back | seen | frame | agent | seed | again |\n"
          "|---|---|---|---|---|---|---|---|---|\n",
          out);
    size_t rows = put_while_room(out, put_row, summary, places, &rows_room);
    fputc('\n', out);
    if (rows < summary->n_findings)
        fprintf(out, "and %zu more, in run.json.\n\n", summary->n_findings - rows);
    details_room += rows_room;
    size_t details = put_while_room(out, put_detail, summary, places, &details_room);
    if (details < rows)
        fprintf(out, "The stacks of %zu more are in their folders.\n\n", rows - details);
    free(places);
}

char *moth_report_github_summary_text(const struct moth_run_summary *summary, size_t most_bytes)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    put_head(out, summary);
    fflush(out);
    size_t used = size + TAIL_BYTES;
    if (used < most_bytes)
        put_findings(out, summary, most_bytes - used);
    put_metrics(out, summary);
    fclose(out);
    if (size > most_bytes)
        text[0] = '\0';
    return text;
}

static int append(int fd, const char *text, const char *path, struct moth_err *err)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t n = write(fd, text, left);
        if (n <= 0)
            return moth_err_sys(err, MOTH_ERR_IO, "cannot write the step summary to %s", path);
        text += n;
        left -= (size_t)n;
    }
    return 0;
}

int moth_report_github_summary(const struct moth_run_summary *summary, const char *path, struct moth_err *err)
{
    struct stat about;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || fstat(fd, &about) != 0) {
        moth_err_sys(err, MOTH_ERR_IO, "cannot open %s, which GITHUB_STEP_SUMMARY names", path);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    size_t there = about.st_size > 0 ? (size_t)about.st_size + 2 : 0;
    size_t room = there < MOTH_GITHUB_SUMMARY_BYTES ? MOTH_GITHUB_SUMMARY_BYTES - there : 0;
    char *text = moth_report_github_summary_text(summary, room);
    int result = text ? 0 : moth_err_set(err, MOTH_ERR_MEMORY, "no memory for the step summary");
    if (result == 0 && there > 0 && *text)
        result = append(fd, "\n\n", path, err);
    if (result == 0)
        result = append(fd, text, path, err);
    free(text);
    if (close(fd) != 0 && result == 0)
        result = moth_err_sys(err, MOTH_ERR_IO, "cannot write the step summary to %s", path);
    return result;
}
