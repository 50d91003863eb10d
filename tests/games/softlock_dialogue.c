/* SPDX-License-Identifier: MIT
 *
 * A guard stands in the way and talks. What he says runs in over half a second a page, return or space turns
 * to the next one; after the last he begins again, instead of stepping aside.
 */
#include "scene.h"

#define PAGES 4

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    static const SDL_Rect road = {0, 0, GAME_WIDTH, GAME_HEIGHT};
    struct game game;
    struct scene_keys keys;
    struct scene_walker walker = {20, 110};
    int page = -1; /* nobody talks */
    long since = 0;
    game_open(&game, "softlock_dialogue");
    do {
        scene_events(&game, &keys);
        if (page < 0) {
            scene_walk(&walker, road, 2);
            if (walker.x > 60 && game.frame - since > 300)
                page = 0, since = game.frame;
        } else if (keys.confirm && game.frame - since > 30) {
            page++;
            since = game.frame;
            if (page == PAGES) {
                page = CLEAN ? -1 : 0;
                walker.x = CLEAN ? 20 : walker.x;
            }
        }
        scene_draw(&game, 20);
        game_rect(&game, 160, 60, 40, 120, 0xa02020);
        scene_draw_walker(&game, &walker);
        if (page >= 0) {
            int shown = (int)SDL_min(game.frame - since, 30);
            game_rect(&game, 0, 180, GAME_WIDTH, 60, 0x101010);
            game_rect(&game, 10, 190 + page * 10, shown * 10, 10, 0xf0f0f0);
        }
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
