/* SPDX-License-Identifier: MIT */
#include "reports/html/html.h"

#include <stdlib.h>
#include <string.h>

#include "history/history.h"
#include "reports/html/assets.h"
#include "reports/html/charts.h"
#include "reports/html/finding.h"
#include "reports/html/properties.h"
#include "reports/html/sections.h"
#include "reports/html/write.h"
#include "reports/reports.h"
#include "reports/severity.h"

struct page {
    const struct moth_run_summary *summary;
    json_t *history; /* "moth.history/1", or NULL */
    size_t *order, told;
};

/* Inline script and style are allowed by what they are, and nothing else is: what a game wrote cannot run, and
 * nothing can be fetched or sent. */
static void put_policy(FILE *out, struct page *page)
{
    (void)page;
    fprintf(out,
            "default-src 'none'; script-src '%s' '%s'; style-src '%s'; img-src data:; base-uri 'none'; "
            "form-action 'none'",
            moth_html_chart.hash, moth_html_script.hash, moth_html_style.hash);
}

static void put_title(FILE *out, struct page *page)
{
    moth_html_text(out, moth_html_game(page->summary));
    fputs(": ", out);
    moth_html_verdict_words(out, page->summary);
    fputs(" – moth", out);
}

static void put_heading(FILE *out, struct page *page)
{
    fputs("<bdi>", out);
    moth_html_text(out, moth_html_game(page->summary));
    fputs("</bdi> <span class=\"by\">played by moth</span>", out);
}

static void put_nav(FILE *out, struct page *page)
{
    moth_html_nav(out, page->summary, page->history);
}

static void put_verdict(FILE *out, struct page *page)
{
    moth_html_verdict(out, page->summary, page->history);
}

static void put_findings(FILE *out, struct page *page)
{
    moth_html_findings(out, page->summary, page->history, page->order, &page->told);
}

static void put_coverage(FILE *out, struct page *page)
{
    moth_html_coverage(out, page->summary);
}

static void put_properties(FILE *out, struct page *page)
{
    moth_html_properties(out, page->summary);
}

static void put_performance(FILE *out, struct page *page)
{
    moth_html_performance(out, page->summary);
}

static void put_memory(FILE *out, struct page *page)
{
    moth_html_memory(out, page->summary);
}

static void put_trends(FILE *out, struct page *page)
{
    moth_html_trends(out, page->history);
}

static void put_run(FILE *out, struct page *page)
{
    moth_html_run(out, page->summary);
}

static void put_footer(FILE *out, struct page *page)
{
    fputs("Made by moth", out);
    if (page->summary->version) {
        fputs(" ", out);
        moth_html_text(out, page->summary->version);
    }
    fputs(". This file needs nothing else and sends nothing. Charts: Chart.js, © its contributors, MIT licence.", out);
}

static void put_data(FILE *out, struct page *page)
{
    json_t *data = json_object();
    moth_html_findings_data(data, page->summary, page->history, page->order, page->told);
    moth_html_chart_data(data, page->summary, page->history);
    moth_html_json(out, data);
    json_decref(data);
}

static void put_asset(FILE *out, const struct moth_html_asset *asset)
{
    fwrite(asset->bytes, 1, asset->size_bytes, out);
}

static void put_style(FILE *out, struct page *page)
{
    (void)page;
    put_asset(out, &moth_html_style);
}

static void put_chart(FILE *out, struct page *page)
{
    (void)page;
    put_asset(out, &moth_html_chart);
}

static void put_script(FILE *out, struct page *page)
{
    (void)page;
    put_asset(out, &moth_html_script);
}

/* What stands in the template as {{name}}. */
static const struct place {
    const char *name;
    void (*put)(FILE *out, struct page *page);
} places[] = {
    {"policy", put_policy},     {"title", put_title},       {"style", put_style},
    {"heading", put_heading},   {"nav", put_nav},           {"verdict", put_verdict},
    {"findings", put_findings}, {"coverage", put_coverage}, {"performance", put_performance},
    {"memory", put_memory},     {"trends", put_trends},     {"run", put_run},
    {"properties", put_properties}, {"footer", put_footer},     {"data", put_data},         {"chart", put_chart},
    {"script", put_script},
};

static void put_place(FILE *out, struct page *page, const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strlen(places[i].name) == size && memcmp(places[i].name, name, size) == 0) {
            places[i].put(out, page);
            return;
        }
    abort(); /* the template and this table are one */
}

char *moth_report_html_text(const struct moth_run_summary *summary)
{
    struct page page = {.summary = summary, .order = moth_report_worst_first(summary)};
    page.history = summary->history ? moth_history_view_json(summary->history, 0) : NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = page.order ? open_memstream(&text, &size) : NULL;
    const char *at = moth_html_template.bytes, *open;
    while (out && (open = strstr(at, "{{"))) {
        const char *close = strstr(open, "}}");
        fwrite(at, 1, (size_t)(open - at), out);
        put_place(out, &page, open + 2, (size_t)(close - open - 2));
        at = close + 2;
    }
    if (out) {
        fputs(at, out);
        if (fclose(out) != 0) {
            free(text);
            text = NULL;
        }
    }
    json_decref(page.history);
    free(page.order);
    return text;
}
