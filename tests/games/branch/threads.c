/* SPDX-License-Identifier: MIT
 *
 * Threads that begin, wait and end at every frame, so that whenever a copy of the process is made, some are
 * in the middle of it: asleep, waiting for each other, holding a lock, about to end in each way there is.
 */
#include "branch/area.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

static void sleep_ms(long ms)
{
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&span, &span) != 0)
        NEED(errno == EINTR);
}

/* What threads leave behind, in the order in which they did. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t log_value;

static void say(uint64_t word)
{
    pthread_mutex_lock(&log_lock);
    log_value = mixed(log_value, word);
    pthread_mutex_unlock(&log_lock);
}

static uint64_t said(void)
{
    pthread_mutex_lock(&log_lock);
    uint64_t value = log_value;
    pthread_mutex_unlock(&log_lock);
    return value;
}

static pthread_t start(void *(*body)(void *), uint64_t word)
{
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, body, (void *)(uintptr_t)word) == 0);
    return thread;
}

/* --- lives of half a second, and their ends --- */

enum end { END_RETURN, END_EXIT, END_DETACHED, END_CANCELLED, N_ENDS };

#define LIFE_EVERY 5
#define LIVES 8

static pthread_key_t life_key;
static pthread_once_t life_once = PTHREAD_ONCE_INIT;
static _Thread_local uint64_t life_word;

static void life_ends(void *word)
{
    say((uintptr_t)word ^ life_word);
}

static void life_begins(void)
{
    NEED(pthread_key_create(&life_key, life_ends) == 0);
}

static void *live(void *arg)
{
    uint64_t word = (uintptr_t)arg;
    pthread_once(&life_once, life_begins);
    life_word = mixed(word, 5);
    NEED(pthread_setspecific(life_key, arg) == 0);
    for (uint64_t i = 0; i < 4 + word % 7; i++) {
        sleep_ms(40 + (long)(word % 30));
        NEED(pthread_getspecific(life_key) == arg && life_word == mixed(word, 5));
    }
    if (word % N_ENDS == END_CANCELLED)
        for (;;)
            sleep_ms(1000);
    if (word % N_ENDS == END_EXIT)
        pthread_exit((void *)(uintptr_t)(word * 3));
    return (void *)(uintptr_t)(word * 3);
}

static uint64_t frame_lives(long frame, uint64_t keys)
{
    static pthread_t lives[LIVES];
    static uint64_t words[LIVES];
    size_t slot = (size_t)(frame / LIFE_EVERY) % LIVES;
    if (frame % LIFE_EVERY)
        return said();
    if (words[slot] && words[slot] % N_ENDS != END_DETACHED) { /* 40 frames old: it has ended, or is asleep */
        void *result = NULL;
        if (words[slot] % N_ENDS == END_CANCELLED)
            NEED(pthread_cancel(lives[slot]) == 0);
        NEED(pthread_join(lives[slot], &result) == 0);
        say((uintptr_t)result);
    }
    words[slot] = 64 + (uint64_t)frame / LIFE_EVERY + (keys % 4) * N_ENDS * 8;
    lives[slot] = start(live, words[slot]);
    if (words[slot] % N_ENDS == END_DETACHED)
        NEED(pthread_detach(lives[slot]) == 0);
    return said();
}

/* --- a lock that another thread holds for several frames --- */

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, errors = PTHREAD_MUTEX_INITIALIZER;
static uint64_t guarded;

static void *hold(void *arg)
{
    for (uint64_t i = 0;; i++) {
        pthread_mutex_lock(&held);
        guarded = mixed(guarded, (uintptr_t)arg);
        sleep_ms(60);
        guarded = mixed(guarded, i);
        NEED(pthread_mutex_unlock(&held) == 0);
        sleep_ms(35);
    }
    return NULL;
}

static void begin_lock(void)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    NEED(pthread_mutex_init(&errors, &kind) == 0);
    NEED(pthread_mutex_lock(&errors) == 0);
    start(hold, 3);
    start(hold, 4);
}

static uint64_t frame_lock(long frame, uint64_t keys)
{
    NEED(pthread_mutex_lock(&errors) == EDEADLK); /* it is still ours, by our thread id */
    if (frame % 10 == 9)
        NEED(pthread_mutex_unlock(&errors) == 0 && pthread_mutex_lock(&errors) == 0);
    if (pthread_mutex_trylock(&held) != 0)
        return 1;
    guarded = mixed(guarded, keys);
    uint64_t value = guarded;
    pthread_mutex_unlock(&held);
    if (frame % 25 == 24) {
        pthread_mutex_lock(&held);
        value = mixed(value, guarded);
        pthread_mutex_unlock(&held);
    }
    return value;
}

/* --- waiting for a condition, some with a deadline --- */

static pthread_mutex_t cond_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static uint64_t tickets;

static void *wait_turn(void *arg)
{
    uint64_t word = (uintptr_t)arg;
    pthread_mutex_lock(&cond_lock);
    for (uint64_t turns = 0;; turns++) {
        while (!tickets)
            pthread_cond_wait(&cond, &cond_lock);
        tickets--;
        say(mixed(word, turns));
    }
    return NULL;
}

static void *wait_deadline(void *arg)
{
    pthread_mutex_lock(&cond_lock);
    for (uint64_t turns = 0;; turns++) {
        struct timespec until;
        NEED(clock_gettime(CLOCK_REALTIME, &until) == 0);
        until.tv_nsec += 90000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        int result = pthread_cond_timedwait(&cond, &cond_lock, &until);
        say(mixed((uintptr_t)arg + turns, (uint64_t)result));
    }
    return NULL;
}

static void begin_cond(void)
{
    for (uint64_t word = 1; word <= 3; word++)
        start(wait_turn, word);
    start(wait_deadline, 9);
}

static uint64_t frame_cond(long frame, uint64_t keys)
{
    pthread_mutex_lock(&cond_lock);
    if (frame % 7 == (long)(keys % 7)) {
        tickets++;
        pthread_cond_signal(&cond);
    } else if (frame % 40 == 20) {
        tickets += 3;
        pthread_cond_broadcast(&cond);
    }
    pthread_mutex_unlock(&cond_lock);
    return said();
}

/* --- semaphores, reader-writer locks, barriers --- */

static sem_t work;
static pthread_rwlock_t world = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t gate;
static uint64_t worlds;

static void *build_world(void *arg)
{
    for (;;) {
        while (sem_wait(&work) != 0)
            NEED(errno == EINTR);
        pthread_rwlock_wrlock(&world);
        worlds = mixed(worlds, (uintptr_t)arg);
        sleep_ms(25);
        worlds = mixed(worlds, 1);
        pthread_rwlock_unlock(&world);
    }
    return NULL;
}

static void *meet(void *arg)
{
    for (uint64_t round = 0;; round++) {
        int last = pthread_barrier_wait(&gate) == PTHREAD_BARRIER_SERIAL_THREAD;
        say(mixed((uintptr_t)arg + round, (uint64_t)last));
    }
    return NULL;
}

static void begin_meet(void)
{
    NEED(sem_init(&work, 0, 2) == 0 && pthread_barrier_init(&gate, NULL, 3) == 0);
    start(build_world, 1);
    start(build_world, 2);
    start(meet, 11);
    start(meet, 12);
}

static uint64_t frame_meet(long frame, uint64_t keys)
{
    uint64_t value = 0;
    int left = 0;
    if (frame % 4 == (long)(keys % 4))
        sem_post(&work);
    if (frame % 9 == 5)
        pthread_barrier_wait(&gate);
    if (pthread_rwlock_tryrdlock(&world) == 0) {
        value = worlds;
        pthread_rwlock_unlock(&world);
    }
    sem_getvalue(&work, &left);
    return mixed(mixed(value, said()), (uint64_t)left);
}

/* --- something done once, by a thread that takes its time --- */

static pthread_once_t slow_once = PTHREAD_ONCE_INIT;
static uint64_t slow_value;

static void slow_begin(void)
{
    sleep_ms(2500); /* 150 frames */
    slow_value = 77;
}

static void *begin_slowly(void *arg)
{
    pthread_once(&slow_once, slow_begin);
    say((uintptr_t)arg + slow_value);
    return NULL;
}

static void begin_once(void)
{
    start(begin_slowly, 5);
    start(begin_slowly, 6);
}

static uint64_t frame_once(long frame, uint64_t keys)
{
    (void)keys;
    if (frame == 170)
        pthread_once(&slow_once, slow_begin);
    return mixed(said(), slow_value);
}

/* --- a thread that computes without ever asking for anything; only preemption gets others on --- */

#define SPIN_AT 130

static volatile int spin_flag;

static void *spin(void *arg)
{
    spin_flag = 1;
    while (spin_flag != 2)
        ;
    return arg;
}

static uint64_t frame_spin(long frame, uint64_t keys)
{
    static pthread_t spinner;
    (void)keys;
    if (frame == 10)
        spinner = start(spin, 21);
    if (frame == 11) { /* once before the branch, and once after it */
        spin_flag = 2;
        NEED(pthread_join(spinner, NULL) == 0);
        spin_flag = 0;
    }
    if (frame == SPIN_AT)
        spinner = start(spin, 22);
    if (frame == SPIN_AT + 1) {
        NEED(spin_flag == 1);
        spin_flag = 2;
        NEED(pthread_join(spinner, NULL) == 0);
    }
    return (uint64_t)spin_flag;
}

const struct area thread_areas[] = {
    {"lives", NULL, frame_lives, 0},
    {"mutex", begin_lock, frame_lock, 0},
    {"cond", begin_cond, frame_cond, 0},
    {"meet", begin_meet, frame_meet, 0},
    {"once", begin_once, frame_once, 0},
    {"spin", NULL, frame_spin, 1},
    {NULL, NULL, NULL, 0},
};
