/* SPDX-License-Identifier: MIT */
#include "explore/archive.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "explore/cells.h"

#define WINDOW 8u /* roll-outs between looks at the ladder */
#define OPENED_MANY 8u
#define ARCHIVE_SEED_MARK 0x61726368697665ULL

uint64_t moth_archive_hash(const void *bytes, size_t size_bytes, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, size_bytes, seed);
}

struct moth_archive *moth_archive_create(const struct moth_archive_config *config)
{
    struct moth_archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        return NULL;
    moth_rng_seed(&archive->rng, config->seed ^ ARCHIVE_SEED_MARK);
    const char *name = config->name ? config->name : "";
    archive->name = (uint32_t)XXH3_64bits(name, strlen(name));
    archive->cells_max = config->cells_max ? config->cells_max : MOTH_ARCHIVE_CELLS_MAX;
    archive->log = config->log;
    archive->step = MOTH_GRID_STEP_FIRST;
    archive->window = WINDOW;
    archive->current = archive->chosen = MOTH_ARCHIVE_NONE;
    if (archive->log)
        moth_archive_take_over(archive);
    return archive;
}

void moth_archive_destroy(struct moth_archive *archive)
{
    if (!archive)
        return;
    for (uint32_t i = 0; i < archive->n_slots; i++)
        moth_route_unref(archive->cells[i].route);
    for (size_t i = 0; i < archive->n_entries; i++)
        moth_route_unref(archive->entries[i].route);
    for (uint32_t i = 0; i < archive->n_recordings; i++)
        free(archive->recordings[i].events);
    moth_route_unref(archive->near);
    moth_ngrams_fini(&archive->ngrams);
    free(archive->note);
    free(archive->cells);
    free(archive->free_slots);
    free(archive->index);
    free(archive->reference.at);
    free(archive->new_reference);
    free(archive->entries);
    free(archive->recordings);
    free(archive);
}

/* ---- meeting cells ---- */

uint64_t moth_archive_key(const struct moth_archive *archive, bool scripted, uint64_t key,
                          const struct moth_grid *grid)
{
    return scripted ? key ^ 1 : moth_grid_key(grid, archive->step);
}

void moth_archive_note_reference(struct moth_archive *archive, uint64_t hash, bool own)
{
    if (!moth_hashes_add(&archive->reference, hash, MOTH_ARCHIVE_REFERENCE_MAX) || !own || !archive->log)
        return;
    if (archive->n_new_reference == archive->room_new_reference) {
        uint32_t room = archive->room_new_reference * 2 + 64;
        uint64_t *grown = realloc(archive->new_reference, room * sizeof *grown);
        if (!grown)
            return;
        archive->new_reference = grown;
        archive->room_new_reference = room;
    }
    archive->new_reference[archive->n_new_reference++] = hash;
}

static void meet(struct moth_archive *archive, uint32_t cell)
{
    if (archive->current == cell)
        return; /* still there */
    archive->cells[cell].met++;
    archive->cells[cell].new_met++;
    archive->current = cell;
}

enum moth_archive_seen moth_archive_see(struct moth_archive *archive, const struct moth_archive_place *place,
                                        uint32_t *number)
{
    archive->pictures = archive->pictures || !place->scripted;
    uint64_t key = moth_archive_key(archive, place->scripted, place->key, &place->grid);
    uint64_t reference = place->scripted ? key : moth_grid_key(&place->grid, MOTH_GRID_STEP_REFERENCE);
    moth_archive_note_reference(archive, reference, true);
    uint32_t known = moth_cells_find(archive, key);
    *number = known != MOTH_ARCHIVE_NONE ? known : moth_cells_add(archive, key);
    if (*number == MOTH_ARCHIVE_NONE)
        return MOTH_ARCHIVE_KNOWN;
    struct moth_cell *cell = &archive->cells[*number];
    meet(archive, *number);
    bool better = moth_cells_better(place->score, place->frame, cell);
    if (known != MOTH_ARCHIVE_NONE && !better)
        return MOTH_ARCHIVE_KNOWN;
    if (known != MOTH_ARCHIVE_NONE && place->score > cell->score)
        cell->in_vain = 0; /* a better state is worth another look */
    cell->scripted = place->scripted;
    cell->grid = place->grid;
    cell->score = place->score;
    cell->terminal = place->terminal;
    if (known != MOTH_ARCHIVE_NONE)
        return MOTH_ARCHIVE_BETTER;
    archive->opened++;
    return MOTH_ARCHIVE_OPENED;
}

void moth_archive_way(struct moth_archive *archive, uint32_t number, const struct moth_input_event *events,
                      size_t n_events, uint32_t frame)
{
    struct moth_cell *cell = &archive->cells[number];
    struct moth_route *route = moth_route_of(archive->near, events, n_events, frame);
    if (!route)
        return;
    if (cell->met <= 1)
        moth_ngrams_learn(&archive->ngrams, events, n_events, frame);
    if (frame > archive->deepest)
        archive->deepest = frame;
    moth_route_unref(cell->route);
    cell->route = route;
    cell->unreachable = false;
    cell->untold = archive->log != NULL;
    moth_route_unref(archive->near);
    archive->near = moth_route_ref(route);
}

void moth_archive_died(struct moth_archive *archive)
{
    if (archive->current == MOTH_ARCHIVE_NONE)
        return;
    archive->cells[archive->current].deaths++;
    archive->cells[archive->current].new_deaths++;
}

void moth_archive_unreachable(struct moth_archive *archive, uint32_t cell)
{
    archive->cells[cell].unreachable = true;
}

/* ---- roll-outs ---- */

static void turn(struct moth_archive *archive, int way)
{
    int step = (int)archive->step + way;
    if (step < 0 || step >= (int)MOTH_GRID_STEPS)
        return;
    if (archive->last_turn == -way)
        archive->window *= 2;
    archive->last_turn = way;
    moth_cells_rekey(archive, (unsigned)step);
}

static void look_at_ladder(struct moth_archive *archive)
{
    archive->window_opened += archive->opened;
    archive->window_rollouts++;
    bool crowded = archive->n_cells * 4 > archive->cells_max * 3;
    if (!archive->pictures || (archive->window_rollouts < archive->window && !crowded))
        return;
    if (crowded || archive->window_opened > OPENED_MANY * archive->window_rollouts)
        turn(archive, -1);
    else if (archive->window_opened < archive->window_rollouts)
        turn(archive, 1);
    archive->window_opened = archive->window_rollouts = 0;
}

uint32_t moth_archive_rolled(struct moth_archive *archive, struct moth_err *err)
{
    uint32_t opened = archive->opened;
    if (archive->chosen != MOTH_ARCHIVE_NONE) {
        struct moth_cell *cell = &archive->cells[archive->chosen];
        cell->in_vain = opened > 0 ? 0 : cell->in_vain + 1;
    }
    if (err)
        err->code = MOTH_ERR_OK;
    if (archive->log)
        moth_archive_share(archive, err);
    archive->rollouts++;
    look_at_ladder(archive);
    archive->opened = 0;
    archive->chosen = archive->current = MOTH_ARCHIVE_NONE;
    return opened;
}

/* ---- what is known ---- */

struct moth_route *moth_archive_route(const struct moth_archive *archive, uint32_t cell)
{
    return cell < archive->n_slots && archive->cells[cell].used ? archive->cells[cell].route : NULL;
}

uint32_t moth_archive_met(const struct moth_archive *archive, uint32_t cell)
{
    return cell < archive->n_slots ? archive->cells[cell].met : 0;
}

struct moth_ngrams *moth_archive_ngrams(struct moth_archive *archive)
{
    return &archive->ngrams;
}

struct moth_rng *moth_archive_rng(struct moth_archive *archive)
{
    return &archive->rng;
}

const struct moth_input_event *moth_archive_recording(const struct moth_archive *archive, uint32_t i,
                                                      size_t *n_events, uint32_t *frames)
{
    if (i >= archive->n_recordings)
        return NULL;
    *n_events = archive->recordings[i].n_events;
    *frames = archive->recordings[i].frames;
    return archive->recordings[i].events;
}

void moth_archive_counts(const struct moth_archive *archive, struct moth_archive_counts *counts)
{
    *counts = (struct moth_archive_counts){.cells = archive->n_cells,
                                           .reference = archive->reference.n,
                                           .step = archive->step,
                                           .recordings = archive->n_recordings,
                                           .deepest_frame = archive->deepest,
                                           .rollouts = archive->rollouts};
}
