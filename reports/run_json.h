/* SPDX-License-Identifier: MIT
 *
 * run.json as an object, for those who add to it or take it apart. Nobody else need know jansson.
 */
#ifndef MOTH_REPORTS_RUN_JSON_H
#define MOTH_REPORTS_RUN_JSON_H

#include <jansson.h>

#include "reports/reports.h"

#define MOTH_RUN_SCHEMA "moth.run/1"
#define MOTH_RUN_JSON_FLAGS (JSON_INDENT(2) | JSON_REAL_PRECISION(9))

/* The members of `frame_time_ms`. New reference. */
json_t *moth_report_frame_times_json(const struct moth_frame_times *times);
/* The scenarios that were asked for, and what became of them. New reference. */
json_t *moth_report_scenarios(const struct moth_run_summary *summary);
/* New reference. */
json_t *moth_report_json_object(const struct moth_run_summary *summary);

#endif
