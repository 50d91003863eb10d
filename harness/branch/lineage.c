/* SPDX-License-Identifier: MIT
 *
 * When a place is worth a fresh process.
 *
 * A process that was forked from one that was forked, and so on, is dearer to fork with each generation: the
 * kernel keeps for each mapping a chain of all its forebears' (anon_vma), which a fork copies. A hundred
 * generations cost ten times and more of the first. Playing to the same place again from a process with few
 * forebears takes long, once, and all that comes after is cheap. When to do it is the question of renting or
 * buying: what returns took longer than the quickest is a debt, which those who come from there inherit, and when
 * it has reached the price, the price is paid; so that never more than twice the least is spent. What all of them
 * together have paid may not be more than all that was owed, because siblings inherit the same debt.
 */
#include "branch/tree_state.h"

#define GENERATIONS_LEAST 8u
#define FRAME_NS 10000u /* of a frame beside the game's own work */

void moth_lineage_charge(struct moth_tree *tree, struct moth_node *node, uint64_t took_ns)
{
    struct moth_fork_costs *costs = &tree->costs;
    if (moth_snapshot_packed(node->snapshot))
        return; /* it is packing that took longer */
    if (costs->least_ns == 0 || took_ns < costs->least_ns)
        costs->least_ns = took_ns;
    node->lineage.debt_ns += took_ns - costs->least_ns;
    costs->debts_ns += took_ns - costs->least_ns;
}

static uint64_t price(const struct moth_tree *tree, const struct moth_node *from, const struct moth_node *node)
{
    const struct moth_fork_costs *costs = &tree->costs;
    uint64_t frame_ns = FRAME_NS + (costs->frames > 0 ? costs->work_ns / costs->frames : 0);
    return (node->here.frame - from->here.frame) * frame_ns +
           (from->snapshot != NULL ? costs->least_ns : costs->launch_ns);
}

struct moth_node *moth_lineage_root(struct moth_tree *tree, struct moth_node *node)
{
    uint32_t generation = node->lineage.generation;
    uint64_t owed_ns = tree->costs.debts_ns - tree->costs.paid_ns, least = UINT64_MAX;
    struct moth_node *root = NULL;
    if (generation < GENERATIONS_LEAST || tree->costs.debts_ns < tree->costs.paid_ns)
        return NULL;
    for (struct moth_node *from = node->parent; from != NULL; from = from->parent) {
        if (from->snapshot != NULL ? from->lineage.generation > generation / 2 : from->parent != NULL)
            continue;
        uint64_t cost = price(tree, from, node);
        if (cost < least) {
            least = cost;
            root = from;
        }
    }
    return least <= node->lineage.debt_ns && least <= owed_ns ? root : NULL;
}

void moth_lineage_paid(struct moth_tree *tree, struct moth_node *node, uint64_t took_ns)
{
    tree->costs.paid_ns += took_ns;
    node->lineage.debt_ns = 0;
    tree->counts.roots++;
}
