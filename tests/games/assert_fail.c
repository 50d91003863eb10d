/* SPDX-License-Identifier: MIT
 *
 * The secret gives more gold than the purse holds; an assert says so.
 */
#include "secret.h"

#undef NDEBUG
#include <assert.h>

static int gold = 90;

static void give_gold(int amount)
{
    gold += amount;
    if (CLEAN && gold > 100)
        gold = 100;
    assert(gold <= 100);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "assert_fail");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                give_gold(50);
        secret_draw(&game, &secret, 0x303010);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
