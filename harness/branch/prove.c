/* SPDX-License-Identifier: MIT */
#include "branch/prove.h"

#include <stdlib.h>

#include "branch/attempt.h"

#define WAYS_MAX 128u    /* more than the longest plan with all its ways back */
#define TRIAL_FRAMES 60u /* of the two branches that show whether inputs do anything */
#define BEFORE_LEAST 3u  /* views of something else, before anything can be lost */
#define LOST_LEAST 3u    /* … and for a trap, different states: a title that is left for good is no loss */
#define STATES_MAX 128u  /* a larger set is no trap but a place to play in */
#define FAR_MAX 12u      /* … and so is one with so many states in scenes the suspects did not show */
#define SUSPECTS_MAX 40u /* … and so is a window with more states than that */
#define CLOCK_CHANGES 4u /* a cell that changed so often moves by itself, if no way differs in it */
#define RETURN_WAYS 4u   /* tried to come back from outside the suspects */
#define SHORT_FRAMES 600u
#define LONG_FRAMES 7200u /* longer than a cutscene or a boss may keep one waiting */

struct plan {
    enum moth_attempt_kind kind;
    uint32_t frames;
};

/* The long ones last: most that is no softlock has shown it by then. */
static const struct plan trap_plan[] = {
    {MOTH_ATTEMPT_NOTHING, SHORT_FRAMES},
    {MOTH_ATTEMPT_STICKY, SHORT_FRAMES},
    {MOTH_ATTEMPT_SWEEP, SHORT_FRAMES},
    {MOTH_ATTEMPT_MENU, SHORT_FRAMES},
    {MOTH_ATTEMPT_BACK, SHORT_FRAMES},
    {MOTH_ATTEMPT_LEAVE, SHORT_FRAMES},
    {MOTH_ATTEMPT_STICKY, SHORT_FRAMES},
    {MOTH_ATTEMPT_CLICKS, 780},
    {MOTH_ATTEMPT_MIXED, SHORT_FRAMES},
    {MOTH_ATTEMPT_AGAIN, 900},
    {MOTH_ATTEMPT_MENU, SHORT_FRAMES},
    {MOTH_ATTEMPT_TYPING, 360},
    {MOTH_ATTEMPT_PAD, SHORT_FRAMES},
    {MOTH_ATTEMPT_STICKY, SHORT_FRAMES},
    {MOTH_ATTEMPT_SWEEP, SHORT_FRAMES},
    {MOTH_ATTEMPT_BACK, SHORT_FRAMES},
    {MOTH_ATTEMPT_MIXED, SHORT_FRAMES},
    {MOTH_ATTEMPT_STICKY, SHORT_FRAMES},
    {MOTH_ATTEMPT_MENU, SHORT_FRAMES},
    {MOTH_ATTEMPT_SWEEP, SHORT_FRAMES},
    {MOTH_ATTEMPT_LEAVE, 1800},
    {MOTH_ATTEMPT_MIXED, 3600},
    {MOTH_ATTEMPT_LEAVE, 3600},
    {MOTH_ATTEMPT_NOTHING, LONG_FRAMES},
};
static const struct plan dead_plan[] = {
    {MOTH_ATTEMPT_NOTHING, 900},
    {MOTH_ATTEMPT_SWEEP, SHORT_FRAMES},
    {MOTH_ATTEMPT_STICKY, SHORT_FRAMES},
    {MOTH_ATTEMPT_MENU, 300},
    {MOTH_ATTEMPT_CLICKS, 780},
    {MOTH_ATTEMPT_BACK, 300},
    {MOTH_ATTEMPT_MIXED, 300},
    {MOTH_ATTEMPT_TYPING, 300},
    {MOTH_ATTEMPT_PAD, 300},
    {MOTH_ATTEMPT_AGAIN, 900},
    {MOTH_ATTEMPT_SWEEP, SHORT_FRAMES},
    {MOTH_ATTEMPT_STICKY, 300},
    {MOTH_ATTEMPT_MENU, 300},
    {MOTH_ATTEMPT_BACK, 300},
    {MOTH_ATTEMPT_STICKY, 300},
    {MOTH_ATTEMPT_NOTHING, LONG_FRAMES},
    {MOTH_ATTEMPT_SWEEP, LONG_FRAMES},
    {MOTH_ATTEMPT_MIXED, LONG_FRAMES},
};

_Static_assert(sizeof trap_plan / sizeof *trap_plan * (1 + RETURN_WAYS) <= WAYS_MAX, "room for all ways");

struct search {
    struct moth_tree *tree;
    const struct moth_views *line;
    const struct moth_prove_config *config;
    struct moth_proof *proof;
    struct moth_node *here;
    struct moth_views ways[WAYS_MAX];
    size_t n_ways;
    struct moth_view_mask mask;
    size_t window;                       /* index on the line: what is suspected begins there */
    struct moth_states suspects, before; /* states of the line: from there on, and only before */
};

/* ---- playing ---- */

enum moth_step moth_prove_attempt(struct moth_tree *tree, unsigned kind, uint64_t seed, uint32_t frames,
                                  struct moth_views *views, struct moth_err *err)
{
    static const struct moth_trace_header none;
    const struct moth_channel *channel = moth_instance_channel(moth_tree_instance(tree));
    struct moth_trace *before = moth_tree_trace(tree, &none);
    struct moth_attempt attempt;
    moth_attempt_init(&attempt, (enum moth_attempt_kind)kind, seed, before, channel->window_w,
                      channel->window_h);
    enum moth_step step = MOTH_STEP_OK;
    uint32_t end = moth_tree_frame(tree) + frames;
    while (step == MOTH_STEP_OK && moth_tree_frame(tree) < end) {
        struct moth_input_event events[MOTH_ATTEMPT_EVENTS_MAX];
        size_t n = moth_attempt_next(&attempt, MOTH_PROVE_LOOK_FRAMES, events);
        step = moth_tree_step(tree, MOTH_PROVE_LOOK_FRAMES, events, n, err);
        struct moth_view view;
        if (step == MOTH_STEP_OK && moth_view_take(moth_tree_instance(tree), &view))
            moth_views_add(views, &view);
    }
    moth_trace_free(before);
    return step;
}

/* One more way from `from`. The views are the search's; NULL with err when the search cannot go on. */
static struct moth_views *try_way(struct search *search, struct moth_node *from, enum moth_attempt_kind kind,
                                  uint32_t frames, enum moth_step *step, struct moth_err *err)
{
    const struct moth_prove_config *config = search->config;
    if (config->interrupted && config->interrupted(config->context)) {
        moth_err_set(err, MOTH_ERR_INTERRUPTED, "interrupted");
        return NULL;
    }
    uint32_t begin = moth_node_frame(from);
    uint64_t seed = config->seed ^ ((uint64_t)search->n_ways << 32) ^ begin;
    if (search->n_ways == WAYS_MAX || moth_tree_restore(search->tree, from, err) != 0)
        return NULL;
    struct moth_views *views = &search->ways[search->n_ways++];
    *step = moth_prove_attempt(search->tree, kind, moth_splitmix64(&seed), frames, views, err);
    uint32_t played = moth_tree_frame(search->tree) - begin;
    struct moth_proof *proof = search->proof;
    proof->frames += played;
    proof->longest = played > proof->longest ? played : proof->longest;
    proof->quits += *step == MOTH_STEP_EXIT;
    return *step == MOTH_STEP_FAULT || *step == MOTH_STEP_KILLED ? NULL : views;
}

static void conclude(struct search *search, enum moth_prove_verdict verdict, const char *why)
{
    search->proof->verdict = verdict;
    search->proof->why = why;
}

/* What ends a search whatever is to be proved. True when it did. */
static bool speaks_against(struct search *search, const struct moth_views *way, enum moth_step step)
{
    if (step != MOTH_STEP_OK && step != MOTH_STEP_EXIT) {
        conclude(search, MOTH_PROVE_LEFT, "the game died on a way");
        if (search->config->died)
            search->config->died(search->config->context);
    } else if (search->proof->ways >= 4 && search->proof->quits * 2 > search->proof->ways) {
        conclude(search, MOTH_PROVE_LEFT, "most ways end the game");
    } else {
        for (size_t i = 0; i < way->n; i++)
            if (way->items[i].waiting) {
                conclude(search, MOTH_PROVE_LEFT, "the game says that it waits");
                return true;
            }
        return false;
    }
    return true;
}

/* ---- what the line says ---- */

/* States under the mask as it is now. The suspects are those of the window. */
static void sort_line(struct search *search)
{
    moth_states_fini(&search->suspects);
    moth_states_fini(&search->before);
    const struct moth_views *line = search->line;
    search->window =
        moth_views_window(line, &search->mask, moth_node_frame(search->here), search->config->window_frames);
    for (size_t i = search->window; i < line->n; i++)
        if (line->items[i].ok)
            moth_states_add(&search->suspects, moth_view_state(&line->items[i], &search->mask));
    for (size_t i = 0; i < search->window; i++) {
        uint64_t state = moth_view_state(&line->items[i], &search->mask);
        if (line->items[i].ok && !moth_states_has(&search->suspects, state))
            moth_states_add(&search->before, state);
    }
}

/* Since when nothing but `states` was seen. */
static uint32_t entry_of(const struct search *search, const struct moth_states *states)
{
    const struct moth_views *line = search->line;
    size_t i = line->n;
    while (i > 0 && moth_states_has(states, moth_view_state(&line->items[i - 1], &search->mask)))
        i--;
    return i < line->n ? line->items[i].frame : moth_node_frame(search->here);
}

static size_t sightings(const struct moth_states *states)
{
    size_t n = 0;
    for (size_t i = 0; i < states->n; i++)
        n += states->seen[i];
    return n;
}

static bool lost_enough(const struct search *search)
{
    return sightings(&search->before) >= BEFORE_LEAST && search->before.n >= LOST_LEAST;
}

/* Does the line look like going round and round: few states, and hardly a new one at the end? */
static bool looks_closed(const struct search *search)
{
    const struct moth_views *line = search->line;
    struct moth_states all = {0};
    size_t fresh = 0, late = line->n - (line->n - search->window) / 3;
    for (size_t i = 0; i < line->n; i++)
        fresh += moth_states_add(&all, moth_view_state(&line->items[i], &search->mask)) && i >= late;
    moth_states_fini(&all);
    return search->suspects.n <= SUSPECTS_MAX && fresh * 3 <= line->n - late;
}

/* ---- DEAD ---- */

static int prove_dead(struct search *search, struct moth_err *err)
{
    struct moth_proof *proof = search->proof;
    proof->dead = true;
    struct moth_states states = {0};
    size_t n = sizeof dead_plan / sizeof *dead_plan, nothing = 0;
    int result = 0;
    for (size_t i = 0; i < n; i++) {
        enum moth_step step;
        struct moth_views *way =
            try_way(search, search->here, dead_plan[i].kind, dead_plan[i].frames, &step, err);
        if (!way) {
            result = -1;
            break;
        }
        proof->ways++;
        if (speaks_against(search, way, step))
            break;
        if (dead_plan[i].kind == MOTH_ATTEMPT_NOTHING) /* what the others are held against */
            nothing = search->n_ways - 1;
        if (moth_views_differ(&search->ways[nothing], way)) {
            conclude(search, MOTH_PROVE_LEFT, "inputs do something again");
            break;
        }
    }
    if (result == 0 && !proof->why) {
        moth_view_mask_learn(&search->mask, &search->ways[nothing], search->n_ways - nothing, 1);
        moth_states_add(&states, moth_view_state(&search->ways[0].items[0], &search->mask));
        proof->states = 1;
        proof->entry_frame = entry_of(search, &states);
        conclude(search, MOTH_PROVE_STUCK, "inputs change nothing");
    }
    moth_states_fini(&states);
    return result;
}

/* ---- TRAP ---- */

/* What all ways reached. */
struct reached {
    size_t states;
    size_t far;   /* of them: in scenes that the suspects did not show */
    size_t fresh; /* of them: first seen in the last third of all sightings */
};

static bool is_far(const struct search *search, const struct moth_view *view)
{
    const struct moth_views *line = search->line;
    for (size_t i = search->window; i < line->n; i++)
        if (moth_view_distance(view, &line->items[i]) <= MOTH_VIEW_SCENE_CELLS)
            return false;
    return true;
}

static struct reached gather(const struct search *search)
{
    struct reached reached = {0};
    struct moth_states states = {0};
    size_t total = 0, at = 0;
    for (size_t way = 0; way < search->n_ways; way++)
        total += search->ways[way].n;
    for (size_t way = 0; way < search->n_ways; way++)
        for (size_t i = 0; i < search->ways[way].n; i++, at++) {
            const struct moth_view *view = &search->ways[way].items[i];
            uint64_t state = moth_view_state(view, &search->mask);
            if (!moth_states_add(&states, state) || moth_states_has(&search->suspects, state))
                continue;
            reached.far += is_far(search, view);
            reached.fresh += at >= total - total / 3;
        }
    reached.states = states.n;
    moth_states_fini(&states);
    return reached;
}

static bool meets(const struct search *search, const struct moth_views *way, const struct moth_states *states)
{
    for (size_t i = 0; i < way->n; i++)
        if (moth_states_has(states, moth_view_state(&way->items[i], &search->mask)))
            return true;
    return false;
}

/* The mask changes as more is seen, so all that was tried is judged anew each time. True: it is over. */
static bool judge_trap(struct search *search)
{
    moth_view_mask_learn(&search->mask, search->ways, search->n_ways, CLOCK_CHANGES);
    sort_line(search);
    if (!lost_enough(search)) {
        conclude(search, MOTH_PROVE_OPEN, "nothing else was ever seen");
        return true;
    }
    for (size_t way = 0; way < search->n_ways; way++)
        if (meets(search, &search->ways[way], &search->before)) {
            conclude(search, MOTH_PROVE_LEFT, "a way leads back to what was before");
            return true;
        }
    struct reached reached = gather(search);
    search->proof->states = (uint32_t)reached.states;
    bool grows = reached.states > STATES_MAX || reached.far > FAR_MAX;
    if (grows)
        conclude(search, MOTH_PROVE_OPEN, "there is more and more that is new");
    return grows;
}

/* From a way's end outside the suspects: does anything lead back to them? 1 yes, 0 no, -1 with err. */
static int comes_back(struct search *search, struct moth_err *err)
{
    static const enum moth_attempt_kind kinds[RETURN_WAYS] = {MOTH_ATTEMPT_STICKY, MOTH_ATTEMPT_MENU,
                                                              MOTH_ATTEMPT_SWEEP, MOTH_ATTEMPT_BACK};
    struct moth_node *there = moth_tree_snapshot(search->tree, err);
    if (!there)
        return -1;
    int result = 0;
    for (size_t i = 0; i < RETURN_WAYS && result == 0 && search->n_ways < WAYS_MAX; i++) {
        enum moth_step step;
        struct moth_views *way = try_way(search, there, kinds[i], SHORT_FRAMES, &step, err);
        result = !way ? -1 : meets(search, way, &search->suspects);
    }
    moth_tree_release(search->tree, there);
    return result;
}

static int follow(struct search *search, const struct moth_views *way, enum moth_step step,
                  struct moth_err *err)
{
    if (step != MOTH_STEP_OK || way->n == 0 ||
        moth_states_has(&search->suspects, moth_view_state(&way->items[way->n - 1], &search->mask)))
        return 0;
    int back = comes_back(search, err);
    if (back == 0)
        conclude(search, MOTH_PROVE_LEFT, "a way leads to where it does not come back from");
    return back < 0 ? -1 : 0;
}

static void conclude_trap(struct search *search)
{
    struct reached reached = gather(search);
    search->proof->entry_frame = entry_of(search, &search->suspects);
    if (reached.fresh > 2)
        conclude(search, MOTH_PROVE_OPEN, "there was something new to the end");
    else
        conclude(search, MOTH_PROVE_STUCK, "every way leads round and round");
}

static int prove_trap(struct search *search, struct moth_err *err)
{
    struct moth_proof *proof = search->proof;
    for (size_t i = 0; i < sizeof trap_plan / sizeof *trap_plan && !proof->why; i++) {
        enum moth_step step;
        struct moth_views *way =
            try_way(search, search->here, trap_plan[i].kind, trap_plan[i].frames, &step, err);
        if (!way)
            return -1;
        proof->ways++;
        if (speaks_against(search, way, step))
            return 0;
        if (trap_plan[i].kind == MOTH_ATTEMPT_NOTHING &&
            i > 0) { /* the longest is what the others are held against */
            struct moth_views kept = search->ways[0];
            search->ways[0] = *way;
            *way = kept;
            way = &search->ways[0];
        }
        if (judge_trap(search))
            return 0;
        if (follow(search, way, step, err) != 0)
            return -1;
    }
    if (!proof->why && !judge_trap(search))
        conclude_trap(search);
    return 0;
}

/* ---- the whole ---- */

/* Two short branches: do inputs do anything? Fills the mask. 0, or -1 with err. */
static int trial(struct search *search, bool *alive, struct moth_err *err)
{
    static const enum moth_attempt_kind kinds[] = {MOTH_ATTEMPT_NOTHING, MOTH_ATTEMPT_STICKY};
    for (size_t i = 0; i < 2; i++) {
        enum moth_step step;
        struct moth_views *way = try_way(search, search->here, kinds[i], TRIAL_FRAMES, &step, err);
        if (!way)
            return -1;
        if (step != MOTH_STEP_OK || way->n == 0 || !way->items[0].ok) {
            conclude(search, MOTH_PROVE_ALIVE, "it cannot be looked at");
            return 0;
        }
    }
    *alive = moth_views_differ(&search->ways[0], &search->ways[1]);
    moth_view_mask_learn(&search->mask, search->ways, 2, 1);
    sort_line(search);
    return 0;
}

/* Is there anything else that was seen, which could be gone for good? */
static bool had_more(const struct search *search, bool alive)
{
    if (alive)
        return lost_enough(search);
    size_t others = 0;
    uint64_t here = moth_view_state(&search->ways[0].items[0], &search->mask);
    for (size_t i = 0; i < search->line->n; i++)
        others += moth_view_state(&search->line->items[i], &search->mask) != here;
    return others >= BEFORE_LEAST;
}

static int run(struct search *search, struct moth_err *err)
{
    bool alive = true;
    if (trial(search, &alive, err) != 0)
        return -1;
    if (search->proof->why)
        return 0;
    if (!had_more(search, alive)) {
        conclude(search, MOTH_PROVE_ALIVE, "nothing else was ever seen");
        return 0;
    }
    if (alive && !looks_closed(search)) {
        conclude(search, MOTH_PROVE_ALIVE, "inputs do something, and there is something new");
        return 0;
    }
    for (size_t i = 0; i < search->n_ways; i++) /* the trial served its purpose: shorter than any way */
        moth_views_fini(&search->ways[i]);
    search->n_ways = 0;
    return alive ? prove_trap(search, err) : prove_dead(search, err);
}

int moth_prove(struct moth_tree *tree, const struct moth_views *line, const struct moth_prove_config *config,
               struct moth_proof *proof, struct moth_err *err)
{
    *proof = (struct moth_proof){.verdict = MOTH_PROVE_ALIVE};
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return moth_err_set(err, MOTH_ERR_MEMORY, "no memory for a proof");
    *search = (struct search){.tree = tree, .line = line, .config = config, .proof = proof};
    int result = -1;
    search->here = moth_tree_snapshot(tree, err);
    if (search->here) {
        result = run(search, err);
        struct moth_err why;
        if (moth_tree_restore(tree, search->here, result == 0 ? err : &why) != 0)
            result = -1;
        moth_tree_release(tree, search->here);
    }
    if (result == 0 && proof->verdict == MOTH_PROVE_STUCK)
        proof->place = moth_view_place(search->ways, search->n_ways);
    for (size_t i = 0; i < search->n_ways; i++)
        moth_views_fini(&search->ways[i]);
    moth_states_fini(&search->suspects);
    moth_states_fini(&search->before);
    free(search);
    return result;
}
