/* SPDX-License-Identifier: MIT */
#include "minimize/ladder.h"

#include <stdlib.h>
#include <string.h>

#define RUNGS 32u         /* along the whole way … */
#define SPACING_LEAST 16u /* … but a place so near is reached by playing */

static uint32_t spacing(const struct moth_ladder *ladder)
{
    uint32_t frames = ladder->frames / RUNGS;
    return frames > SPACING_LEAST ? frames : SPACING_LEAST;
}

uint32_t moth_ladder_common(const struct moth_ladder *ladder, const struct moth_input_event *events,
                            size_t n_events)
{
    size_t i = 0;
    while (i < n_events && i < ladder->n_events &&
           memcmp(&events[i], &ladder->events[i], sizeof *events) == 0)
        i++;
    uint32_t mine = i < ladder->n_events ? ladder->events[i].frame : UINT32_MAX;
    uint32_t other = i < n_events ? events[i].frame : UINT32_MAX;
    return mine < other ? mine : other;
}

static void drop_above(struct moth_ladder *ladder, uint32_t frame)
{
    while (ladder->n > 1 && ladder->at[ladder->n - 1].frame > frame)
        moth_tree_release(ladder->tree, ladder->at[--ladder->n].node);
}

void moth_ladder_follow(struct moth_ladder *ladder, const struct moth_input_event *events, size_t n_events,
                        uint32_t frames)
{
    drop_above(ladder, moth_ladder_common(ladder, events, n_events));
    struct moth_input_event *copy = calloc(n_events + 1, sizeof *copy);
    if (!copy)
        abort();
    if (n_events > 0)
        memcpy(copy, events, n_events * sizeof *copy);
    free(ladder->events);
    ladder->events = copy;
    ladder->n_events = n_events;
    ladder->frames = frames;
}

const struct moth_rung *moth_ladder_below(const struct moth_ladder *ladder, uint32_t frame)
{
    size_t i = ladder->n - 1;
    while (i > 0 && ladder->at[i].frame > frame)
        i--;
    return &ladder->at[i];
}

uint32_t moth_ladder_next(const struct moth_ladder *ladder, uint32_t frame)
{
    const struct moth_rung *below = ladder->n > 0 ? moth_ladder_below(ladder, frame) : NULL;
    uint32_t next = (below ? below->frame : 0) + spacing(ladder);
    return next > frame ? next : frame + 1;
}

int moth_ladder_offer(struct moth_ladder *ladder, bool leaves, struct moth_err *err)
{
    uint32_t frame = moth_tree_frame(ladder->tree);
    size_t i = ladder->n;
    while (i > 0 && ladder->at[i - 1].frame > frame)
        i--;
    uint32_t near = leaves ? spacing(ladder) / 4 : spacing(ladder);
    if (i > 0 && frame - ladder->at[i - 1].frame < near)
        return 0;
    struct moth_node *node = moth_tree_snapshot(ladder->tree, err);
    if (!node)
        return -1;
    struct moth_rung *grown = realloc(ladder->at, (ladder->n + 1) * sizeof *grown);
    if (!grown)
        abort();
    ladder->at = grown;
    memmove(&grown[i + 1], &grown[i], (ladder->n - i) * sizeof *grown);
    grown[i] = (struct moth_rung){frame, node};
    ladder->n++;
    return 0;
}

void moth_ladder_clear(struct moth_ladder *ladder)
{
    while (ladder->n > 0)
        moth_tree_release(ladder->tree, ladder->at[--ladder->n].node);
    ladder->tree = NULL;
}

void moth_ladder_fini(struct moth_ladder *ladder)
{
    free(ladder->at);
    free(ladder->events);
    *ladder = (struct moth_ladder){0};
}
