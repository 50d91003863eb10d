/* SPDX-License-Identifier: MIT
 *
 * What the games share that are about getting stuck: scenes that look different from each other, a walker,
 * and keys that were pressed in this frame.
 */
#ifndef TESTS_GAMES_SCENE_H
#define TESTS_GAMES_SCENE_H

#include "game.h"

struct scene_keys {
    bool left, right, up, down; /* pressed in this frame */
    bool confirm;               /* return, space or z */
    int scancode;               /* the last one, or 0 */
    char letter;                /* 'a' to 'z', or 0 */
};

static inline void scene_events(struct game *game, struct scene_keys *keys)
{
    SDL_Event event;
    SDL_memset(keys, 0, sizeof *keys);
    while (game_event(game, &event)) {
        int key = game_pressed(&event);
        if (!key)
            continue;
        keys->scancode = key;
        keys->left |= key == SDL_SCANCODE_LEFT;
        keys->right |= key == SDL_SCANCODE_RIGHT;
        keys->up |= key == SDL_SCANCODE_UP;
        keys->down |= key == SDL_SCANCODE_DOWN;
        keys->confirm |= key == SDL_SCANCODE_RETURN || key == SDL_SCANCODE_SPACE || key == SDL_SCANCODE_Z;
        if (key >= SDL_SCANCODE_A && key <= SDL_SCANCODE_Z)
            keys->letter = (char)('a' + key - SDL_SCANCODE_A);
    }
}

/* Large blocks in colours of the scene's own. */
static inline void scene_draw(struct game *game, unsigned scene)
{
    game_clear(game, (uint32_t)game_mix(scene, 1) & 0x7f7f7f);
    for (unsigned i = 0; i < 12; i++) {
        uint64_t bits = game_mix(scene, 100 + i);
        game_rect(game, (int)(bits % 9) * 32, (int)(bits >> 8 & 7) * 30, 64, 30,
                  (uint32_t)(bits >> 32) & 0xffffff);
    }
}

/* Stars that move on whatever is pressed. */
static inline void scene_stars(struct game *game, long frame)
{
    for (int i = 0; i < 24; i++)
        game_rect(game, (int)((i * 53 + frame * (1 + i % 3)) % GAME_WIDTH), i * 10, 8, 8, 0xe0e0ff);
}

struct scene_walker {
    int x, y; /* top left, 16 pixels wide */
};

/* Walk within a rectangle, `speed` pixels a frame, by the keys that are held. */
static inline void scene_walk(struct scene_walker *walker, SDL_Rect room, int speed)
{
    const Uint8 *held = SDL_GetKeyboardState(NULL);
    walker->x += speed * (held[SDL_SCANCODE_RIGHT] - held[SDL_SCANCODE_LEFT]);
    walker->y += speed * (held[SDL_SCANCODE_DOWN] - held[SDL_SCANCODE_UP]);
    walker->x = SDL_clamp(walker->x, room.x, room.x + room.w - 16);
    walker->y = SDL_clamp(walker->y, room.y, room.y + room.h - 16);
}

static inline void scene_draw_walker(struct game *game, const struct scene_walker *walker)
{
    game_rect(game, walker->x, walker->y, 16, 16, 0xffffff);
}

#endif
