/* SPDX-License-Identifier: MIT */
#include "detect/softlock.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "branch/prove.h"

#define SCENES_MAX 256u
#define INPUTS_LEAST 4u /* different inputs that must have been tried */
#define INPUTS_KEPT 64u
#define BACKOFF_MAX 8u
#define SETTLED_VIEWS 16u /* bits of scene.fresh */
#define STATES_KEPT 4096u

struct scene {
    struct moth_view like; /* the first view of it */
    uint32_t frames;       /* played in it since it was last looked at */
    uint32_t backoff;      /* times the window until it is looked at */
    uint64_t inputs[INPUTS_KEPT];
    uint32_t n_inputs; /* different ones since then */
    uint32_t views;
    uint16_t fresh; /* of the last views, newest lowest: which brought a state that was never seen */
    uint64_t used;
};

struct seen {
    struct moth_view view;
    size_t before; /* index + 1; 0: the first on its line */
};

struct moth_softlock {
    uint32_t window_frames;
    struct scene scenes[SCENES_MAX];
    size_t n_scenes;
    struct scene *at;          /* where the play stands, or NULL */
    uint32_t since;            /* frames since anything was looked at */
    uint32_t stale;            /* frames since there was a new scene */
    struct moth_states states; /* ever seen */
    bool known;                /* what goes on here was found to be a softlock */
    size_t cut, looked_cut;    /* what was entered a window ago and not left: a place in `seen` + 1, or 0 */
    uint64_t clock;
    struct seen *seen;
    size_t n_seen, room, tip;
    uint64_t pressed[INPUTS_KEPT]; /* since the last view */
    uint32_t n_pressed;
};

struct moth_softlock *moth_softlock_create(uint32_t window_frames)
{
    struct moth_softlock *softlock = calloc(1, sizeof *softlock);
    if (softlock)
        softlock->window_frames = window_frames;
    return softlock;
}

void moth_softlock_destroy(struct moth_softlock *softlock)
{
    if (softlock) {
        free(softlock->seen);
        moth_states_fini(&softlock->states);
    }
    free(softlock);
}

/* ---- what is told ---- */

static void add_input(uint64_t *inputs, uint32_t *n, uint64_t input)
{
    for (uint32_t i = 0; i < *n; i++)
        if (inputs[i] == input)
            return;
    if (*n < INPUTS_KEPT)
        inputs[(*n)++] = input;
}

/* What makes two inputs different: the key, the button, roughly where the mouse is. */
static uint64_t input_of(const struct moth_input_event *event)
{
    uint64_t input = (uint64_t)event->type << 32 | (uint64_t)event->device << 16 | event->code;
    if (event->type == MOTH_INPUT_MOUSE_MOVE)
        input |= (uint64_t)(uint32_t)(event->x / 32) << 48 | (uint64_t)(uint32_t)(event->y / 32) << 40;
    return input;
}

void moth_softlock_input(struct moth_softlock *softlock, const struct moth_input_event *events,
                         size_t n_events)
{
    for (size_t i = 0; i < n_events; i++)
        add_input(softlock->pressed, &softlock->n_pressed, input_of(&events[i]));
}

static struct scene *scene_of(struct moth_softlock *softlock, const struct moth_view *view)
{
    struct scene *nearest = NULL, *oldest = &softlock->scenes[0];
    unsigned least = MOTH_VIEW_SCENE_CELLS + 1;
    for (size_t i = 0; i < softlock->n_scenes; i++) {
        struct scene *scene = &softlock->scenes[i];
        unsigned distance = moth_view_distance(&scene->like, view);
        if (distance < least) {
            nearest = scene;
            least = distance;
        }
        if (scene->used < oldest->used)
            oldest = scene;
    }
    if (nearest)
        return nearest;
    nearest = softlock->n_scenes < SCENES_MAX ? &softlock->scenes[softlock->n_scenes++] : oldest;
    *nearest = (struct scene){.like = *view, .backoff = 1};
    softlock->stale = 0;
    softlock->known = false;
    return nearest;
}

static void remember(struct moth_softlock *softlock, const struct moth_view *view)
{
    if (softlock->n_seen == softlock->room) {
        softlock->room = softlock->room * 2 + 256;
        softlock->seen = realloc(softlock->seen, softlock->room * sizeof *softlock->seen);
        if (!softlock->seen)
            abort();
    }
    softlock->seen[softlock->n_seen++] = (struct seen){.view = *view, .before = softlock->tip};
    softlock->tip = softlock->n_seen;
}

static void add_state(struct moth_softlock *softlock, struct scene *scene, const struct moth_view *view)
{
    struct moth_view_mask all;
    moth_view_mask_all(&all);
    bool fresh =
        softlock->states.n < STATES_KEPT && moth_states_add(&softlock->states, moth_view_state(view, &all));
    scene->fresh = (uint16_t)(scene->fresh << 1 | fresh);
    scene->views++;
}

/* Is the play since one window ago in states that were not seen before, again and again? */
static void find_cut(struct moth_softlock *softlock)
{
    struct moth_views line;
    struct moth_view_mask all;
    struct moth_states inside = {0};
    moth_view_mask_all(&all);
    moth_softlock_line(softlock, &line);
    size_t cut = moth_views_window(&line, &all, line.items[line.n - 1].frame, softlock->window_frames);
    for (size_t i = cut; i < line.n; i++)
        moth_states_add(&inside, moth_view_state(&line.items[i], &all));
    bool repeats = inside.n * 2 <= line.n - cut;
    softlock->cut = 0;
    if (cut > 0 && cut < line.n && repeats &&
        line.items[cut].frame + softlock->window_frames <= line.items[line.n - 1].frame) {
        softlock->cut = softlock->tip;
        for (size_t i = line.n - 1; i > cut; i--)
            softlock->cut = softlock->seen[softlock->cut - 1].before;
    }
    moth_states_fini(&inside);
    moth_views_fini(&line);
}

void moth_softlock_view(struct moth_softlock *softlock, const struct moth_view *view, uint32_t frames)
{
    remember(softlock, view);
    softlock->at = NULL;
    if (view->ok) {
        struct scene *scene = scene_of(softlock, view);
        scene->used = ++softlock->clock;
        scene->frames = view->waiting ? 0 : scene->frames + frames;
        softlock->since = view->waiting || softlock->known ? 0 : softlock->since + frames;
        softlock->stale = view->waiting ? 0 : softlock->stale + frames;
        add_state(softlock, scene, view);
        for (uint32_t i = 0; i < softlock->n_pressed; i++)
            add_input(scene->inputs, &scene->n_inputs, softlock->pressed[i]);
        softlock->at = view->waiting ? NULL : scene;
        find_cut(softlock);
    }
    softlock->n_pressed = 0;
}

bool moth_softlock_due(const struct moth_softlock *softlock)
{
    const struct scene *at = softlock->at;
    if (!at || softlock->window_frames == 0 || softlock->known)
        return false;
    uint32_t window = softlock->window_frames * at->backoff;
    bool long_here = at->frames >= window && at->n_inputs >= INPUTS_LEAST;
    bool round_and_round = softlock->stale >= window && softlock->since >= window;
    bool entered = softlock->cut && softlock->cut != softlock->looked_cut && at->n_inputs >= INPUTS_LEAST;
    return long_here || entered || round_and_round || softlock->since >= 2 * window;
}

bool moth_softlock_due_last(const struct moth_softlock *softlock)
{
    const struct scene *at = softlock->at;
    return at && !softlock->known && at->frames >= softlock->window_frames / 4 && at->backoff == 1 &&
           at->n_inputs >= INPUTS_LEAST;
}

bool moth_softlock_settled(const struct moth_softlock *softlock)
{
    const struct scene *at = softlock->at;
    return at && at->views >= SETTLED_VIEWS && __builtin_popcount(at->fresh) <= 2;
}

void moth_softlock_looked(struct moth_softlock *softlock, bool in_vain, bool found)
{
    struct scene *at = softlock->at;
    softlock->known = found;
    softlock->since = 0;
    softlock->looked_cut = softlock->cut;
    if (!at)
        return;
    at->frames = 0;
    at->n_inputs = 0;
    if (in_vain && at->backoff < BACKOFF_MAX)
        at->backoff *= 2;
}

/* ---- lines ---- */

size_t moth_softlock_tip(const struct moth_softlock *softlock)
{
    return softlock->tip;
}

void moth_softlock_return(struct moth_softlock *softlock, size_t tip)
{
    softlock->tip = tip;
    softlock->at = NULL;
    softlock->known = false;
    softlock->n_pressed = 0;
}

void moth_softlock_line(const struct moth_softlock *softlock, struct moth_views *line)
{
    *line = (struct moth_views){0};
    for (size_t at = softlock->tip; at > 0; at = softlock->seen[at - 1].before)
        moth_views_add(line, &softlock->seen[at - 1].view);
    for (size_t i = 0; i < line->n / 2; i++) {
        struct moth_view kept = line->items[i];
        line->items[i] = line->items[line->n - 1 - i];
        line->items[line->n - 1 - i] = kept;
    }
}

/* ---- the finding ---- */

struct moth_finding *moth_softlock_finding(const struct moth_proof *proof, uint32_t frame, uint32_t hz)
{
    struct moth_finding *finding = calloc(1, sizeof *finding);
    if (!finding)
        return NULL;
    hz = hz ? hz : 60;
    finding->kind = MOTH_FINDING_SOFTLOCK;
    finding->frame = frame;
    finding->state = proof->place;
    finding->title =
        proof->dead
            ? moth_fs_path("no input does anything any more: %u ways tried, none leads on", proof->ways)
            : moth_fs_path("no way out of %u states that lead into each other: %u ways tried", proof->states,
                           proof->ways);
    finding->detail = moth_fs_path(
        "since frame %u: %s\n%u ways were tried from frame %u on, %llu frames (%llu s of game time) in "
        "all, the longest of %u frames (%u s); %u of them closed the game, which does not count as "
        "leaving",
        proof->entry_frame, proof->why, proof->ways, frame, (unsigned long long)proof->frames,
        (unsigned long long)(proof->frames / hz), proof->longest, proof->longest / hz, proof->quits);
    return finding;
}
