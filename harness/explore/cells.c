/* SPDX-License-Identifier: MIT */
#include "explore/cells.h"

#include <stdlib.h>
#include <string.h>

#define EVICT_SAMPLE 16u

/* ---- sets of hashes ---- */

static bool hashes_grow(struct moth_hashes *set)
{
    uint32_t room = set->room ? set->room * 2 : 1024;
    uint64_t *at = calloc(room, sizeof *at);
    if (!at)
        return false;
    for (uint32_t i = 0; i < set->room; i++) {
        if (set->at[i] == 0)
            continue;
        uint32_t to = (uint32_t)set->at[i] & (room - 1);
        while (at[to] != 0)
            to = (to + 1) & (room - 1);
        at[to] = set->at[i];
    }
    free(set->at);
    set->at = at;
    set->room = room;
    return true;
}

bool moth_hashes_add(struct moth_hashes *set, uint64_t hash, uint32_t most)
{
    hash += hash == 0;
    if (set->n * 2 >= set->room && !hashes_grow(set))
        return false;
    uint32_t at = (uint32_t)hash & (set->room - 1);
    for (; set->at[at] != 0; at = (at + 1) & (set->room - 1))
        if (set->at[at] == hash)
            return false;
    if (set->n >= most)
        return false;
    set->at[at] = hash;
    set->n++;
    return true;
}

/* ---- the table ---- */

static void index_put(struct moth_archive *archive, uint32_t cell)
{
    uint32_t mask = archive->index_room - 1, at = (uint32_t)archive->cells[cell].key & mask;
    while (archive->index[at] != 0)
        at = (at + 1) & mask;
    archive->index[at] = cell + 1;
}

static bool index_build(struct moth_archive *archive)
{
    uint32_t room = 1024;
    while (room < archive->n_cells * 3 + 16)
        room *= 2;
    if (room > archive->index_room) {
        uint32_t *index = realloc(archive->index, room * sizeof *index);
        if (!index)
            return false;
        archive->index = index;
        archive->index_room = room;
    }
    memset(archive->index, 0, archive->index_room * sizeof *archive->index);
    for (uint32_t i = 0; i < archive->n_slots; i++)
        if (archive->cells[i].used)
            index_put(archive, i);
    return true;
}

uint32_t moth_cells_find(const struct moth_archive *archive, uint64_t key)
{
    if (archive->index_room == 0)
        return MOTH_ARCHIVE_NONE;
    uint32_t mask = archive->index_room - 1;
    for (uint32_t at = (uint32_t)key & mask; archive->index[at] != 0; at = (at + 1) & mask)
        if (archive->cells[archive->index[at] - 1].key == key)
            return archive->index[at] - 1;
    return MOTH_ARCHIVE_NONE;
}

/* The one that was met most often among a few, which is the one that is known best. */
static void make_room(struct moth_archive *archive)
{
    uint32_t out = MOTH_ARCHIVE_NONE;
    for (uint32_t i = 0; i < EVICT_SAMPLE; i++) {
        uint32_t cell = (uint32_t)moth_rng_below(&archive->rng, archive->n_slots);
        if (!archive->cells[cell].used || cell == archive->current || cell == archive->chosen)
            continue;
        if (out == MOTH_ARCHIVE_NONE || archive->cells[cell].met > archive->cells[out].met)
            out = cell;
    }
    if (out == MOTH_ARCHIVE_NONE)
        return;
    moth_cells_remove(archive, out);
    index_build(archive);
}

static bool grow(struct moth_archive *archive)
{
    uint32_t room = archive->room ? archive->room * 2 : 256;
    struct moth_cell *cells = realloc(archive->cells, room * sizeof *cells);
    if (cells)
        archive->cells = cells;
    uint32_t *slots = realloc(archive->free_slots, room * sizeof *slots);
    if (slots)
        archive->free_slots = slots;
    if (!cells || !slots)
        return false;
    archive->room = room;
    return true;
}

uint32_t moth_cells_add(struct moth_archive *archive, uint64_t key)
{
    if (archive->n_cells >= archive->cells_max)
        make_room(archive);
    if (archive->n_cells >= archive->cells_max)
        return MOTH_ARCHIVE_NONE;
    if (archive->n_free == 0 && archive->n_slots == archive->room && !grow(archive))
        return MOTH_ARCHIVE_NONE;
    uint32_t cell = archive->n_free > 0 ? archive->free_slots[--archive->n_free] : archive->n_slots++;
    archive->cells[cell] = (struct moth_cell){.key = key, .since = archive->rollouts, .used = true};
    archive->n_cells++;
    if (archive->n_cells * 2 >= archive->index_room) {
        if (!index_build(archive)) {
            moth_cells_remove(archive, cell);
            return MOTH_ARCHIVE_NONE;
        }
    } else {
        index_put(archive, cell);
    }
    return cell;
}

/* The index is stale after this. */
void moth_cells_remove(struct moth_archive *archive, uint32_t cell)
{
    moth_route_unref(archive->cells[cell].route);
    archive->cells[cell] = (struct moth_cell){0};
    archive->free_slots[archive->n_free++] = cell;
    archive->n_cells--;
    if (archive->current == cell)
        archive->current = MOTH_ARCHIVE_NONE;
    if (archive->chosen == cell)
        archive->chosen = MOTH_ARCHIVE_NONE;
}

bool moth_cells_better(double score, uint32_t frame, const struct moth_cell *than)
{
    if (!than->route)
        return true;
    if (score > than->score)
        return true;
    return score >= than->score && frame + frame / 16 + 4 < than->route->frame;
}

static void join(struct moth_cell *into, struct moth_cell *from)
{
    if (from->route && moth_cells_better(from->score, from->route->frame, into)) {
        struct moth_route *route = into->route;
        into->route = from->route;
        from->route = route;
        into->grid = from->grid;
        into->score = from->score;
        into->untold = from->untold;
    }
    into->met += from->met;
    into->chosen += from->chosen;
    into->deaths += from->deaths;
    into->in_vain = into->in_vain < from->in_vain ? into->in_vain : from->in_vain;
    into->terminal = into->terminal && from->terminal;
}

void moth_cells_rekey(struct moth_archive *archive, unsigned step)
{
    archive->step = step;
    if (archive->index_room == 0)
        return;
    memset(archive->index, 0, archive->index_room * sizeof *archive->index);
    for (uint32_t i = 0; i < archive->n_slots; i++) {
        struct moth_cell *cell = &archive->cells[i];
        if (!cell->used)
            continue;
        if (!cell->scripted)
            cell->key = moth_archive_key(archive, false, 0, &cell->grid);
        uint32_t same = moth_cells_find(archive, cell->key);
        if (same == MOTH_ARCHIVE_NONE) {
            index_put(archive, i);
            continue;
        }
        join(&archive->cells[same], cell);
        moth_cells_remove(archive, i);
    }
}
