/* SPDX-License-Identifier: MIT
 *
 * Which cell to go on from.
 */
#include <math.h>

#include "explore/cells.h"

#define TRIES 16u
#define NEAR_FRAMES 2048u
#define FRESH 15.0
#define FRESH_ROLLOUTS 4.0

static double weight(const struct moth_archive *archive, const struct moth_cell *cell)
{
    if (!cell->used || !cell->route || cell->terminal || cell->unreachable)
        return 0;
    double age = (double)(archive->rollouts - cell->since);
    double fresh = 1 + FRESH / (1 + age / FRESH_ROLLOUTS);
    return fresh / (((double)cell->met + 1) * sqrt((double)cell->in_vain + 1) * ((double)cell->tried + 1) *
                    ((double)cell->deaths + 1));
}

double moth_archive_weight(const struct moth_archive *archive, uint32_t cell)
{
    return cell < archive->n_slots ? weight(archive, &archive->cells[cell]) : 0;
}

void moth_archive_tried(struct moth_archive *archive, uint32_t cell)
{
    if (cell < archive->n_slots)
        archive->cells[cell].tried++;
}

static uint32_t pick(struct moth_archive *archive, double sum)
{
    double at = moth_rng_unit(&archive->rng) * sum;
    uint32_t last = MOTH_ARCHIVE_NONE;
    for (uint32_t i = 0; i < archive->n_slots; i++) {
        double w = weight(archive, &archive->cells[i]);
        if (w <= 0)
            continue;
        last = i;
        at -= w;
        if (at < 0)
            break;
    }
    return last;
}

/* Frames between the nearest snapshot on the way and the cell. */
static uint32_t frames_to_replay(const struct moth_route *route)
{
    const struct moth_route *at = route;
    while (at && at->handle == 0)
        at = at->parent;
    return route->frame - (at ? at->frame : 0);
}

static bool near_enough(struct moth_archive *archive, uint32_t cell)
{
    uint32_t frames = frames_to_replay(archive->cells[cell].route);
    return moth_rng_unit(&archive->rng) * ((double)NEAR_FRAMES + frames) < NEAR_FRAMES;
}

uint32_t moth_archive_choose(struct moth_archive *archive)
{
    double sum = 0;
    for (uint32_t i = 0; i < archive->n_slots; i++)
        sum += weight(archive, &archive->cells[i]);
    uint32_t cell = MOTH_ARCHIVE_NONE;
    for (uint32_t i = 0; sum > 0 && i < TRIES; i++) {
        cell = pick(archive, sum);
        if (near_enough(archive, cell))
            break;
    }
    archive->chosen = archive->current = cell;
    archive->opened = 0;
    if (cell == MOTH_ARCHIVE_NONE)
        return cell;
    archive->cells[cell].chosen++;
    archive->cells[cell].new_chosen++;
    moth_route_ref(archive->cells[cell].route);
    moth_route_unref(archive->near);
    archive->near = archive->cells[cell].route;
    return cell;
}

uint32_t moth_archive_any(struct moth_archive *archive)
{
    if (archive->n_slots == 0)
        return MOTH_ARCHIVE_NONE;
    uint32_t from = (uint32_t)moth_rng_below(&archive->rng, archive->n_slots);
    for (uint32_t i = 0; i < archive->n_slots; i++) {
        uint32_t cell = (from + i) % archive->n_slots;
        if (archive->cells[cell].used && archive->cells[cell].route)
            return cell;
    }
    return MOTH_ARCHIVE_NONE;
}
