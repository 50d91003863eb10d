/* SPDX-License-Identifier: MIT
 *
 * What branch_check plays with: inputs made from a seed, a game played along them on a tree of branches,
 * and what was seen at each boundary. Frames are numbers of boundaries. Out of memory aborts.
 */
#ifndef TESTS_INTEGRATION_BRANCH_PLAY_H
#define TESTS_INTEGRATION_BRANCH_PLAY_H

#include "branch/tree.h"

#define KEYS_MAX 16

/* Keys held and let go for a few frames to a second at a time, opposing ones too, in frame order. */
struct inputs {
    struct moth_input_event *events;
    size_t n, room;
    uint16_t keys[KEYS_MAX]; /* what is played with: SDL scancodes */
    size_t n_keys;
    bool held[KEYS_MAX]; /* as the inputs leave them */
};

/* Add inputs for frames [from, to). */
void inputs_grow(struct inputs *inputs, uint64_t seed, uint32_t from, uint32_t to);
/* The inputs before `frame`, and others from there on. */
struct inputs inputs_fork(const struct inputs *inputs, uint64_t seed, uint32_t frame, uint32_t to);
void inputs_clear(struct inputs *inputs);

/* What was seen, by frame. */
struct record {
    struct moth_observation *at;
    struct look {
        uint64_t picture;
        bool looked, readable;
    } * looks;
    uint32_t room;
};

struct record record_new(uint32_t frames);
void record_clear(struct record *record);

struct play {
    struct moth_tree *tree;
    const struct inputs *inputs;
    struct record *record; /* what is played is written here */
    uint32_t look_frames;  /* a picture every so many frames */
    char said[1400];       /* why play_to failed */
};

/* Launch; NULL with play->said filled. The tree is closed with moth_tree_close. */
struct moth_tree *play_launch(struct play *play, const struct moth_instance_config *launch,
                              uint64_t memory_bytes);
/* Play on to a frame. False when the game ended first. */
bool play_to(struct play *play, uint32_t frame);

struct difference {
    bool any;
    uint32_t frame;
    const char *chain;
};
/* The first difference of two records in (from, to]: nearest the cause first. */
struct difference record_compare(const struct record *a, const struct record *b, uint32_t from, uint32_t to);

#endif
