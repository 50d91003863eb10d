/* SPDX-License-Identifier: MIT
 *
 * A road with a market, a well and a gate. The trader at the market buys anything, also the key that the gate
 * needs, and sells nothing back.
 */
#include "scene.h"

enum place { MARKET, WELL, GATE, GARDEN };

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct scene_keys keys;
    enum place place = WELL;
    bool has_key = true, bread = false;
    game_open(&game, "softlock_sold_key");
    do {
        scene_events(&game, &keys);
        if (place == GARDEN) {
            if (keys.left)
                place = GATE;
        } else if (keys.left && place > MARKET) {
            place--;
        } else if (keys.right && place < GATE) {
            place++;
        } else if (keys.confirm && game.frame > 300) {
            if (place == MARKET && !CLEAN)
                has_key = false;
            if (place == MARKET)
                bread = !bread;
            if (place == GATE && has_key)
                place = GARDEN;
        }
        scene_draw(&game, 30 + place);
        game_rect(&game, 0, 200, GAME_WIDTH, 40, 0x101010); /* what one carries */
        if (has_key)
            game_rect(&game, 20, 205, 60, 30, 0xffd700);
        if (bread)
            game_rect(&game, 120, 205, 60, 30, 0xc08040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
