/* SPDX-License-Identifier: MIT
 *
 * Conformance: cancellation, deferred and asynchronous.
 */
#include "threads/check.h"

#include <poll.h>
#include <semaphore.h>

static char cleanup_order[16];

static void note_cleanup(void *arg)
{
    size_t n = strlen(cleanup_order);
    cleanup_order[n] = (char)(intptr_t)arg;
    cleanup_order[n + 1] = 0;
}

static void *sleep_30ms(void *arg)
{
    sleep_ms(30);
    return arg;
}

static pthread_mutex_t cancel_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cancel_cond = PTHREAD_COND_INITIALIZER;
static sem_t cancel_sem;
static int cancel_pipe[2];

static void unlock_cancelled(void *arg)
{
    CHECK(pthread_mutex_trylock(arg) == EBUSY); /* the wait took the mutex back first */
    CHECK(pthread_mutex_unlock(arg) == 0);
    note_cleanup((void *)'m');
}

static void *cancelled_in_cond(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&cancel_mutex);
    pthread_cleanup_push(unlock_cancelled, &cancel_mutex);
    for (;;)
        pthread_cond_wait(&cancel_cond, &cancel_mutex);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_in_timed_cond(void *arg)
{
    (void)arg;
    struct timespec until = after_ms(CLOCK_REALTIME, 600000);
    pthread_mutex_lock(&cancel_mutex);
    pthread_cleanup_push(unlock_cancelled, &cancel_mutex);
    for (;;)
        pthread_cond_timedwait(&cancel_cond, &cancel_mutex, &until);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_in_sleep(void *arg)
{
    (void)arg;
    pthread_cleanup_push(note_cleanup, (void *)'s');
    sleep(600);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_in_sem(void *arg)
{
    (void)arg;
    pthread_cleanup_push(note_cleanup, (void *)'p');
    sem_wait(&cancel_sem);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_in_read(void *arg)
{
    char byte;
    (void)arg;
    pthread_cleanup_push(note_cleanup, (void *)'r');
    (void)!read(cancel_pipe[0], &byte, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_in_poll(void *arg)
{
    (void)arg;
    struct pollfd fd = {.fd = cancel_pipe[0], .events = POLLIN};
    pthread_cleanup_push(note_cleanup, (void *)'o');
    poll(&fd, 1, -1);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *cancelled_in_join(void *arg)
{
    pthread_cleanup_push(note_cleanup, (void *)'j');
    pthread_join(*(pthread_t *)arg, NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_one(void *(*body)(void *), void *arg, const char *order)
{
    cleanup_order[0] = 0;
    pthread_t thread = start(body, arg);
    sleep_ms(5);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED);
    CHECK(strcmp(cleanup_order, order) == 0);
}

static void area_cancel(void)
{
    CHECK(sem_init(&cancel_sem, 0, 0) == 0 && pipe(cancel_pipe) == 0);
    cancel_one(cancelled_in_sleep, NULL, "s");
    cancel_one(cancelled_in_cond, NULL, "m");
    cancel_one(cancelled_in_timed_cond, NULL, "m");
    cancel_one(cancelled_in_sem, NULL, "p");
    cancel_one(cancelled_in_read, NULL, "r");
    cancel_one(cancelled_in_poll, NULL, "o");
    pthread_t sleeper = start(sleep_30ms, (void *)9);
    cancel_one(cancelled_in_join, &sleeper, "j");
    CHECK(join(sleeper) == (void *)9); /* still joinable */
    CHECK(pthread_mutex_trylock(&cancel_mutex) == 0 && pthread_mutex_unlock(&cancel_mutex) == 0);
    sem_destroy(&cancel_sem);
    close(cancel_pipe[0]);
    close(cancel_pipe[1]);
}

static atomic_int cancel_step;

static void *cancelled_at_testcancel(void *arg)
{
    int old = -1;
    (void)arg;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old) == 0 && old == PTHREAD_CANCEL_ENABLE);
    cancel_step = 1;
    while (cancel_step == 1)
        sleep_ms(1);
    pthread_testcancel(); /* disabled: nothing happens */
    sleep_ms(1);
    cancel_step = 3;
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old) == 0 && old == PTHREAD_CANCEL_DISABLE);
    pthread_testcancel();
    cancel_step = 4;
    return NULL;
}

static void area_cancel_disabled(void)
{
    cancel_step = 0;
    pthread_t thread = start(cancelled_at_testcancel, NULL);
    while (cancel_step != 1)
        sleep_ms(1);
    CHECK(pthread_cancel(thread) == 0);
    cancel_step = 2;
    CHECK(join(thread) == PTHREAD_CANCELED);
    CHECK(cancel_step == 3);
}

static void *cancelled_while_spinning(void *arg)
{
    int old;
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old) == 0 && old == PTHREAD_CANCEL_DEFERRED);
    *(volatile int *)arg = 1;
    for (volatile unsigned long i = 0;; i++)
        ;
    return NULL;
}

static void area_cancel_async(void)
{
    volatile int running = 0;
    pthread_t thread = start(cancelled_while_spinning, (void *)&running);
    while (!running)
        sleep_ms(1);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED);
}

const struct area cancel_areas[] = {
    {"cancel", area_cancel},
    {"cancel_disabled", area_cancel_disabled},
    {"cancel_async", area_cancel_async},
    {NULL, NULL},
};
