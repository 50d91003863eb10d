/* SPDX-License-Identifier: MIT */
#include "reports/sarif.h"

#include <stdlib.h>
#include <string.h>

#include "baseline/gate.h"
#include "findings/finding_json.h"
#include "reports/run_json.h"
#include "reports/severity.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"

static json_t *described(const char *text)
{
    json_t *json = json_object();
    json_object_set_new(json, "description", moth_sarif_message(text));
    return json;
}

static json_t *bases(void)
{
    json_t *json = json_object();
    json_object_set_new(json, MOTH_SARIF_SOURCES, described("The root of the game's sources."));
    json_object_set_new(json, MOTH_SARIF_OUT, described("The output folder of the run, in which this file lies."));
    return json;
}

static json_t *tool(const struct moth_run_summary *summary)
{
    json_t *driver = json_object(), *json = json_object();
    json_object_set_new(driver, "name", json_string("moth"));
    if (summary->version) {
        json_object_set_new(driver, "version", moth_json_text(summary->version));
        json_object_set_new(driver, "semanticVersion", moth_json_text(summary->version));
    }
    json_object_set_new(driver, "shortDescription", moth_sarif_message("Plays a game headless and judges it."));
    json_object_set_new(driver, "rules", moth_sarif_rules());
    json_object_set_new(json, "driver", driver);
    return json;
}

/* ---- the invocation ---- */

static void add_notifications(json_t *list, const char *level, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        json_t *each = json_object();
        json_object_set_new(each, "level", json_string(level));
        json_object_set_new(each, "message", moth_sarif_message(texts[i]));
        json_array_append_new(list, each);
    }
}

static const char *exit_text(int code)
{
    static const struct {
        int code;
        const char *text;
    } texts[] = {{0, "the gate passed"},
                 {1, "new findings"},
                 {2, "usage or configuration error"},
                 {3, "harness fault"},
                 {4, "nothing ran: no instance reached its first frame"},
                 {5, "flaky findings only"},
                 {6, "the game is not deterministic"},
                 {130, "interrupted"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].code == code)
            return texts[i].text;
    return "unknown";
}

static json_t *invocation(const struct moth_run_summary *summary)
{
    json_t *json = json_object(), *notifications = json_array();
    bool successful = summary->verdict != MOTH_VERDICT_ERROR && summary->verdict != MOTH_VERDICT_NOTHING_RAN;
    add_notifications(notifications, "error", summary->agent_faults, summary->n_agent_faults);
    if (summary->gate && !summary->gate->passed)
        add_notifications(notifications, "error", (const char *const *)summary->gate->reasons,
                          summary->gate->n_reasons);
    add_notifications(notifications, "warning", summary->warnings, summary->n_warnings);
    json_object_set_new(json, "executionSuccessful", json_boolean(successful && !summary->interrupted));
    json_object_set_new(json, "exitCode", json_integer(summary->exit_code));
    json_object_set_new(json, "exitCodeDescription", json_string(exit_text(summary->exit_code)));
    json_object_set_new(json, "toolExecutionNotifications", notifications);
    return json;
}

/* "moth/GAME/RUN": who reads it takes what stands before the last slash for the kind of run. */
static json_t *automation(const struct moth_run_summary *summary)
{
    const char *game = summary->argv && summary->argv[0] ? summary->argv[0] : "game";
    const char *slash = strrchr(game, '/');
    json_t *json = json_object(), *name = moth_json_text(slash ? slash + 1 : game);
    json_object_set_new(json, "id", json_sprintf("moth/%s/%s", json_string_value(name),
                                                 summary->run ? summary->run : ""));
    json_object_set_new(json, "description", moth_sarif_message("A game played by agents."));
    json_decref(name);
    return json;
}

/* Those of run.json that tell of the game; the rest is there. */
static json_t *properties(const struct moth_run_summary *summary)
{
    static const char *const keys[] = {"verdict",   "seed",     "shard",        "instances", "frames_total",
                                       "virtual_s", "complete", "frame_time_ms"};
    json_t *run = moth_report_json_object(summary), *json = moth_sarif_members(run, keys, sizeof keys / sizeof *keys);
    json_object_set_new(json, "build_id", moth_json_text(summary->build_id));
    json_decref(run);
    return json;
}

static json_t *run_json(const struct moth_run_summary *summary, const size_t *places)
{
    struct moth_workspace *workspace = moth_workspace_open(moth_workspace_root(), summary);
    json_t *json = json_object(), *artifacts = json_array(), *results = json_array(), *invocations = json_array();
    for (size_t i = 0; i < summary->n_findings; i++)
        json_array_append_new(results, moth_sarif_result(summary, places[i], workspace, artifacts));
    json_array_append_new(invocations, invocation(summary));
    json_object_set_new(json, "tool", tool(summary));
    json_object_set_new(json, "invocations", invocations);
    json_object_set_new(json, "automationDetails", automation(summary));
    json_object_set_new(json, "originalUriBaseIds", bases());
    json_object_set_new(json, "artifacts", artifacts);
    json_object_set_new(json, "results", results);
    json_object_set_new(json, "properties", properties(summary));
    moth_workspace_close(workspace);
    return json;
}

char *moth_report_sarif_text(const struct moth_run_summary *summary)
{
    size_t *places = moth_report_worst_first(summary);
    if (!places)
        return NULL;
    json_t *json = json_object(), *runs = json_array();
    json_array_append_new(runs, run_json(summary, places));
    json_object_set_new(json, "$schema", json_string(SCHEMA));
    json_object_set_new(json, "version", json_string("2.1.0"));
    json_object_set_new(json, "runs", runs);
    char *text = json_dumps(json, MOTH_RUN_JSON_FLAGS);
    json_decref(json);
    free(places);
    return text;
}
