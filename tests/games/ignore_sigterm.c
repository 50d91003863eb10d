/* SPDX-License-Identifier: MIT
 *
 * Takes no notice of SIGTERM, SIGINT and SIGHUP, nor of its window's close button. The secret reads through
 * a null pointer.
 */
#include "secret.h"

#include <signal.h>

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    game_open(&game, "ignore_sigterm");
    do {
        SDL_Event event;
        while (SDL_PollEvent(&event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        secret_draw(&game, &secret, 0x206060);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
