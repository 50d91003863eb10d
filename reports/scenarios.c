/* SPDX-License-Identifier: MIT
 *
 * What became of the scenarios that were asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "baseline/gate.h"
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

bool moth_scenario_is_unfinished(const struct moth_instance_record *record)
{
    return record->scenario && strcmp(moth_scenario_result(record), "stopped") == 0 &&
           strcmp(record->ended, "frame budget reached") == 0;
}

int moth_report_unfinished(const struct moth_instance_record *records, size_t n, struct moth_gate *gate)
{
    for (size_t i = 0; i < n; i++) {
        const struct moth_instance_record *record = &records[i];
        if (!moth_scenario_is_unfinished(record))
            continue;
        char *title = moth_scenario_title(record);
        char *sentence = moth_fs_path("%s did not come to its end within %u frames: does it wait for what never comes? "
                                      "With a `budget` it fails then",
                                      title, record->frames);
        free(title);
        if (moth_gate_warn(gate, sentence) != 0)
            return -1;
    }
    return 0;
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
