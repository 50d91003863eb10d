/* SPDX-License-Identifier: MIT
 *
 * Writes a megabyte of log each frame, on both channels. The secret reads through a null pointer.
 */
#include "secret.h"

static void flood(long frame)
{
    for (int i = 0; i < 8192; i++)
        fprintf(i % 2 ? stderr : stdout,
                "frame %09ld: the quick brown fox jumps over the lazy dog, line %09d, and "
                "again and again and again and again\n",
                frame, i);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "log_flood");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                take_treasure();
        flood(game.frame);
        secret_draw(&game, &secret, 0x205070);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
