/* SPDX-License-Identifier: MIT
 *
 * Conformance: condition variables, semaphores, read-write locks, barriers, once, spin locks.
 */
#include "threads/check.h"

#include <semaphore.h>

/* --- condition variables --- */

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled, emptied;
    int items[4], n;
    long sum;
    int done;
};

static void *consume(void *arg)
{
    struct queue *queue = arg;
    pthread_mutex_lock(&queue->mutex);
    for (;;) {
        while (queue->n == 0 && !queue->done)
            CHECK(pthread_cond_wait(&queue->filled, &queue->mutex) == 0);
        if (queue->n == 0)
            break;
        queue->sum += queue->items[--queue->n];
        CHECK(pthread_cond_signal(&queue->emptied) == 0);
    }
    pthread_mutex_unlock(&queue->mutex);
    return NULL;
}

static void *produce(void *arg)
{
    struct queue *queue = arg;
    for (int i = 1; i <= 100; i++) {
        pthread_mutex_lock(&queue->mutex);
        while (queue->n == 4)
            CHECK(pthread_cond_wait(&queue->emptied, &queue->mutex) == 0);
        queue->items[queue->n++] = i;
        CHECK(pthread_cond_signal(&queue->filled) == 0);
        pthread_mutex_unlock(&queue->mutex);
    }
    return NULL;
}

static void area_cond(void)
{
    struct queue queue = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                          .filled = PTHREAD_COND_INITIALIZER,
                          .emptied = PTHREAD_COND_INITIALIZER};
    pthread_t consumers[3], producers[3];
    for (int i = 0; i < 3; i++) {
        consumers[i] = start(consume, &queue);
        producers[i] = start(produce, &queue);
    }
    for (int i = 0; i < 3; i++)
        join(producers[i]);
    pthread_mutex_lock(&queue.mutex);
    queue.done = 1;
    pthread_cond_broadcast(&queue.filled);
    pthread_mutex_unlock(&queue.mutex);
    for (int i = 0; i < 3; i++)
        join(consumers[i]);
    CHECK(queue.sum == 3 * 5050);
    CHECK(pthread_cond_destroy(&queue.filled) == 0 && pthread_cond_destroy(&queue.emptied) == 0);
}

static struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    int open, waiting, passed;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

static void *wait_at_gate(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate.mutex);
    gate.waiting++;
    while (!gate.open)
        pthread_cond_wait(&gate.cond, &gate.mutex);
    if (gate.open > 0 && gate.open < 100)
        gate.open--;
    gate.passed++;
    pthread_mutex_unlock(&gate.mutex);
    return NULL;
}

static void area_cond_wake(void)
{
    gate.open = gate.waiting = gate.passed = 0;
    CHECK(pthread_cond_signal(&gate.cond) == 0); /* nobody waits: lost */
    pthread_t threads[5];
    for (int i = 0; i < 5; i++)
        threads[i] = start(wait_at_gate, NULL);
    while (sleep_ms(1), pthread_mutex_lock(&gate.mutex), gate.waiting < 5)
        pthread_mutex_unlock(&gate.mutex);
    CHECK(gate.passed == 0);
    gate.open = 1;
    CHECK(pthread_cond_signal(&gate.cond) == 0);
    pthread_mutex_unlock(&gate.mutex);
    sleep_ms(20);
    pthread_mutex_lock(&gate.mutex);
    CHECK(gate.passed == 1);
    gate.open = 100;
    CHECK(pthread_cond_broadcast(&gate.cond) == 0);
    pthread_mutex_unlock(&gate.mutex);
    for (int i = 0; i < 5; i++)
        join(threads[i]);
    CHECK(gate.passed == 5);
}

static void area_cond_timed(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER, monotonic;
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&monotonic, &attr) == 0);
    pthread_mutex_lock(&mutex);
    uint64_t begin = mono_ms();
    struct timespec until = after_ms(CLOCK_REALTIME, 30);
    CHECK(pthread_cond_timedwait(&cond, &mutex, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 30);
    CHECK(pthread_mutex_trylock(&mutex) == EBUSY); /* held again */
    begin = mono_ms();
    until = after_ms(CLOCK_MONOTONIC, 30);
    CHECK(pthread_cond_timedwait(&monotonic, &mutex, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 30);
    begin = mono_ms();
    until = after_ms(CLOCK_MONOTONIC, 30);
    CHECK(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 30);
    until = after_ms(CLOCK_REALTIME, -1000);
    CHECK(pthread_cond_timedwait(&cond, &mutex, &until) == ETIMEDOUT);
    until.tv_nsec = 1000000000;
    CHECK(pthread_cond_timedwait(&cond, &mutex, &until) == EINVAL);
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&monotonic);
}

static void *signal_cond_soon(void *arg)
{
    sleep_ms(10);
    pthread_mutex_lock(&gate.mutex);
    *(int *)arg = 1;
    pthread_cond_signal(&gate.cond);
    pthread_mutex_unlock(&gate.mutex);
    return NULL;
}

static void area_cond_timed_wake(void)
{
    int ready = 0;
    pthread_t thread = start(signal_cond_soon, &ready);
    uint64_t begin = mono_ms();
    struct timespec until = after_ms(CLOCK_REALTIME, 20000);
    pthread_mutex_lock(&gate.mutex);
    while (!ready)
        CHECK(pthread_cond_timedwait(&gate.cond, &gate.mutex, &until) == 0);
    pthread_mutex_unlock(&gate.mutex);
    CHECK_TOOK(begin, 10);
    join(thread);
}

/* --- semaphores --- */

static sem_t sem_ping, sem_pong;

static void *pong(void *arg)
{
    for (int i = 0; i < 50; i++) {
        CHECK(sem_wait(&sem_ping) == 0);
        ++*(int *)arg;
        CHECK(sem_post(&sem_pong) == 0);
    }
    return NULL;
}

static void area_sem(void)
{
    int count = 0, value = -1;
    CHECK(sem_init(&sem_ping, 0, 0) == 0 && sem_init(&sem_pong, 0, 0) == 0);
    pthread_t thread = start(pong, &count);
    for (int i = 0; i < 50; i++) {
        CHECK(count == i);
        sem_post(&sem_ping);
        CHECK(sem_wait(&sem_pong) == 0);
    }
    join(thread);
    CHECK(sem_trywait(&sem_ping) == -1 && errno == EAGAIN);
    CHECK(sem_post(&sem_ping) == 0 && sem_post(&sem_ping) == 0);
    CHECK(sem_getvalue(&sem_ping, &value) == 0 && value == 2);
    CHECK(sem_trywait(&sem_ping) == 0 && sem_wait(&sem_ping) == 0);
    uint64_t begin = mono_ms();
    struct timespec until = after_ms(CLOCK_REALTIME, 25);
    CHECK(sem_timedwait(&sem_ping, &until) == -1 && errno == ETIMEDOUT);
    CHECK_TOOK(begin, 25);
    begin = mono_ms();
    until = after_ms(CLOCK_MONOTONIC, 25);
    CHECK(sem_clockwait(&sem_ping, CLOCK_MONOTONIC, &until) == -1 && errno == ETIMEDOUT);
    CHECK_TOOK(begin, 25);
    until.tv_nsec = -1;
    CHECK(sem_timedwait(&sem_ping, &until) == -1 && errno == EINVAL);
    sem_post(&sem_ping);
    until = after_ms(CLOCK_REALTIME, -1000);
    CHECK(sem_timedwait(&sem_ping, &until) == 0); /* it need not wait, so it is not too late */
    CHECK(sem_destroy(&sem_ping) == 0 && sem_destroy(&sem_pong) == 0);
}

/* --- read-write locks --- */

struct shared {
    pthread_rwlock_t lock;
    atomic_int readers, readers_most, writers;
    int value;
};

static void *read_shared(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < 10; i++) {
        CHECK(pthread_rwlock_rdlock(&shared->lock) == 0);
        int readers = ++shared->readers;
        if (readers > shared->readers_most)
            shared->readers_most = readers;
        CHECK(shared->writers == 0);
        sleep_ms(2);
        shared->readers--;
        CHECK(pthread_rwlock_unlock(&shared->lock) == 0);
        sleep_ms(1);
    }
    return NULL;
}

static void *write_shared(void *arg)
{
    struct shared *shared = arg;
    for (int i = 0; i < 10; i++) {
        CHECK(pthread_rwlock_wrlock(&shared->lock) == 0);
        CHECK(++shared->writers == 1 && shared->readers == 0);
        int seen = shared->value;
        sleep_ms(1);
        shared->value = seen + 1;
        shared->writers--;
        CHECK(pthread_rwlock_unlock(&shared->lock) == 0);
        sleep_ms(2);
    }
    return NULL;
}

static void *try_write(void *arg)
{
    return (void *)(intptr_t)pthread_rwlock_trywrlock(arg);
}

static void *try_read(void *arg)
{
    return (void *)(intptr_t)pthread_rwlock_tryrdlock(arg);
}

static void *timed_write(void *arg)
{
    uint64_t begin = mono_ms();
    struct timespec until = after_ms(CLOCK_REALTIME, 15);
    CHECK(pthread_rwlock_timedwrlock(arg, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 15);
    begin = mono_ms();
    until = after_ms(CLOCK_MONOTONIC, 15);
    CHECK(pthread_rwlock_clockwrlock(arg, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 15);
    return NULL;
}

static void *timed_read(void *arg)
{
    uint64_t begin = mono_ms();
    struct timespec until = after_ms(CLOCK_REALTIME, 15);
    CHECK(pthread_rwlock_timedrdlock(arg, &until) == ETIMEDOUT);
    CHECK_TOOK(begin, 15);
    return NULL;
}

static void area_rwlock(void)
{
    struct shared shared = {.lock = PTHREAD_RWLOCK_INITIALIZER};
    pthread_t threads[6];
    for (int i = 0; i < 6; i++)
        threads[i] = start(i < 4 ? read_shared : write_shared, &shared);
    for (int i = 0; i < 6; i++)
        join(threads[i]);
    CHECK(shared.value == 20);
    CHECK(shared.readers_most >= 2);

    CHECK(pthread_rwlock_rdlock(&shared.lock) == 0 && pthread_rwlock_rdlock(&shared.lock) == 0);
    CHECK(join(start(try_write, &shared.lock)) == (void *)(intptr_t)EBUSY);
    join(start(timed_write, &shared.lock));
    CHECK(pthread_rwlock_unlock(&shared.lock) == 0 && pthread_rwlock_unlock(&shared.lock) == 0);
    CHECK(pthread_rwlock_wrlock(&shared.lock) == 0);
    CHECK(pthread_rwlock_rdlock(&shared.lock) == EDEADLK && pthread_rwlock_wrlock(&shared.lock) == EDEADLK);
    CHECK(join(start(try_read, &shared.lock)) == (void *)(intptr_t)EBUSY);
    join(start(timed_read, &shared.lock));
    CHECK(pthread_rwlock_unlock(&shared.lock) == 0);
    CHECK(pthread_rwlock_destroy(&shared.lock) == 0);
}

/* --- barriers, once, spin locks --- */

#define BARRIER_THREADS 5
static pthread_barrier_t barrier;
static atomic_int barrier_arrived, barrier_serial;

static void *cross_barriers(void *arg)
{
    (void)arg;
    for (int round = 1; round <= 20; round++) {
        barrier_arrived++;
        int result = pthread_barrier_wait(&barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        if (result)
            barrier_serial++;
        CHECK(barrier_arrived >= round * BARRIER_THREADS);
        pthread_barrier_wait(&barrier);
        CHECK(barrier_arrived == round * BARRIER_THREADS && barrier_serial == round);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void area_barrier(void)
{
    pthread_t threads[BARRIER_THREADS];
    barrier_arrived = barrier_serial = 0;
    CHECK(pthread_barrier_init(&barrier, NULL, BARRIER_THREADS) == 0);
    for (int i = 0; i < BARRIER_THREADS; i++)
        threads[i] = start(cross_barriers, NULL);
    for (int i = 0; i < BARRIER_THREADS; i++)
        join(threads[i]);
    CHECK(pthread_barrier_destroy(&barrier) == 0);
}

static pthread_once_t once_slow;
static atomic_int once_calls, once_finished;

static void slow_init(void)
{
    once_calls++;
    sleep_ms(20);
    once_finished = 1;
}

static void *call_once_slow(void *arg)
{
    (void)arg;
    CHECK(pthread_once(&once_slow, slow_init) == 0);
    CHECK(once_finished == 1);
    return NULL;
}

static pthread_once_t once_cancelled;

static void init_until_cancelled(void)
{
    if (++once_calls == 1)
        sleep_ms(60000);
}

static void *call_once_cancelled(void *arg)
{
    (void)arg;
    pthread_once(&once_cancelled, init_until_cancelled);
    return NULL;
}

static void area_once(void)
{
    pthread_t threads[6];
    once_slow = PTHREAD_ONCE_INIT;
    once_calls = once_finished = 0;
    for (int i = 0; i < 6; i++)
        threads[i] = start(call_once_slow, NULL);
    for (int i = 0; i < 6; i++)
        join(threads[i]);
    CHECK(once_calls == 1);

    once_cancelled = PTHREAD_ONCE_INIT; /* an initializer that is cancelled has not happened */
    once_calls = 0;
    pthread_t thread = start(call_once_cancelled, NULL);
    sleep_ms(5);
    CHECK(pthread_cancel(thread) == 0 && join(thread) == PTHREAD_CANCELED);
    CHECK(pthread_once(&once_cancelled, init_until_cancelled) == 0 && once_calls == 2);
}

static pthread_spinlock_t spinlock;

static void *count_spinning(void *arg)
{
    for (int i = 0; i < 200; i++) {
        CHECK(pthread_spin_lock(&spinlock) == 0);
        long seen = *(long *)arg;
        if (i % 50 == 0)
            sched_yield(); /* bad manners, but allowed: the others spin meanwhile */
        *(long *)arg = seen + 1;
        CHECK(pthread_spin_unlock(&spinlock) == 0);
    }
    return NULL;
}

static void area_spinlock(void)
{
    long count = 0;
    pthread_t threads[4];
    CHECK(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE) == 0);
    for (int i = 0; i < 4; i++)
        threads[i] = start(count_spinning, &count);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    CHECK(count == 800);
    CHECK(pthread_spin_lock(&spinlock) == 0 && pthread_spin_trylock(&spinlock) == EBUSY);
    CHECK(pthread_spin_unlock(&spinlock) == 0 && pthread_spin_destroy(&spinlock) == 0);
}

const struct area sync_areas[] = {
    {"cond", area_cond},
    {"cond_wake", area_cond_wake},
    {"cond_timed", area_cond_timed},
    {"cond_timed_wake", area_cond_timed_wake},
    {"sem", area_sem},
    {"rwlock", area_rwlock},
    {"barrier", area_barrier},
    {"once", area_once},
    {"spinlock", area_spinlock},
    {NULL, NULL},
};
