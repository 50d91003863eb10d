/* SPDX-License-Identifier: MIT
 *
 * What deepbind.c loads.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

uint64_t deepbind_rules(void);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *roll(void *arg)
{
    uint32_t *value = arg;
    pthread_mutex_lock(&mutex);
    if (getrandom(value, sizeof *value, 0) != sizeof *value)
        abort();
    usleep(300);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

uint64_t deepbind_rules(void)
{
    struct timespec now;
    uint32_t dice[2];
    pthread_t threads[2];
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, roll, &dice[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return (uint64_t)now.tv_nsec ^ ((uint64_t)dice[0] << 32 | dice[1]) ^ (uint64_t)getpid();
}
