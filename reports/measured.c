/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "baseline/gate.h"
#include "reports/reports.h"

void moth_report_measured(const struct moth_run_summary *summary, struct moth_gate_measured *measured)
{
    const struct moth_frame_times *times = &summary->frame_times;
    bool frames = times->n > 0, memory = times->memory.n > 0;
    bool speed = summary->wall_s > 0 && summary->frames_total > 0;
    *measured = (struct moth_gate_measured){
        .machine = summary->machine,
        .value = {[MOTH_METRIC_P50] = frames ? times->p50 : NAN,
                  [MOTH_METRIC_P95] = frames ? times->p95 : NAN,
                  [MOTH_METRIC_P99] = frames ? times->p99 : NAN,
                  [MOTH_METRIC_MAX] = frames ? times->max : NAN,
                  [MOTH_METRIC_MEMORY] = memory ? times->memory.rss_mb : NAN,
                  [MOTH_METRIC_HEAP] = memory ? times->memory.heap_mb : NAN,
                  [MOTH_METRIC_FRAMES_PER_S] = speed ? (double)summary->frames_total / summary->wall_s : NAN}};
}
