/* SPDX-License-Identifier: MIT
 *
 * Frames of uneven cost, and one, when the secret was entered, in which load_level() takes about 80 ms more:
 * a fixed amount of work, so that its cost does not depend on any clock. The clean twin has the uneven frames
 * only. `spike_stall --cost` says what load_level() costs here, without a window: the least of 15 times, in
 * ms.
 */
#include "secret.h"

#include <string.h>
#include <time.h>

#define STALL_ROUNDS 1060u
#define ROUND_STEPS 50000u /* of 2 ns or so */

static uint64_t turn(uint64_t state, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state;
}

static uint64_t unpack(uint64_t state)
{
    return turn(state, ROUND_STEPS);
}

static uint64_t load_level(uint64_t state)
{
    void *blocks[100];
    for (unsigned i = 0; i < 100; i++) {
        blocks[i] = malloc(1000);
        if (!blocks[i])
            abort();
        memset(blocks[i], (int)i, 1000);
    }
    for (unsigned i = 0; i < STALL_ROUNDS; i++)
        state = unpack(state);
    for (unsigned i = 0; i < 100; i++)
        free(blocks[i]);
    return state;
}

/* What every frame does: between 0.1 and 6 ms, now and then 12. */
static uint64_t think(uint64_t state, long frame)
{
    unsigned rounds = 1 + (unsigned)(game_mix(7, (uint64_t)frame) % 60);
    return turn(state, (frame % 97 == 0 ? 120 : rounds) * ROUND_STEPS);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int say_cost(void)
{
    double least = 1e9;
    uint64_t state = 1;
    for (int i = 0; i < 15; i++) {
        double began = cpu_ms();
        state = load_level(state);
        double took = cpu_ms() - began;
        least = took < least ? took : least;
    }
    printf("%.3f %d\n", least, (int)(state & 1));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--cost") == 0)
        return say_cost();
    struct game game;
    struct secret secret = {0};
    uint64_t state = 88172645463325252ULL;
    game_open(&game, "stall");
    do {
        SDL_Event event;
        bool load = false;
        while (game_event(&game, &event))
            load |= secret_event(&secret, &event, game.frame);
        if (load && !CLEAN)
            state = load_level(state);
        else
            state = think(state, game.frame);
        secret_draw(&game, &secret, 0x203040);
        game_number(&game, 40, 40, state);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
