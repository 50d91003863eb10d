/* SPDX-License-Identifier: MIT */
#include "fleet/places.h"

#include <stdlib.h>

#include "explore/grid.h"

#define ROOM_FIRST 256u

uint64_t moth_places_key(const struct moth_view *view)
{
    struct moth_grid grid;
    if (!view->ok)
        return view->watches;
    moth_grid_of_grey(&grid, view->cell);
    return moth_grid_key(&grid, MOTH_GRID_STEP_REFERENCE);
}

/* Where the key is, or would be. Keys are hashes. */
static uint64_t *place_of(uint64_t *keys, size_t room, uint64_t key)
{
    size_t at = (size_t)key & (room - 1);
    while (keys[at] != 0 && keys[at] != key)
        at = (at + 1) & (room - 1);
    return &keys[at];
}

static bool grow(struct moth_places *cells)
{
    size_t room = cells->room ? cells->room * 2 : ROOM_FIRST;
    uint64_t *keys = calloc(room, sizeof *keys);
    if (!keys)
        return false;
    for (size_t i = 0; i < cells->room; i++) {
        if (cells->keys[i] != 0)
            *place_of(keys, room, cells->keys[i]) = cells->keys[i];
    }
    free(cells->keys);
    cells->keys = keys;
    cells->room = room;
    return true;
}

bool moth_places_add(struct moth_places *cells, uint64_t key)
{
    if (key == 0 || cells->n >= MOTH_PLACES_MAX || (cells->n * 2 >= cells->room && !grow(cells)))
        return false;
    uint64_t *place = place_of(cells->keys, cells->room, key);
    if (*place == key)
        return false;
    *place = key;
    cells->n++;
    return true;
}

void moth_places_fini(struct moth_places *cells)
{
    free(cells->keys);
    *cells = (struct moth_places){0};
}
