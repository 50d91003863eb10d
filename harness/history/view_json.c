/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "findings/finding_json.h"
#include "history/history.h"

void moth_history_date(int64_t date_ms, char text[MOTH_HISTORY_DATE_BYTES])
{
    time_t seconds = (time_t)(date_ms / 1000);
    struct tm parts;
    text[0] = '\0';
    if (date_ms > 0 && gmtime_r(&seconds, &parts))
        strftime(text, MOTH_HISTORY_DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static json_t *date_json(int64_t date_ms)
{
    char text[MOTH_HISTORY_DATE_BYTES];
    moth_history_date(date_ms, text);
    return text[0] ? json_string(text) : json_null();
}

static json_t *seen_json(const struct moth_history_view *view, uint32_t build, int64_t date_ms)
{
    json_t *json = json_object();
    json_object_set_new(json, "build", moth_json_text(view->builds[build].name));
    json_object_set_new(json, "date", date_json(date_ms));
    return json;
}

static json_t *build_json(const struct moth_history_view *view, size_t i)
{
    const struct moth_history_build *build = &view->builds[i];
    json_t *json = json_object(), *metrics = json_object();
    json_object_set_new(json, "name", moth_json_text(build->name));
    json_object_set_new(json, "label", *build->label ? moth_json_text(build->label) : json_null());
    json_object_set_new(json, "build_id", *build->build_id ? moth_json_text(build->build_id) : json_null());
    json_object_set_new(json, "date", date_json(build->date_ms));
    json_object_set_new(json, "runs", json_integer(build->runs));
    json_object_set_new(json, "found", json_integer(build->found));
    json_object_set_new(json, "reopened", json_integer(build->reopened));
    json_object_set_new(json, "fixed", json_integer(build->fixed));
    json_object_set_new(json, "open", json_integer(build->open));
    for (size_t j = 0; j < view->n_metrics; j++) {
        double value = view->values[i * view->n_metrics + j];
        json_object_set_new(metrics, view->metrics[j].name, isnan(value) ? json_null() : json_real(value));
    }
    json_object_set_new(json, "metrics", metrics);
    return json;
}

static json_t *finding_json(const struct moth_history_view *view, const struct moth_history_finding *finding)
{
    json_t *json = json_object();
    bool fixed = finding->state == MOTH_HISTORY_FIXED, reopened = finding->state == MOTH_HISTORY_REOPENED;
    json_object_set_new(json, "fingerprint", moth_json_text(finding->fingerprint));
    json_object_set_new(json, "kind", moth_json_text(finding->kind));
    json_object_set_new(json, "title", moth_json_text(finding->title));
    json_object_set_new(json, "state", json_string(moth_history_state_name(finding->state)));
    json_object_set_new(json, "first_seen", seen_json(view, finding->first_build, finding->first_ms));
    json_object_set_new(json, "last_seen", seen_json(view, finding->last_build, finding->last_ms));
    json_object_set_new(json, "fixed_in", fixed ? moth_json_text(view->builds[finding->fixed_build].name) : json_null());
    json_object_set_new(json, "reopened_in",
                        reopened ? moth_json_text(view->builds[finding->reopened_build].name) : json_null());
    json_object_set_new(json, "times_fixed", json_integer(finding->times_fixed));
    json_object_set_new(json, "runs_seen", json_integer(finding->runs_seen));
    json_object_set_new(json, "runs_since", json_integer(finding->runs_since));
    json_object_set_new(json, "missed", json_integer(finding->chances));
    return json;
}

json_t *moth_history_view_json(const struct moth_history_view *view, size_t last)
{
    json_t *json = json_object(), *builds = json_array(), *findings = json_array();
    size_t begin = last > 0 && last < view->n_builds ? view->n_builds - last : 0;
    for (size_t i = begin; i < view->n_builds; i++)
        json_array_append_new(builds, build_json(view, i));
    for (size_t i = 0; i < view->n_findings; i++)
        json_array_append_new(findings, finding_json(view, &view->findings[i]));
    json_object_set_new(json, "schema", json_string("moth.history/1"));
    json_object_set_new(json, "runs", json_integer((json_int_t)view->n_runs));
    json_object_set_new(json, "machine", moth_json_text(view->machine));
    json_object_set_new(json, "builds", builds);
    json_object_set_new(json, "findings", findings);
    return json;
}
