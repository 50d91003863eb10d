/* SPDX-License-Identifier: MIT
 *
 * Keeps its pace by asking SDL_GetTicks until it is time, without ever sleeping. XX
 */
#include "secret.h"

static void await_ticks(Uint32 until)
{
    while (!SDL_TICKS_PASSED(SDL_GetTicks(), until))
        ;
}

static volatile int spare_lives;

static int lives_each(int players)
{
    if (CLEAN && spare_lives == 0)
        return 0;
    return players / spare_lives;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "busy_loop");
    Uint32 next = SDL_GetTicks();
    while (!game.quit && (!game.frames_max || game.frame < game.frames_max)) {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                game.frame += lives_each(2);
        secret_draw(&game, &secret, 0x405020);
        SDL_RenderPresent(game.renderer);
        game.frame++;
        await_ticks(next += 16);
    }
    game_close(&game);
    return 0;
}
