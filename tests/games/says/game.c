/* SPDX-License-Identifier: MIT
 *
 * A game that says things of itself through moth.h: events, watches and properties, in C, in C++ (part.cpp) and from a
 * shared object that is loaded when it is asked for (plugin.c). With NO_SDL=1 it draws into its own memory and shows
 * its frames with moth_frame().
 *
 *   e  an event           f  three hundred of them in a frame
 *   m  health below zero  c  the part in C++              p  the plugin            u  what cannot be reached
 */
#include <dlfcn.h>
#include <string.h>
#include <time.h>

#include "game.h"
#include "moth/moth.h"

int part_step(int step);

static int32_t health = 3, presses;
static double gold = 1.5;
static bool alive = true;
static char place[32] = "start";

static void load_plugin(void)
{
    void *plugin = dlopen(PLUGIN, RTLD_NOW);
    int (*enter)(int) = NULL;
    if (plugin)
        *(void **)&enter = dlsym(plugin, "plugin_enter");
    moth_always(enter && enter(7) == 14, "the plugin works");
}

static void on_key(int key)
{
    presses++;
    moth_reachable("a key was pressed");
    if (key == SDL_SCANCODE_E)
        moth_event("opened", "door %d of %s", presses, "three");
    for (int i = 0; key == SDL_SCANCODE_F && i < 300; i++)
        moth_event("flood", "%d", i);
    if (key == SDL_SCANCODE_M)
        health -= 4;
    if (key == SDL_SCANCODE_C)
        part_step(presses);
    if (key == SDL_SCANCODE_P)
        load_plugin();
    if (key == SDL_SCANCODE_U)
        moth_unreachable("the room behind the wall");
}

static void each_frame(void)
{
    moth_always(health >= 0, "health is not negative");
    moth_sometimes(health < 0, "somebody dies");
    moth_sometimes(presses > 1000, "a thousand keys");
    alive = health >= 0;
    gold += 0.25;
}

static void publish(void)
{
    moth_watch_i32("health", &health);
    moth_watch_f64("gold", &gold);
    moth_watch_bool("alive", &alive);
    moth_watch_str("place", place);
}

#if NO_SDL
int main(void)
{
    /* No window and no SDL: what there is to press comes by calls. */
    publish();
    if (!moth_attached())
        return 7;
    for (long frame = 0; frame < 100000; frame++) {
        each_frame();
        snprintf(place, sizeof place, "frame %ld", frame);
        moth_frame();
    }
    return 0;
}

void press(int key)
{
    on_key(key);
}
#else
int main(void)
{
    struct game game;
    SDL_Event event;
    game_open(&game, "says");
    publish();
    do {
        while (game_event(&game, &event))
            if (game_pressed(&event))
                on_key(game_pressed(&event));
        each_frame();
        game_clear(&game, 0x203040);
        game_number(&game, 10, 10, (uint64_t)presses * 100 + (uint64_t)(health + 50));
    } while (game_present(&game));
    game_close(&game);
    return moth_attached() ? 0 : 0;
}
#endif
