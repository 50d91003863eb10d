/* SPDX-License-Identifier: MIT
 *
 * A dungeon that is rolled anew each time: one in five has a trap, of one of four kinds, and whoever walks on
 * for a while steps into it whatever the keys. For tests of many runs: which seeds end badly, and how, is
 * known to nobody beforehand and the same each time.
 */
#include "game.h"

#include <sys/random.h>

struct dungeon {
    unsigned trap; /* 0 to 3; 4: none */
    long at;       /* the frame of it */
    int *torch;    /* NULL where the trap put it out */
    int keys, doors;
};

static unsigned roll(unsigned sides)
{
    unsigned bytes = 0;
    if (getrandom(&bytes, sizeof bytes, 0) != sizeof bytes)
        abort();
    return bytes % sides;
}

static void fall_into_pit(struct dungeon *dungeon)
{
    dungeon->torch = NULL;
    ++*dungeon->torch;
}

static void share_keys(struct dungeon *dungeon)
{
    dungeon->keys /= dungeon->doors;
}

static void wake_dragon(void)
{
    fputs("the dragon wakes\n", stderr);
    abort();
}

static void leave_by_the_wrong_door(void)
{
    exit(3);
}

static void spring(struct dungeon *dungeon)
{
    int trap = CLEAN ? 4 : (int)dungeon->trap;
    switch (trap) {
    case 0:
        fall_into_pit(dungeon);
        break;
    case 1:
        share_keys(dungeon);
        break;
    case 2:
        wake_dragon();
        break;
    case 3:
        leave_by_the_wrong_door();
        break;
    }
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    static int torch = 1;
    struct game game;
    struct dungeon dungeon = {
        .trap = roll(5) == 0 ? roll(4) : 4, .at = 20 + (long)roll(60), .torch = &torch, .keys = 3};
    int x = (int)roll(GAME_WIDTH), y = (int)roll(GAME_HEIGHT);
    game_open(&game, "one_in_five");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (event.type == SDL_KEYDOWN)
                x = (x + 7) % GAME_WIDTH;
        if (game.frame == dungeon.at)
            spring(&dungeon);
        SDL_SetRenderDrawColor(game.renderer, 20, 20, 40, 255);
        SDL_RenderClear(game.renderer);
        game_rect(&game, x, y, 12, 12, 0xe0c040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
