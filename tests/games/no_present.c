/* SPDX-License-Identifier: MIT
 *
 * A menu without a picture: it polls for events and sleeps, and never presents anything. The secret picks an
 * entry that is not there.
 */
#include "secret.h"

static const char *const entries[] = {"new game", "options", "credits", NULL};

static size_t pick(int i)
{
    if (CLEAN && !entries[i])
        return 0;
    return SDL_strlen(entries[i]);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game = {.quit = false};
    struct secret secret = {0, 0};
    game_limits(&game);
    if (SDL_Init(SDL_INIT_VIDEO) != 0)
        game_die("SDL_Init");
    game.window = SDL_CreateWindow("no_present", 0, 0, GAME_WIDTH, GAME_HEIGHT, 0);
    while (!game.quit && (!game.frames_max || game.frame < game.frames_max)) {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                printf("%zu\n", pick(3));
        SDL_Delay(10);
        game.frame++;
    }
    SDL_DestroyWindow(game.window);
    SDL_Quit();
    return 0;
}
