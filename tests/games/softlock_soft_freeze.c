/* SPDX-License-Identifier: MIT
 *
 * Flying between the stars. Who meets the beacon waits for its answer; the answer was to come with an event
 * that nobody sends. The stars go on, and so does the clock.
 */
#include "scene.h"

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    static const SDL_Rect space = {0, 30, GAME_WIDTH, GAME_HEIGHT - 30};
    struct game game;
    struct scene_keys keys;
    struct scene_walker ship = {20, 110};
    long waits_since = 0, answered = 0;
    game_open(&game, "softlock_soft_freeze");
    do {
        scene_events(&game, &keys);
        if (!waits_since)
            scene_walk(&ship, space, 2);
        if (!waits_since && ship.x > 150 && game.frame - answered > 300)
            waits_since = game.frame;
        if (CLEAN && waits_since && game.frame - waits_since > 120) {
            waits_since = 0;
            answered = game.frame;
            ship.x = 20;
        }
        game_clear(&game, 0x000018);
        scene_stars(&game, game.frame);
        game_rect(&game, 170, 0, 12, GAME_HEIGHT, waits_since ? 0x40ff40 : 0x408040);
        game_rect(&game, 0, 0, (int)(game.frame / 60 % 60) * 5, 12, 0xffff00); /* the clock */
        scene_draw_walker(&game, &ship);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
