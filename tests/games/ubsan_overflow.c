/* SPDX-License-Identifier: MIT
 *
 * Built with UndefinedBehaviorSanitizer. The secret doubles the score until it does not fit.
 */
#include "secret.h"

static int score = 1;

static void double_score(void)
{
    for (int i = 0; i < 40; i++)
        score = CLEAN && score > 1000000 ? 1 : score + score;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "ubsan_overflow");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                double_score();
        secret_draw(&game, &secret, 0x104040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
