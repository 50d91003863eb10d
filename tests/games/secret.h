/* SPDX-License-Identifier: MIT
 *
 * The way to most of the planted bugs: up, up, down, return, each within half a second of the one before.
 * A monkey does not find it by chance in a short run; agents/secret.lua does.
 */
#ifndef TESTS_GAMES_SECRET_H
#define TESTS_GAMES_SECRET_H

#include "game.h"

#define SECRET_LENGTH 4
#define SECRET_GAP_FRAMES 30

struct secret {
    int step;   /* how much of it was entered */
    long frame; /* when the last key was */
};

/* Feed every event; true when the secret is complete. */
static inline bool secret_event(struct secret *secret, const SDL_Event *event, long frame)
{
    static const int keys[SECRET_LENGTH] = {SDL_SCANCODE_UP, SDL_SCANCODE_UP, SDL_SCANCODE_DOWN,
                                            SDL_SCANCODE_RETURN};
    int key = game_pressed(event);
    if (!key)
        return false;
    if (frame - secret->frame > SECRET_GAP_FRAMES)
        secret->step = 0;
    secret->step = key == keys[secret->step] ? secret->step + 1 : key == keys[0];
    secret->frame = frame;
    if (secret->step < SECRET_LENGTH)
        return false;
    secret->step = 0;
    return true;
}

/* A scene that shows the frame and how much of the secret was entered. */
static inline void secret_draw(struct game *game, const struct secret *secret, uint32_t background)
{
    game_clear(game, background);
    game_rect(game, (int)(game->frame * 3 % GAME_WIDTH), 100, 10, 10, 0xe0c040);
    for (int i = 0; i < secret->step; i++)
        game_rect(game, 8 + i * 12, 224, 8, 8, 0xc04040);
}

/* The bug of the games that are about something else: a write through a null pointer. */
static inline void take_treasure(void)
{
    static volatile int *volatile treasure;
    if (CLEAN && !treasure)
        return;
    *treasure = 0;
}

#endif
