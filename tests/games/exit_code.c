/* SPDX-License-Identifier: MIT
 *
 * The secret opens level 7, which is not there; the game says so and leaves with status 4.
 */
#include "secret.h"

static void load_level(int level)
{
    if (CLEAN)
        return;
    fprintf(stderr, "cannot load level %d\n", level);
    exit(4);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "exit_code");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                load_level(7);
        secret_draw(&game, &secret, 0x402010);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
