/* SPDX-License-Identifier: MIT
 *
 * A tower of twelve floors. On each one of the four arrow keys leads up, and the others back to the ground, so that keys
 * at random get nowhere, and whoever can return to the floor he reached gets there soon. The roof is broken.
 * Publishes the floor, its name, and pointers that lead nowhere.
 */
#include <moth/moth.h>
#include <sys/mman.h>

#include "game.h"

#define FLOORS 12

static int32_t floor_number;
static float height;
static double pressure;
static bool above_ground;
static char name[16];
static int *volatile broken; /* stays NULL */

static void fall_off_the_roof(void)
{
    if (!CLEAN)
        *broken = 1;
}

static int way_up(int from)
{
    static const int keys[] = {SDL_SCANCODE_LEFT, SDL_SCANCODE_RIGHT, SDL_SCANCODE_UP, SDL_SCANCODE_DOWN};
    return keys[game_mix(77, (uint64_t)from) % 4];
}

static void publish(void)
{
    height = (float)floor_number * 2.5f;
    pressure = 1013.25 - floor_number;
    above_ground = floor_number > 0;
    snprintf(name, sizeof name, "floor %d", floor_number);
}

/* To be called from outside. */
int32_t lift_to(int32_t to)
{
    int32_t from = floor_number;
    floor_number = to;
    publish();
    return from;
}

int main(void)
{
    struct game game;
    game_open(&game, "tower");
    char *gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(edge + 4096, 4096);
    memcpy(edge + 4093, "end", 3); /* no terminator before the page ends */
    moth_watch_i32("floor", &floor_number);
    moth_watch_f32("height", &height);
    moth_watch_f64("pressure", &pressure);
    moth_watch_bool("above_ground", &above_ground);
    moth_watch_str("name", name);
    moth_watch_str("edge", edge + 4093);
    moth_watch_i32("wild", (const int32_t *)(uintptr_t)0xdead0000beef0000);
    moth_watch_i32("gone", (const int32_t *)(void *)gone);
    moth_watch_i32("taken_back", &floor_number);
    moth_watch_i32("taken_back", NULL);
    munmap(gone, 4096);
    SDL_Event event;
    do {
        while (game_event(&game, &event)) {
            int key = game_pressed(&event);
            if (!key)
                continue;
            floor_number = key == way_up(floor_number) ? floor_number + 1 : 0;
            if (floor_number == FLOORS) {
                fall_off_the_roof();
                floor_number = 0;
            }
        }
        publish();
        game_clear(&game, 0x203040);
        game_number(&game, 20, 20, (uint64_t)floor_number);
        game_rect(&game, (int)(game.frame % 300), 220, 12, 12, 0xffffff);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
