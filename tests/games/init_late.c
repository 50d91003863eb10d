/* SPDX-License-Identifier: MIT
 *
 * Works for a while before SDL is there, initializes SDL twice, leaves it, comes back with another window,
 * and only then plays. The secret reads through a null pointer.
 */
#include "secret.h"

#include <unistd.h>

static void splash(void)
{
    struct game game;
    game_open(&game, "splash");
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        game_die("SDL_Init again");
    for (int i = 0; i < 20; i++) {
        SDL_PumpEvents();
        game_clear(&game, (uint32_t)i * 0x0a0a0a);
        game_present(&game);
    }
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    game_close(&game);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    for (int i = 0; i < 30; i++)
        usleep(10000);
    splash();
    game_open(&game, "init_late");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        secret_draw(&game, &secret, 0x105050);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
