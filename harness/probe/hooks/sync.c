/* SPDX-License-Identifier: MIT
 *
 * Locks and signals between threads. The state of mutexes, semaphores and rwlocks stays glibc's own
 * (the try variant takes them, so kinds, recursion and ownership are glibc's); only waiting is ours.
 * Condition variables, barriers and once-controls are wholly ours.
 */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

#define PRIORITY_INHERITS 0x20 /* bit of __kind */

static int try_lock(pthread_mutex_t *mutex)
{
    /* For this kind a taken lock is the kernel's business, which does not know our threads' ids. */
    uint32_t owner = (uint32_t)mutex->__data.__lock & FUTEX_TID_MASK;
    if ((mutex->__data.__kind & PRIORITY_INHERITS) != 0 && owner != 0 &&
        owner != (uint32_t)moth_current->record->tid)
        return EBUSY;
    return moth_real.pthread_mutex_trylock(mutex);
}

/* What the kernel does for the robust locks that a thread still holds when it ends. */
void moth_locks_leave(struct moth_fiber *fiber)
{
    struct robust_list_head *head = fiber->robust;
    struct robust_list *at = head != NULL ? head->list.next : NULL;
    for (unsigned i = 0; at != NULL && at != &head->list && i < ROBUST_LIST_LIMIT; i++) {
        uint64_t entry = (uint64_t)at & ~1ULL; /* lowest bit: priority inheritance */
        at = ((struct robust_list *)entry)->next;
        uint32_t *word = (uint32_t *)(entry + (uint64_t)head->futex_offset);
        if ((*word & FUTEX_TID_MASK) != (uint32_t)fiber->record->tid)
            continue;
        *word = (*word & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        moth_wake(word, 1); /* the lock is the mutex's first word */
    }
    if (head != NULL)
        head->list.next = &head->list;
}

static int lock_until(pthread_mutex_t *mutex, uint64_t deadline_ns)
{
    int error;
    while ((error = try_lock(mutex)) == EBUSY) {
        if ((mutex->__data.__kind & 3) == PTHREAD_MUTEX_ERRORCHECK &&
            mutex->__data.__owner == moth_current->record->tid)
            return EDEADLK;
        if (moth_wait(MOTH_WAIT_MUTEX, mutex, deadline_ns) == MOTH_WAKE_TIMEOUT)
            return ETIMEDOUT;
    }
    return error;
}

/* POSIX has a bad time matter only when it would be waited for. */
static int timed_lock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *at)
{
    moth_sync_point();
    if (moth_time_valid(at))
        return lock_until(mutex, moth_deadline_of(clock, at, true));
    int error = try_lock(mutex);
    return error == EBUSY ? EINVAL : error;
}

static int unlock(pthread_mutex_t *mutex)
{
    int error = moth_real.pthread_mutex_unlock(mutex);
    if (error == 0 && moth_n_waiting[MOTH_WAIT_MUTEX] > 0)
        moth_wake(mutex, 1);
    return error;
}

MOTH_HOOK int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_mutex_lock(mutex);
    }
    moth_sync_point();
    return lock_until(mutex, MOTH_FOREVER);
}

MOTH_HOOK int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    moth_real_init();
    if (moth_active())
        moth_sync_point();
    int error = moth_active() ? try_lock(mutex) : moth_real.pthread_mutex_trylock(mutex);
    if (error == EBUSY && moth_active()) { /* loops on it must let the owner go on */
        moth_clock_query();
        moth_yield();
    }
    return error;
}

MOTH_HOOK int pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *at)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_mutex_timedlock(mutex, at);
    }
    return timed_lock(mutex, CLOCK_REALTIME, at);
}

MOTH_HOOK int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *at)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_mutex_clocklock(mutex, clock, at);
    }
    return timed_lock(mutex, clock, at);
}

MOTH_HOOK int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_mutex_unlock(mutex);
    }
    int error = unlock(mutex);
    moth_sync_point();
    return error;
}

/* ---- condition variables ---- */

static int cond_until(pthread_cond_t *cond, pthread_mutex_t *mutex, uint64_t deadline_ns)
{
    moth_cancel_point();
    int error = unlock(mutex);
    if (error != 0)
        return error;
    enum moth_wake why = moth_wait(MOTH_WAIT_COND, cond, deadline_ns);
    lock_until(mutex, MOTH_FOREVER);
    if (why == MOTH_WAKE_CANCELLED)
        moth_cancel_point();
    return why == MOTH_WAKE_TIMEOUT ? ETIMEDOUT : 0;
}

static clockid_t cond_clock(const pthread_cond_t *cond)
{
    return (cond->__data.__wrefs & 2) ? CLOCK_MONOTONIC : CLOCK_REALTIME; /* as glibc keeps it */
}

MOTH_HOOK int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_cond_wait(cond, mutex);
    }
    return cond_until(cond, mutex, MOTH_FOREVER);
}

MOTH_HOOK int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *at)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_cond_timedwait(cond, mutex, at);
    }
    if (!moth_time_valid(at))
        return EINVAL;
    return cond_until(cond, mutex, moth_deadline_of(cond_clock(cond), at, true));
}

MOTH_HOOK int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                                     const struct timespec *at)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_cond_clockwait(cond, mutex, clock, at);
    }
    if (!moth_time_valid(at))
        return EINVAL;
    return cond_until(cond, mutex, moth_deadline_of(clock, at, true));
}

static int cond_wake(pthread_cond_t *cond, int n)
{
    if (moth_n_waiting[MOTH_WAIT_COND] > 0)
        moth_wake(cond, n);
    moth_sync_point();
    return 0;
}

MOTH_HOOK int pthread_cond_signal(pthread_cond_t *cond)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_cond_signal(cond);
    }
    return cond_wake(cond, 1);
}

MOTH_HOOK int pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.pthread_cond_broadcast(cond);
    }
    return cond_wake(cond, INT32_MAX);
}

/* ---- semaphores ---- */

static int sem_until(sem_t *sem, uint64_t deadline_ns)
{
    moth_cancel_point();
    moth_sync_point();
    while (moth_real.sem_trywait(sem) != 0) {
        if (errno != EAGAIN)
            return -1;
        enum moth_wake why = moth_wait(MOTH_WAIT_SEM, sem, deadline_ns);
        if (why == MOTH_WAKE_TIMEOUT) {
            errno = ETIMEDOUT;
            return -1;
        }
        if (why == MOTH_WAKE_CANCELLED)
            moth_cancel_point();
    }
    return 0;
}

static int sem_timed(sem_t *sem, clockid_t clock, const struct timespec *at)
{
    if (moth_time_valid(at))
        return sem_until(sem, moth_deadline_of(clock, at, true));
    if (moth_real.sem_trywait(sem) == 0)
        return 0;
    errno = EINVAL;
    return -1;
}

MOTH_HOOK int sem_wait(sem_t *sem)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.sem_wait(sem);
    }
    return sem_until(sem, MOTH_FOREVER);
}

MOTH_HOOK int sem_trywait(sem_t *sem)
{
    moth_real_init();
    int result = moth_real.sem_trywait(sem);
    if (result != 0 && errno == EAGAIN && moth_active()) {
        moth_clock_query();
        moth_yield();
        errno = EAGAIN;
    }
    return result;
}

MOTH_HOOK int sem_timedwait(sem_t *sem, const struct timespec *at)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.sem_timedwait(sem, at);
    }
    return sem_timed(sem, CLOCK_REALTIME, at);
}

MOTH_HOOK int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *at)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.sem_clockwait(sem, clock, at);
    }
    return sem_timed(sem, clock, at);
}

MOTH_HOOK int sem_post(sem_t *sem)
{
    moth_real_init();
    int result = moth_real.sem_post(sem);
    if (result == 0 && moth_active()) {
        if (moth_n_waiting[MOTH_WAIT_SEM] > 0)
            moth_wake(sem, 1);
        moth_sync_point();
    }
    return result;
}

/* ---- readers and writers ---- */

static int rwlock_until(pthread_rwlock_t *lock, int (*take)(pthread_rwlock_t *), uint64_t deadline_ns)
{
    int error;
    moth_sync_point();
    while ((error = take(lock)) == EBUSY) {
        if (lock->__data.__cur_writer == moth_current->record->tid)
            return EDEADLK;
        if (moth_wait(MOTH_WAIT_RWLOCK, lock, deadline_ns) == MOTH_WAKE_TIMEOUT)
            return ETIMEDOUT;
    }
    return error;
}

#define RWLOCK_HOOK(name, arguments, pass, take, deadline)   \
    MOTH_HOOK int name arguments                             \
    {                                                        \
        if (!moth_active()) {                                \
            moth_real_init();                                \
            return moth_real.name pass;                      \
        }                                                    \
        return rwlock_until(lock, moth_real.take, deadline); \
    }

RWLOCK_HOOK(pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock), pthread_rwlock_tryrdlock, MOTH_FOREVER)
RWLOCK_HOOK(pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock), pthread_rwlock_trywrlock, MOTH_FOREVER)
RWLOCK_HOOK(pthread_rwlock_timedrdlock, (pthread_rwlock_t * lock, const struct timespec *at), (lock, at),
            pthread_rwlock_tryrdlock, moth_deadline_of(CLOCK_REALTIME, at, true))
RWLOCK_HOOK(pthread_rwlock_timedwrlock, (pthread_rwlock_t * lock, const struct timespec *at), (lock, at),
            pthread_rwlock_trywrlock, moth_deadline_of(CLOCK_REALTIME, at, true))
RWLOCK_HOOK(pthread_rwlock_clockrdlock, (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *at),
            (lock, clock, at), pthread_rwlock_tryrdlock, moth_deadline_of(clock, at, true))
RWLOCK_HOOK(pthread_rwlock_clockwrlock, (pthread_rwlock_t * lock, clockid_t clock, const struct timespec *at),
            (lock, clock, at), pthread_rwlock_trywrlock, moth_deadline_of(clock, at, true))

MOTH_HOOK int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    moth_real_init();
    int error = moth_real.pthread_rwlock_unlock(lock);
    if (error == 0 && moth_active()) {
        if (moth_n_waiting[MOTH_WAIT_RWLOCK] > 0)
            moth_wake(lock, INT32_MAX);
        moth_sync_point();
    }
    return error;
}

/* ---- barriers ---- */

struct barrier {
    unsigned count, arrived;
};
_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t), "a barrier of ours must fit in glibc's");

MOTH_HOOK int pthread_barrier_init(pthread_barrier_t *barrier, const pthread_barrierattr_t *attr,
                                   unsigned count)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_barrier_init(barrier, attr, count);
    if (count == 0)
        return EINVAL;
    memset(barrier, 0, sizeof *barrier);
    ((struct barrier *)barrier)->count = count;
    return 0;
}

MOTH_HOOK int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.pthread_barrier_destroy(barrier);
}

MOTH_HOOK int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_barrier_wait(barrier);
    struct barrier *b = (struct barrier *)barrier;
    moth_sync_point();
    if (++b->arrived == b->count) {
        b->arrived = 0;
        moth_wake(barrier, INT32_MAX);
        return PTHREAD_BARRIER_SERIAL_THREAD;
    }
    moth_wait(MOTH_WAIT_BARRIER, barrier, MOTH_FOREVER);
    return 0;
}

MOTH_HOOK int pthread_spin_lock(pthread_spinlock_t *lock)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_spin_lock(lock);
    moth_sync_point();
    while (moth_real.pthread_spin_trylock(lock) == EBUSY) {
        moth_clock_query();
        moth_yield();
    }
    return 0;
}
