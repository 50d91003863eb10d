/* SPDX-License-Identifier: MIT
 *
 * Where in the game's world the plays were, where two of its watches are coordinates (and a third one may name the
 * plane: the room, the level): visited cells with how often they were entered, the ways of some instances, deaths
 * and findings.
 *
 * Bounded, however large the world and long the run: cells are powers of two wide and double until there are
 * at most MOTH_MAP_CELLS_MAX, so that adding up maps gives the same in whatever order. Ways and deaths beyond
 * their limits are a sample by hash, likewise. Values come from the game and are not trusted. Owns its memory;
 * moth_map_fini. When memory is out, nothing is new any more.
 */
#ifndef MOTH_SURVEY_MAP_H
#define MOTH_SURVEY_MAP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOTH_MAP_NAME_BYTES 55u
#define MOTH_MAP_PLANE_BYTES 32u
#define MOTH_MAP_CELLS_MAX 2048u
#define MOTH_MAP_PLANES_MAX 48u
#define MOTH_MAP_WAYS_MAX 32u
#define MOTH_MAP_WAY_POINTS 96u
#define MOTH_MAP_ENDS_MAX 256u /* findings and deaths, each */
#define MOTH_MAP_FINEST (-20)  /* cells are at least 2^-20 wide … */
#define MOTH_MAP_COARSEST 40   /* … and at most 2^40 */

struct moth_map_names {
    char x[MOTH_MAP_NAME_BYTES], y[MOTH_MAP_NAME_BYTES], plane[MOTH_MAP_NAME_BYTES]; /* plane: "": there is none */
};

struct moth_map_cell {
    int64_t x, y; /* cell's number */
    uint32_t plane, visits; /* visits 0: free */
};

struct moth_map_point {
    double x, y;
    uint32_t frame, plane;
    bool lift; /* nothing leads here from the point before */
};

struct moth_map_way {
    uint64_t order; /* hash of instance and seed: the least ones are kept */
    uint32_t instance, n, every, skipped;
    bool lift; /* of a point that was passed over */
    struct moth_map_point points[MOTH_MAP_WAY_POINTS];
};

/* A death in the game, or a finding. */
struct moth_map_end {
    double x, y;
    uint32_t frame, plane, instance;
    char fingerprint[40]; /* "": a death */
};

struct moth_map {
    struct moth_map_names names;
    int size_log2; /* width of a cell */
    struct moth_map_cell *cells; /* open addressing */
    size_t n_cells, room;
    char planes[MOTH_MAP_PLANES_MAX][MOTH_MAP_PLANE_BYTES];
    uint32_t n_planes;
    struct moth_map_way *ways; /* by order */
    size_t n_ways;
    struct moth_map_end *findings, *deaths;
    size_t n_findings, n_deaths;
};

void moth_map_init(struct moth_map *map, const struct moth_map_names *names);
void moth_map_fini(struct moth_map *map);
/* Number of a plane by its name. */
uint32_t moth_map_plane(struct moth_map *map, const char *name);
/* Somebody entered this cell: is it another one than before? `last` is the caller's memory of it, zeroed at first. */
void moth_map_visit(struct moth_map *map, double x, double y, uint32_t plane, struct moth_map_cell *last);
/* Add what a map with cells of 2^size_log2 knows of one; its plane is this map's. */
void moth_map_add_cell(struct moth_map *map, const struct moth_map_cell *cell, int size_log2);
void moth_map_add_end(struct moth_map *map, const struct moth_map_end *end);
/* Add a way; copies. */
void moth_map_add_way(struct moth_map *map, const struct moth_map_way *way);
/* Add up; the names must be the same. */
void moth_map_merge(struct moth_map *map, const struct moth_map *other);

/* Append a point to a way; beyond its limit every second one goes. */
void moth_map_way_add(struct moth_map_way *way, const struct moth_map_point *point);

/* An entry of "maps" of coverage.json. New reference. */
json_t *moth_map_json(const struct moth_map *map);
/* False: it is no such thing. What it says may come from anywhere. */
bool moth_map_from_json(const json_t *json, struct moth_map *map);

#endif
