/* SPDX-License-Identifier: MIT
 *
 * A loader thread that takes the frame: when the secret was entered it builds a table in decode_texture(),
 * about 80 ms of work, holding the lock that the main thread then waits for. In the clean twin it does a
 * hundredth of it.
 */
#include "secret.h"

#define ROUNDS (CLEAN ? 10u : 1060u)

static SDL_mutex *lock;
static SDL_sem *wanted;
static volatile bool over;
static uint64_t table = 1;

static void decode_texture(void)
{
    for (unsigned i = 0; i < ROUNDS * 50000u; i++) {
        table ^= table << 13;
        table ^= table >> 7;
        table ^= table << 17;
    }
}

static int load(void *unused)
{
    (void)unused;
    for (;;) {
        SDL_SemWait(wanted);
        if (over)
            return 0;
        SDL_LockMutex(lock);
        SDL_Delay(1); /* the main thread comes to wait for the lock */
        decode_texture();
        SDL_UnlockMutex(lock);
    }
}

int main(void)
{
    struct game game;
    struct secret secret = {0};
    game_open(&game, "loader");
    lock = SDL_CreateMutex();
    wanted = SDL_CreateSemaphore(0);
    SDL_Thread *loader = SDL_CreateThread(load, "loader", NULL);
    do {
        SDL_Event event;
        bool level = false;
        while (game_event(&game, &event))
            level |= secret_event(&secret, &event, game.frame);
        if (level) {
            SDL_SemPost(wanted);
            SDL_Delay(1);
        }
        SDL_LockMutex(lock);
        uint64_t shown = table;
        SDL_UnlockMutex(lock);
        secret_draw(&game, &secret, 0x302040);
        game_number(&game, 40, 40, shown);
    } while (game_present(&game));
    over = true;
    SDL_SemPost(wanted);
    SDL_WaitThread(loader, NULL);
    game_close(&game);
    return 0;
}
