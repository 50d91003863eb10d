/* SPDX-License-Identifier: MIT
 *
 * Built with AddressSanitizer. The secret kills the boss, whose block is freed; its health is drawn once
 * more.
 */
#include "secret.h"

struct boss {
    int health;
};

static struct boss *boss;

static void kill_boss(void)
{
    free(boss);
    if (CLEAN)
        boss = NULL;
}

static void draw_boss(struct game *game)
{
    if (boss)
        game_rect(game, 100, 40, boss->health, 20, 0xff2020);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "asan_use_after_free");
    boss = malloc(sizeof *boss);
    boss->health = 60;
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (boss && secret_event(&secret, &event, game.frame))
                kill_boss();
        secret_draw(&game, &secret, 0x103010);
        draw_boss(&game);
    } while (game_present(&game));
    free(boss);
    game_close(&game);
    return 0;
}
