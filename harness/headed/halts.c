/* SPDX-License-Identifier: MIT */
#include "headed/halts.h"

#include <string.h>

static void add(struct moth_halts *halts, const struct moth_pressed *held)
{
    struct moth_err why;
    struct moth_node *node = moth_tree_snapshot(halts->tree, &why);
    if (node)
        halts->at[halts->n++] = (struct moth_halt){node, moth_tree_frame(halts->tree), *held};
}

static void drop(struct moth_halts *halts, size_t i)
{
    moth_tree_release(halts->tree, halts->at[i].node);
    memmove(&halts->at[i], &halts->at[i + 1], (halts->n - i - 1) * sizeof halts->at[0]);
    halts->n--;
}

void moth_halts_init(struct moth_halts *halts, struct moth_tree *tree, uint32_t every, const struct moth_pressed *held)
{
    *halts = (struct moth_halts){.tree = tree, .every = every ? every : 1};
    add(halts, held);
}

void moth_halts_fini(struct moth_halts *halts)
{
    while (halts->n > 0)
        drop(halts, halts->n - 1);
}

/* Far back they may be further apart: what lies between is played again. */
static void thin_out(struct moth_halts *halts)
{
    for (size_t i = 1; i < MOTH_HALTS_MAX / 4; i++)
        drop(halts, i);
}

void moth_halts_pass(struct moth_halts *halts, const struct moth_pressed *held)
{
    uint32_t frame = moth_tree_frame(halts->tree);
    if (halts->n > 0 && frame < halts->at[halts->n - 1].frame + halts->every)
        return;
    if (halts->n == MOTH_HALTS_MAX)
        thin_out(halts);
    add(halts, held);
}

int moth_halts_return(struct moth_halts *halts, uint32_t frame, bool forget, struct moth_pressed *held,
                      struct moth_err *err)
{
    size_t i = halts->n;
    while (i > 1 && halts->at[i - 1].frame > frame)
        i--;
    if (i == 0)
        return moth_err_set(err, MOTH_ERR_SYSTEM, "there is no place to return to");
    while (forget && halts->n > i)
        drop(halts, halts->n - 1);
    *held = halts->at[i - 1].held;
    return moth_tree_restore(halts->tree, halts->at[i - 1].node, err);
}
