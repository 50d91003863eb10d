/* SPDX-License-Identifier: MIT
 *
 * What an instance is made of, for the files of harness/runner that work on it: instance.c (its life),
 * group.c (its members), look.c (what is known of it), snapshot.c. Nobody else's.
 */
#ifndef MOTH_RUNNER_STATE_H
#define MOTH_RUNNER_STATE_H

#include "runner/instance.h"
#include "runner/network.h"
#include "runner/process.h"

/* Input that came for a member while it was ahead of the others. */
struct moth_member_inputs {
    struct moth_input_event *events;
    size_t n, room;
};

struct moth_member {
    char name[MOTH_MEMBER_NAME_BYTES];
    struct moth_process process;
    struct moth_game_info game;
    struct moth_observation last;
    struct moth_member_inputs inputs;
    bool gone;    /* it left by itself, in peace */
    bool leaving; /* it is about to leave with a status, and was looked at */
};

struct moth_instance {
    struct moth_member *members; /* the first is the game that frames are counted of */
    unsigned n_members;
    struct moth_network network; /* of a group */
    struct moth_limits limits;
    struct moth_death death;
    bool over;        /* death is filled */
    unsigned culprit; /* the member that ended it */
    void (*sampled)(void *context); /* who looks at samples */
    void *sampled_context;
    struct moth_symbols *symbols; /* opened when first asked for */
    char shared[128]; /* what the last branch could not take along */
};

static inline struct moth_process *moth_instance_process(const struct moth_instance *instance)
{
    return &instance->members[0].process;
}

/* ---- instance.c ---- */

/* Wait for a member's turn. */
enum moth_step moth_member_await(struct moth_instance *instance, struct moth_member *member, bool boot,
                                 struct moth_err *err);
void moth_member_load(struct moth_member *member, uint32_t frames, const struct moth_input_event *events,
                      size_t n_events, uint32_t first_frame);
void moth_instance_forget_death(struct moth_instance *instance);

/* ---- group.c ---- */

static inline bool moth_instance_is_group(const struct moth_instance *instance)
{
    return instance->n_members > 1;
}
/* Who is who, for the channel of a member. */
void moth_group_place(const struct moth_instance *instance, unsigned self, struct moth_group_place *place);
/* Input for another member than the first. */
void moth_group_input(struct moth_instance *instance, const struct moth_input_event *event);
/* The first member's mail, before and after its step. */
void moth_group_before(struct moth_instance *instance);
void moth_group_after(struct moth_instance *instance);
/* What a member has sent so far. */
void moth_group_take(struct moth_instance *instance, unsigned index);
/* Let the others go on until they are where the first one is. */
enum moth_step moth_group_follow(struct moth_instance *instance, struct moth_err *err);
/* Fold what the others did into an observation of the first one. */
void moth_group_observe(const struct moth_instance *instance, struct moth_observation *observation);
void moth_member_inputs_copy(const struct moth_member_inputs *from, struct moth_member_inputs *to);

#endif
