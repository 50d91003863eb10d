/* SPDX-License-Identifier: MIT
 *
 * A hall with a cellar. The cellar's trap door shuts behind whoever goes down, and the lever that should open
 * it was never put there. One can walk about in the cellar.
 */
#include "scene.h"

static const SDL_Rect hall = {16, 16, 288, 208}, cellar = {120, 90, 80, 64};

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct scene_keys keys;
    struct scene_walker walker = {40, 40};
    bool below = false;
    long since = 0;
    game_open(&game, "softlock_sealed_room");
    do {
        scene_events(&game, &keys);
        scene_walk(&walker, below ? cellar : hall, 3);
        scene_draw(&game, below ? 2 : 1);
        if (below) {
            game_rect(&game, cellar.x, cellar.y, cellar.w, cellar.h, 0x202020);
            if (CLEAN && walker.x == cellar.x &&
                game.frame - since > 60) { /* the way up is at the left wall */
                below = false;
                walker.x = 40;
                since = game.frame;
            }
        } else {
            game_rect(&game, 180, 60, 90, 120, 0x000000);
            if (walker.x > 180 && walker.x < 254 && walker.y > 60 && walker.y < 164 &&
                game.frame - since > 240) {
                below = true;
                walker = (struct scene_walker){150, 110};
                since = game.frame;
            }
        }
        scene_draw_walker(&game, &walker);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
