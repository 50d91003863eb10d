/* SPDX-License-Identifier: MIT */
#include "reports/html/charts.h"

#include <math.h>
#include <string.h>

#include "findings/finding_json.h"
#include "reports/html/map.h"
#include "reports/html/write.h"

#define BUILDS_MAX 400u /* the last ones, in charts of trends */
#define TABLE_ROWS 12u
#define SPIKES_MAX 200u
#define MAPS_MAX 4u

static const json_t *frames_of(const struct moth_run_summary *summary)
{
    return json_object_get(summary->survey, "frame_times");
}

static const json_t *growth_of(const struct moth_run_summary *summary)
{
    return json_object_get(summary->survey, "growth");
}

bool moth_html_has_coverage(const struct moth_run_summary *summary)
{
    return summary->coverage.known || json_array_size(growth_of(summary)) > 0 ||
           json_array_size(json_object_get(summary->survey, "maps")) > 0;
}

bool moth_html_has_performance(const struct moth_run_summary *summary)
{
    return summary->frame_times.n > 0;
}

bool moth_html_has_memory(const struct moth_run_summary *summary)
{
    return summary->frame_times.memory.n > 0;
}

bool moth_html_has_trends(const json_t *history)
{
    return json_array_size(json_object_get(history, "builds")) > 0;
}

/* ---- parts of a section ---- */

static void begin(FILE *out, const char *id, const char *heading)
{
    fprintf(out, "<section id=\"%s\" aria-labelledby=\"%s-head\">\n<h2 id=\"%s-head\">%s</h2>\n", id, id, id, heading);
}

/* Drawn by report.js, and shown by it: without it there are the figures. */
static void put_chart(FILE *out, const char *name, const char *label, const char *caption)
{
    fprintf(out,
            "<figure class=\"chart\" hidden><div class=\"canvas\"><canvas id=\"chart-%s\" role=\"img\" aria-label=\"%s\"></canvas></div>"
            "<figcaption>%s</figcaption></figure>\n",
            name, label, caption);
}

static void put_figure(FILE *out, const char *name, double value, const char *unit)
{
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    moth_html_number(out, value);
    fprintf(out, "%s%s</dd></div>", *unit ? " " : "", unit);
}

static void put_total(FILE *out, const char *name, uint64_t n)
{
    fprintf(out, "<div><dt>%s</dt><dd>", name);
    moth_html_count(out, n);
    fputs("</dd></div>", out);
}

/* Columns of `names` from the members of each row of `rows` that are named by `places`; evenly spread rows. */
static void put_table(FILE *out, const char *summary, const json_t *rows, const char *const *names, const unsigned *places,
                      size_t n_columns, double first_times)
{
    size_t n = json_array_size(rows), shown = n < TABLE_ROWS ? n : TABLE_ROWS;
    fprintf(out,
            "<details><summary>%s</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><table><thead><tr>",
            summary, summary);
    for (size_t i = 0; i < n_columns; i++)
        fprintf(out, "<th scope=\"col\" class=\"n\">%s</th>", names[i]);
    fputs("</tr></thead><tbody>\n", out);
    for (size_t i = 0; i < shown; i++) {
        size_t at = shown > 1 ? i * (n - 1) / (shown - 1) : 0;
        const json_t *row = json_array_get(rows, at);
        fputs("<tr>", out);
        for (size_t k = 0; k < n_columns; k++) {
            double value = places[k] == UINT32_MAX ? (double)at * first_times
                                                   : json_number_value(json_array_get(row, places[k]));
            fputs("<td class=\"n\">", out);
            moth_html_number(out, value);
            fputs("</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

/* ---- coverage ---- */

static void put_growth(FILE *out, const json_t *growth)
{
    static const char *const names[] = {"Frames", "Wall time, s", "Places"};
    static const unsigned places[] = {0, 1, 2};
    if (json_array_size(growth) < 2)
        return;
    put_chart(out, "growth", "Places seen, over the frames that were played; as a table below",
              "Different places seen, as the run went on. A line that has gone flat says that more of the same finds nothing new.");
    put_table(out, "Growth as a table", growth, names, places, 3, 0);
}

void moth_html_coverage(FILE *out, const struct moth_run_summary *summary)
{
    const struct moth_coverage *coverage = &summary->coverage;
    const json_t *map;
    size_t i;
    char id[24];
    if (!moth_html_has_coverage(summary))
        return;
    begin(out, "coverage", "Coverage");
    if (coverage->known) {
        fputs("<dl class=\"facts\">", out);
        put_total(out, "Places of the fixed grid", coverage->reference);
        put_total(out, "Cells of the archive", coverage->cells);
        put_total(out, "Deepest frame", coverage->deepest_frame);
        put_total(out, "Rollouts", coverage->rollouts);
        put_total(out, "Returns to a place", coverage->restores);
        fputs("</dl>\n", out);
    }
    json_array_foreach(json_object_get(summary->survey, "maps"), i, map)
    {
        if (i == MAPS_MAX)
            break;
        snprintf(id, sizeof id, "map%zu", i);
        moth_html_map(out, map, summary, id);
    }
    put_growth(out, growth_of(summary));
    fputs("</section>\n", out);
}

/* ---- frame times ---- */

static void put_bands(FILE *out, const json_t *frames)
{
    static const char *const names[] = {"From frame", "Frames", "Least, ms", "p50, ms", "p95, ms", "p99, ms", "Most, ms"};
    static const unsigned places[] = {UINT32_MAX, 0, 1, 2, 3, 4, 5};
    const json_t *bands = json_object_get(frames, "bands");
    if (json_array_size(bands) == 0)
        return;
    put_chart(out, "frames", "Work time of frames over the game’s frames, with spikes marked; as a table below",
              "Work time of a frame by its number in the game, over all instances: the middle half of what is usual, the slowest "
              "hundredth, the slowest of all. Triangles are spikes that came back in each replay.");
    put_table(out, "Frame times as a table", bands, names, places, 7, json_number_value(json_object_get(frames, "width")));
}

void moth_html_performance(FILE *out, const struct moth_run_summary *summary)
{
    const struct moth_frame_times *times = &summary->frame_times;
    if (!moth_html_has_performance(summary))
        return;
    begin(out, "performance", "Frame times");
    fputs("<dl class=\"facts\">", out);
    put_figure(out, "Median", times->p50, "ms");
    put_figure(out, "p95", times->p95, "ms");
    put_figure(out, "p99", times->p99, "ms");
    put_figure(out, "Slowest", times->max, "ms");
    put_figure(out, "Mean of the slowest 1 %", times->low1_avg, "ms");
    put_figure(out, "Stutter", times->stutter_time_pct, "% of the time");
    put_figure(out, "Hitches", times->hitches_per_min, "a minute");
    put_total(out, "Spikes that came back", times->spikes_confirmed);
    put_total(out, "… that did not", times->spikes_gone);
    put_total(out, "Frames measured", times->n);
    fputs("</dl>\n", out);
    fprintf(out, "<p class=\"note\">%s</p>\n",
            times->wall ? "Wall time, as the game’s threads were left to the system: the machine’s load is in it."
                        : "CPU time that the game’s threads worked, not how long it took: what else the machine did is not in it.");
    put_bands(out, frames_of(summary));
    fputs("</section>\n", out);
}

/* ---- memory ---- */

void moth_html_memory(FILE *out, const struct moth_run_summary *summary)
{
    const struct moth_memory_summary *memory = &summary->frame_times.memory;
    static const char *const names[] = {"Frame", "Resident, MB", "Heap, MB"};
    static const unsigned places[] = {0, 1, 2};
    if (!moth_html_has_memory(summary))
        return;
    begin(out, "memory", "Memory");
    fputs("<dl class=\"facts\">", out);
    put_figure(out, "Most resident", memory->rss_mb, "MB");
    put_figure(out, "Most on the heap", memory->heap_mb, "MB");
    put_figure(out, "Resident grew by", memory->rss_growth_mb, "MB a minute");
    put_figure(out, "Heap grew by", memory->heap_growth_mb, "MB a minute");
    fputs("</dl>\n", out);
    json_t *points = json_array();
    for (uint32_t i = 0; i < memory->n && i < MOTH_MEMORY_POINTS; i++)
        json_array_append_new(points, json_pack("[f,f,f]", (double)memory->points[i].frame,
                                                (double)memory->points[i].rss_bytes / (1 << 20),
                                                (double)memory->points[i].heap_bytes / (1 << 20)));
    if (memory->n > 1) {
        put_chart(out, "memory", "Memory of the game over its frames; as a table below",
                  "Memory in the instance that had the most.");
        put_table(out, "Memory as a table", points, names, places, 3, 0);
    }
    json_decref(points);
    fputs("</section>\n", out);
}

/* ---- trends ---- */

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? text : "";
}

void moth_html_trends(FILE *out, const json_t *history)
{
    const json_t *builds = json_object_get(history, "builds");
    size_t n = json_array_size(builds);
    static const char *const columns[] = {"runs", "found", "reopened", "fixed", "open"};
    if (n == 0)
        return;
    begin(out, "trends", "Trends over builds");
    if (n > 1) {
        put_chart(out, "builds", "Findings that are open, new, back and fixed, build by build; as a table below",
                  "Findings, build by build.");
        fputs("<p class=\"chart\" hidden><label>Metric <select id=\"metric\"></select></label></p>\n", out);
        put_chart(out, "metric", "A metric, build by build", "The chosen metric, build by build: the median of its runs on machines of the newest run’s class.");
    }
    fputs("<details><summary>The last builds as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Builds\"><table><thead><tr><th scope=\"col\">Build</th>"
          "<th scope=\"col\">First run</th><th scope=\"col\" class=\"n\">Runs</th><th scope=\"col\" class=\"n\">New</th><th scope=\"col\" class=\"n\">Back</th>"
          "<th scope=\"col\" class=\"n\">Fixed</th><th scope=\"col\" class=\"n\">Open</th></tr></thead><tbody>\n",
          out);
    for (size_t i = n > TABLE_ROWS ? n - TABLE_ROWS : 0; i < n; i++) {
        const json_t *build = json_array_get(builds, i);
        fputs("<tr><th scope=\"row\"><bdi>", out);
        moth_html_text(out, text_of(build, "name"));
        fputs("</bdi></th><td>", out);
        moth_html_text(out, text_of(build, "date"));
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
            fprintf(out, "</td><td class=\"n\">%.0f", json_number_value(json_object_get(build, columns[k])));
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n</section>\n", out);
}

/* ---- what the charts are drawn from ---- */

static json_t *spikes_json(const struct moth_run_summary *summary)
{
    json_t *spikes = json_array();
    for (size_t i = 0; i < summary->n_findings && json_array_size(spikes) < SPIKES_MAX; i++) {
        const struct moth_finding *finding = summary->findings[i];
        if (finding->kind != MOTH_FINDING_SPIKE || !finding->spike)
            continue;
        json_t *spike = json_array();
        json_array_append_new(spike, json_integer(finding->frame));
        json_array_append_new(spike, json_real(finding->spike->least_ms));
        json_array_append_new(spike, moth_json_text(finding->title));
        json_array_append_new(spikes, spike);
    }
    return spikes;
}

static json_t *memory_json(const struct moth_memory_summary *memory)
{
    json_t *points = json_array();
    for (uint32_t i = 0; i < memory->n && i < MOTH_MEMORY_POINTS; i++) {
        json_t *point = json_array();
        json_array_append_new(point, json_integer(memory->points[i].frame));
        json_array_append_new(point, json_real((double)memory->points[i].rss_bytes / (1 << 20)));
        json_array_append_new(point, json_real((double)memory->points[i].heap_bytes / (1 << 20)));
        json_array_append_new(points, point);
    }
    return points;
}

static json_t *builds_json(const json_t *history)
{
    json_t *builds = json_array();
    const json_t *all = json_object_get(history, "builds");
    size_t n = json_array_size(all);
    for (size_t i = n > BUILDS_MAX ? n - BUILDS_MAX : 0; i < n; i++)
        json_array_append(builds, json_array_get(all, i));
    return builds;
}

static void set_copy(json_t *data, const char *key, const json_t *value)
{
    if (value)
        json_object_set_new(data, key, json_deep_copy(value));
}

void moth_html_chart_data(json_t *data, const struct moth_run_summary *summary, const json_t *history)
{
    json_t *frames = json_object();
    set_copy(frames, "width", json_object_get(frames_of(summary), "width"));
    set_copy(frames, "bands", json_object_get(frames_of(summary), "bands"));
    set_copy(frames, "worst", json_object_get(frames_of(summary), "worst"));
    set_copy(frames, "peaks", json_object_get(frames_of(summary), "peaks"));
    json_object_set_new(frames, "spikes", spikes_json(summary));
    json_object_set_new(data, "frames", frames);
    json_object_set_new(data, "memory", memory_json(&summary->frame_times.memory));
    set_copy(data, "growth", growth_of(summary));
    json_object_set_new(data, "builds", builds_json(history));
}
