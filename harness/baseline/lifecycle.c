/* SPDX-License-Identifier: MIT */
#include "baseline/baseline.h"

#include <stdlib.h>
#include <string.h>

static enum moth_finding_status status_of(const struct moth_baseline_finding *entry, const struct moth_past *past)
{
    if (entry && entry->status != MOTH_FINDING_STATUS_FIXED)
        return entry->status;
    if (entry || (past && past->fixed))
        return MOTH_FINDING_STATUS_REOPENED;
    return MOTH_FINDING_STATUS_NEW;
}

static void set_text(char **to, const char *from)
{
    char *copy = from ? strdup(from) : NULL;
    free(*to);
    *to = copy;
}

void moth_lifecycle_apply(struct moth_finding *finding, const struct moth_baseline *baseline,
                          const struct moth_past *past, const char *today)
{
    const struct moth_baseline_finding *entry =
        baseline ? moth_baseline_find(baseline, finding->fingerprint) : NULL;
    if (finding->status != MOTH_FINDING_STATUS_FIXED)
        finding->status = status_of(entry, past);
    bool quarantined = finding->status == MOTH_FINDING_STATUS_QUARANTINED;
    set_text(&finding->owner, entry ? entry->owner : NULL);
    set_text(&finding->reason, entry ? entry->reason : NULL);
    memset(finding->expires, 0, sizeof finding->expires);
    memset(finding->accepted, 0, sizeof finding->accepted);
    if (quarantined)
        memcpy(finding->expires, entry->expires, sizeof finding->expires);
    if (entry)
        memcpy(finding->accepted, entry->accepted, sizeof finding->accepted);
    finding->expired = quarantined && strcmp(today, entry->expires) > 0;
    if (!finding->first_seen.build && entry)
        set_text(&finding->first_seen.build, entry->first_seen);
}
