/* SPDX-License-Identifier: MIT
 *
 * Three rooms in a row, to be walked through by hand: the right arrow leads to the wall of a room, a click on the lever
 * there opens the door a second and a half later, space takes the coin. What a player waits for is published (room,
 * door), as is what runs along by itself (x, clock). It ends nowhere: against the last wall one may walk for good.
 */
#include "game.h"

#include "moth/moth.h"

#define ROOMS 3
#define DOOR_FRAMES 90
#define WALL (GAME_WIDTH - 20)
#define LEVER_X 280
#define LEVER_Y 40
#define LEVER_SIZE 30

struct player {
    int32_t room, x, coins, clock;
    bool door;
    long opens_at; /* frame; 0: nobody has pulled the lever */
    bool taken[ROOMS];
};

static struct player one; /* of file scope: to be watched by its name, too */

static bool on_lever(const SDL_Event *event)
{
    return event->type == SDL_MOUSEBUTTONDOWN && event->button.x >= LEVER_X && event->button.y >= LEVER_Y &&
           event->button.x < LEVER_X + LEVER_SIZE && event->button.y < LEVER_Y + LEVER_SIZE;
}

static void on_event(struct player *player, const SDL_Event *event, long frame)
{
    if (on_lever(event) && player->opens_at == 0)
        player->opens_at = frame + DOOR_FRAMES;
    if (game_pressed(event) == SDL_SCANCODE_SPACE && !player->taken[player->room]) {
        player->taken[player->room] = true;
        player->coins++;
    }
}

static void move(struct player *player, long frame)
{
    const Uint8 *keys = SDL_GetKeyboardState(NULL);
    player->x += 4 * (keys[SDL_SCANCODE_RIGHT] - keys[SDL_SCANCODE_LEFT]);
    player->x = player->x < 0 ? 0 : player->x;
    player->door = player->opens_at != 0 && frame >= player->opens_at;
    if (player->x >= WALL && player->door && player->room + 1 < ROOMS) {
        player->room++;
        player->x = 0;
        player->door = false;
        player->opens_at = 0;
    }
    player->x = player->x > WALL ? WALL : player->x;
    player->clock = (int32_t)(frame / 60);
}

static void draw(struct game *game, const struct player *player)
{
    static const uint32_t rooms[ROOMS] = {0x203020, 0x302030, 0x303020};
    game_clear(game, rooms[player->room]);
    game_rect(game, WALL + 12, 0, 8, GAME_HEIGHT, player->door ? 0x40a040 : 0x904040);
    game_rect(game, LEVER_X, LEVER_Y, LEVER_SIZE, LEVER_SIZE, player->opens_at ? 0x6080a0 : 0xa0c0e0);
    game_rect(game, player->x, 160, 12, 20, 0xe0c040);
    for (int i = 0; i < player->coins; i++)
        game_rect(game, 8 + i * 12, 8, 8, 8, 0xf0f040);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    game_open(&game, "record_rooms");
    moth_watch_i32("room", &one.room);
    moth_watch_i32("x", &one.x);
    moth_watch_i32("coins", &one.coins);
    moth_watch_i32("clock", &one.clock);
    moth_watch_bool("door", &one.door);
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            on_event(&one, &event, game.frame);
        move(&one, game.frame);
        draw(&game, &one);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
