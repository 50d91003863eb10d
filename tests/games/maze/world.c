/* SPDX-License-Identifier: MIT */
#include "maze/world.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_COLUMNS 4
#define LATTICE_W 9 /* corridors run over every other tile */
#define LATTICE_H 7
#define WALLS_GONE 75 /* in a hundred */
#define PITS 16       /* in a room */

enum passage_kind { OPEN, DOOR, DROP };

/* From a room to the one on its right or below it; a drop may lead the other way. */
static const struct passage {
    int from, to;
    enum passage_kind kind;
    int key;
} passages[] = {
    {0, 1, OPEN, 0},  {1, 2, OPEN, 0}, {0, 4, OPEN, 0}, {4, 5, DOOR, 1},  {5, 6, DOOR, 2},
    {6, 7, OPEN, 0},  {2, 3, DOOR, 3}, {3, 7, DROP, 0}, {6, 10, DOOR, 4}, {10, 11, OPEN, 0},
    {9, 10, DOOR, 5}, {8, 9, OPEN, 0}, {8, 4, DROP, 0}, {9, 5, DROP, 0},
};

static const int key_rooms[KEYS] = {2, 5, 7, 3, 11}, bug_rooms[BUGS] = {1, 6, 3, 8};

static uint8_t tiles[ROOMS][ROWS][COLUMNS];
static const int step_columns[DIRECTIONS] = {-1, 1, 0, 0}, step_rows[DIRECTIONS] = {0, 0, -1, 1};

/* ---- building ---- */

static uint32_t draw(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* A corridor system without circles: depth first, over lattice points two tiles apart. */
static void carve(int room, int x, int y, uint32_t *random)
{
    uint32_t first = draw(random);
    tiles[room][2 * y + 1][2 * x + 1] = TILE_FLOOR;
    for (uint32_t i = 0; i < DIRECTIONS; i++) {
        uint32_t direction = (first + i * (first & 4 ? 1 : 3)) % DIRECTIONS;
        int to_x = x + step_columns[direction], to_y = y + step_rows[direction];
        if (to_x < 0 || to_x >= LATTICE_W || to_y < 0 || to_y >= LATTICE_H ||
            tiles[room][2 * to_y + 1][2 * to_x + 1] != TILE_WALL)
            continue;
        tiles[room][2 * y + 1 + step_rows[direction]][2 * x + 1 + step_columns[direction]] = TILE_FLOOR;
        carve(room, to_x, to_y, random);
    }
}

/* Openings face each other in the middle of the shared side; the right one spans the wall's two tiles. */
static void open_side(const struct passage *passage)
{
    uint8_t tile = passage->kind == OPEN   ? TILE_FLOOR
                   : passage->kind == DROP ? TILE_DROP
                                           : (uint8_t)(TILE_DOOR + passage->key - 1);
    switch (passage->to - passage->from) {
    case 1:
        tiles[passage->from][7][18] = TILE_FLOOR;
        tiles[passage->from][7][19] = tile;
        tiles[passage->to][7][0] = TILE_FLOOR;
        break;
    case ROOM_COLUMNS:
        tiles[passage->from][14][9] = tile;
        tiles[passage->to][0][9] = TILE_FLOOR;
        break;
    default:
        tiles[passage->from][0][9] = tile;
        tiles[passage->to][14][9] = TILE_FLOOR;
    }
}

/* Corridors become halls: most inner walls between two lattice points go. */
static void open_up(int room, uint32_t *random)
{
    for (int row = 1; row < ROWS - 1; row++)
        for (int column = 1; column < 2 * LATTICE_W; column++)
            if (row % 2 != column % 2 && tiles[room][row][column] == TILE_WALL &&
                draw(random) % 100 < WALLS_GONE)
                tiles[room][row][column] = TILE_FLOOR;
}

/* Can one walk from each tile of the room to each other one, pits aside? */
static bool connected(int room)
{
    bool known[ROWS][COLUMNS] = {{false}};
    int queue[ROWS * COLUMNS], n = 0, open = 0;
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        uint8_t tile = tiles[room][i / COLUMNS][i % COLUMNS];
        if (tile == TILE_WALL || tile == TILE_PIT)
            continue;
        if (open++ == 0) {
            known[i / COLUMNS][i % COLUMNS] = true;
            queue[n++] = i;
        }
    }
    for (int at = 0; at < n; at++)
        for (int i = 0; i < DIRECTIONS; i++) {
            int row = queue[at] / COLUMNS + step_rows[i], column = queue[at] % COLUMNS + step_columns[i];
            if (row < 0 || row >= ROWS || column < 0 || column >= COLUMNS || known[row][column] ||
                tiles[room][row][column] == TILE_WALL || tiles[room][row][column] == TILE_PIT)
                continue;
            known[row][column] = true;
            queue[n++] = row * COLUMNS + column;
        }
    return n == open;
}

static void dig_pits(int room, uint32_t *random)
{
    for (int dug = 0, tries = 0; dug < PITS && tries < 1000; tries++) {
        int column = 1 + (int)(draw(random) % (COLUMNS - 2)), row = 1 + (int)(draw(random) % (ROWS - 2));
        bool beginning = room == 0 && abs(column - 9) < 3 && abs(row - 7) < 3;
        if (tiles[room][row][column] != TILE_FLOOR || beginning)
            continue;
        tiles[room][row][column] = TILE_PIT;
        if (connected(room))
            dug++;
        else
            tiles[room][row][column] = TILE_FLOOR;
    }
}

/* Put a tile into the corner furthest from the room's middle that is still free. */
static void place_tile(int room, uint8_t tile)
{
    int best = -1, best_column = 0, best_row = 0;
    for (int row = 1; row < ROWS - 1; row += 2)
        for (int column = 1; column < 2 * LATTICE_W; column += 2) {
            int far = abs(column - 9) + abs(row - 7);
            if (tiles[room][row][column] == TILE_FLOOR && far > best) {
                best = far;
                best_column = column;
                best_row = row;
            }
        }
    tiles[room][best_row][best_column] = tile;
}

void world_build(void)
{
    uint32_t random = 20;
    memset(tiles, TILE_WALL, sizeof tiles);
    for (int room = 0; room < ROOMS; room++) {
        carve(room, LATTICE_W / 2, LATTICE_H / 2, &random);
        open_up(room, &random);
    }
    for (size_t i = 0; i < sizeof passages / sizeof passages[0]; i++)
        open_side(&passages[i]);
    for (int i = 0; i < KEYS; i++)
        place_tile(key_rooms[i], (uint8_t)(TILE_KEY + i));
    for (int i = 0; i < BUGS; i++)
        place_tile(bug_rooms[i], (uint8_t)(TILE_BUG + i));
    for (int room = 0; room < ROOMS; room++)
        dig_pits(room, &random);
}

/* ---- moving ---- */

enum tile world_tile(int room, int column, int row)
{
    return (enum tile)tiles[room][row][column];
}

struct place world_start(void)
{
    return (struct place){.room = 0, .column = 9, .row = 7, .keys = 0};
}

/* One who has dropped stands on the far side, where the opening is floor, and finds a wall behind. */
static bool leads_back(int room, int next_room)
{
    for (size_t i = 0; i < sizeof passages / sizeof passages[0]; i++)
        if (passages[i].kind == DROP && passages[i].from == next_room && passages[i].to == room)
            return true;
    return false;
}

bool world_step(struct place *place, enum direction direction)
{
    struct place next = *place;
    next.column += step_columns[direction];
    next.row += step_rows[direction];
    if (next.column < 0 || next.column >= COLUMNS) {
        next.room += next.column < 0 ? -1 : 1;
        next.column = next.column < 0 ? COLUMNS - 1 : 0;
    } else if (next.row < 0 || next.row >= ROWS) {
        next.room += next.row < 0 ? -ROOM_COLUMNS : ROOM_COLUMNS;
        next.row = next.row < 0 ? ROWS - 1 : 0;
    }
    if (next.room != place->room && leads_back(place->room, next.room))
        return false;
    enum tile tile = world_tile(next.room, next.column, next.row);
    if (tile == TILE_WALL)
        return false;
    if (tile >= TILE_DOOR && tile < TILE_DOOR + KEYS && !(next.keys >> (tile - TILE_DOOR) & 1))
        return false;
    *place = next;
    return true;
}

int world_arrive(struct place *place)
{
    enum tile tile = world_tile(place->room, place->column, place->row);
    if (tile >= TILE_KEY && tile < TILE_KEY + KEYS)
        place->keys |= 1 << (tile - TILE_KEY);
    if (tile == TILE_PIT)
        *place = world_start();
    return tile >= TILE_BUG && tile < TILE_BUG + BUGS ? (int)tile - TILE_BUG : -1;
}

int world_index(const struct place *place)
{
    return ((place->room * ROWS + place->row) * COLUMNS + place->column) << KEYS | place->keys;
}

/* ---- what can be reached ---- */

struct search {
    struct place *queue;
    int *from; /* index in the queue */
    char *by;
    uint8_t *known;
    int n;
};

static void enter(struct search *search, const struct place *place, int from, char by)
{
    if (search->known[world_index(place)])
        return;
    search->known[world_index(place)] = 1;
    search->queue[search->n] = *place;
    search->from[search->n] = from;
    search->by[search->n++] = by;
}

/* Breadth first over all places, until a bug is met (-1: until all are known). Its index in the queue, or -1.
 */
static int look_for(struct search *search, int bug)
{
    struct place start = world_start();
    search->queue = calloc(PLACES, sizeof *search->queue);
    search->from = calloc(PLACES, sizeof *search->from);
    search->by = calloc(PLACES, 1);
    search->known = calloc(PLACES, 1);
    search->n = 0;
    if (!search->queue || !search->from || !search->by || !search->known)
        abort();
    enter(search, &start, -1, 0);
    for (int at = 0; at < search->n; at++) {
        struct place arrived = search->queue[at];
        if (world_arrive(&arrived) == bug && bug >= 0)
            return at;
        for (int direction = 0; direction < DIRECTIONS; direction++) {
            struct place next = search->queue[at];
            if (!world_step(&next, (enum direction)direction))
                continue;
            int met = world_arrive(&next);
            if (bug >= 0 && met >= 0 && met != bug) /* there the way ends */
                continue;
            enter(search, &next, at, "lrud"[direction]);
        }
    }
    return -1;
}

static void end_search(struct search *search)
{
    free(search->queue);
    free(search->from);
    free(search->by);
    free(search->known);
}

int world_reachable(int *by_keys)
{
    struct search search;
    look_for(&search, -1);
    for (int i = 0; by_keys && i <= KEYS; i++)
        by_keys[i] = 0;
    for (int i = 0; by_keys && i < search.n; i++)
        by_keys[__builtin_popcount((unsigned)search.queue[i].keys)]++;
    int n = search.n;
    end_search(&search);
    return n;
}

int world_way(int bug, char *way, int size)
{
    struct search search;
    int at = look_for(&search, bug), n = 0;
    for (int i = at; i > 0; i = search.from[i])
        n++;
    if (at < 0 || n >= size) {
        end_search(&search);
        return -1;
    }
    way[n] = '\0';
    for (int i = at, left = n; i > 0; i = search.from[i])
        way[--left] = search.by[i];
    end_search(&search);
    return n;
}
