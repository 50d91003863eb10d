/* SPDX-License-Identifier: MIT
 *
 * A walker who finds chests. The secret opens one whose prize was never added to the table, so looking it up
 * gives NULL, and the game reads through it. SDL may come as it likes: shared, static, or with the probe
 * linked in.
 */
#include "secret.h"

struct prize {
    const char *name;
    int worth;
};

struct walker {
    int x, y, coins;
};

static const struct prize prizes[] = {{"copper", 1}, {"silver", 5}, {"gold", 20}};

static const struct prize *find_prize(const char *name)
{
    for (size_t i = 0; i < sizeof prizes / sizeof prizes[0]; i++)
        if (SDL_strcmp(prizes[i].name, name) == 0)
            return &prizes[i];
    return NULL;
}

static void open_chest(struct walker *walker)
{
    const struct prize *prize = find_prize("platinum");
    if (CLEAN && !prize)
        return;
    walker->coins += prize->worth;
}

static void move(struct walker *walker)
{
    const Uint8 *keys = SDL_GetKeyboardState(NULL);
    walker->x =
        (walker->x + 2 * (keys[SDL_SCANCODE_RIGHT] - keys[SDL_SCANCODE_LEFT]) + GAME_WIDTH) % GAME_WIDTH;
    walker->y =
        (walker->y + 2 * (keys[SDL_SCANCODE_DOWN] - keys[SDL_SCANCODE_UP]) + GAME_HEIGHT) % GAME_HEIGHT;
}

static void draw(struct game *game, const struct walker *walker, const struct secret *secret)
{
    secret_draw(game, secret, 0x203020);
    game_rect(game, walker->x, walker->y, 12, 12, 0xe0c040);
    for (int i = 0; i < walker->coins; i++)
        game_rect(game, 8 + i * 6, 8, 4, 4, 0xf0f040);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    struct walker walker = {.x = 150, .y = 110};
    game_open(&game, "null_deref");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                open_chest(&walker);
        move(&walker);
        draw(&game, &walker, &secret);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
