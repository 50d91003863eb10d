/* SPDX-License-Identifier: MIT
 *
 * After the secret each frame keeps eight megabytes for good.
 */
#include "secret.h"

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    bool hungry = false;
    game_open(&game, "memory_hog");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                hungry = !CLEAN;
        if (hungry) {
            char *block = malloc(8 << 20);
            if (!block)
                game_die("malloc");
            SDL_memset(block, (int)game.frame | 1, 8 << 20);
        }
        secret_draw(&game, &secret, 0x702070);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
