/* SPDX-License-Identifier: MIT */
#include "reports/html/properties.h"

#include "findings/properties.h"
#include "reports/html/write.h"

static bool is_bad(const struct moth_property *property)
{
    return property->violated || moth_property_missing(property);
}

static const char *words_of(const struct moth_property *property)
{
    bool never = moth_property_kind_name(property->kind)[0] == 'u'; /* unreachable: it is not to be met */
    return property->violated                  ? "violated"
           : moth_property_missing(property)   ? "never seen"
           : never                             ? "not reached"
           : !property->seen                   ? "not met"
                                               : "seen";
}

static void put_rows(FILE *out, const struct moth_properties *properties, bool bad)
{
    fputs("<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Properties\"><table><thead><tr><th scope=\"col\">State</th>"
          "<th scope=\"col\">Kind</th><th scope=\"col\">Property</th><th scope=\"col\">Place</th></tr></thead><tbody>\n",
          out);
    for (size_t i = 0; i < properties->n; i++) {
        const struct moth_property *property = &properties->at[i];
        if (is_bad(property) != bad)
            continue;
        fprintf(out, "<tr><td>%s</td><td>%s</td><td><bdi>", words_of(property), moth_property_kind_name(property->kind));
        moth_html_text(out, property->message);
        fputs("</bdi></td><td><code>", out);
        moth_html_text(out, property->file);
        fprintf(out, ":%u</code></td></tr>\n", property->line);
    }
    fputs("</tbody></table></div>", out);
}

bool moth_html_has_properties(const struct moth_run_summary *summary)
{
    return summary->properties && summary->properties->n > 0;
}

void moth_html_properties(FILE *out, const struct moth_run_summary *summary)
{
    const struct moth_properties *properties = summary->properties;
    size_t missing = 0, violated = 0, bad = 0;
    if (!moth_html_has_properties(summary))
        return;
    for (size_t i = 0; i < properties->n; i++) {
        missing += moth_property_missing(&properties->at[i]);
        violated += properties->at[i].violated;
        bad += is_bad(&properties->at[i]);
    }
    fputs("<section id=\"properties\" aria-labelledby=\"properties-head\">\n<h2 id=\"properties-head\">Properties</h2>\n<p>", out);
    moth_html_print(out, "Of %zu that the game states, %zu should have been seen and never %s, and %zu %s violated.",
                    properties->n, missing, missing == 1 ? "was" : "were", violated, violated == 1 ? "is" : "are");
    fputs("</p>\n", out);
    if (bad > 0)
        put_rows(out, properties, true);
    if (bad < properties->n) {
        fprintf(out, "<details><summary>As they should be (%zu)</summary>", properties->n - bad);
        put_rows(out, properties, false);
        fputs("</details>\n", out);
    }
    fputs("</section>\n", out);
}
