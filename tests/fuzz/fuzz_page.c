/* SPDX-License-Identifier: MIT
 *
 * What the page draws beyond findings comes from files: coverage.json (first byte even), folded stacks (odd). Neither
 * may break it, put a tag of its own into it, or change when it is read back.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "reports/html/flame.h"
#include "reports/reports.h"
#include "survey/survey.h"

static void draw(const json_t *json)
{
    struct moth_run_summary summary = {.survey = json, .out = "out"};
    summary.frame_times.n = 1;
    char *page = moth_report_html_text(&summary);
    size_t scripts = 0;
    for (const char *at = page; at && (at = strstr(at, "<script")); at++)
        scripts++;
    if (scripts != 3)
        abort();
    free(page);
}

static void check_survey(const char *bytes, size_t size)
{
    json_t *json = json_loadb(bytes, size, 0, NULL);
    struct moth_survey *survey = moth_survey_from_json(json);
    json_t *first = moth_survey_json(survey);
    struct moth_survey *read = moth_survey_from_json(first);
    json_t *second = moth_survey_json(read);
    if (json_array_size(json_object_get(first, "maps")) != json_array_size(json_object_get(second, "maps")))
        abort();
    draw(json);
    draw(first);
    json_decref(second);
    moth_survey_free(read);
    json_decref(first);
    moth_survey_free(survey);
    json_decref(json);
}

static void check_flame(const char *bytes, size_t size)
{
    char *folded = strndup(bytes, size), *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    moth_html_flame(out, folded, "f");
    fclose(out);
    if (strstr(text, "<script"))
        abort();
    free(text);
    free(folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
    if (size_bytes == 0)
        return 0;
    if (bytes[0] % 2 == 0)
        check_survey((const char *)bytes + 1, size_bytes - 1);
    else
        check_flame((const char *)bytes + 1, size_bytes - 1);
    return 0;
}
