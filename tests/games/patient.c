/* SPDX-License-Identifier: MIT
 *
 * Games in which standing still is right, one by each name that this file is built for: a cutscene of a
 * minute, a pause, a name to be entered, an attract mode that wants a coin, a boss to be waited out.
 */
#include "scene.h"

enum { CUTSCENE = 1, PAUSE, NAME_ENTRY, ATTRACT, BOSS };

#ifndef PATIENT
#error "PATIENT must be one of the above"
#endif

#define ENTERED_AT 600 /* the part that looks stuck begins */

static bool typed_name(const struct scene_keys *keys, int *letters)
{
    if (keys->letter && *letters < 3)
        (*letters)++;
    return *letters == 3 && keys->scancode == SDL_SCANCODE_RETURN;
}

/* Is the part over? */
static bool leaves(const struct scene_keys *keys, long frames, int *letters)
{
    switch (PATIENT) {
    case CUTSCENE:
        return frames > 3600;
    case PAUSE:
        return keys->scancode == SDL_SCANCODE_P;
    case NAME_ENTRY:
        return typed_name(keys, letters);
    case ATTRACT:
        return keys->scancode == SDL_SCANCODE_5;
    default:
        return frames > 4200;
    }
}

static void draw_part(struct game *game, long frames, int letters, struct scene_walker *walker)
{
    static const SDL_Rect arena = {130, 100, 64, 48};
    scene_draw(game, 50 + PATIENT);
    if (PATIENT == CUTSCENE)
        scene_stars(game, frames);
    if (PATIENT == NAME_ENTRY)
        game_rect(game, 40, 110, letters * 80, 20, 0xffffff);
    if (PATIENT == ATTRACT) /* the demo, again and again */
        game_rect(game, (int)(frames * 2 % 280), 100, 40, 40, 0xffff00);
    if (PATIENT == BOSS) {
        scene_walk(walker, arena, 4);
        game_rect(game, arena.x, arena.y, arena.w, arena.h, 0x303030);
        game_rect(game, 140, 20 + (frames / 30 % 2) * 20, 40, 40, 0xff2020);
        scene_draw_walker(game, walker);
    }
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    static const SDL_Rect field = {0, 0, GAME_WIDTH, GAME_HEIGHT};
    struct game game;
    struct scene_keys keys;
    struct scene_walker walker = {40, 40};
    long entered = 0, left = 0;
    int letters = 0, level = 0;
    game_open(&game, "patient");
    do {
        scene_events(&game, &keys);
        if (!entered && game.frame - left >= ENTERED_AT) {
            entered = game.frame;
            letters = 0;
        } else if (entered && leaves(&keys, game.frame - entered, &letters)) {
            entered = 0;
            left = game.frame;
            level++;
        }
        if (entered) {
            draw_part(&game, game.frame - entered, letters, &walker);
        } else {
            scene_draw(&game, 40 + (unsigned)level % 3);
            scene_walk(&walker, field, 2);
            scene_draw_walker(&game, &walker);
        }
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
