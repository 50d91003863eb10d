/* SPDX-License-Identifier: MIT
 *
 * A run's summary with the worst that names and titles can be, for tests of reports.
 */
#ifndef MOTH_SAMPLE_SUMMARY_H
#define MOTH_SAMPLE_SUMMARY_H

#include "reports/reports.h"

#define NASTY "<b>&\"']]>\x01\x1b[31m\xff\xed\xa0\x80\xef\xbf\xbf tab\tline\nend \xc3\xa4\xf0\x9f\xa6\x8b"

struct sample {
    struct moth_finding findings[2];
    struct moth_finding *pointers[2];
    struct moth_instance_record records[4];
    struct moth_run_summary summary;
};

void sample_fill(struct sample *sample);

#endif
