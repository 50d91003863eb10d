/* SPDX-License-Identifier: MIT */
#include "reports/html/finding.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "detect/frames.h"
#include "findings/store.h"
#include "findings/finding_json.h"
#include "reports/html/flame.h"
#include "reports/html/picture.h"
#include "reports/html/timeline.h"
#include "reports/html/write.h"
#include "reports/evidence.h"
#include "reports/severity.h"

#define PICTURES_MAX 12u
#define PICTURE_WIDTH 400u
#define STRIP_WIDTH 240u
#define LOG_BYTES 6000u /* of its end */
#define FOLDED_MAX (4u << 20)
#define DETAIL_BYTES 6000u
#define FRAMES_MAX 64u
#define STACKS_BYTES 12000u
#define ATTEMPTS_MAX 40u

/* ---- severity ---- */

const char *moth_html_severity(enum moth_finding_kind kind)
{
    unsigned rank = moth_report_kind_rank(kind);
    return rank <= moth_report_kind_rank(MOTH_FINDING_SOFTLOCK) ? "high"
           : rank <= moth_report_kind_rank(MOTH_FINDING_EXIT)   ? "medium"
                                                                : "low";
}

/* ---- what happened ---- */

static const char *what_happened(const struct moth_finding *finding)
{
    switch (finding->kind) {
    case MOTH_FINDING_CRASH:
        return "The game crashed";
    case MOTH_FINDING_SANITIZER:
        return "A sanitizer found a fault in the game and stopped it";
    case MOTH_FINDING_DEADLOCK:
        return "Every thread of the game waits for another one, so it stands still for good";
    case MOTH_FINDING_HANG:
        return "The game showed no frame any more and went on working without an end";
    case MOTH_FINDING_SOFTLOCK:
        return "Frames go on, but the game does not: no input that was tried leads out of here";
    case MOTH_FINDING_EXIT:
        return "The game left by itself, with a status that says that something was wrong";
    case MOTH_FINDING_INVARIANT:
        return "A check of a script or of the game did not hold";
    case MOTH_FINDING_LEAK:
        return "The game takes memory lap after lap and does not give it back";
    case MOTH_FINDING_SPIKE:
        return "A single frame took far too long";
    case MOTH_FINDING_NONDETERMINISM:
        return "The same inputs with the same seed led somewhere else";
    case MOTH_FINDING_KIND_END:
        break;
    }
    return "Something is wrong";
}

static void put_sentence(FILE *out, const struct moth_finding *finding, uint32_t hz)
{
    fprintf(out, "<p class=\"what\">%s, at frame ", what_happened(finding));
    moth_html_count(out, finding->frame);
    fputs(" (", out);
    moth_html_seconds(out, finding->frame / (double)(hz ? hz : 60));
    fputs(" into the game). ", out);
    if (finding->spike)
        fprintf(out, "It took %.1f to %.1f ms where %g ms are allowed; the frame before took %.1f ms. ",
                finding->spike->least_ms, finding->spike->most_ms, finding->spike->budget_ms, finding->spike->before_ms);
    fputs("Agent <code>", out);
    moth_html_text(out, finding->agent ? finding->agent : "?");
    fprintf(out, "</code> came to it with seed <code>%" PRIu64 "</code>; it was seen %u time%s. ", finding->seed,
            finding->times_seen, finding->times_seen == 1 ? "" : "s");
    if (finding->attempts == 0)
        fputs("It was not replayed.", out);
    else if (moth_finding_is_flaky(finding))
        fprintf(out, "It is <strong>flaky</strong>: it came back in %u of %u replays.", finding->reproduced,
                finding->attempts);
    else
        fprintf(out, "It came back in each of %u replays.", finding->attempts);
    if (finding->trace_minimized)
        fprintf(out, " Of its %u inputs %u are enough.", finding->inputs, finding->inputs_minimized);
    fputs("</p>\n", out);
    if (finding->status == MOTH_FINDING_STATUS_QUARANTINED) {
        fprintf(out, "<p class=\"quarantine\">Quarantined%s by <bdi>", finding->expired ? " for too long" : "");
        moth_html_text(out, finding->owner ? finding->owner : "nobody");
        fputs("</bdi>: <bdi>", out);
        moth_html_text(out, finding->reason ? finding->reason : "no reason given");
        fprintf(out, "</bdi>%s%s.</p>\n", finding->expires[0] ? ", until " : "", finding->expires);
    }
    if (finding->first_seen.build) {
        fputs("<p class=\"note\">First seen in build <code>", out);
        moth_html_text(out, finding->first_seen.build);
        fputs("</code>", out);
        if (finding->runs_seen > 1)
            fprintf(out, ", and in %u runs since", finding->runs_seen - 1);
        fputs(".</p>\n", out);
    }
}

/* At most `most` bytes, cut at a line where there is one; `end`: its end. */
static void put_cut(FILE *out, const char *text, size_t size, size_t most, bool end)
{
    if (size <= most) {
        moth_html_bytes(out, text, size);
    } else if (end) {
        const char *from = text + size - most, *line = memchr(from, '\n', most);
        from = line && (size_t)(text + size - line) > most / 2 ? line + 1 : from;
        fputs("… \n", out);
        moth_html_bytes(out, from, (size_t)(text + size - from));
    } else {
        moth_html_bytes(out, text, most);
        fputs("\n…", out);
    }
}

static void put_detail(FILE *out, const struct moth_finding *finding)
{
    if (!finding->detail || !*finding->detail || finding->spike) /* a spike's is told in figures */
        return;
    fputs("<pre class=\"detail\" tabindex=\"0\" role=\"region\" aria-label=\"Details\">", out);
    put_cut(out, finding->detail, strlen(finding->detail), DETAIL_BYTES, false);
    fputs("</pre>\n", out);
}

/* ---- how to see it again ---- */

static void put_replay(FILE *out, const struct moth_run_summary *summary, size_t index, const char *id)
{
    if (!summary->findings[index]->trace) {
        fputs("<p class=\"note\">Its trace could not be stored, so it cannot be replayed.</p>\n", out);
        return;
    }
    char *command = moth_report_replay_command(summary, index);
    fprintf(out, "<div class=\"command\"><code id=\"%s-replay\">", id);
    moth_html_text(out, command);
    fprintf(out,
            "</code><button type=\"button\" class=\"copy\" data-copy=\"%s-replay\" hidden>Copy<span class=\"hide\"> the replay "
            "command</span></button></div>\n",
            id);
    free(command);
}

/* ---- pictures ---- */

struct picture {
    char *name;
    long before; /* frames; -1: it is not of the strip */
};

static int by_time(const void *a, const void *b)
{
    const struct picture *left = a, *right = b;
    if (left->before != right->before)
        return left->before > right->before ? -1 : 1;
    return strcmp(left->name, right->name);
}

static size_t list_pictures(const char *folder, struct picture pictures[PICTURES_MAX * 4])
{
    DIR *entries = opendir(folder);
    struct dirent *entry;
    size_t n = 0;
    while (entries && n < PICTURES_MAX * 4 && (entry = readdir(entries))) {
        size_t length = strlen(entry->d_name), prefix = strlen(MOTH_STRIP_NAME);
        if (entry->d_name[0] == '.' || length < 5 || strcmp(entry->d_name + length - 4, ".png") != 0)
            continue;
        bool strip = strncmp(entry->d_name, MOTH_STRIP_NAME, prefix) == 0;
        pictures[n++] = (struct picture){strdup(entry->d_name), strip ? strtol(entry->d_name + prefix, NULL, 10) : -1};
    }
    if (entries)
        closedir(entries);
    qsort(pictures, n, sizeof *pictures, by_time);
    return n;
}

static char *caption_of(const struct picture *picture, const struct moth_finding *finding, uint32_t hz)
{
    long frame = (long)finding->frame - picture->before;
    if (picture->before == 1)
        return moth_fs_path("1 frame before, %ld", frame);
    if (picture->before > 0)
        return moth_fs_path("%.2g s before, frame %ld", (double)picture->before / (hz ? hz : 60), frame);
    if (picture->before == 0)
        return moth_fs_path("at the finding, frame %ld", frame);
    return moth_fs_path("%s", picture->name);
}

static void put_pictures(FILE *out, const struct moth_finding *finding, const char *folder, uint32_t hz, size_t *budget)
{
    struct picture pictures[PICTURES_MAX * 4];
    size_t n = list_pictures(folder, pictures), shown = 0, left_out = 0;
    bool strip = n > 0 && pictures[0].before >= 0;
    for (size_t i = 0; i < n; i++) {
        char *path = moth_fs_path("%s/%s", folder, pictures[i].name), *caption = caption_of(&pictures[i], finding, hz);
        char *alt = moth_fs_path("The game's picture %s", caption), *image = NULL;
        size_t size = 0;
        FILE *part = shown < PICTURES_MAX ? open_memstream(&image, &size) : NULL;
        bool is = part && moth_html_picture(part, path, alt, strip ? STRIP_WIDTH : PICTURE_WIDTH, budget);
        if (part)
            fclose(part);
        if (is) {
            fputs(shown++ == 0 ? "<h4>Pictures</h4>\n<div class=\"strip\" tabindex=\"0\" role=\"group\" aria-label=\"Pictures\">" : "", out);
            fprintf(out, "<figure>%s<figcaption><bdi>", image);
            moth_html_text(out, caption);
            fputs("</bdi></figcaption></figure>", out);
        }
        left_out += !is;
        free(image);
        free(alt);
        free(caption);
        free(path);
        free(pictures[i].name);
    }
    fputs(shown > 0 ? "</div>\n" : "", out);
    if (left_out > 0)
        fprintf(out, "<p class=\"note\">%zu picture%s left out to keep this file small; see the finding's folder.</p>\n",
                left_out, left_out == 1 ? " was" : "s were");
}

/* ---- inputs ---- */

static struct moth_trace *read_trace(const char *folder, const char *name)
{
    char *path = moth_fs_path("%s/%s", folder, name);
    struct moth_trace *trace = moth_trace_read(path, NULL);
    free(path);
    return trace;
}

static void put_inputs(FILE *out, const struct moth_finding *finding, const struct moth_trace *trace, bool minimized,
                       const char *id)
{
    if (!trace)
        return;
    char *line = moth_fs_path("%s-inputs", id);
    uint32_t frame = trace->has_end && trace->end.finding_frame > 0 ? trace->end.finding_frame : finding->frame;
    fprintf(out, "<h4>Inputs%s</h4>\n", minimized ? ", shrunk to what it takes" : "");
    moth_html_timeline(out, trace, frame, line);
    free(line);
}

/* ---- stack ---- */

static void put_frame(FILE *out, const struct moth_frame_parts *parts, const char *text, size_t at, bool own)
{
    fprintf(out, "<li value=\"%zu\"%s>", at, own ? " class=\"own\"" : "");
    if (parts->function[0]) {
        fputs("<code>", out);
        moth_html_text(out, parts->function);
        fputs("</code>", out);
        if (parts->file[0]) {
            fputs(" <span class=\"at\">", out);
            moth_html_print(out, "%s:%d", parts->file, parts->line);
            fputs("</span>", out);
        }
        if (parts->module[0] && !own) {
            fputs(" <span class=\"module\">", out);
            moth_html_text(out, parts->module);
            fputs("</span>", out);
        }
    } else {
        fputs("<code>", out);
        moth_html_text(out, text);
        fputs("</code>", out);
    }
    fputs(own ? "<span class=\"hide\"> (the game’s own)</span></li>\n" : "</li>\n", out);
}

/* Runs of frames that are not the game's own are folded. */
static void put_stack(FILE *out, const struct moth_finding *finding)
{
    size_t n = finding->n_stack < FRAMES_MAX ? finding->n_stack : FRAMES_MAX;
    struct moth_frame_parts parts;
    if (n == 0)
        return;
    fputs("<h4>Stack</h4>\n<ol class=\"stack\">\n", out);
    for (size_t i = 0; i < n;) {
        moth_frame_parse(finding->stack[i], &parts);
        if (!moth_frame_is_machinery(&parts)) {
            put_frame(out, &parts, finding->stack[i], i, true);
            i++;
            continue;
        }
        size_t end = i;
        for (; end < n; end++) {
            moth_frame_parse(finding->stack[end], &parts);
            if (!moth_frame_is_machinery(&parts))
                break;
        }
        fprintf(out, "<li class=\"others\"><details><summary>%zu frame%s of libraries</summary><ol>\n", end - i,
                end - i == 1 ? "" : "s");
        for (; i < end; i++) {
            moth_frame_parse(finding->stack[i], &parts);
            put_frame(out, &parts, finding->stack[i], i, false);
        }
        fputs("</ol></details></li>\n", out);
    }
    fputs("</ol>\n", out);
    if (finding->n_stack > n)
        fprintf(out, "<p class=\"note\">%zu more frames are in stack.txt.</p>\n", finding->n_stack - n);
}

static void put_text(FILE *out, const char *heading, const char *text, size_t size, size_t most, bool end)
{
    if (size == 0)
        return;
    fprintf(out, "<details class=\"text\"><summary>%s</summary><pre tabindex=\"0\" role=\"region\" aria-label=\"%s\">", heading,
            heading);
    put_cut(out, text, size, most, end);
    fputs("</pre></details>\n", out);
}

static void put_log(FILE *out, const struct moth_run_summary *summary, size_t index)
{
    char *log = moth_report_log_tail(summary, index);
    size_t size = log ? strlen(log) : 0;
    while (size > 0 && log[size - 1] == '\n')
        size--;
    put_text(out, "End of the game’s log", log, size, LOG_BYTES, true);
    free(log);
}

/* ---- what it cost ---- */

static void put_spike(FILE *out, const struct moth_finding *finding, const char *folder, const char *id)
{
    const struct moth_spike_facts *spike = finding->spike;
    char *path = moth_fs_path("%s/stacks.folded", folder), *flames = moth_fs_path("%s-flames", id);
    size_t size = 0;
    char *folded = moth_fs_read(path, FOLDED_MAX, &size, NULL);
    if (spike || folded)
        fputs("<h4>Where the frame’s time went</h4>\n", out);
    if (folded && !moth_html_flame(out, folded, flames))
        fputs("<p class=\"note\">Its samples show no function.</p>\n", out);
    if (spike) {
        fputs("<dl class=\"facts\">", out);
        for (uint32_t i = 0; i < spike->n_threads && i < MOTH_SPIKE_THREADS_MAX; i++) {
            fputs("<div><dt>Thread <bdi>", out);
            moth_html_text(out, spike->threads[i].name);
            fprintf(out, "</bdi></dt><dd>%.2f ms</dd></div>", spike->threads[i].ms);
        }
        const struct {
            const char *name;
            uint64_t n;
        } facts[] = {{"Allocations", spike->allocations},
                     {"Bytes allocated", spike->allocated_bytes},
                     {"Reads", spike->reads},
                     {"Bytes read", spike->read_bytes},
                     {"Waits for locks", spike->lock_waits},
                     {"Page faults", spike->page_faults}};
        for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
            fprintf(out, "<div><dt>%s</dt><dd>", facts[i].name);
            moth_html_count(out, facts[i].n);
            fputs("</dd></div>", out);
        }
        fputs("</dl>\n", out);
    }
    free(folded);
    free(flames);
    free(path);
}

/* ---- its replays ---- */

static bool same_attempt(const struct moth_finding_attempt *a, const struct moth_finding_attempt *b)
{
    return a->outcome == b->outcome && a->frame == b->frame && a->diverged == b->diverged &&
           a->diverged_frame == b->diverged_frame && strcmp(a->fingerprint, b->fingerprint) == 0;
}

static void put_attempt(FILE *out, const struct moth_finding_attempt *attempt, uint32_t first, uint32_t n)
{
    const char *word = attempt->outcome == MOTH_OUTCOME_MET     ? "came back"
                       : attempt->outcome == MOTH_OUTCOME_CLEAN ? "ran clean"
                                                                : "ended in another finding";
    fprintf(out, "<li class=\"%s\">", moth_finding_outcome_name(attempt->outcome));
    if (n > 1)
        fprintf(out, "replays %u to %u: ", first, first + n - 1);
    else
        fprintf(out, "replay %u: ", first);
    fprintf(out, "%s, frame %u", word, attempt->frame);
    if (attempt->outcome == MOTH_OUTCOME_OTHER) {
        fputs(": <bdi>", out);
        moth_html_text(out, attempt->title);
        fputs("</bdi>", out);
    }
    if (attempt->diverged)
        fprintf(out, " (another way from frame %u on)", attempt->diverged_frame);
    fputs("</li>\n", out);
}

/* Those in a row that went the same way are told once. */
static void put_attempts(FILE *out, const struct moth_finding *finding)
{
    if (finding->n_tries == 0)
        return;
    fputs("<h4>Replays</h4>\n<ul class=\"attempts\">\n", out);
    for (uint32_t i = 0, n, told = 0; i < finding->n_tries; i += n) {
        for (n = 1; i + n < finding->n_tries && same_attempt(&finding->tries[i], &finding->tries[i + n]);)
            n++;
        if (told++ < ATTEMPTS_MAX)
            put_attempt(out, &finding->tries[i], i + 1, n);
    }
    fputs("</ul>\n", out);
}

/* ---- all of it ---- */

static void put_line(FILE *out, const struct moth_finding *finding)
{
    const char *kind = moth_finding_kind_name(finding->kind), *status = moth_finding_status_name(finding->status);
    fprintf(out, "<summary><span class=\"kind %s\">%s</span> <h3><bdi>", moth_html_severity(finding->kind), kind);
    moth_html_text(out, finding->title && *finding->title ? finding->title : finding->fingerprint);
    fprintf(out, "</bdi></h3> <span class=\"facts\"><span class=\"status %s\">%s</span>", status, status);
    if (finding->attempts > 0)
        fprintf(out, " <span class=\"%s\">%u/%u replays</span>", moth_finding_is_flaky(finding) ? "flaky" : "sure",
                finding->reproduced, finding->attempts);
    fprintf(out, " <span>seen %u×</span> <span>frame %u</span></span></summary>\n", finding->times_seen, finding->frame);
}

void moth_html_finding(FILE *out, const struct moth_run_summary *summary, size_t index, size_t rank, bool open,
                       size_t *pictures)
{
    const struct moth_finding *finding = summary->findings[index];
    char *folder = moth_report_finding_files(summary, index), *id = moth_fs_path("f-%s", finding->fingerprint);
    struct moth_trace *minimized = finding->trace_minimized ? read_trace(folder, "minimized.moth") : NULL;
    struct moth_trace *trace = minimized ? minimized : finding->trace ? read_trace(folder, "trace.moth") : NULL;
    uint32_t hz = trace ? trace->header.hz : 0;
    fputs("<article class=\"finding\" id=\"", out);
    moth_html_text(out, id);
    fprintf(out, "\" data-rank=\"%zu\" data-kind=\"%s\" data-status=\"%s\" data-seen=\"%u\" data-frame=\"%u\" data-flaky=\"%d\"><details%s>", rank,
            moth_finding_kind_name(finding->kind), moth_finding_status_name(finding->status), finding->times_seen,
            finding->frame, moth_finding_is_flaky(finding), open ? " open" : "");
    put_line(out, finding);
    fputs("<div class=\"body\">\n", out);
    put_sentence(out, finding, hz);
    put_replay(out, summary, index, id);
    put_detail(out, finding);
    put_pictures(out, finding, folder, hz, pictures);
    put_inputs(out, finding, trace, minimized != NULL, id);
    put_stack(out, finding);
    put_spike(out, finding, folder, id);
    put_attempts(out, finding);
    if (finding->stacks)
        put_text(out, "All threads", finding->stacks, strlen(finding->stacks), STACKS_BYTES, false);
    put_log(out, summary, index);
    fputs("<p class=\"note\">Fingerprint <code>", out);
    moth_html_text(out, finding->fingerprint);
    fputs("</code></p>\n</div></details></article>\n", out);
    moth_trace_free(trace);
    free(id);
    free(folder);
}

json_t *moth_html_finding_row(const struct moth_run_summary *summary, size_t index)
{
    const struct moth_finding *finding = summary->findings[index];
    json_t *row = json_array();
    json_array_append_new(row, moth_json_text(finding->fingerprint));
    json_array_append_new(row, json_string(moth_finding_kind_name(finding->kind)));
    json_array_append_new(row, moth_json_text(finding->title ? finding->title : ""));
    json_array_append_new(row, json_string(moth_finding_status_name(finding->status)));
    json_array_append_new(row, json_integer(finding->times_seen));
    json_array_append_new(row, json_integer(finding->frame));
    json_array_append_new(row, json_integer(finding->reproduced));
    json_array_append_new(row, json_integer(finding->attempts));
    char *folder = summary->finding_outs ? moth_report_finding_folder(summary, index) : NULL;
    if (folder)
        json_array_append_new(row, moth_json_text(folder));
    free(folder);
    return row;
}
