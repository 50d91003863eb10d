/* SPDX-License-Identifier: MIT
 *
 * Three functions that share out every frame, about 2 ms of it: for comparing builds. In spike_work_slow one
 * of them, think_enemies(), does 5 % more than in spike_work; spike_work_again is spike_work, built once
 * more, and spike_work_stripped without symbols. spike_work_broken works long before its first frame, and
 * aborts in its 61st.
 */
#include "game.h"

#ifndef SLOW
#define SLOW 0
#endif

#ifndef BROKEN
#define BROKEN 0
#endif

#define STEPS 250000u
#define LAUNCH_STEPS (BROKEN ? 200 : 0) /* times STEPS */
#define BROKEN_FRAME 60

static volatile uint64_t sink; /* what they work out must not change what comes after */

static uint64_t move_bodies(uint64_t state)
{
    for (unsigned i = 0; i < STEPS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state;
}

static uint64_t think_enemies(uint64_t state)
{
    for (unsigned i = 0; i < STEPS + (SLOW ? STEPS / 20 : 0); i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state;
}

static uint64_t light_rooms(uint64_t state)
{
    for (unsigned i = 0; i < STEPS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state;
}

int main(void)
{
    struct game game;
    uint64_t state = 88172645463325252ULL;
    game_open(&game, "work");
    for (int i = 0; i < LAUNCH_STEPS; i++)
        sink = move_bodies(state + (uint64_t)i);
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            state = game_mix(state, (uint64_t)event.type);
        if (BROKEN && game.frame == BROKEN_FRAME)
            abort();
        sink = move_bodies(state);
        sink = think_enemies(state);
        state = light_rooms(state);
        game_clear(&game, 0x203040);
        game_number(&game, 40, 40, state);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
