/* SPDX-License-Identifier: MIT
 *
 * Groups: several games that play with each other, in one virtual time. The first member is stepped; then
 * each of the others goes on until it is not behind it any more. What they send each other arrives at
 * boundaries only, so in which order they run within a frame makes no difference to any of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner/state.h"

#define STEPS_MAX 100000u /* of a member while another makes one: half an hour of frames */

void moth_group_place(const struct moth_instance *in, unsigned self, struct moth_group_place *place)
{
    *place = (struct moth_group_place){.members = in->n_members, .self = self};
    for (unsigned i = 0; i < in->n_members; i++)
        memcpy(place->names[i], in->members[i].name, sizeof place->names[i]);
}

void moth_group_input(struct moth_instance *in, const struct moth_input_event *event)
{
    if (event->member >= in->n_members || in->members[event->member].gone)
        return;
    struct moth_member_inputs *inputs = &in->members[event->member].inputs;
    if (inputs->n == inputs->room) {
        inputs->room = inputs->room * 2 + 16;
        inputs->events = realloc(inputs->events, inputs->room * sizeof *inputs->events);
        if (!inputs->events)
            abort();
    }
    inputs->events[inputs->n] = *event;
    inputs->events[inputs->n++].frame = 0;
}

void moth_member_inputs_copy(const struct moth_member_inputs *from, struct moth_member_inputs *to)
{
    to->n = to->room = from->n;
    to->events = calloc(from->n + 1, sizeof *to->events);
    if (!to->events)
        abort();
    if (from->n > 0)
        memcpy(to->events, from->events, from->n * sizeof *to->events);
}

static void give_mail(struct moth_instance *in, unsigned index)
{
    struct moth_member *member = &in->members[index];
    moth_network_give(&in->network, (uint16_t)index, &member->process.channel->inbox, member->last.time_ns);
}

void moth_group_take(struct moth_instance *in, unsigned index)
{
    struct moth_channel *channel = in->members[index].process.channel;
    moth_network_take(&in->network, (uint16_t)index, &channel->outbox, channel->vtime_ns);
}

void moth_group_before(struct moth_instance *in)
{
    if (moth_instance_is_group(in))
        give_mail(in, 0);
}

void moth_group_after(struct moth_instance *in)
{
    if (moth_instance_is_group(in))
        moth_group_take(in, 0);
}

static enum moth_step step_member(struct moth_instance *in, unsigned index, struct moth_err *err)
{
    struct moth_member *member = &in->members[index];
    struct moth_channel *channel = member->process.channel;
    size_t n = member->inputs.n < MOTH_PROGRAM_EVENTS_MAX ? member->inputs.n : MOTH_PROGRAM_EVENTS_MAX;
    give_mail(in, index);
    moth_member_load(member, 1, member->inputs.events, n, 0);
    member->inputs.n -= n;
    memmove(member->inputs.events, member->inputs.events + n, member->inputs.n * sizeof *member->inputs.events);
    channel->program.want = MOTH_WANT_NOTHING;
    channel->program.stop = 0;
    moth_process_give_turn(&member->process);
    enum moth_step step = moth_member_await(in, member, false, err);
    if (step == MOTH_STEP_OK) {
        member->last = channel->observations[0];
        moth_group_take(in, index);
    }
    return step;
}

enum moth_step moth_group_follow(struct moth_instance *in, struct moth_err *err)
{
    uint64_t now_ns = in->members[0].last.time_ns;
    enum moth_step step = MOTH_STEP_OK;
    for (unsigned i = 1; i < in->n_members && step == MOTH_STEP_OK; i++) {
        struct moth_member *member = &in->members[i];
        uint32_t steps = 0;
        while (step == MOTH_STEP_OK && !member->gone && member->last.time_ns < now_ns) {
            if (steps++ == STEPS_MAX) {
                moth_err_set(err, MOTH_ERR_ATTACH, "the time of '%s' does not go on", member->name);
                return MOTH_STEP_FAULT;
            }
            step = step_member(in, i, err);
        }
        if (step == MOTH_STEP_EXIT && member->gone) {
            moth_group_take(in, i); /* what it has said before it left */
            moth_network_leave(&in->network, (uint16_t)i, now_ns);
            step = MOTH_STEP_OK;
        }
    }
    return step;
}

static uint64_t fold(uint64_t chain, uint64_t other, unsigned index)
{
    uint64_t state = other + index;
    return chain ^ moth_splitmix64(&state);
}

void moth_group_observe(const struct moth_instance *in, struct moth_observation *o)
{
    for (unsigned i = 1; i < in->n_members; i++) {
        const struct moth_observation *other = &in->members[i].last;
        o->audio_chain = fold(o->audio_chain, other->audio_chain, i);
        o->random_chain = fold(o->random_chain, other->random_chain, i);
        o->call_chain = fold(o->call_chain, other->call_chain ^ other->time_ns, i);
    }
}
