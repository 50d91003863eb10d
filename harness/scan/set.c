/* SPDX-License-Identifier: MIT */
#include "scan/set.h"

int moth_scans_step(struct moth_scans *scans, int id, const char *type, const char *text, pid_t pid, uint64_t *count,
                    struct moth_err *err)
{
    struct moth_scan_step step;
    if (moth_scan_parse(text, &step, err) != 0)
        return -1;
    if (id == 0 && scans->n == MOTH_SCANS_MAX)
        return moth_err_set(err, MOTH_ERR_USAGE, "more than %u scans in one play", MOTH_SCANS_MAX);
    if (id < 0 || (size_t)id > scans->n)
        return moth_err_set(err, MOTH_ERR_USAGE, "there is no such scan");
    struct moth_scan *scan = id == 0 ? moth_scan_create(type, err) : scans->items[id - 1];
    if (!scan)
        return -1;
    if (moth_scan_step(scan, pid, &step, err) != 0) {
        if (id == 0)
            moth_scan_destroy(scan);
        return -1;
    }
    if (id == 0)
        scans->items[scans->n++] = scan;
    *count = moth_scan_count(scan);
    return id == 0 ? (int)scans->n : id;
}

size_t moth_scans_find(const struct moth_scans *scans, int id, pid_t pid, struct moth_scan_hit *hits, size_t room)
{
    return id < 1 || (size_t)id > scans->n ? 0 : moth_scan_find(scans->items[id - 1], pid, hits, room);
}

void moth_scans_fini(struct moth_scans *scans)
{
    for (size_t i = 0; i < scans->n; i++)
        moth_scan_destroy(scans->items[i]);
    scans->n = 0;
}
