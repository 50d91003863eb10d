/* SPDX-License-Identifier: MIT
 *
 * A maze that is won by going deep and not by luck, because each pit is the way back to the start: see
 * maze/world.h. Arrow keys walk, a tile in two frames.
 * Each of the four broken tiles reads through a null pointer in a function of its own.
 *
 *     maze             play
 *     maze cells       print how many places of the reference grid can be reached, by keys held
 *     maze way BUG     print the shortest way to a broken tile (0 to 3) as letters l r u d
 *
 * Where MAZE_COVERAGE names a file of at least `maze cells`' last figure in bytes, the byte of each place
 * that is entered is set in it. It is written past libc, so that no copy of the file is made for this run:
 * the file counts what all instances and all their branches have seen, and the game never reads it.
 */
#include "maze/world.h"

#include <fcntl.h>
#include <moth/moth.h>
#include <sys/syscall.h>

#include "game.h"

#define TILE 16
#define SPEED 8 /* pixels a frame */

struct walker {
    struct place place;
    enum direction direction;
    int left; /* pixels to the tile's middle */
};

/* What is published. */
static int32_t room, x, y, keys;

static volatile int *broken; /* stays NULL */

static void fall_through_first_floor(void)
{
    *broken = 1;
}

static void fall_through_second_floor(void)
{
    *broken = 2;
}

static void fall_through_third_floor(void)
{
    *broken = 3;
}

static void fall_through_deepest_floor(void)
{
    *broken = 4;
}

static void fall_through(int bug)
{
    static void (*const floors[BUGS])(void) = {fall_through_first_floor, fall_through_second_floor,
                                               fall_through_third_floor, fall_through_deepest_floor};
    floors[bug]();
}

/* ---- coverage ---- */

static long raw(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return result;
#else
    return syscall(number, a, b, c, d);
#endif
}

static void cover(const struct place *place)
{
    static uint8_t known[PLACES]; /* of this branch */
    static const char one = 1;
    const char *path = getenv("MAZE_COVERAGE");
    int index = world_index(place);
    if (!path || known[index])
        return;
    known[index] = 1;
    long fd = raw(SYS_openat, AT_FDCWD, (long)path, O_WRONLY, 0);
    if (fd < 0)
        return;
    raw(SYS_pwrite64, fd, (long)&one, 1, index);
    raw(SYS_close, fd, 0, 0, 0);
}

/* ---- walking ---- */

static void publish(const struct walker *walker)
{
    static const int columns[DIRECTIONS] = {1, -1, 0, 0}, rows[DIRECTIONS] = {0, 0, 1, -1};
    room = walker->place.room;
    keys = walker->place.keys;
    x = walker->place.column * TILE + columns[walker->direction] * walker->left;
    y = walker->place.row * TILE + rows[walker->direction] * walker->left;
}

static void walk(struct walker *walker)
{
    static const int scancodes[DIRECTIONS] = {SDL_SCANCODE_LEFT, SDL_SCANCODE_RIGHT, SDL_SCANCODE_UP,
                                              SDL_SCANCODE_DOWN};
    const Uint8 *held = SDL_GetKeyboardState(NULL);
    if (walker->left > 0) {
        walker->left -= SPEED;
        return;
    }
    for (int i = 0; i < DIRECTIONS; i++) {
        struct place next = walker->place;
        if (!held[scancodes[i]] || !world_step(&next, (enum direction)i))
            continue;
        int bug = world_arrive(&next);
        walker->place = next;
        walker->direction = (enum direction)i;
        walker->left = TILE - SPEED;
        cover(&walker->place);
        if (bug >= 0 && !CLEAN)
            fall_through(bug);
        return;
    }
}

static void draw(struct game *game)
{
    static const uint32_t key_colours[KEYS] = {0xe04040, 0x40e040, 0x4060ff, 0xe0e040, 0xe040e0};
    game_clear(game, 0x202020);
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++) {
            enum tile tile = world_tile(room, column, row);
            uint32_t rgb = 0x606070 + (uint32_t)room * 0x0a0800;
            if (tile == TILE_FLOOR)
                continue;
            if (tile >= TILE_KEY && tile < TILE_KEY + KEYS) {
                if (!(keys >> (tile - TILE_KEY) & 1))
                    game_rect(game, column * TILE + 4, row * TILE + 4, 8, 8, key_colours[tile - TILE_KEY]);
                continue;
            }
            if (tile >= TILE_DOOR && tile < TILE_DOOR + KEYS)
                rgb = key_colours[tile - TILE_DOOR] >> (keys >> (tile - TILE_DOOR) & 1 ? 2 : 1) & 0x7f7f7f;
            else if (tile != TILE_WALL)
                rgb = tile == TILE_PIT ? 0x000000 : tile == TILE_DROP ? 0x404000 : 0x282828;
            game_rect(game, column * TILE, row * TILE, TILE, TILE, rgb);
        }
    for (int i = 0; i < KEYS; i++)
        if (keys >> i & 1)
            game_rect(game, 4 + i * 12, 3, 10, 10, key_colours[i]);
    game_rect(game, x + 3, y + 3, 10, 10, 0xffffff);
}

/* ---- the command line ---- */

static int print_cells(void)
{
    int by_keys[KEYS + 1], n = world_reachable(by_keys);
    for (int i = 0; i <= KEYS; i++)
        printf("%d keys: %d\n", i, by_keys[i]);
    printf("reachable: %d\nplaces: %d\n", n, PLACES);
    return 0;
}

static int print_way(int bug)
{
    static char way[1 << 16];
    int n = world_way(bug, way, sizeof way);
    puts(way);
    return n > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    world_build();
    if (argc == 2 && SDL_strcmp(argv[1], "cells") == 0)
        return print_cells();
    if (argc == 3 && SDL_strcmp(argv[1], "way") == 0)
        return print_way(SDL_atoi(argv[2]));
    struct game game;
    struct walker walker = {.place = world_start(), .direction = LEFT, .left = 0};
    game_open(&game, "maze");
    publish(&walker);
    moth_watch_i32("room", &room);
    moth_watch_i32("x", &x);
    moth_watch_i32("y", &y);
    moth_watch_i32("keys", &keys);
    cover(&walker.place);
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            ;
        walk(&walker);
        publish(&walker);
        draw(&game);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
