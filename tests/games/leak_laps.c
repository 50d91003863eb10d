/* SPDX-License-Identifier: MIT
 *
 * A street with a shop. Opening the shop's door loads its catalogue, which is never thrown away. The clean
 * twin keeps the one that it has.
 */
#include "scene.h"

#define CATALOGUE_BYTES (160 * 1024)

static char *catalogue;

static void open_catalogue(void)
{
    if (CLEAN && catalogue)
        return;
    catalogue = malloc(CATALOGUE_BYTES);
    SDL_memset(catalogue, 1, CATALOGUE_BYTES);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct scene_keys keys;
    bool inside = false;
    int shelf = 0;
    game_open(&game, "leak_laps");
    do {
        scene_events(&game, &keys);
        if (!inside && keys.confirm) {
            inside = true;
            shelf = 0;
            open_catalogue();
        } else if (inside && keys.left) {
            inside = false;
        } else if (inside) {
            shelf = (shelf + keys.down) % 3;
        }
        scene_draw(&game, inside ? 61 : 60);
        if (inside)
            game_rect(&game, 80, 60 + shelf * 50, 160, 40, 0xffffff);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
