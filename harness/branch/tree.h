/* SPDX-License-Identifier: MIT
 *
 * The tree of ways a game was played from its launch: where it stands now, the nodes one can return to,
 * and the inputs between them.
 *
 * A node is a place kept with moth_tree_snapshot. The most recently used ones have a live snapshot (a
 * parked process) behind them, as far as the memory budget goes, those used less of them packed; the others are rebuilt from the nearest
 * ancestor that has one, else from a fresh launch, by the inputs in between. The caller cannot tell the
 * difference but by the time it takes. Rebuilt chains are held against the recorded ones: where they
 * differ the game is not deterministic, and restoring says so.
 *
 * What was played is recorded from frame 0, branch by branch, so the way to where the game stands is a
 * whole trace that replays in a fresh process. One thread. Frames are numbers of boundaries.
 */
#ifndef MOTH_BRANCH_TREE_H
#define MOTH_BRANCH_TREE_H

#include "runner/player.h"

struct moth_tree; /* opaque */
struct moth_node; /* opaque */

struct moth_tree_config {
    struct moth_instance_config launch; /* what its pointers lead to is borrowed */
    uint64_t memory_bytes; /* proportional set size of all live snapshots; 0: none is kept alive */
    /* Each boundary played, as moth_player's; not those of a rebuild. May be NULL. */
    void (*observed)(void *context, const struct moth_observation *observation);
    /* Asked during rebuilds; true gives up. May be NULL. */
    bool (*interrupted)(void *context);
    void *context;
};

struct moth_tree_counts {
    uint32_t live, nodes;      /* live snapshots, nodes held */
    uint64_t restores, rebuilds, evictions;
    uint64_t packed;           /* snapshots whose memory was compressed */
    uint64_t roots;            /* places that were played to again so that forks stay cheap */
    uint64_t frames_rebuilt;   /* boundaries replayed to return somewhere */
    uint64_t pss_bytes;        /* of the live snapshots, when last read */
    char shared[128];          /* the first thing that branches had to share, or "" */
};

/* Launch the game to its first boundary. NULL and err as moth_instance_launch. */
struct moth_tree *moth_tree_launch(const struct moth_tree_config *config, struct moth_err *err);
/* The game as it stands. The pointer is good until the next restore. */
struct moth_instance *moth_tree_instance(struct moth_tree *tree);
uint32_t moth_tree_frame(const struct moth_tree *tree);
/* Play on; as moth_player_step, and recorded. */
enum moth_step moth_tree_step(struct moth_tree *tree, uint32_t frames, const struct moth_input_event *events,
                              size_t n_events, struct moth_err *err);
/* Call one of the game's functions where it stands: as moth_instance_call, and recorded if it was made. */
enum moth_step moth_tree_call(struct moth_tree *tree, const char *text, char *result, size_t size,
                              struct moth_err *err);
/* A note on the timeline, where the game stands. */
void moth_tree_mark(struct moth_tree *tree, const char *text);

/* Keep the place where the game stands. NULL and err when the game is over. */
struct moth_node *moth_tree_snapshot(struct moth_tree *tree, struct moth_err *err);
/* Return to a node; also when the game is over. 0, or -1: MOTH_ERR_NONDETERMINISTIC when the rebuilt game is
 * another one (it stands there all the same), else the game is over and another node may be tried. */
int moth_tree_restore(struct moth_tree *tree, struct moth_node *node, struct moth_err *err);
/* The caller needs the node no longer; its descendants may be restored all the same. NULL is ignored. */
void moth_tree_release(struct moth_tree *tree, struct moth_node *node);
uint32_t moth_node_frame(const struct moth_node *node);
/* Is there a live snapshot behind it? */
bool moth_node_live(const struct moth_node *node);
/* Read the memory of all live snapshots anew, which takes a while when there are many. */
void moth_tree_read_memory(struct moth_tree *tree);
void moth_tree_counts(struct moth_tree *tree, struct moth_tree_counts *counts);

/* The whole way to where the game stands, without an end record: free with moth_trace_free. The header's
 * strings are copied. NULL when memory is out. */
struct moth_trace *moth_tree_trace(const struct moth_tree *tree, const struct moth_trace_header *header);
/* The way to a node. */
struct moth_trace *moth_node_trace(const struct moth_node *node, const struct moth_trace_header *header);

/* Ends the game, all live snapshots and frees all nodes. NULL is ignored. */
void moth_tree_close(struct moth_tree *tree);

#endif
