/* SPDX-License-Identifier: MIT
 *
 * The secret floods a cave by recursion. The clean twin stops at the cave's walls; here a wall is missing,
 * so the recursion has no end. With ON_THREAD the flood runs on a worker thread.
 */
#pragma GCC diagnostic ignored "-Winfinite-recursion"
#include "secret.h"

#include <pthread.h>

#ifndef ON_THREAD
#define ON_THREAD 0
#endif

static int flood(int x, int y)
{
    volatile char trail[256];
    trail[0] = (char)(x + y);
    if (CLEAN && x > 40)
        return 1;
    return flood(x + 1, y) + trail[0];
}

static void *flood_cave(void *arg)
{
    (void)arg;
    printf("flooded %d\n", flood(0, 0));
    return NULL;
}

static void start_flood(void)
{
    pthread_t worker;
    if (!ON_THREAD) {
        flood_cave(NULL);
        return;
    }
    if (pthread_create(&worker, NULL, flood_cave, NULL) != 0)
        game_die("pthread_create");
    pthread_join(worker, NULL);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "stack_overflow");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                start_flood();
        secret_draw(&game, &secret, 0x102040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
