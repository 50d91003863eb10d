/* SPDX-License-Identifier: MIT */
#include "reports/html/sections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "baseline/gate.h"
#include "findings/finding_json.h"
#include "history/history.h"
#include "reports/evidence.h"
#include "reports/html/charts.h"
#include "reports/html/finding.h"
#include "reports/html/html.h"
#include "reports/html/properties.h"
#include "reports/html/write.h"

#define PLAIN_ROWS_MAX 2000u /* lines for readers without JavaScript */
#define INSTANCES_MAX 200u
#define CHANGES_MAX 20u
#define WARNINGS_MAX 100u

/* ---- the verdict ---- */

struct counts {
    size_t by_status[MOTH_FINDING_STATUS_END], count, flaky, expired;
};

static struct counts count_findings(const struct moth_run_summary *summary)
{
    struct counts counts = {0};
    for (size_t i = 0; i < summary->n_findings; i++) {
        const struct moth_finding *finding = summary->findings[i];
        bool flaky = moth_finding_is_flaky(finding);
        counts.by_status[finding->status]++;
        counts.flaky += flaky;
        counts.count += moth_finding_counts(finding) && (!flaky || finding->expired);
        counts.expired += finding->status == MOTH_FINDING_STATUS_QUARANTINED && finding->expired;
    }
    return counts;
}

void moth_html_verdict_words(FILE *out, const struct moth_run_summary *summary)
{
    struct counts counts = count_findings(summary);
    switch (summary->verdict) {
    case MOTH_VERDICT_PASS:
        fputs("passed", out);
        break;
    case MOTH_VERDICT_NEW_FINDINGS:
        if (counts.count > 0)
            fprintf(out, "%zu %sfinding%s", counts.count,
                    counts.by_status[MOTH_FINDING_STATUS_REOPENED] + counts.expired == 0 ? "new " : "",
                    counts.count == 1 ? "" : "s");
        else
            fputs("failed", out);
        break;
    case MOTH_VERDICT_FLAKY:
        fprintf(out, "%zu flaky finding%s", counts.flaky, counts.flaky == 1 ? "" : "s");
        break;
    case MOTH_VERDICT_NOTHING_RAN:
        fputs("nothing ran", out);
        break;
    case MOTH_VERDICT_ERROR:
    case MOTH_VERDICT_END:
        fputs(moth_report_cut_short(summary) ? "interrupted" : "error", out);
        break;
    }
}

const char *moth_html_game(const struct moth_run_summary *summary)
{
    const char *path = summary->argv && summary->argv[0] ? summary->argv[0] : "a game";
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static const char *sentence_of(const struct moth_run_summary *summary)
{
    switch (summary->verdict) {
    case MOTH_VERDICT_PASS:
        return summary->n_findings > 0 ? "The gate passed: nothing was found that counts against this build."
                                       : "The gate passed: nothing was found.";
    case MOTH_VERDICT_NEW_FINDINGS:
        return "The gate failed.";
    case MOTH_VERDICT_FLAKY:
        return "Only findings that do not always come back.";
    case MOTH_VERDICT_NOTHING_RAN:
        return "No instance of the game reached its first frame, so this says nothing about it.";
    case MOTH_VERDICT_ERROR:
    case MOTH_VERDICT_END:
        break;
    }
    if (moth_report_cut_short(summary))
        return "Interrupted: it did not come to its end, and what it did not play may fail.";
    return "The run could not be played as it should have been; see the warnings.";
}

static void put_tile(FILE *out, const char *name, uint64_t n, const char *class, const char *filter)
{
    fprintf(out, "<li class=\"tile %s%s\">", class, n == 0 ? " none" : "");
    if (filter)
        fprintf(out, "<a href=\"#findings\" data-filter=\"%s\">", filter);
    fputs("<strong>", out);
    moth_html_count(out, n);
    fprintf(out, "</strong> %s%s</li>", name, filter ? "</a>" : "");
}

static void put_fact(FILE *out, const char *name, uint64_t n)
{
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    moth_html_count(out, n);
    fputs("</dd></div>", out);
}

static void put_facts(FILE *out, const struct moth_run_summary *summary)
{
    fputs("<dl class=\"facts\">", out);
    put_fact(out, "Instances", summary->instances);
    put_fact(out, "Frames", summary->frames_total);
    fputs("<div><dt>Game time</dt><dd>", out);
    moth_html_seconds(out, summary->virtual_s);
    fputs("</dd></div><div><dt>Wall time</dt><dd>", out);
    moth_html_seconds(out, summary->wall_s);
    fputs("</dd></div>", out);
    if (summary->wall_s > 0)
        put_fact(out, "Frames/s", (uint64_t)((double)summary->frames_total / summary->wall_s + 0.5));
    if (summary->coverage.known)
        put_fact(out, "Places seen", summary->coverage.reference);
    fprintf(out, "<div><dt>Seed</dt><dd>%" PRIu64 "</dd></div>", summary->seed);
    if (summary->build_id)
        fprintf(out, "<div><dt>Build</dt><dd><code>");
    if (summary->build_id) {
        moth_html_bytes(out, summary->build_id, strnlen(summary->build_id, 12));
        fputs("</code></dd></div>", out);
    }
    fputs("</dl>\n", out);
}

static void put_sentences(FILE *out, const char *class, const char *const *texts, size_t n)
{
    if (n == 0)
        return;
    fprintf(out, "<ul class=\"%s\">", class);
    for (size_t i = 0; i < n && i < WARNINGS_MAX; i++) {
        fputs("<li><bdi>", out);
        moth_html_text(out, texts[i]);
        fputs("</bdi></li>", out);
    }
    if (n > WARNINGS_MAX)
        fprintf(out, "<li>And %zu more; run.json has them all.</li>", n - WARNINGS_MAX);
    fputs("</ul>\n", out);
}

static const char *member(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

/* ---- what changed since the build before ---- */

static const char *change_of(const json_t *finding, const char *build)
{
    if (strcmp(member(finding, "fixed_in"), build) == 0)
        return "fixed";
    if (strcmp(member(finding, "reopened_in"), build) == 0)
        return "came back";
    return strcmp(member(json_object_get(finding, "first_seen"), "build"), build) == 0 ? "new" : NULL;
}

/* Where this report's build stands in the history; SIZE_MAX where it does not. */
static size_t own_build(const struct moth_run_summary *summary)
{
    const struct moth_history_view *view = summary->history;
    size_t at = view ? moth_history_find_build(view, summary->build_label, summary->build_id) : 0;
    return view && at < view->n_builds ? at : SIZE_MAX;
}

static void put_changes(FILE *out, const json_t *history, size_t at)
{
    const json_t *builds = json_object_get(history, "builds"), *finding;
    size_t i, shown = 0, more = 0;
    if (at == SIZE_MAX || at == 0)
        return;
    const json_t *last = json_array_get(builds, at), *before = json_array_get(builds, at - 1);
    fputs("<h3>Since build <code>", out);
    moth_html_text(out, member(before, "name"));
    fputs("</code></h3>\n<ul class=\"changes\">", out);
    json_array_foreach(json_object_get(history, "findings"), i, finding)
    {
        const char *change = change_of(finding, member(last, "name"));
        more += change && shown == CHANGES_MAX;
        if (!change || shown == CHANGES_MAX)
            continue;
        shown++;
        fprintf(out, "<li><span class=\"status %s\">%s</span> <span class=\"kind\">", *change == 'c' ? "reopened" : change, change);
        moth_html_text(out, member(finding, "kind"));
        fputs("</span> <bdi>", out);
        moth_html_text(out, member(finding, "title"));
        fputs("</bdi></li>", out);
    }
    if (shown == 0)
        fputs("<li>No finding came, went or came back.</li>", out);
    if (more > 0)
        fprintf(out, "<li>And %zu more.</li>", more);
    fputs("</ul>\n", out);
}

/* What this run found gone, and what the history says is gone since this build; some are both. */
static uint64_t count_fixed(const struct moth_run_summary *summary, size_t at)
{
    const struct moth_history_view *view = summary->history;
    uint64_t n = 0;
    for (size_t i = 0; at != SIZE_MAX && i < view->n_findings; i++)
        n += view->findings[i].state == MOTH_HISTORY_FIXED && view->findings[i].fixed_build == at;
    for (size_t i = 0; i < summary->n_findings; i++) {
        const struct moth_history_finding *known = view ? moth_history_find(view, summary->findings[i]->fingerprint) : NULL;
        bool counted = known && known->state == MOTH_HISTORY_FIXED && known->fixed_build == at;
        n += summary->findings[i]->status == MOTH_FINDING_STATUS_FIXED && !counted;
    }
    return n;
}

void moth_html_verdict(FILE *out, const struct moth_run_summary *summary, const json_t *history)
{
    struct counts counts = count_findings(summary);
    bool passed = summary->exit_code == 0;
    fprintf(out, "<section id=\"verdict\" aria-labelledby=\"verdict-head\" class=\"%s\">\n<h2 id=\"verdict-head\"><span class=\"mark\" aria-hidden=\"true\">%s</span> ",
            passed ? "pass" : "fail", passed ? "✓" : "✗");
    moth_html_verdict_words(out, summary);
    fputs("</h2>\n<p class=\"lead\">", out);
    fputs(sentence_of(summary), out);
    if ((summary->interrupted || !summary->complete) && !moth_report_cut_short(summary))
        fputs(" The run did not come to its end.", out);
    fprintf(out, " <span class=\"note\">Exit code %d.</span></p>\n", summary->exit_code);
    if (summary->gate) {
        put_sentences(out, "reasons", (const char *const *)summary->gate->reasons, summary->gate->n_reasons);
        put_sentences(out, "warnings", (const char *const *)summary->gate->warnings, summary->gate->n_warnings);
    }
    fputs("<ul class=\"tiles\">", out);
    put_tile(out, "new", counts.by_status[MOTH_FINDING_STATUS_NEW], "new", "new");
    put_tile(out, "reopened", counts.by_status[MOTH_FINDING_STATUS_REOPENED], "reopened", "reopened");
    put_tile(out, "known", counts.by_status[MOTH_FINDING_STATUS_KNOWN], "known", "known");
    put_tile(out, "quarantined", counts.by_status[MOTH_FINDING_STATUS_QUARANTINED], "quarantined", "quarantined");
    put_tile(out, "flaky", counts.flaky, "flaky", "flaky");
    put_tile(out, "fixed", count_fixed(summary, own_build(summary)), "fixed", "fixed");
    fputs("</ul>\n", out);
    put_facts(out, summary);
    put_changes(out, history, own_build(summary));
    put_sentences(out, "warnings", summary->warnings, summary->n_warnings);
    fputs("</section>\n", out);
}

/* ---- findings ---- */

static void put_plain_rows(FILE *out, const struct moth_run_summary *summary, const size_t *order, size_t from)
{
    size_t n = summary->n_findings;
    if (from == n)
        return;
    fprintf(out, "<noscript><p>%zu more finding%s, worst first:</p><ol start=\"%zu\">", n - from, n - from == 1 ? "" : "s", from + 1);
    for (size_t i = from; i < n && i < from + PLAIN_ROWS_MAX; i++) {
        const struct moth_finding *finding = summary->findings[order[i]];
        fprintf(out, "<li>%s: <bdi>", moth_finding_kind_name(finding->kind));
        moth_html_text(out, finding->title);
        fprintf(out, "</bdi> (%s, seen %u×) <code>", moth_finding_status_name(finding->status), finding->times_seen);
        moth_html_text(out, finding->fingerprint);
        fputs("</code></li>", out);
    }
    fputs("</ol><p><code>moth list findings</code> names them all.</p></noscript>\n", out);
}

static void put_tools(FILE *out)
{
    fputs("<form class=\"tools\" id=\"tools\" role=\"search\" aria-label=\"Findings\" hidden>\n"
          "<label>Search <input type=\"search\" id=\"search\" autocomplete=\"off\" placeholder=\"title, function, log…\"></label>\n"
          "<label>Kind <select id=\"kind\"><option value=\"\">all</option></select></label>\n"
          "<label>Status <select id=\"status\"><option value=\"\">in this run</option></select></label>\n"
          "<label>Order <select id=\"order\"><option value=\"rank\">worst first</option><option value=\"seen\">most often "
          "first</option><option value=\"frame\">earliest first</option><option value=\"title\">by title</option></select></label>\n"
          "<button type=\"button\" id=\"unfold\" aria-pressed=\"false\">Unfold all</button>\n"
          "</form>\n<p id=\"shown\" class=\"note\" role=\"status\"></p>\n",
          out);
}

void moth_html_findings(FILE *out, const struct moth_run_summary *summary, const json_t *history, const size_t *order, size_t *told)
{
    size_t pictures = MOTH_HTML_PICTURE_BYTES_MAX, bytes = 0, n = summary->n_findings;
    fputs("<section id=\"findings\" aria-labelledby=\"findings-head\" tabindex=\"-1\">\n<h2 id=\"findings-head\">Findings</h2>\n", out);
    *told = 0;
    if (n == 0)
        fputs("<p>Nothing was found.</p>\n", out);
    if (n > 0 || json_array_size(json_object_get(history, "findings")) > 0)
        put_tools(out);
    fputs("<div id=\"list\">\n", out);
    while (*told < n && *told < MOTH_HTML_FULL_MAX && bytes < MOTH_HTML_DETAIL_BYTES_MAX) {
        char *text = NULL;
        size_t size = 0, left = pictures;
        FILE *part = open_memstream(&text, &size);
        if (!part)
            break;
        moth_html_finding(part, summary, order[*told], *told, *told == 0 && n <= MOTH_HTML_FULL_MAX, &pictures);
        fclose(part);
        size_t own = size - (left - pictures);
        bool fits = text && bytes + own <= MOTH_HTML_DETAIL_BYTES_MAX;
        if (fits)
            fwrite(text, 1, size, out);
        free(text);
        bytes += own;
        if (!fits)
            break;
        ++*told;
    }
    fputs("</div>\n", out);
    put_plain_rows(out, summary, order, *told);
    fputs("<button type=\"button\" id=\"more\" hidden>Show more</button>\n</section>\n", out);
}

static bool is_in_run(const struct moth_run_summary *summary, const size_t *by_name, const char *fingerprint)
{
    size_t low = 0, high = summary->n_findings;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(summary->findings[by_name[middle]]->fingerprint, fingerprint);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static int by_fingerprint(const void *a, const void *b, void *context)
{
    const struct moth_run_summary *summary = context;
    return strcmp(summary->findings[*(const size_t *)a]->fingerprint, summary->findings[*(const size_t *)b]->fingerprint);
}

/* Findings of earlier builds that this run did not meet. */
static json_t *earlier(const struct moth_run_summary *summary, const json_t *history)
{
    json_t *rows = json_array();
    const json_t *finding;
    size_t i, *by_name = calloc(summary->n_findings + 1, sizeof *by_name);
    for (i = 0; by_name && i < summary->n_findings; i++)
        by_name[i] = i;
    if (by_name && summary->n_findings > 0)
        qsort_r(by_name, summary->n_findings, sizeof *by_name, by_fingerprint, (void *)(uintptr_t)summary);
    json_array_foreach(json_object_get(history, "findings"), i, finding)
    {
        const char *fingerprint = member(finding, "fingerprint");
        if (!by_name || json_array_size(rows) >= MOTH_HTML_ROWS_MAX || is_in_run(summary, by_name, fingerprint))
            continue;
        json_t *row = json_array();
        json_array_append_new(row, json_string(fingerprint));
        json_array_append_new(row, json_string(member(finding, "kind")));
        json_array_append_new(row, json_string(member(finding, "title")));
        json_array_append_new(row, json_string(strcmp(member(finding, "state"), "fixed") == 0 ? "fixed" : "earlier"));
        json_array_append_new(row, json_string(member(json_object_get(finding, "first_seen"), "build")));
        json_array_append_new(row, json_string(member(json_object_get(finding, "last_seen"), "build")));
        json_array_append_new(row, json_string(member(finding, "fixed_in")));
        json_array_append_new(rows, row);
    }
    free(by_name);
    return rows;
}

void moth_html_findings_data(json_t *data, const struct moth_run_summary *summary, const json_t *history, const size_t *order, size_t told)
{
    json_t *rows = json_array();
    for (size_t i = told; i < summary->n_findings && i - told < MOTH_HTML_ROWS_MAX; i++)
        json_array_append_new(rows, moth_html_finding_row(summary, order[i]));
    json_object_set_new(data, "rows", rows);
    json_object_set_new(data, "earlier", earlier(summary, history));
    json_object_set_new(data, "out", moth_json_text(summary->out ? summary->out : ""));
}

/* ---- navigation ---- */

void moth_html_nav(FILE *out, const struct moth_run_summary *summary, const json_t *history)
{
    const struct {
        const char *id, *name;
        bool there;
    } parts[] = {{"verdict", "Verdict", true},
                 {"findings", "Findings", true},
                 {"coverage", "Coverage", moth_html_has_coverage(summary)},
                 {"properties", "Properties", moth_html_has_properties(summary)},
                 {"performance", "Frame times", moth_html_has_performance(summary)},
                 {"memory", "Memory", moth_html_has_memory(summary)},
                 {"trends", "Trends", moth_html_has_trends(history)},
                 {"run", "Run", true}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].there)
            fprintf(out, "<li><a href=\"#%s\">%s</a></li>", parts[i].id, parts[i].name);
}

/* ---- the run ---- */

static void put_row(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, "<div><dt>%s</dt><dd><bdi>", name);
    moth_html_text(out, value);
    fputs("</bdi></dd></div>\n", out);
}

static void put_words(FILE *out, const char *name, const char *const *words)
{
    fprintf(out, "<div class=\"wide\"><dt>%s</dt><dd><code>", name);
    for (size_t i = 0; words && words[i]; i++) {
        fputs(i ? " " : "", out);
        char *word = moth_report_shell_word(words[i]);
        moth_html_text(out, word);
        free(word);
    }
    fputs("</code></dd></div>\n", out);
}

static void put_settings(FILE *out, const struct moth_run_summary *summary)
{
    fputs("<dl class=\"settings\">\n", out);
    put_words(out, "Game", summary->argv);
    for (size_t i = 0; i < summary->n_members; i++)
        put_words(out, "Plays with it", (const char *const *)summary->members[i].argv);
    if (summary->n_members > 0)
        fprintf(out, "<div><dt>Link</dt><dd>%g ms, ±%g ms, %g %% lost</dd></div>\n", summary->link.latency_us / 1000.0,
                summary->link.jitter_us / 1000.0, summary->link.loss_ppm / 10000.0);
    put_row(out, "Build id", summary->build_id);
    fprintf(out, "<div><dt>Seed</dt><dd>%" PRIu64 "</dd></div>\n", summary->seed);
    put_row(out, "Shard", summary->shard);
    fprintf(out, "<div><dt>Workers</dt><dd>%u</dd></div>\n", summary->workers);
    put_row(out, "Machine", summary->machine);
    put_row(out, "moth", summary->version);
    put_row(out, "Run", summary->run);
    put_row(out, "Plan", summary->plan);
    fputs("</dl>\n", out);
}

static void put_agents(FILE *out, const struct moth_run_summary *summary)
{
    if (summary->n_agents == 0)
        return;
    fputs("<h3>Agents</h3>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Agents\"><table><thead><tr><th scope=\"col\">Agent</th><th scope=\"col\" class=\"n\">Weight</th>"
          "<th scope=\"col\" class=\"n\">Share</th><th scope=\"col\" class=\"n\">Instances</th><th scope=\"col\" class=\"n\">Frames</th>"
          "<th scope=\"col\" class=\"n\">New places</th><th scope=\"col\" class=\"n\">New findings</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < summary->n_agents; i++) {
        const struct moth_agent_share *agent = &summary->agents[i];
        const uint64_t counts[] = {agent->instances, agent->frames, agent->cells, agent->findings};
        fputs("<tr><th scope=\"row\"><bdi>", out);
        moth_html_text(out, agent->name);
        fprintf(out, "</bdi></th><td class=\"n\">%.0f %%</td><td class=\"n\">%.0f %%</td>", agent->weight * 100, agent->share * 100);
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            fputs("<td class=\"n\">", out);
            moth_html_count(out, counts[k]);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static void put_instance(FILE *out, const struct moth_run_summary *summary, const struct moth_instance_record *record,
                         const size_t *by_name)
{
    fprintf(out, "<tr><td class=\"n\">%u</td><td><bdi>", record->index);
    moth_html_text(out, record->agent);
    fprintf(out, "</bdi></td><td class=\"n\">%" PRIu64 "</td><td class=\"n\">%u</td><td class=\"n\">%.1f s</td><td>", record->seed,
            record->frames, record->wall_s);
    moth_html_text(out, record->ended);
    fputs("</td><td>", out);
    if (record->fingerprint && is_in_run(summary, by_name, record->fingerprint)) {
        fputs("<a href=\"#f-", out);
        moth_html_text(out, record->fingerprint);
        fputs("\">", out);
        moth_html_text(out, record->fingerprint);
        fputs("</a>", out);
    }
    fputs("</td></tr>\n", out);
}

/* Those that found something, and the first of the others. */
static void put_instances(FILE *out, const struct moth_run_summary *summary)
{
    size_t n = 0, *by_name = calloc(summary->n_findings + 1, sizeof *by_name);
    if (summary->n_records == 0 || !by_name) {
        free(by_name);
        return;
    }
    for (size_t i = 0; i < summary->n_findings; i++)
        by_name[i] = i;
    if (summary->n_findings > 0)
        qsort_r(by_name, summary->n_findings, sizeof *by_name, by_fingerprint, (void *)(uintptr_t)summary);
    fprintf(out, "<details><summary>Instances (%zu)</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Instances\"><table><thead><tr><th scope=\"col\" class=\"n\">No.</th><th scope=\"col\">Agent</th>"
          "<th scope=\"col\" class=\"n\">Seed</th><th scope=\"col\" class=\"n\">Frames</th><th scope=\"col\" class=\"n\">Took</th><th scope=\"col\">Ended by</th>"
          "<th scope=\"col\">Finding</th></tr></thead><tbody>\n", summary->n_records);
    for (int found = 1; found >= 0; found--)
        for (size_t i = 0; i < summary->n_records && n < INSTANCES_MAX; i++) {
            const struct moth_instance_record *record = &summary->records[i];
            if ((record->fingerprint != NULL) != found)
                continue;
            put_instance(out, summary, record, by_name);
            n++;
        }
    fputs("</tbody></table></div>", out);
    if (summary->n_records > n)
        fprintf(out, "<p class=\"note\">%zu more are in merge.json.</p>", summary->n_records - n);
    fputs("</details>\n", out);
    free(by_name);
}

void moth_html_run(FILE *out, const struct moth_run_summary *summary)
{
    fputs("<section id=\"run\" aria-labelledby=\"run-head\">\n<h2 id=\"run-head\">The run</h2>\n", out);
    put_settings(out, summary);
    if (summary->n_agent_faults > 0) {
        fputs("<h3>Faults of agents</h3>\n", out);
        put_sentences(out, "faults", summary->agent_faults, summary->n_agent_faults);
    }
    put_agents(out, summary);
    put_instances(out, summary);
    fputs("</section>\n", out);
}
