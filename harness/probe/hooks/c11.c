/* SPDX-License-Identifier: MIT
 *
 * C11 threads. glibc's own call its internal pthread functions past our hooks; these call the hooks.
 * glibc's mtx_t, cnd_t and thrd_t are its pthread types under other names.
 */
#include <errno.h>

#include "core/probe.h"
#include "core/real.h"

static int outcome(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

MOTH_HOOK int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.thrd_create(thread, start, argument);
    /* int and void * come back in the same register on both architectures. */
    union {
        thrd_start_t as_int;
        void *(*as_pointer)(void *);
    } routine = {start};
    int error = pthread_create(thread, NULL, routine.as_pointer, argument);
    return error == EAGAIN ? thrd_nomem : outcome(error);
}

MOTH_HOOK int thrd_join(thrd_t thread, int *result)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.thrd_join(thread, result);
    void *value = NULL;
    int error = pthread_join(thread, &value);
    if (error == 0 && result != NULL)
        *result = (int)(intptr_t)value;
    return outcome(error);
}

MOTH_HOOK int thrd_detach(thrd_t thread)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_detach(thread)) : moth_real.thrd_detach(thread);
}

MOTH_HOOK void thrd_exit(int result)
{
    moth_real_init();
    if (moth_active())
        pthread_exit((void *)(intptr_t)result);
    moth_real.thrd_exit(result);
    __builtin_unreachable();
}

MOTH_HOOK int thrd_sleep(const struct timespec *length, struct timespec *left)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.thrd_sleep(length, left);
    return nanosleep(length, left) == 0 ? 0 : -1;
}

MOTH_HOOK void thrd_yield(void)
{
    sched_yield();
}

MOTH_HOOK int mtx_lock(mtx_t *mutex)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_mutex_lock((pthread_mutex_t *)mutex)) : moth_real.mtx_lock(mutex);
}

MOTH_HOOK int mtx_trylock(mtx_t *mutex)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_mutex_trylock((pthread_mutex_t *)mutex))
                         : moth_real.mtx_trylock(mutex);
}

MOTH_HOOK int mtx_timedlock(mtx_t *mutex, const struct timespec *at)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_mutex_timedlock((pthread_mutex_t *)mutex, at))
                         : moth_real.mtx_timedlock(mutex, at);
}

MOTH_HOOK int mtx_unlock(mtx_t *mutex)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_mutex_unlock((pthread_mutex_t *)mutex))
                         : moth_real.mtx_unlock(mutex);
}

MOTH_HOOK int cnd_wait(cnd_t *cond, mtx_t *mutex)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_cond_wait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex))
                         : moth_real.cnd_wait(cond, mutex);
}

MOTH_HOOK int cnd_timedwait(cnd_t *cond, mtx_t *mutex, const struct timespec *at)
{
    moth_real_init();
    return moth_active()
               ? outcome(pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, at))
               : moth_real.cnd_timedwait(cond, mutex, at);
}

MOTH_HOOK int cnd_signal(cnd_t *cond)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_cond_signal((pthread_cond_t *)cond)) : moth_real.cnd_signal(cond);
}

MOTH_HOOK int cnd_broadcast(cnd_t *cond)
{
    moth_real_init();
    return moth_active() ? outcome(pthread_cond_broadcast((pthread_cond_t *)cond))
                         : moth_real.cnd_broadcast(cond);
}
