/* SPDX-License-Identifier: MIT
 *
 * The live snapshots of a tree and the memory they may have together.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "branch/tree_state.h"

#define PSS_READS 3u        /* live snapshots whose memory is read again for each new one */
#define LIVE_MAX 1000u      /* processes … */
#define LIVE_DESCRIPTORS 4u /* … and what each holds open here */
#define OTHER_DESCRIPTORS 64u

void moth_parked_drop(struct moth_tree *tree, struct moth_node *node)
{
    if (!node->snapshot)
        return;
    moth_snapshot_release(node->snapshot);
    node->snapshot = NULL;
    if (tree->next_read == node)
        tree->next_read = node->live_next;
    if (node->live_previous)
        node->live_previous->live_next = node->live_next;
    else
        tree->live = node->live_next;
    if (node->live_next)
        node->live_next->live_previous = node->live_previous;
    node->live_next = node->live_previous = NULL;
    tree->n_live--;
}

void moth_parked_read(struct moth_node *node)
{
    node->pss_bytes = moth_snapshot_pss_bytes(node->snapshot);
}

/* Reading the figure walks all pages of a process, and what one holds changes as others come and go: each new
 * one has a few of the others looked at again, in turn. Until it is its turn it counts as the mean. */
static void read_some(struct moth_tree *tree)
{
    for (unsigned i = 0; i < PSS_READS && i < tree->n_live; i++) {
        if (!tree->next_read)
            tree->next_read = tree->live;
        moth_parked_read(tree->next_read);
        tree->next_read = tree->next_read->live_next;
    }
}

uint64_t moth_parked_bytes(struct moth_tree *tree)
{
    uint64_t sum = 0, unpacked = 0;
    uint32_t n_unpacked = 0;
    for (const struct moth_node *node = tree->live; node; node = node->live_next) {
        sum += node->pss_bytes;
        if (!moth_snapshot_packed(node->snapshot)) {
            unpacked += node->pss_bytes;
            n_unpacked++;
        }
    }
    tree->mean_bytes = n_unpacked ? unpacked / n_unpacked : tree->mean_bytes;
    tree->counts.pss_bytes = sum;
    return sum;
}

static struct moth_node *least_used(struct moth_tree *tree, const struct moth_node *keep, bool unpacked)
{
    struct moth_node *least = NULL;
    for (struct moth_node *node = tree->live; node; node = node->live_next)
        if (node != keep && !(unpacked && moth_snapshot_packed(node->snapshot)) &&
            (!least || node->used < least->used))
            least = node;
    return least;
}

static void drop_one(struct moth_tree *tree, struct moth_node *node)
{
    moth_parked_drop(tree, node);
    tree->counts.evictions++;
}

/* Bytes that became free. */
static uint64_t pack_one(struct moth_tree *tree, struct moth_node *node)
{
    struct moth_err why;
    uint64_t before = node->pss_bytes;
    if (moth_snapshot_pack(node->snapshot, &why) != 0) {
        drop_one(tree, node);
        return before;
    }
    tree->counts.packed++;
    before = moth_snapshot_pss_bytes(node->snapshot);
    uint64_t freed = node->pss_bytes > before ? node->pss_bytes - before : 0;
    node->pss_bytes = before;
    return freed;
}

/* Those used least are packed first, and given up when that is not enough. */
static void evict(struct moth_tree *tree, const struct moth_node *keep)
{
    read_some(tree);
    uint64_t bytes = moth_parked_bytes(tree);
    struct moth_node *node;
    while (bytes > tree->config.memory_bytes && (node = least_used(tree, keep, true))) {
        uint64_t freed = pack_one(tree, node);
        bytes -= freed < bytes ? freed : bytes;
    }
    while (bytes > tree->config.memory_bytes && (node = least_used(tree, keep, false))) {
        bytes -= node->pss_bytes < bytes ? node->pss_bytes : bytes;
        drop_one(tree, node);
    }
    while (tree->n_live > tree->live_max && (node = least_used(tree, keep, false)))
        drop_one(tree, node);
}

int moth_parked_put(struct moth_tree *tree, struct moth_node *node, struct moth_err *err)
{
    if (tree->config.memory_bytes == 0 || node->snapshot)
        return 0;
    uint64_t began_ns = moth_clock_monotonic_ns();
    node->snapshot = moth_instance_snapshot(tree->instance, err);
    if (!node->snapshot)
        return -1;
    moth_lineage_charge(tree, node, moth_clock_monotonic_ns() - began_ns);
    if (tree->counts.shared[0] == '\0')
        snprintf(tree->counts.shared, sizeof tree->counts.shared, "%s", moth_instance_shared(tree->instance));
    node->used = ++tree->clock;
    node->pss_bytes = tree->mean_bytes;
    node->lineage.generation = tree->generation + 1;
    node->live_previous = NULL;
    node->live_next = tree->live;
    if (tree->live)
        tree->live->live_previous = node;
    tree->live = node;
    tree->n_live++;
    evict(tree, node);
    return 0;
}

uint32_t moth_parked_most(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t room =
        limit.rlim_cur > OTHER_DESCRIPTORS ? (limit.rlim_cur - OTHER_DESCRIPTORS) / LIVE_DESCRIPTORS : 1;
    return room < LIVE_MAX ? (uint32_t)room : LIVE_MAX;
}
