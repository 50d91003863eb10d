/* SPDX-License-Identifier: MIT
 *
 * Conformance: starting, spinning, joining, detaching and ending threads.
 */
#include "threads/check.h"

/* --- spinning without any call --- */

static volatile int spin_flag;

static void *raise_spin_flag(void *arg)
{
    spin_flag = (int)(intptr_t)arg;
    while (spin_flag != 2)
        ;
    spin_flag = 3;
    return NULL;
}

/* Two threads that wait for each other with bare loops: nothing but preemption gets them on. */
static void area_spin(void)
{
    spin_flag = 0;
    pthread_t thread = start(raise_spin_flag, (void *)1);
    while (spin_flag != 1)
        ;
    spin_flag = 2;
    while (spin_flag != 3)
        ;
    join(thread);
}

static void *yield_until_flag(void *arg)
{
    while (!atomic_load((atomic_int *)arg))
        sched_yield();
    return NULL;
}

static void area_yield(void)
{
    atomic_int flag = 0;
    pthread_t a = start(yield_until_flag, &flag), b = start(yield_until_flag, &flag);
    for (int i = 0; i < 100; i++)
        sched_yield();
    flag = 1;
    join(a);
    join(b);
}

/* --- joining, detaching, ending --- */

static void *give_back(void *arg)
{
    return arg;
}

static void *sleep_30ms(void *arg)
{
    sleep_ms(30);
    return arg;
}

static void *join_other(void *arg)
{
    return join(*(pthread_t *)arg);
}

static void area_join(void)
{
    CHECK(join(start(give_back, (void *)42)) == (void *)42);
    pthread_t thread = start(give_back, (void *)43);
    sleep_ms(10); /* finished before the join */
    CHECK(join(thread) == (void *)43);
    CHECK(pthread_join(pthread_self(), NULL) == EDEADLK);

    void *result = NULL;
    thread = start(sleep_30ms, (void *)44);
    CHECK(pthread_tryjoin_np(thread, &result) == EBUSY);
    struct timespec until = after_ms(CLOCK_REALTIME, 5);
    CHECK(pthread_timedjoin_np(thread, &result, &until) == ETIMEDOUT);
    until = after_ms(CLOCK_MONOTONIC, 10000);
    CHECK(pthread_clockjoin_np(thread, &result, CLOCK_MONOTONIC, &until) == 0 && result == (void *)44);

    thread = start(sleep_30ms, (void *)45);
    CHECK(join(start(join_other, &thread)) == (void *)45); /* joined by a sibling */
}

static atomic_int detached_done;

static void *finish_detached(void *arg)
{
    if (arg)
        CHECK(pthread_detach(pthread_self()) == 0);
    sleep_ms(5);
    detached_done++;
    return NULL;
}

static void area_detach(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    detached_done = 0;
    CHECK(pthread_attr_init(&attr) == 0);
    CHECK(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    for (int i = 0; i < 10; i++)
        CHECK(pthread_create(&thread, &attr, finish_detached, NULL) == 0);
    for (int i = 0; i < 10; i++)
        start(finish_detached, (void *)1);
    for (int i = 0; i < 10; i++)
        CHECK(pthread_detach(start(finish_detached, NULL)) == 0);
    for (int i = 0; detached_done < 30; i++, sleep_ms(1))
        CHECK(i < 20000);
    pthread_attr_destroy(&attr);
}

static char cleanup_order[16];

static void note_cleanup(void *arg)
{
    size_t n = strlen(cleanup_order);
    cleanup_order[n] = (char)(intptr_t)arg;
    cleanup_order[n + 1] = 0;
}

static void exit_from_below(int depth)
{
    if (depth > 0)
        exit_from_below(depth - 1);
    else if (depth == 0)
        pthread_exit((void *)77);
}

static void *exit_with_cleanups(void *arg)
{
    (void)arg;
    pthread_cleanup_push(note_cleanup, (void *)'a');
    pthread_cleanup_push(note_cleanup, (void *)'b');
    pthread_cleanup_push(note_cleanup, (void *)'x');
    pthread_cleanup_pop(0);
    pthread_cleanup_push(note_cleanup, (void *)'c');
    pthread_cleanup_pop(1);
    exit_from_below(10);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void area_exit(void)
{
    cleanup_order[0] = 0;
    CHECK(join(start(exit_with_cleanups, NULL)) == (void *)77);
    CHECK(strcmp(cleanup_order, "cba") == 0);
}

const struct area life_areas[] = {
    {"spin", area_spin},     {"yield", area_yield}, {"join", area_join},
    {"detach", area_detach}, {"exit", area_exit},   {NULL, NULL},
};
