/* SPDX-License-Identifier: MIT */
#include "survey/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ROOM_FIRST 64u
#define FARTHEST 1e12 /* a coordinate beyond it is none */

void moth_map_init(struct moth_map *map, const struct moth_map_names *names)
{
    *map = (struct moth_map){.names = *names, .size_log2 = MOTH_MAP_FINEST};
}

void moth_map_fini(struct moth_map *map)
{
    free(map->cells);
    free(map->ways);
    free(map->findings);
    free(map->deaths);
    *map = (struct moth_map){0};
}

/* Beyond the limit the rest is one plane. */
uint32_t moth_map_plane(struct moth_map *map, const char *name)
{
    char plane[MOTH_MAP_PLANE_BYTES] = "";
    memcpy(plane, name, strnlen(name, sizeof plane - 1));
    for (uint32_t i = 0; i < map->n_planes; i++)
        if (strcmp(map->planes[i], plane) == 0)
            return i;
    if (map->n_planes == MOTH_MAP_PLANES_MAX)
        return MOTH_MAP_PLANES_MAX - 1;
    memcpy(map->planes[map->n_planes], map->n_planes == MOTH_MAP_PLANES_MAX - 1 ? "others" : plane, sizeof plane);
    return map->n_planes++;
}

/* ---- cells ---- */

static struct moth_map_cell *place_of(struct moth_map_cell *cells, size_t room, const struct moth_map_cell *cell)
{
    const int64_t key[] = {cell->x, cell->y, cell->plane};
    size_t at = (size_t)XXH3_64bits(key, sizeof key) & (room - 1);
    while (cells[at].visits != 0 &&
           (cells[at].x != cell->x || cells[at].y != cell->y || cells[at].plane != cell->plane))
        at = (at + 1) & (room - 1);
    return &cells[at];
}

static bool make_room(struct moth_map *map)
{
    if (map->n_cells * 2 < map->room)
        return true;
    size_t room = map->room ? map->room * 2 : ROOM_FIRST;
    struct moth_map_cell *cells = calloc(room, sizeof *cells);
    if (!cells)
        return false;
    for (size_t i = 0; i < map->room; i++)
        if (map->cells[i].visits > 0)
            *place_of(cells, room, &map->cells[i]) = map->cells[i];
    free(map->cells);
    map->cells = cells;
    map->room = room;
    return true;
}

static void put_cell(struct moth_map *map, const struct moth_map_cell *cell)
{
    if (!make_room(map))
        return;
    struct moth_map_cell *place = place_of(map->cells, map->room, cell);
    uint32_t before = place->visits;
    map->n_cells += before == 0;
    *place = *cell;
    place->visits = before < UINT32_MAX - cell->visits ? before + cell->visits : UINT32_MAX;
}

/* Cells of twice the width. */
static void coarsen(struct moth_map *map)
{
    struct moth_map_cell *cells = map->cells;
    size_t room = map->room;
    map->cells = NULL;
    map->n_cells = map->room = 0;
    map->size_log2++;
    for (size_t i = 0; i < room; i++) {
        struct moth_map_cell cell = cells[i];
        cell.x >>= 1; /* towards minus infinity, on both sides of 0 */
        cell.y >>= 1;
        if (cell.visits > 0)
            put_cell(map, &cell);
    }
    free(cells);
}

static void fit(struct moth_map *map)
{
    while (map->n_cells > MOTH_MAP_CELLS_MAX && map->size_log2 < MOTH_MAP_COARSEST)
        coarsen(map);
}

static bool is_place(double x, double y)
{
    return isfinite(x) && isfinite(y) && fabs(x) < FARTHEST && fabs(y) < FARTHEST;
}

void moth_map_visit(struct moth_map *map, double x, double y, uint32_t plane, struct moth_map_cell *last)
{
    if (!is_place(x, y))
        return;
    struct moth_map_cell cell = {.x = (int64_t)floor(ldexp(x, -map->size_log2)),
                                 .y = (int64_t)floor(ldexp(y, -map->size_log2)),
                                 .plane = plane,
                                 .visits = 1};
    bool same = last->visits > 0 && last->x == cell.x && last->y == cell.y && last->plane == cell.plane;
    *last = cell;
    if (same)
        return;
    put_cell(map, &cell);
    int before = map->size_log2;
    fit(map);
    last->x >>= map->size_log2 - before;
    last->y >>= map->size_log2 - before;
}

void moth_map_add_cell(struct moth_map *map, const struct moth_map_cell *cell, int size_log2)
{
    struct moth_map_cell own = *cell;
    if (cell->visits == 0 || !is_place(ldexp((double)cell->x, size_log2), ldexp((double)cell->y, size_log2)))
        return;
    while (map->size_log2 < size_log2)
        coarsen(map);
    own.x >>= map->size_log2 - size_log2;
    own.y >>= map->size_log2 - size_log2;
    put_cell(map, &own);
    fit(map);
}

/* ---- ways ---- */

void moth_map_way_add(struct moth_map_way *way, const struct moth_map_point *point)
{
    if (!is_place(point->x, point->y))
        return;
    way->every = way->every ? way->every : 1;
    way->lift = way->lift || point->lift;
    if (++way->skipped < way->every)
        return;
    way->skipped = 0;
    if (way->n == MOTH_MAP_WAY_POINTS) {
        for (uint32_t i = 0; i < MOTH_MAP_WAY_POINTS / 2; i++) {
            bool lift = way->points[2 * i].lift || way->points[2 * i + 1].lift;
            way->points[i] = way->points[2 * i + 1];
            way->points[i].lift = lift;
        }
        way->n = MOTH_MAP_WAY_POINTS / 2;
        way->every *= 2;
    }
    way->points[way->n] = *point;
    way->points[way->n++].lift = way->lift;
    way->lift = false;
}

static int compare_points(const struct moth_map_point *a, const struct moth_map_point *b)
{
    if (a->frame != b->frame)
        return a->frame < b->frame ? -1 : 1;
    return a->x != b->x ? (a->x < b->x ? -1 : 1) : (a->y > b->y) - (a->y < b->y);
}

static int compare_ways(const struct moth_map_way *a, const struct moth_map_way *b)
{
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    int order = 0;
    for (uint32_t i = 0; i < a->n && order == 0; i++)
        order = compare_points(&a->points[i], &b->points[i]);
    return order;
}

void moth_map_add_way(struct moth_map *map, const struct moth_map_way *way)
{
    size_t at = 0;
    while (at < map->n_ways && compare_ways(&map->ways[at], way) < 0)
        at++;
    bool there = at < map->n_ways && compare_ways(&map->ways[at], way) == 0;
    if (way->n < 2 || at == MOTH_MAP_WAYS_MAX || there)
        return;
    if (map->n_ways < MOTH_MAP_WAYS_MAX) {
        struct moth_map_way *grown = realloc(map->ways, (map->n_ways + 1) * sizeof *grown);
        if (!grown)
            return;
        map->ways = grown;
        map->n_ways++;
    }
    memmove(&map->ways[at + 1], &map->ways[at], (map->n_ways - at - 1) * sizeof *map->ways);
    map->ways[at] = *way;
}

/* ---- ends ---- */

static uint64_t order_of(const struct moth_map_end *end)
{
    const uint32_t key[] = {end->instance, end->frame};
    return XXH3_64bits(key, sizeof key);
}

static int compare_ends(const struct moth_map_end *a, const struct moth_map_end *b)
{
    uint64_t left = order_of(a), right = order_of(b);
    int order = strcmp(a->fingerprint, b->fingerprint);
    order = order ? order : (left > right) - (left < right);
    order = order ? order : (a->x > b->x) - (a->x < b->x);
    return order ? order : (a->y > b->y) - (a->y < b->y);
}

static void insert_end(struct moth_map_end **ends, size_t *n, const struct moth_map_end *end)
{
    size_t at = 0;
    while (at < *n && compare_ends(&(*ends)[at], end) < 0)
        at++;
    if (at == MOTH_MAP_ENDS_MAX || (at < *n && compare_ends(&(*ends)[at], end) == 0))
        return;
    if (*n < MOTH_MAP_ENDS_MAX) {
        struct moth_map_end *grown = realloc(*ends, (*n + 1) * sizeof *grown);
        if (!grown)
            return;
        *ends = grown;
        ++*n;
    }
    memmove(&(*ends)[at + 1], &(*ends)[at], (*n - at - 1) * sizeof **ends);
    (*ends)[at] = *end;
}

void moth_map_add_end(struct moth_map *map, const struct moth_map_end *end)
{
    if (!is_place(end->x, end->y))
        return;
    if (end->fingerprint[0])
        insert_end(&map->findings, &map->n_findings, end);
    else
        insert_end(&map->deaths, &map->n_deaths, end);
}

/* ---- adding up ---- */

void moth_map_merge(struct moth_map *map, const struct moth_map *other)
{
    uint32_t planes[MOTH_MAP_PLANES_MAX];
    for (uint32_t i = 0; i < other->n_planes; i++)
        planes[i] = moth_map_plane(map, other->planes[i]);
    for (size_t i = 0; i < other->room; i++) {
        struct moth_map_cell cell = other->cells[i];
        if (cell.visits == 0)
            continue;
        cell.plane = planes[cell.plane];
        moth_map_add_cell(map, &cell, other->size_log2);
    }
    for (size_t i = 0; i < other->n_ways; i++) {
        struct moth_map_way way = other->ways[i];
        for (uint32_t k = 0; k < way.n; k++)
            way.points[k].plane = planes[way.points[k].plane];
        moth_map_add_way(map, &way);
    }
    for (int deaths = 0; deaths < 2; deaths++)
        for (size_t i = 0; i < (deaths ? other->n_deaths : other->n_findings); i++) {
            struct moth_map_end end = deaths ? other->deaths[i] : other->findings[i];
            end.plane = planes[end.plane];
            moth_map_add_end(map, &end);
        }
}
