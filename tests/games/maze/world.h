/* SPDX-License-Identifier: MIT
 *
 * The maze game's world: twelve rooms, doors that want keys, drops that cannot be climbed, pits that lead
 * back to the beginning and take all keys, and four broken tiles, each further in than the one before:
 *
 *      0 --- 1 --- 2 =3= 3        --- open, =k= a door for key k, v a drop
 *      |                 v        keys: 1 in room 2, 2 in room 5, 3 in room 7, 4 in room 3, 5 in room 11
 *      4 =1= 5 =2= 6 --- 7        broken: rooms 1, 6, 3 and 8
 *      ^     ^     4
 *      8 --- 9 =5= 10 -- 11
 *
 * A place is a room, a tile in it, and the keys held: the grid that coverage is counted by. The keys can only
 * be had in order, so of the 32 sets of keys six occur.
 */
#ifndef TESTS_GAMES_MAZE_WORLD_H
#define TESTS_GAMES_MAZE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#define ROOMS 12
#define COLUMNS 20
#define ROWS 15
#define KEYS 5
#define BUGS 4
#define PLACES (ROOMS * COLUMNS * ROWS << KEYS)

enum tile {
    TILE_WALL,
    TILE_FLOOR,
    TILE_PIT,
    TILE_KEY,                    /* + 0 … KEYS - 1 */
    TILE_DOOR = TILE_KEY + KEYS, /* + 0 … KEYS - 1 */
    TILE_BUG = TILE_DOOR + KEYS, /* + 0 … BUGS - 1 */
    TILE_DROP = TILE_BUG + BUGS, /* leads out of the room and not back */
    TILES
};

enum direction { LEFT, RIGHT, UP, DOWN, DIRECTIONS };

struct place {
    int room, column, row, keys; /* keys: one bit each */
};

void world_build(void);
enum tile world_tile(int room, int column, int row);
struct place world_start(void);
/* A step to the next tile, into the next room too; false where a wall or a door without its key is. */
bool world_step(struct place *place, enum direction direction);
/* What the tile does to who has come onto it: a key is taken, a pit ends it all. The bug's number, or -1. */
int world_arrive(struct place *place);
int world_index(const struct place *place);

/* Number of places that can be reached; by key set where `by_keys` is not NULL (KEYS + 1 of them). */
int world_reachable(int *by_keys);
/* Steps to a bug by the shortest way, written as letters l r u d; `way` has room for `size`. -1: there is
 * none. */
int world_way(int bug, char *way, int size);

#endif
