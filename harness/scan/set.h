/* SPDX-License-Identifier: MIT
 *
 * The scans that one play of an agent has under way, by number. They end with the play. One thread.
 */
#ifndef MOTH_SCAN_SET_H
#define MOTH_SCAN_SET_H

#include "scan/scan.h"

#define MOTH_SCANS_MAX 8u

struct moth_scans {
    struct moth_scan *items[MOTH_SCANS_MAX];
    size_t n;
};

/* One step (as moth_scan_parse reads it) of scan `id`, or with id 0 of a new one of this type. Its id with *count left,
 * or -1 with err. */
int moth_scans_step(struct moth_scans *scans, int id, const char *type, const char *step, pid_t pid, uint64_t *count,
                    struct moth_err *err);
/* What is left of it, as moth_scan_find; 0 when there is no such scan. */
size_t moth_scans_find(const struct moth_scans *scans, int id, pid_t pid, struct moth_scan_hit *hits, size_t room);
void moth_scans_fini(struct moth_scans *scans);

#endif
