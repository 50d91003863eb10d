/* SPDX-License-Identifier: MIT */
#include "branch_play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

static void *grown(void *items, size_t *room, size_t needed, size_t size)
{
    if (needed <= *room)
        return items;
    *room = needed * 2;
    items = realloc(items, *room * size);
    if (!items)
        abort();
    return items;
}

/* ---- inputs ---- */

static void add(struct inputs *inputs, uint32_t frame, size_t key, bool down)
{
    inputs->events = grown(inputs->events, &inputs->room, inputs->n + 1, sizeof *inputs->events);
    inputs->events[inputs->n++] = (struct moth_input_event){
        .frame = frame, .type = down ? MOTH_INPUT_KEY_DOWN : MOTH_INPUT_KEY_UP, .code = inputs->keys[key]};
    inputs->held[key] = down;
}

void inputs_grow(struct inputs *inputs, uint64_t seed, uint32_t from, uint32_t to)
{
    static const uint64_t dwell_frames[] = {2, 8, 32};
    struct moth_rng rng;
    moth_rng_seed(&rng, seed);
    for (uint32_t frame = from; frame < to;) {
        size_t key = (size_t)moth_rng_below(&rng, inputs->n_keys);
        add(inputs, frame, key, !inputs->held[key]);
        frame += 1 + (uint32_t)moth_rng_below(&rng, dwell_frames[moth_rng_below(&rng, 3)]);
    }
}

struct inputs inputs_fork(const struct inputs *inputs, uint64_t seed, uint32_t frame, uint32_t to)
{
    struct inputs fork = *inputs;
    memset(fork.held, 0, sizeof fork.held);
    fork.events = calloc(inputs->n + 1, sizeof *fork.events);
    if (!fork.events)
        abort();
    fork.room = inputs->n + 1;
    for (fork.n = 0; fork.n < inputs->n && inputs->events[fork.n].frame < frame; fork.n++) {
        fork.events[fork.n] = inputs->events[fork.n];
        for (size_t key = 0; key < fork.n_keys; key++)
            if (fork.keys[key] == fork.events[fork.n].code)
                fork.held[key] = fork.events[fork.n].type == MOTH_INPUT_KEY_DOWN;
    }
    inputs_grow(&fork, seed, frame, to);
    return fork;
}

void inputs_clear(struct inputs *inputs)
{
    free(inputs->events);
    inputs->events = NULL;
    inputs->n = inputs->room = 0;
}

/* ---- records ---- */

struct record record_new(uint32_t frames)
{
    struct record record = {.room = frames + 1};
    record.at = calloc(record.room, sizeof *record.at);
    record.looks = calloc(record.room, sizeof *record.looks);
    if (!record.at || !record.looks)
        abort();
    return record;
}

void record_clear(struct record *record)
{
    free(record->at);
    free(record->looks);
    *record = (struct record){.room = 0};
}

static const char *first_chain(const struct moth_observation *a, const struct moth_observation *b)
{
    if (a->frame != b->frame)
        return "number";
    if (a->random_chain != b->random_chain)
        return "random chain";
    if (a->time_ns != b->time_ns)
        return "virtual time";
    if (a->call_chain != b->call_chain)
        return "call chain";
    if (a->audio_chain != b->audio_chain)
        return "audio chain";
    return NULL;
}

struct difference record_compare(const struct record *a, const struct record *b, uint32_t from, uint32_t to)
{
    for (uint32_t frame = from + 1; frame <= to; frame++) {
        const struct look *one = &a->looks[frame], *other = &b->looks[frame];
        const char *chain = first_chain(&a->at[frame], &b->at[frame]);
        if (!chain && one->looked && other->looked &&
            (one->picture != other->picture || one->readable != other->readable))
            chain = "picture";
        if (chain)
            return (struct difference){true, frame, chain};
    }
    return (struct difference){.any = false};
}

/* ---- playing ---- */

static void on_observed(void *context, const struct moth_observation *observation)
{
    const struct play *play = context;
    if (observation->frame < play->record->room)
        play->record->at[observation->frame] = *observation;
}

struct moth_tree *play_launch(struct play *play, const struct moth_instance_config *launch,
                              uint64_t memory_bytes)
{
    struct moth_tree_config config = {
        .launch = *launch, .memory_bytes = memory_bytes, .observed = on_observed, .context = play};
    struct moth_err err;
    play->tree = moth_tree_launch(&config, &err);
    if (!play->tree)
        snprintf(play->said, sizeof play->said, "%s", err.message);
    return play->tree;
}

static size_t events_of(const struct inputs *inputs, uint32_t from, uint32_t to,
                        struct moth_input_event **cut)
{
    size_t first = 0, n = 0;
    while (first < inputs->n && inputs->events[first].frame < from)
        first++;
    while (first + n < inputs->n && inputs->events[first + n].frame < to)
        n++;
    *cut = calloc(n + 1, sizeof **cut);
    if (!*cut)
        abort();
    for (size_t i = 0; i < n; i++) {
        (*cut)[i] = inputs->events[first + i];
        (*cut)[i].frame -= from;
    }
    return n;
}

static void look(struct play *play, uint32_t frame)
{
    struct look *here = &play->record->looks[frame];
    struct moth_err err;
    here->looked = true;
    here->readable = moth_instance_picture(moth_tree_instance(play->tree), &here->picture, &err) == 0;
    if (!here->readable)
        here->picture = 0;
}

bool play_to(struct play *play, uint32_t frame)
{
    uint32_t at = moth_tree_frame(play->tree);
    while (at < frame) {
        uint32_t next = at + play->look_frames - at % play->look_frames;
        bool due = next <= frame;
        if (!due)
            next = frame;
        struct moth_input_event *events;
        struct moth_err err = {.message = ""};
        size_t n = events_of(play->inputs, at, next, &events);
        enum moth_step step = moth_tree_step(play->tree, next - at, events, n, &err);
        free(events);
        at = moth_tree_frame(play->tree);
        if (step != MOTH_STEP_OK) {
            const struct moth_death *death = moth_instance_death(moth_tree_instance(play->tree));
            snprintf(play->said, sizeof play->said, "the game ended at frame %u: %s %s", at,
                     moth_step_name(step), step == MOTH_STEP_FAULT ? err.message : death->detail);
            return false;
        }
        if (due)
            look(play, at);
    }
    return true;
}
