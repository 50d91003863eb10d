/* SPDX-License-Identifier: MIT */
#include "detect/softlock.h"

#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "branch/prove.h"

#define SCENES_MAX 256u
#define SCENE_CELLS 8u   /* views that differ in more cells are of two scenes */
#define INPUTS_LEAST 4u  /* different inputs that must have been tried */
#define INPUTS_KEPT 64u
#define BACKOFF_MAX 8u

struct scene {
    struct moth_view like; /* the first view of it */
    uint32_t frames;       /* played in it since it was last looked at */
    uint32_t backoff;      /* times the window until it is looked at */
    uint64_t inputs[INPUTS_KEPT];
    uint32_t n_inputs; /* different ones since then */
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
    struct scene *at;      /* where the play stands, or NULL */
    uint32_t since;        /* frames since anything was looked at, in scenes that change all the time */
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
    if (softlock)
        free(softlock->seen);
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

void moth_softlock_input(struct moth_softlock *softlock, const struct moth_input_event *events, size_t n_events)
{
    for (size_t i = 0; i < n_events; i++)
        add_input(softlock->pressed, &softlock->n_pressed, input_of(&events[i]));
}

static struct scene *scene_of(struct moth_softlock *softlock, const struct moth_view *view)
{
    struct scene *nearest = NULL, *oldest = &softlock->scenes[0];
    unsigned least = SCENE_CELLS + 1;
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

void moth_softlock_view(struct moth_softlock *softlock, const struct moth_view *view, uint32_t frames)
{
    remember(softlock, view);
    softlock->at = NULL;
    if (view->ok) {
        struct scene *scene = scene_of(softlock, view);
        scene->used = ++softlock->clock;
        scene->frames = view->waiting ? 0 : scene->frames + frames;
        softlock->since = view->waiting ? 0 : softlock->since + frames;
        for (uint32_t i = 0; i < softlock->n_pressed; i++)
            add_input(scene->inputs, &scene->n_inputs, softlock->pressed[i]);
        softlock->at = view->waiting ? NULL : scene;
    }
    softlock->n_pressed = 0;
}

bool moth_softlock_due(const struct moth_softlock *softlock)
{
    const struct scene *at = softlock->at;
    if (!at || softlock->window_frames == 0)
        return false;
    bool long_here = at->frames >= softlock->window_frames * at->backoff && at->n_inputs >= INPUTS_LEAST;
    return long_here || softlock->since >= 2 * softlock->window_frames * at->backoff;
}

void moth_softlock_looked(struct moth_softlock *softlock, bool in_vain)
{
    struct scene *at = softlock->at;
    softlock->since = 0;
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
        proof->dead ? moth_fs_path("no input does anything any more: %u ways tried, none leads on", proof->ways)
                    : moth_fs_path("no way out of %u states that lead into each other: %u ways tried", proof->states,
                                   proof->ways);
    finding->detail =
        moth_fs_path("since frame %u: %s\n%u ways were tried from frame %u on, %llu frames (%llu s of game time) in "
                     "all, the longest of %u frames (%u s); %u of them closed the game, which does not count as "
                     "leaving",
                     proof->entry_frame, proof->why, proof->ways, frame, (unsigned long long)proof->frames,
                     (unsigned long long)(proof->frames / hz), proof->longest, proof->longest / hz, proof->quits);
    moth_finding_fingerprint(finding);
    return finding;
}
