/* SPDX-License-Identifier: MIT */
#include "runner/snapshot.h"

#include <stddef.h>

struct moth_snapshot *moth_instance_snapshot(struct moth_instance *instance, struct moth_err *err)
{
    (void)instance;
    moth_err_set(err, MOTH_ERR_SYSTEM, "no snapshots yet");
    return NULL;
}

int moth_instance_restore(struct moth_instance *instance, struct moth_snapshot *snapshot, struct moth_err *err)
{
    (void)instance;
    (void)snapshot;
    return moth_err_set(err, MOTH_ERR_SYSTEM, "no snapshots yet");
}

void moth_snapshot_release(struct moth_snapshot *snapshot)
{
    (void)snapshot;
}

bool moth_snapshot_alive(struct moth_snapshot *snapshot)
{
    return snapshot != NULL;
}

uint64_t moth_snapshot_pss_bytes(const struct moth_snapshot *snapshot)
{
    (void)snapshot;
    return 0;
}
