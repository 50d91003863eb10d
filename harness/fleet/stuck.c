/* SPDX-License-Identifier: MIT */
#include "fleet/stuck.h"

#include "base/log.h"
#include "branch/attempt.h"

void moth_stuck_begin(struct moth_stuck *stuck)
{
    const struct moth_channel *channel = moth_instance_channel(moth_tree_instance(stuck->tree));
    bool native = channel->config.threads == MOTH_THREADS_NATIVE; /* no way of such a game can be gone again */
    if (stuck->how.softlock_s > 0 && !native)
        stuck->watch = moth_softlock_create(moth_judge_window_frames(&stuck->how));
}

void moth_stuck_end(struct moth_stuck *stuck)
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
    if (stuck->watch && !stuck->aside && ++stuck->frames % MOTH_LEAK_LOOK_FRAMES == 0)
        moth_leak_size(&stuck->leak, moth_laps_data(moth_tree_instance(stuck->tree)));
    if (!stuck->watch || stuck->proving || observation->frame % MOTH_CHECKPOINT_FRAMES != 0 ||
        !moth_view_take(moth_tree_instance(stuck->tree), &view))
        return;
    if (stuck->viewed && !stuck->aside)
        stuck->viewed(stuck->context, &view);
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

static int prove(struct moth_stuck *stuck, struct moth_proof *proof, struct moth_err *err)
{
    struct moth_views line;
    struct moth_finding *finding;
    moth_softlock_line(stuck->watch, &line);
    stuck->proving = true;
    int result = moth_judge_stuck(stuck->tree, &line, &stuck->how, proof, &finding, err);
    stuck->proving = false;
    moth_views_fini(&line);
    if (result != 0)
        return -1;
    moth_log_debug("frame %u: looked for a softlock: %s (%u ways, %u states, %llu frames)",
                   moth_tree_frame(stuck->tree), proof->why, proof->ways, proof->states,
                   (unsigned long long)proof->frames);
    if (finding)
        stuck->found(stuck->context, finding);
    return 0;
}

/* Play on at random for as long as a softlock must have shown itself, prove there, and come back. */
static int prove_later(struct moth_stuck *stuck, struct moth_proof *proof, struct moth_err *err)
{
    struct moth_views views = {0};
    size_t tip = moth_softlock_tip(stuck->watch);
    struct moth_node *here = moth_tree_snapshot(stuck->tree, err);
    if (!here)
        return -1;
    uint32_t window = moth_judge_window_frames(&stuck->how);
    uint64_t seed = stuck->how.seed ^ moth_tree_frame(stuck->tree);
    int result = 0;
    if (moth_prove_attempt(stuck->tree, MOTH_ATTEMPT_MIXED, seed, window + MOTH_CHECKPOINT_FRAMES, &views,
                           err) == MOTH_STEP_OK)
        result = prove(stuck, proof, err);
    moth_views_fini(&views);
    struct moth_err why;
    if (moth_tree_restore(stuck->tree, here, result == 0 ? err : &why) != 0)
        result = -1;
    moth_tree_release(stuck->tree, here);
    moth_softlock_looked(stuck->watch, true, false); /* the stretch counts for nothing in the play */
    moth_softlock_return(stuck->watch, tip);
    return result;
}

/* What to say of a look that failed. Nothing can be proved of a game that is not deterministic; it plays on. */
static int failed(struct moth_stuck *stuck, const struct moth_err *err)
{
    if (err->code != MOTH_ERR_NONDETERMINISTIC)
        return -1;
    moth_log_debug("no longer looked at for softlocks and leaks: %s", err->message);
    moth_stuck_end(stuck);
    return 0;
}

int moth_stuck_look(struct moth_stuck *stuck, bool branching, bool last, struct moth_err *err)
{
    struct moth_softlock *watch = stuck->watch;
    if (!watch || stuck->waiting || !(moth_softlock_due(watch) || (last && moth_softlock_due_last(watch))))
        return 0;
    struct moth_proof proof;
    bool settled = moth_softlock_settled(watch);
    stuck->aside = true;
    int result = prove(stuck, &proof, err);
    moth_softlock_looked(watch, proof.verdict != MOTH_PROVE_ALIVE, proof.verdict == MOTH_PROVE_STUCK);
    if (result == 0 && proof.verdict == MOTH_PROVE_ALIVE && settled && (branching || last))
        result = prove_later(stuck, &proof, err);
    stuck->aside = false;
    return result == 0 ? 0 : failed(stuck, err);
}

static int try_laps(struct moth_stuck *stuck, const struct moth_lap *lap, bool *found, struct moth_err *err)
{
    struct moth_laps laps;
    if (moth_laps_play(stuck->tree, lap, &laps, err) != 0)
        return -1;
    struct moth_finding *finding = moth_judge_laps(&laps, moth_tree_frame(stuck->tree));
    moth_log_debug("frame %u: looked for a leak: %zu laps of %u frames%s", moth_tree_frame(stuck->tree),
                   laps.n ? laps.n - 1 : 0, laps.frames, finding ? ", and it grows" : "");
    moth_laps_fini(&laps);
    *found = finding != NULL;
    if (finding)
        stuck->found(stuck->context, finding);
    return 0;
}

int moth_stuck_look_for_leak(struct moth_stuck *stuck, struct moth_err *err)
{
    if (!stuck->watch || !moth_leak_suspect(&stuck->leak))
        return 0;
    struct moth_views line;
    struct moth_lap laps[MOTH_LEAK_LAPS_MAX];
    moth_softlock_line(stuck->watch, &line);
    size_t n = moth_leak_laps(&line, stuck->how.hz, laps);
    moth_views_fini(&line);
    struct moth_node *here = moth_tree_snapshot(stuck->tree, err);
    if (!here)
        return -1;
    stuck->aside = stuck->proving = true;
    bool found = false;
    int result = 0;
    for (size_t i = 0; i < n && result == 0 && !found; i++) {
        result = try_laps(stuck, &laps[i], &found, err);
        struct moth_err why;
        if (moth_tree_restore(stuck->tree, here, result == 0 ? err : &why) != 0)
            result = -1;
    }
    stuck->aside = stuck->proving = false;
    moth_tree_release(stuck->tree, here);
    return result == 0 ? 0 : failed(stuck, err);
}
