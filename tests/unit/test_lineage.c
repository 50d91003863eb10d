/* SPDX-License-Identifier: MIT
 *
 * When a place is worth a fresh process. A failure means that deep places become dearer and dearer to return to,
 * or that the game is played from its launch without need.
 */
#include "test.h"

#include "branch/tree_state.h"

#define NODES 12u

/* A chain of places 100 frames apart, each forked twice from the one before; nobody looks into their snapshots but for
 * whether there is one. */
struct chain {
    struct moth_tree tree;
    struct moth_node nodes[NODES];
};

static struct moth_snapshot *some_snapshot(void)
{
    static max_align_t place[64]; /* zeroes: it is not packed */
    return (struct moth_snapshot *)(void *)place;
}

static struct chain *chain_new(void)
{
    struct chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    chain->tree.costs = (struct moth_fork_costs){.launch_ns = 50000000, .work_ns = 90000 * 10, .frames = 10};
    for (unsigned i = 0; i < NODES; i++) {
        chain->nodes[i].parent = i > 0 ? &chain->nodes[i - 1] : NULL;
        chain->nodes[i].here.frame = 1 + 100 * i;
        chain->nodes[i].snapshot = i > 0 ? some_snapshot() : NULL;
        chain->nodes[i].lineage.generation = 2 * i;
    }
    return chain;
}

static struct moth_node *last_of(struct chain *chain)
{
    return &chain->nodes[NODES - 1];
}

static void the_quickest_return_owes_nothing(void **state)
{
    (void)state;
    struct chain *chain = chain_new();
    moth_lineage_charge(&chain->tree, last_of(chain), 3000000);
    assert_int_equal(last_of(chain)->lineage.debt_ns, 0);
    moth_lineage_charge(&chain->tree, last_of(chain), 5000000);
    assert_int_equal(last_of(chain)->lineage.debt_ns, 2000000);
    moth_lineage_charge(&chain->tree, last_of(chain), 1000000);
    assert_int_equal(chain->tree.costs.least_ns, 1000000);
    assert_int_equal(last_of(chain)->lineage.debt_ns, 2000000);
    free(chain);
}

/* From node 5, generation 10: 600 frames of 0.1 ms and a fork. */
static void a_root_is_bought_when_its_price_is_owed(void **state)
{
    (void)state;
    struct chain *chain = chain_new();
    struct moth_node *node = last_of(chain);
    moth_lineage_charge(&chain->tree, node, 1000000);
    moth_lineage_charge(&chain->tree, node, 60500000);
    assert_int_equal(node->lineage.debt_ns, 59500000);
    assert_null(moth_lineage_root(&chain->tree, node));
    moth_lineage_charge(&chain->tree, node, 2600000);
    assert_ptr_equal(moth_lineage_root(&chain->tree, node), &chain->nodes[5]);
    moth_lineage_paid(&chain->tree, node, 61000000);
    assert_null(moth_lineage_root(&chain->tree, node));
    assert_int_equal(chain->tree.counts.roots, 1);
    free(chain);
}

static void the_launch_is_where_nothing_nearer_is_fresh(void **state)
{
    (void)state;
    struct chain *chain = chain_new();
    struct moth_node *node = last_of(chain);
    for (unsigned i = 1; i + 1 < NODES; i++)
        chain->nodes[i].lineage.generation = node->lineage.generation - 1;
    moth_lineage_charge(&chain->tree, node, 1000000);
    moth_lineage_charge(&chain->tree, node, 161000000 - 1);
    assert_null(moth_lineage_root(&chain->tree, node)); /* 1100 frames of 0.1 ms and a launch: 160 ms */
    moth_lineage_charge(&chain->tree, node, 1000001);
    assert_ptr_equal(moth_lineage_root(&chain->tree, node), &chain->nodes[0]);
    free(chain);
}

static void few_generations_are_left_as_they_are(void **state)
{
    (void)state;
    struct chain *chain = chain_new();
    struct moth_node *near = &chain->nodes[3];
    moth_lineage_charge(&chain->tree, near, 1000000);
    moth_lineage_charge(&chain->tree, near, 9000000000);
    assert_null(moth_lineage_root(&chain->tree, near));
    free(chain);
}

/* All of them inherited what one return had cost; only one of them may spend it. */
static void siblings_do_not_spend_the_same_debt_twice(void **state)
{
    (void)state;
    struct chain *chain = chain_new();
    struct moth_node *node = last_of(chain), sibling = *last_of(chain);
    moth_lineage_charge(&chain->tree, node, 1000000);
    moth_lineage_charge(&chain->tree, node, 80000000);
    sibling.lineage.debt_ns = node->lineage.debt_ns;
    assert_non_null(moth_lineage_root(&chain->tree, &sibling));
    moth_lineage_paid(&chain->tree, node, 70000000);
    assert_null(moth_lineage_root(&chain->tree, &sibling));
    free(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_quickest_return_owes_nothing),
        cmocka_unit_test(a_root_is_bought_when_its_price_is_owed),
        cmocka_unit_test(the_launch_is_where_nothing_nearer_is_fresh),
        cmocka_unit_test(few_generations_are_left_as_they_are),
        cmocka_unit_test(siblings_do_not_spend_the_same_debt_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
