/* SPDX-License-Identifier: MIT
 *
 * A game of turns: it sleeps in SDL_WaitEvent and draws only when something came. The secret counts its
 * moves by an average over none.
 */
#include "secret.h"

static volatile int moves;

static int average(int sum)
{
    if (CLEAN && moves == 0)
        return 0;
    return sum / moves;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    SDL_Event event;
    long turns = 0;
    game_open(&game, "wait_event");
    Uint32 start = SDL_GetTicks();
    while (!game.quit && SDL_WaitEvent(&event)) {
        game.frame = (long)(SDL_GetTicks() - start) / 16;
        if (event.type == SDL_QUIT)
            game.quit = true;
        if (secret_event(&secret, &event, game.frame))
            turns += average(100);
        secret_draw(&game, &secret, 0x205020);
        game_number(&game, 136, 20, (uint64_t)++turns);
        SDL_RenderPresent(game.renderer);
    }
    game_close(&game);
    return 0;
}
