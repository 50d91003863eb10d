/* SPDX-License-Identifier: MIT */
#include "branch/view.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define LEVEL_SHIFT 5  /* 256 greys to 8 levels */
#define MEAN_SHIFT 7   /* … to 2, for what never stands still */
#define STILL_LEAST 8u /* cells that must stand still to name a scene by them */
#define PARTS_MAX 16u  /* scenes of one place */
#define PART_LEAST 8u  /* views of a scene, for it to count: not what is met in passing */

static uint64_t hash_watches(const struct moth_channel *channel)
{
    uint32_t n = channel->n_watches < MOTH_WATCHES_MAX ? channel->n_watches : MOTH_WATCHES_MAX;
    uint64_t hash = n ? XXH3_64bits(channel->watches, n * sizeof *channel->watches) : 0;
    uint32_t n_bytes = channel->peeks.n_bytes < MOTH_PEEK_BYTES_MAX ? channel->peeks.n_bytes : MOTH_PEEK_BYTES_MAX;
    return n_bytes ? XXH3_64bits_withSeed(channel->peeks.bytes, n_bytes, hash) : hash;
}

bool moth_view_take(struct moth_instance *instance, struct moth_view *view)
{
    const struct moth_observation *last = moth_instance_last(instance);
    *view = (struct moth_view){.frame = last->frame};
    struct moth_err err;
    view->ok = moth_instance_picture(instance, &view->picture, &err) == 0 &&
               moth_instance_cell(instance, view->cell, &err) == 0;
    view->watches = hash_watches(moth_instance_channel(instance));
    view->waiting = moth_instance_channel(instance)->waiting != 0;
    return moth_instance_death(instance)->how == MOTH_STEP_OK;
}

void moth_views_add(struct moth_views *views, const struct moth_view *view)
{
    if (views->n == views->room) {
        views->room = views->room * 2 + 64;
        views->items = realloc(views->items, views->room * sizeof *views->items);
        if (!views->items)
            abort();
    }
    views->items[views->n++] = *view;
}

void moth_views_fini(struct moth_views *views)
{
    free(views->items);
    *views = (struct moth_views){0};
}

/* ---- masks ---- */

void moth_view_mask_all(struct moth_view_mask *mask)
{
    for (size_t i = 0; i < MOTH_VIEW_CELLS; i++)
        mask->counts[i] = true;
}

static uint8_t level(const struct moth_view *view, size_t cell)
{
    return (uint8_t)(view->cell[cell] >> LEVEL_SHIFT);
}

static bool moves(const struct moth_views *way, size_t cell, unsigned changes)
{
    unsigned n = 0;
    for (size_t i = 1; i < way->n && n < changes; i++)
        n += way->items[i - 1].cell[cell] != way->items[i].cell[cell];
    return n >= changes;
}

/* The next pair of views of one frame. */
static bool next_pair(const struct moth_views *a, const struct moth_views *b, size_t *i, size_t *j)
{
    while (*i < a->n && *j < b->n && a->items[*i].frame != b->items[*j].frame)
        if (a->items[*i].frame < b->items[*j].frame)
            (*i)++;
        else
            (*j)++;
    return *i < a->n && *j < b->n;
}

static void mark_differing(bool *differs, const struct moth_views *a, const struct moth_views *b)
{
    for (size_t i = 0, j = 0; next_pair(a, b, &i, &j); i++, j++)
        for (size_t cell = 0; cell < MOTH_VIEW_CELLS; cell++)
            differs[cell] |= a->items[i].cell[cell] != b->items[j].cell[cell];
}

void moth_view_mask_learn(struct moth_view_mask *mask, const struct moth_views *ways, size_t n_ways,
                          unsigned changes)
{
    bool differs[MOTH_VIEW_CELLS] = {false};
    for (size_t way = 1; way < n_ways; way++)
        mark_differing(differs, &ways[0], &ways[way]);
    for (size_t cell = 0; cell < MOTH_VIEW_CELLS; cell++) {
        bool by_itself = false;
        for (size_t way = 0; way < n_ways && !differs[cell] && !by_itself; way++)
            by_itself = moves(&ways[way], cell, changes);
        mask->counts[cell] = !by_itself;
    }
}

bool moth_views_differ(const struct moth_views *a, const struct moth_views *b)
{
    for (size_t i = 0, j = 0; next_pair(a, b, &i, &j); i++, j++)
        if (a->items[i].picture != b->items[j].picture || a->items[i].watches != b->items[j].watches ||
            a->items[i].ok != b->items[j].ok)
            return true;
    return false;
}

/* ---- states ---- */

uint64_t moth_view_state(const struct moth_view *view, const struct moth_view_mask *mask)
{
    uint8_t levels[MOTH_VIEW_CELLS];
    for (size_t cell = 0; cell < MOTH_VIEW_CELLS; cell++)
        levels[cell] = mask->counts[cell] ? level(view, cell) : 0xff;
    return XXH3_64bits(levels, sizeof levels);
}

size_t moth_views_window(const struct moth_views *line, const struct moth_view_mask *mask, uint32_t now_frame,
                         uint32_t window_frames)
{
    size_t begin = line->n, end = 0, cut = 0; /* end: behind the last sighting of anything seen so far */
    while (begin > 0 && line->items[begin - 1].frame + window_frames > now_frame)
        begin--;
    uint64_t *states = malloc((line->n + 1) * sizeof *states);
    if (!states)
        abort();
    for (size_t i = 0; i < line->n; i++)
        states[i] = moth_view_state(&line->items[i], mask);
    for (size_t i = 0; i <= begin && i < line->n; i++) {
        cut = end <= i ? i : cut;
        size_t last = line->n;
        while (states[last - 1] != states[i])
            last--;
        end = last > end ? last : end;
    }
    free(states);
    return cut > 0 ? cut : begin;
}

unsigned moth_view_distance(const struct moth_view *a, const struct moth_view *b)
{
    unsigned n = 0;
    for (size_t cell = 0; cell < MOTH_VIEW_CELLS; cell++)
        n += abs((int)a->cell[cell] - (int)b->cell[cell]) > 1 << LEVEL_SHIFT;
    return n;
}

/* One scene among the views that name a place. */
struct part {
    const struct moth_view *first;
    bool changes[MOTH_VIEW_CELLS];
    uint64_t sum[MOTH_VIEW_CELLS];
    size_t n;
};

static void add_to_part(struct part *parts, size_t *n, const struct moth_view *view)
{
    struct part *part = NULL;
    for (size_t i = 0; i < *n && !part; i++)
        if (moth_view_distance(parts[i].first, view) <= MOTH_VIEW_SCENE_CELLS)
            part = &parts[i];
    if (!part && *n < PARTS_MAX) {
        part = &parts[(*n)++];
        *part = (struct part){.first = view};
    }
    if (!part)
        return;
    part->n++;
    for (size_t cell = 0; cell < MOTH_VIEW_CELLS; cell++) {
        part->changes[cell] |= level(view, cell) != level(part->first, cell);
        part->sum[cell] += view->cell[cell];
    }
}

static bool stands_still(const struct part *part, size_t cell)
{
    const bool *changes = part->changes;
    size_t row = cell / MOTH_CELL_COLUMNS, column = cell % MOTH_CELL_COLUMNS;
    return !changes[cell] && (column == 0 || !changes[cell - 1]) &&
           (column + 1 == MOTH_CELL_COLUMNS || !changes[cell + 1]) &&
           (row == 0 || !changes[cell - MOTH_CELL_COLUMNS]) &&
           (row + 1 == MOTH_CELL_ROWS || !changes[cell + MOTH_CELL_COLUMNS]);
}

static uint64_t name_part(const struct part *part)
{
    uint8_t levels[MOTH_VIEW_CELLS];
    size_t still = 0;
    for (size_t cell = 0; cell < MOTH_VIEW_CELLS; cell++) {
        bool stands = stands_still(part, cell);
        still += stands;
        levels[cell] = stands ? level(part->first, cell) : 0xff;
    }
    for (size_t cell = 0; still < STILL_LEAST && cell < MOTH_VIEW_CELLS; cell++)
        levels[cell] = (uint8_t)(part->sum[cell] / part->n >> MEAN_SHIFT);
    return XXH3_64bits(levels, sizeof levels);
}

uint64_t moth_view_place(const struct moth_views *views, size_t n)
{
    struct part *parts = calloc(PARTS_MAX, sizeof *parts);
    if (!parts)
        abort();
    size_t n_parts = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < views[i].n; j++)
            add_to_part(parts, &n_parts, &views[i].items[j]);
    uint64_t place = 0; /* whichever scene was seen first */
    for (size_t i = 0; i < n_parts; i++)
        if (parts[i].n >= PART_LEAST)
            place ^= name_part(&parts[i]);
    free(parts);
    return place ? place : 1;
}

bool moth_states_has(const struct moth_states *states, uint64_t state)
{
    for (size_t i = 0; i < states->n; i++)
        if (states->items[i] == state)
            return true;
    return false;
}

bool moth_states_add(struct moth_states *states, uint64_t state)
{
    for (size_t i = 0; i < states->n; i++)
        if (states->items[i] == state) {
            states->seen[i]++;
            return false;
        }
    if (states->n == states->room) {
        states->room = states->room * 2 + 16;
        states->items = realloc(states->items, states->room * sizeof *states->items);
        states->seen = realloc(states->seen, states->room * sizeof *states->seen);
        if (!states->items || !states->seen)
            abort();
    }
    states->items[states->n] = state;
    states->seen[states->n++] = 1;
    return true;
}

void moth_states_fini(struct moth_states *states)
{
    free(states->items);
    free(states->seen);
    *states = (struct moth_states){0};
}
