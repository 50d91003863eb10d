/* SPDX-License-Identifier: MIT
 *
 * The secret makes the main thread join a worker which waits for a condition that only the main thread could
 * signal.
 */
#include "secret.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static bool is_ready;

static void *load_level(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    while (!is_ready)
        pthread_cond_wait(&ready, &mutex);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void await_level(void)
{
    pthread_t worker;
    if (pthread_create(&worker, NULL, load_level, NULL) != 0)
        game_die("pthread_create");
    if (CLEAN) {
        pthread_mutex_lock(&mutex);
        is_ready = true;
        pthread_cond_signal(&ready);
        pthread_mutex_unlock(&mutex);
    }
    pthread_join(worker, NULL);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    struct secret secret = {0, 0};
    game_open(&game, "deadlock");
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            if (secret_event(&secret, &event, game.frame))
                await_level();
        secret_draw(&game, &secret, 0x201040);
    } while (game_present(&game));
    game_close(&game);
    return 0;
}
