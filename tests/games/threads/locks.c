/* SPDX-License-Identifier: MIT
 *
 * Conformance: mutexes of every type.
 */
#include "threads/check.h"

/* --- mutexes --- */

static pthread_mutex_t plain_mutex = PTHREAD_MUTEX_INITIALIZER;
static long guarded;

static void *count_guarded(void *arg)
{
    for (long i = 0; i < (long)(intptr_t)arg; i++) {
        CHECK(pthread_mutex_lock(&plain_mutex) == 0);
        long seen = guarded;
        if (i % 20 == 0)
            sched_yield();
        if (i % 100 == 0)
            sleep_ms(1);
        guarded = seen + 1;
        CHECK(pthread_mutex_unlock(&plain_mutex) == 0);
    }
    return NULL;
}

static void *try_locked(void *arg)
{
    return (void *)(intptr_t)pthread_mutex_trylock(arg);
}

static void *lock_for_50ms(void *arg)
{
    CHECK(pthread_mutex_lock(arg) == 0);
    sleep_ms(50);
    CHECK(pthread_mutex_unlock(arg) == 0);
    return NULL;
}

static void area_mutex(void)
{
    pthread_t threads[6];
    guarded = 0;
    for (int i = 0; i < 6; i++)
        threads[i] = start(count_guarded, (void *)300);
    for (int i = 0; i < 6; i++)
        join(threads[i]);
    CHECK(guarded == 1800);

    CHECK(pthread_mutex_lock(&plain_mutex) == 0);
    CHECK(join(start(try_locked, &plain_mutex)) == (void *)(intptr_t)EBUSY);
    CHECK(pthread_mutex_unlock(&plain_mutex) == 0);
    CHECK(pthread_mutex_trylock(&plain_mutex) == 0);
    CHECK(pthread_mutex_unlock(&plain_mutex) == 0);
}

static pthread_mutex_t *typed_mutex(int type, int robust, int protocol)
{
    static pthread_mutex_t mutex;
    pthread_mutexattr_t attr;
    CHECK(pthread_mutexattr_init(&attr) == 0);
    CHECK(pthread_mutexattr_settype(&attr, type) == 0);
    CHECK(pthread_mutexattr_setrobust(&attr, robust) == 0);
    CHECK(pthread_mutexattr_setprotocol(&attr, protocol) == 0);
    CHECK(pthread_mutex_init(&mutex, &attr) == 0);
    CHECK(pthread_mutexattr_destroy(&attr) == 0);
    return &mutex;
}

static void area_mutex_types(void)
{
    pthread_mutex_t *mutex = typed_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_mutex_lock(mutex) == 0);
    CHECK(pthread_mutex_trylock(mutex) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_mutex_unlock(mutex) == 0);
    CHECK(join(start(try_locked, mutex)) == (void *)(intptr_t)EBUSY);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == EPERM);
    CHECK(pthread_mutex_destroy(mutex) == 0);

    mutex = typed_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    CHECK(pthread_mutex_unlock(mutex) == EPERM);
    CHECK(pthread_mutex_lock(mutex) == 0);
    CHECK(pthread_mutex_lock(mutex) == EDEADLK);
    CHECK(pthread_mutex_trylock(mutex) == EBUSY);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    CHECK(pthread_mutex_destroy(mutex) == 0);

    mutex = typed_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    pthread_t holder = start(lock_for_50ms, mutex);
    sleep_ms(10);
    CHECK(pthread_mutex_trylock(mutex) == EBUSY);
    CHECK(pthread_mutex_lock(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    join(holder);
    CHECK(pthread_mutex_destroy(mutex) == 0);
}

static void area_mutex_timed(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_t holder = start(lock_for_50ms, &mutex);
    sleep_ms(5);
    uint64_t begin = mono_ms();
    struct timespec until = after_ms(CLOCK_REALTIME, 10);
    CHECK(pthread_mutex_timedlock(&mutex, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 10);
    begin = mono_ms();
    until = after_ms(CLOCK_MONOTONIC, 10);
    CHECK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 10);
    until = after_ms(CLOCK_REALTIME, 5000);
    CHECK(pthread_mutex_timedlock(&mutex, &until) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    join(holder);
}

static void *die_holding(void *arg)
{
    CHECK(pthread_mutex_lock(arg) == 0);
    return NULL;
}

static void area_mutex_robust(void)
{
    pthread_mutex_t *mutex = typed_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    join(start(die_holding, mutex));
    CHECK(pthread_mutex_lock(mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    CHECK(pthread_mutex_lock(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    CHECK(pthread_mutex_destroy(mutex) == 0);
}

const struct area lock_areas[] = {
    {"mutex", area_mutex},
    {"mutex_types", area_mutex_types},
    {"mutex_timed", area_mutex_timed},
    {"mutex_robust", area_mutex_robust},
    {NULL, NULL},
};
