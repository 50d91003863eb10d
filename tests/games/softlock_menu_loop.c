/* SPDX-License-Identifier: MIT
 *
 * Space opens a menu over a walk in a field. Its entries lead to the options and to the help, and those lead
 * back to it; the entry that resumes the game was forgotten.
 */
#include "scene.h"

enum screen { FIELD, MENU, OPTIONS, HELP };

static enum screen chosen(enum screen screen, int entry)
{
    if (screen != MENU)
        return MENU;
    if (entry == 0)
        return OPTIONS;
    return CLEAN && entry == 2 ? FIELD : HELP;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    static const SDL_Rect field = {0, 0, GAME_WIDTH, GAME_HEIGHT};
    struct game game;
    struct scene_keys keys;
    struct scene_walker walker = {40, 40};
    enum screen screen = FIELD;
    int entry = 0;
    game_open(&game, "softlock_menu_loop");
    do {
        scene_events(&game, &keys);
        if (screen == FIELD) {
            scene_walk(&walker, field, 2);
            if (keys.confirm && game.frame > 300)
                screen = MENU, entry = 0;
        } else if (keys.confirm) {
            screen = chosen(screen, entry);
            entry = 0;
        } else {
            entry = (entry + keys.down + 2 * keys.up) % 3;
        }
        scene_draw(&game, 10 + screen);
        if (screen == FIELD)
            scene_draw_walker(&game, &walker);
        else
            game_rect(&game, 80, 60 + entry * 50, 160, 40, 0xffffff);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
