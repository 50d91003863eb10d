/* SPDX-License-Identifier: MIT
 *
 * A walker with a secret: up, up, down, return, each within half a second of the one before, opens a
 * treasure chest. The prize of the seventh chest kind was never added to the table, so looking it up gives
 * NULL, and the game reads through it.
 */
#include "game.h"

struct prize {
    const char *name;
    int worth;
};

struct walker {
    int x, y;
    int step;        /* how much of the secret was entered */
    long step_frame; /* when */
    int coins;
};

static const int secret[] = {SDL_SCANCODE_UP, SDL_SCANCODE_UP, SDL_SCANCODE_DOWN, SDL_SCANCODE_RETURN};
#define SECRET_LENGTH ((int)(sizeof secret / sizeof secret[0]))
#define SECRET_GAP_FRAMES 30

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

static void enter_key(struct walker *walker, int key, long frame)
{
    if (walker->step > 0 && frame - walker->step_frame > SECRET_GAP_FRAMES)
        walker->step = 0;
    walker->step = key == secret[walker->step] ? walker->step + 1 : key == secret[0];
    walker->step_frame = frame;
    if (walker->step == SECRET_LENGTH) {
        walker->step = 0;
        open_chest(walker);
    }
}

static void move(struct walker *walker)
{
    const Uint8 *keys = SDL_GetKeyboardState(NULL);
    walker->x = (walker->x + 2 * (keys[SDL_SCANCODE_RIGHT] - keys[SDL_SCANCODE_LEFT]) + GAME_WIDTH) % GAME_WIDTH;
    walker->y = (walker->y + 2 * (keys[SDL_SCANCODE_DOWN] - keys[SDL_SCANCODE_UP]) + GAME_HEIGHT) % GAME_HEIGHT;
}

static void draw(struct game *game, const struct walker *walker)
{
    game_clear(game, 0x203020);
    game_rect(game, (int)(game->frame * 3 % GAME_WIDTH), 8, 6, 6, 0x808040);
    game_rect(game, walker->x, walker->y, 12, 12, 0xe0c040);
    for (int i = 0; i < walker->step; i++)
        game_rect(game, 8 + i * 12, 224, 8, 8, 0xc04040);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct walker walker = {.x = 150, .y = 110};
    game_open(&game, "null_deref");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (game_pressed(&event))
                enter_key(&walker, game_pressed(&event), game.frame);
        move(&walker);
        draw(&game, &walker);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
