/* SPDX-License-Identifier: MIT
 *
 * The secret asks for a free place in a full inventory, over and over, without ever polling for events.
 */
#include "secret.h"

static volatile int inventory[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void find_place(void)
{
    int place = 0;
    while (inventory[place]) {
        place = (place + 1) % 8;
        if (CLEAN && place == 0)
            return;
    }
    inventory[place] = 9;
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "hang");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                find_place();
        secret_draw(&game, &secret, 0x401010);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
