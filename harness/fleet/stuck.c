/* SPDX-License-Identifier: MIT */
#include "fleet/stuck.h"

#include "base/log.h"

void moth_stuck_init(struct moth_stuck *stuck, struct moth_tree *tree, uint32_t seconds, uint32_t hz)
{
    *stuck = (struct moth_stuck){.tree = tree};
    if (seconds > 0)
        stuck->watch = moth_softlock_create(seconds * hz);
}

void moth_stuck_fini(struct moth_stuck *stuck)
{
    moth_softlock_destroy(stuck->watch);
    stuck->watch = NULL;
}

void moth_stuck_input(struct moth_stuck *stuck, const struct moth_input_event *events, size_t n_events)
{
    if (stuck->watch)
        moth_softlock_input(stuck->watch, events, n_events);
}

void moth_stuck_observed(struct moth_stuck *stuck, const struct moth_observation *observation)
{
    struct moth_view view;
    if (!stuck->watch || stuck->proving || observation->frame % MOTH_CHECKPOINT_FRAMES != 0 ||
        !moth_view_take(moth_tree_instance(stuck->tree), &view))
        return;
    view.waiting = view.waiting || stuck->waiting;
    moth_softlock_view(stuck->watch, &view, MOTH_CHECKPOINT_FRAMES);
}

size_t moth_stuck_tip(const struct moth_stuck *stuck)
{
    return stuck->watch ? moth_softlock_tip(stuck->watch) : 0;
}

void moth_stuck_return(struct moth_stuck *stuck, size_t tip)
{
    if (stuck->watch)
        moth_softlock_return(stuck->watch, tip);
}

int moth_stuck_look(struct moth_stuck *stuck, const struct moth_trace_header *header,
                    const struct moth_replay_config *config, struct moth_finding **finding, struct moth_err *err)
{
    *finding = NULL;
    if (!stuck->watch || stuck->waiting || !moth_softlock_due(stuck->watch))
        return 0;
    struct moth_views line;
    struct moth_proof proof;
    uint32_t frame = moth_tree_frame(stuck->tree);
    moth_softlock_line(stuck->watch, &line);
    stuck->proving = true;
    int result = moth_judge_stuck(stuck->tree, &line, header, config, &proof, finding, err);
    stuck->proving = false;
    moth_views_fini(&line);
    if (result != 0)
        return -1;
    moth_softlock_looked(stuck->watch, proof.verdict != MOTH_PROVE_ALIVE);
    moth_log_debug("frame %u: looked for a softlock: %s (%u ways, %u states, %llu frames)", frame, proof.why, proof.ways,
                   proof.states, (unsigned long long)proof.frames);
    return 0;
}
