/* SPDX-License-Identifier: MIT
 *
 * Two workers take the same two locks in opposite order, once a frame, with nothing between the two lock
 * operations that could block. Taken in turns they never meet; only a scheduler that switches at a lock
 * operation, between the first and the second, makes them. The main thread waits for both each frame.
 */
#include "secret.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

static pthread_mutex_t bank = PTHREAD_MUTEX_INITIALIZER, shop = PTHREAD_MUTEX_INITIALIZER;
static sem_t go[2], done;
static long coins;

static void trade(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_mutex_lock(second);
    coins++;
    pthread_mutex_unlock(second);
    pthread_mutex_unlock(first);
}

static void *buy(void *arg)
{
    (void)arg;
    for (;;) {
        sem_wait(&go[0]);
        trade(&bank, &shop);
        sem_post(&done);
    }
    return NULL;
}

static void *sell(void *arg)
{
    (void)arg;
    for (;;) {
        sem_wait(&go[1]);
        if (CLEAN)
            trade(&bank, &shop);
        else
            trade(&shop, &bank);
        sem_post(&done);
    }
    return NULL;
}

static void start_traders(void)
{
    pthread_t traders[2];
    sem_init(&go[0], 0, 0);
    sem_init(&go[1], 0, 0);
    sem_init(&done, 0, 0);
    if (pthread_create(&traders[0], NULL, buy, NULL) != 0 ||
        pthread_create(&traders[1], NULL, sell, NULL) != 0)
        game_die("pthread_create");
}

static void trade_once(void)
{
    sem_post(&go[0]);
    sem_post(&go[1]);
    sem_wait(&done);
    sem_wait(&done);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    struct game game;
    game_open(&game, "deadlock_schedule");
    start_traders();
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            ;
        trade_once();
        game_clear(&game, 0x102010);
        game_number(&game, 136, 96, (uint64_t)coins);
    } while (game_present(&game));
    _exit(0); /* the traders have no end */
}
