/* SPDX-License-Identifier: MIT */
#include "runner/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "runner/pack.h"
#include "runner/state.h"
#include "runner/watch.h"

struct parked {
    struct moth_process process;
    struct moth_pack pack;
    struct moth_member_inputs inputs;
    struct moth_observation last;
    bool gone;
};

struct moth_snapshot {
    struct parked *members;
    unsigned n_members;
    struct moth_network network;
    bool packed;
};

static int park_member(struct moth_instance *in, unsigned index, struct parked *parked, struct moth_err *err)
{
    struct moth_member *member = &in->members[index];
    moth_process_init(&parked->process);
    parked->last = member->last;
    parked->gone = member->gone;
    moth_member_inputs_copy(&member->inputs, &parked->inputs);
    if (member->gone)
        return 0;
    return moth_process_branch(&member->process, &parked->process, true, in->shared, sizeof in->shared, err);
}

struct moth_snapshot *moth_instance_snapshot(struct moth_instance *in, struct moth_err *err)
{
    struct moth_snapshot *snapshot = in->over ? NULL : calloc(1, sizeof *snapshot);
    struct parked *members = snapshot != NULL ? calloc(in->n_members, sizeof *members) : NULL;
    if (members == NULL) {
        moth_err_set(err, MOTH_ERR_USAGE, in->over ? "the game is gone" : "no memory for a snapshot");
        free(snapshot);
        return NULL;
    }
    snapshot->members = members;
    moth_network_copy(&in->network, &snapshot->network);
    for (; snapshot->n_members < in->n_members; snapshot->n_members++)
        if (park_member(in, snapshot->n_members, &members[snapshot->n_members], err) != 0) {
            free(members[snapshot->n_members].inputs.events);
            moth_snapshot_release(snapshot);
            return NULL;
        }
    return snapshot;
}

static int fork_parked(struct moth_instance *in, struct parked *parked, struct moth_process *branch,
                       struct moth_err *err)
{
    moth_process_init(branch);
    if (parked->gone)
        return 0;
    if (moth_process_branch(&parked->process, branch, false, in->shared, sizeof in->shared, err) != 0)
        return -1;
    if (moth_pack_apply(&parked->pack, branch->pid, err) == 0)
        return 0;
    moth_process_retire(branch);
    return -1;
}

static void stand_on(struct moth_member *member, const struct moth_process *branch, const struct parked *parked)
{
    if (member->process.pid > 0)
        moth_process_retire(&member->process);
    free(member->inputs.events);
    moth_member_inputs_copy(&parked->inputs, &member->inputs);
    member->process = *branch;
    member->last = parked->last;
    member->gone = parked->gone;
    member->leaving = false;
}

int moth_instance_restore(struct moth_instance *in, struct moth_snapshot *snapshot, struct moth_err *err)
{
    struct moth_process branches[MOTH_MEMBERS_MAX];
    for (unsigned i = 0; i < snapshot->n_members; i++)
        if (fork_parked(in, &snapshot->members[i], &branches[i], err) != 0) {
            while (i-- > 0)
                moth_process_retire(&branches[i]);
            return -1;
        }
    for (unsigned i = 0; i < snapshot->n_members; i++)
        stand_on(&in->members[i], &branches[i], &snapshot->members[i]);
    moth_network_fini(&in->network);
    moth_network_copy(&snapshot->network, &in->network);
    moth_instance_forget_death(in);
    return 0;
}

void moth_snapshot_release(struct moth_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    for (unsigned i = 0; i < snapshot->n_members; i++) {
        moth_process_retire(&snapshot->members[i].process);
        moth_pack_fini(&snapshot->members[i].pack);
        free(snapshot->members[i].inputs.events);
    }
    moth_network_fini(&snapshot->network);
    free(snapshot->members);
    free(snapshot);
}

uint64_t moth_snapshot_pss_bytes(const struct moth_snapshot *snapshot)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < snapshot->n_members; i++)
        if (!snapshot->members[i].gone)
            sum += moth_watch_pss_bytes(snapshot->members[i].process.pid) + snapshot->members[i].pack.size_bytes;
    return sum;
}

int moth_snapshot_pack(struct moth_snapshot *snapshot, struct moth_err *err)
{
    for (unsigned i = 0; !snapshot->packed && i < snapshot->n_members; i++)
        if (!snapshot->members[i].gone &&
            moth_pack_make(&snapshot->members[i].process, &snapshot->members[i].pack, err) != 0)
            return -1;
    snapshot->packed = true;
    return 0;
}

bool moth_snapshot_packed(const struct moth_snapshot *snapshot)
{
    return snapshot->packed;
}

const char *moth_instance_shared(const struct moth_instance *in)
{
    return in->shared;
}
