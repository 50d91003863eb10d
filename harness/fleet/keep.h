/* SPDX-License-Identifier: MIT
 *
 * What an instance finds, kept: each finding with its own trace, put into the store of the run.
 */
#ifndef MOTH_FLEET_KEEP_H
#define MOTH_FLEET_KEEP_H

#include "fleet/play.h"

struct moth_keep_item {
    struct moth_finding *finding;
    struct moth_trace *trace; /* its way, from the launch */
    bool stored;
};

struct moth_keep {
    struct moth_keep_item items[MOTH_PLAY_FINDINGS_MAX];
    size_t n;
};

/* Note a finding and the way to it; takes both. A death is noted even where there is no room left. */
void moth_keep_note(struct moth_keep *keep, struct moth_finding *finding, struct moth_trace *trace);
/* Put what is not yet there into the store and tell the place. `work` holds the pictures. */
void moth_keep_store(struct moth_keep *keep, const struct moth_play_place *place, uint32_t index,
                     const char *work, struct moth_instance *instance);
void moth_keep_fini(struct moth_keep *keep);

#endif
