/* SPDX-License-Identifier: MIT
 *
 * What a tree of branches is made of, for the files of this folder that share it.
 */
#ifndef MOTH_BRANCH_TREE_STATE_H
#define MOTH_BRANCH_TREE_STATE_H

#include "branch/tree.h"
#include "branch/way.h"
#include "runner/snapshot.h"

/* How far a snapshot's process is from one that was launched, and what that has cost (lineage.c). */
struct moth_lineage {
    uint32_t generation; /* forks since the launch */
    uint64_t debt_ns;    /* what returning here and above took longer than it would with few of them */
};

struct moth_fork_costs {
    uint64_t least_ns;          /* of all returns by a fork; 0: there was none */
    uint64_t launch_ns;
    uint64_t work_ns, frames;   /* the game's own, over all frames that were played */
    uint64_t debts_ns, paid_ns; /* debts of all nodes so far, and what fresh roots took */
};

/* A node lives while somebody can come back to it: the caller, a child, or the game that stands below it. */
struct moth_node {
    struct moth_node *parent;
    unsigned references; /* the caller's 1, each child's 1, the current game's 1 */
    struct moth_way way; /* from the parent to here */
    struct moth_observation here;
    struct moth_snapshot *snapshot;              /* live, or NULL */
    uint64_t pss_bytes, used;                    /* when it was last restored or taken */
    struct moth_lineage lineage;
    struct moth_node *live_next, *live_previous; /* in the tree's list while live */
    struct moth_node *next, *previous;           /* in the tree's list of all */
};

struct moth_tree {
    struct moth_tree_config config;
    struct moth_instance *instance;
    struct moth_player player;
    struct moth_node *root; /* the first boundary */
    struct moth_node *at;   /* the node the game has last passed */
    struct moth_way since;  /* what was played since */
    bool rebuilding;
    bool adrift;                  /* the last restore failed: the game stands on no recorded way */
    struct moth_node *all, *live; /* newest first */
    struct moth_node *next_read;  /* of the live ones; NULL: from the newest on */
    uint32_t n_live, n_nodes, live_max;
    uint64_t mean_bytes; /* of a live snapshot that is not packed, when last read */
    uint64_t clock;      /* counts uses */
    uint32_t generation; /* forks between the launch and the process that stands */
    struct moth_fork_costs costs;
    struct moth_tree_counts counts;
};

/* ---- parked.c: the live snapshots, and how many there may be ---- */

/* Put a live snapshot behind a node where the game stands, if the budget has room for one. */
int moth_parked_put(struct moth_tree *tree, struct moth_node *node, struct moth_err *err);
void moth_parked_drop(struct moth_tree *tree, struct moth_node *node);
/* Read its memory anew. */
void moth_parked_read(struct moth_node *node);
/* Of all of them, as last read. */
uint64_t moth_parked_bytes(struct moth_tree *tree);
/* As many as the limit of open files has room for, once it is as high as it may be. */
uint32_t moth_parked_most(void);

/* ---- lineage.c: when a place is worth a fresh process ---- */

/* A node was returned to by a fork that took so long. */
void moth_lineage_charge(struct moth_tree *tree, struct moth_node *node, uint64_t took_ns);
/* From where to play to `node` again, so that what follows is near to a launch; NULL: it is not worth it. */
struct moth_node *moth_lineage_root(struct moth_tree *tree, struct moth_node *node);
/* It was done. */
void moth_lineage_paid(struct moth_tree *tree, struct moth_node *node, uint64_t took_ns);

#endif
