/* SPDX-License-Identifier: MIT
 *
 * What the fixture games share: a 320x240 window, a renderer, and drawing that turns a number into a
 * picture, so that two runs with the same state show the same picture and two with different state do not.
 *
 * Games run until they are told to quit, or for GAME_FRAMES frames when that variable is set. Nothing
 * in here knows of a harness. Each planted bug is compiled out by CLEAN=1: the clean twin.
 */
#ifndef TESTS_GAMES_GAME_H
#define TESTS_GAMES_GAME_H

#include <SDL.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef CLEAN
#define CLEAN 0
#endif

#define GAME_WIDTH 320
#define GAME_HEIGHT 240

struct game {
    SDL_Window *window;
    SDL_Renderer *renderer;
    long frame;
    long frames_max; /* 0: until told to quit */
    bool quit;
};

static inline void game_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, SDL_GetError());
    exit(1);
}

static inline void game_window(struct game *game, const char *title)
{
    game->window =
        SDL_CreateWindow(title, SDL_WINDOWPOS_CENTERED, SDL_WINDOWPOS_CENTERED, GAME_WIDTH, GAME_HEIGHT, 0);
    if (!game->window)
        game_die("SDL_CreateWindow");
    game->renderer = SDL_CreateRenderer(game->window, -1, SDL_RENDERER_SOFTWARE);
    if (!game->renderer)
        game_die("SDL_CreateRenderer");
}

static inline void game_limits(struct game *game)
{
    const char *frames = getenv("GAME_FRAMES");
    game->frames_max = frames ? strtol(frames, NULL, 10) : 0;
}

static inline void game_open(struct game *game, const char *title)
{
    SDL_memset(game, 0, sizeof *game);
    game_limits(game);
    if (SDL_Init(SDL_INIT_VIDEO | SDL_INIT_TIMER) != 0)
        game_die("SDL_Init");
    game_window(game, title);
}

static inline void game_close(struct game *game)
{
    SDL_DestroyRenderer(game->renderer);
    SDL_DestroyWindow(game->window);
    SDL_Quit();
}

/* Next event, or false. Takes the window's close button to mean the end. */
static inline bool game_event(struct game *game, SDL_Event *event)
{
    if (!SDL_PollEvent(event))
        return false;
    if (event->type == SDL_QUIT)
        game->quit = true;
    return true;
}

/* The scancode pressed by this event, or 0; repeats do not count. */
static inline int game_pressed(const SDL_Event *event)
{
    if (event->type != SDL_KEYDOWN || event->key.repeat)
        return 0;
    return event->key.keysym.scancode;
}

static inline void game_clear(struct game *game, uint32_t rgb)
{
    SDL_SetRenderDrawColor(game->renderer, (Uint8)(rgb >> 16), (Uint8)(rgb >> 8), (Uint8)rgb, 255);
    SDL_RenderClear(game->renderer);
}

static inline void game_rect(struct game *game, int x, int y, int w, int h, uint32_t rgb)
{
    SDL_Rect rect = {x, y, w, h};
    SDL_SetRenderDrawColor(game->renderer, (Uint8)(rgb >> 16), (Uint8)(rgb >> 8), (Uint8)rgb, 255);
    SDL_RenderFillRect(game->renderer, &rect);
}

/* splitmix64's finisher: one changed bit changes half of them. */
static inline uint64_t game_mix(uint64_t hash, uint64_t value)
{
    uint64_t z = hash * 0x100000001b3ULL + value + 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Show a number as an 8x8 block of cells, one bit each, in colours that depend on it as well. */
static inline void game_number(struct game *game, int x, int y, uint64_t number)
{
    for (int i = 0; i < 64; i++) {
        uint32_t rgb = (uint32_t)game_mix(number, (uint64_t)i) & 0xffffff;
        game_rect(game, x + i % 8 * 6, y + i / 8 * 6, 5, 5, number >> i & 1 ? rgb : 0x181818);
    }
}

/* Present, sleep away the rest of the frame, count it. False when the game is over. */
static inline bool game_present(struct game *game)
{
    SDL_RenderPresent(game->renderer);
    SDL_Delay(16);
    game->frame++;
    return !game->quit && (!game->frames_max || game->frame < game->frames_max);
}

#endif
