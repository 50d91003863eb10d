/* SPDX-License-Identifier: MIT
 *
 * What became of the scenarios that were asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "findings/finding_json.h"
#include "reports/run_json.h"

const char *moth_scenario_result(const struct moth_instance_record *record)
{
    if (record->fault)
        return "error";
    if (record->fingerprint)
        return "failed";
    if (strcmp(record->ended, "finished") == 0)
        return "passed";
    return strcmp(record->ended, "exit") == 0 ? "left" : "stopped"; /* the game; the play */
}

char *moth_scenario_title(const struct moth_instance_record *record)
{
    if (!record->scenario_case)
        return moth_fs_path("%s", record->scenario);
    return moth_fs_path("%s: %s", record->scenario, record->scenario_case);
}

json_t *moth_report_scenarios(const struct moth_run_summary *summary)
{
    json_t *list = json_array();
    for (size_t i = 0; i < summary->n_records; i++) {
        const struct moth_instance_record *record = &summary->records[i];
        if (!record->scenario)
            continue;
        json_t *row = json_object();
        json_object_set_new(row, "name", moth_json_text(record->scenario));
        json_object_set_new(row, "case", moth_json_text(record->scenario_case));
        json_object_set_new(row, "file", moth_json_text(record->agent));
        json_object_set_new(row, "result", json_string(moth_scenario_result(record)));
        json_object_set_new(row, "frames", json_integer(record->frames));
        json_object_set_new(row, "finding", moth_json_text(record->fingerprint));
        json_array_append_new(list, row);
    }
    return list;
}
