/* SPDX-License-Identifier: MIT
 *
 * Life and death of threads. Each still has a real kernel thread, because glibc builds the stack, the
 * thread-local storage and the descriptor along with it; but that one parks at once and stays parked,
 * until its fiber has finished and somebody joins it. Then it goes on, ends, and glibc frees what it
 * built. Everything a thread runs, its destructors too, runs on the fiber.
 *
 * Each real thread is joinable, also one the game detaches: collecting it is then our part, at a
 * point that is the same in every run.
 */
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

enum { PARK_STARTING, PARK_PARKED, PARK_RELEASED };

#define PARKED_FRAME_BYTES 1024 /* of the parked thread's own frames, above the fiber's */
#define KEYS_MAX 1024
#define EXITS_MAX 4096

struct moth_thread_exit {
    struct moth_thread_exit *next;
    void (*run)(void *);
    void *object;
};

static struct moth_thread_exit exits[EXITS_MAX], *exits_free;
static size_t exits_used;
static void (*key_destructors[KEYS_MAX])(void *);

static void park_wait(_Atomic uint32_t *word, uint32_t while_value)
{
    while (atomic_load(word) == while_value)
        arch_syscall(SYS_futex, (long)word, FUTEX_WAIT_PRIVATE, (long)while_value, 0, 0, 0);
}

static void park_set(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store(word, value);
    arch_syscall(SYS_futex, (long)word, FUTEX_WAKE_PRIVATE, INT32_MAX, 0, 0, 0);
}

/* What the real thread runs. Below its frame lies the fiber's stack: it must call nothing. */
static __attribute__((noinline)) void *parked(void *argument)
{
    struct moth_fiber *fiber = argument;
    fiber->tp = fiber->record->fs_base = arch_tp_get();
    moth_fiber_name_thread(fiber);
    size_t size;
    if (arch_syscall(SYS_get_robust_list, 0, (long)&fiber->robust, (long)&size, 0, 0, 0) != 0)
        fiber->robust = NULL;
    fiber->sp = arch_stack_prepare((uint64_t)__builtin_frame_address(0) - PARKED_FRAME_BYTES);
    fiber->record->sp = fiber->sp;
    if (moth_arch_save(fiber->parked_at) == 0)
        park_set(&fiber->park, PARK_PARKED);
    park_wait(&fiber->park, PARK_PARKED);
    return fiber->result;
}

static void key_destructors_run(void)
{
    for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        bool any = false;
        for (unsigned key = 0; key < KEYS_MAX; key++) {
            if (key_destructors[key] == NULL)
                continue;
            void *value = pthread_getspecific(key);
            if (value == NULL)
                continue;
            any = true;
            pthread_setspecific(key, NULL);
            key_destructors[key](value);
        }
        if (!any)
            break;
    }
}

static _Noreturn void finish(struct moth_fiber *self)
{
    self->exiting = true;
    while (self->exits != NULL) {
        struct moth_thread_exit *exit_now = self->exits;
        self->exits = exit_now->next;
        exit_now->run(exit_now->object);
        exit_now->next = exits_free;
        exits_free = exit_now;
    }
    key_destructors_run();
    moth_locks_leave(self);
    self->finished = true;
    self->record->state = MOTH_FIBER_FINISHED;
    moth_wake(self, INT32_MAX);
    moth_fiber_leave();
}

static void exit_cleanup(void *argument)
{
    finish(argument);
}

void moth_fiber_main(void)
{
    moth_fiber_started();
    struct moth_fiber *self = moth_current;
    /* A real pthread_exit unwinds to the last registered handler: this one, before it would reach the
     * parked thread's own frames. */
    pthread_cleanup_push(exit_cleanup, self);
    self->result = self->start(self->argument);
    pthread_cleanup_pop(0);
    finish(self);
}

/*
 * In a branch the kernel threads behind the fibers are missing, which matters only here: what libc does
 * at a thread's end (its part of the heap, its stack) has to be done. A new one takes the place.
 */
static void revive(struct moth_fiber *fiber)
{
    const long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                       CLONE_SETTLS | CLONE_CHILD_CLEARTID;
    uint64_t all = ~0ULL, before;
    arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, 8, 0, 0);
    long tid = moth_arch_clone_into(flags, fiber->parked_at, moth_tid_word(fiber->handle), fiber->tp);
    arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, 8, 0, 0);
    if (tid < 0)
        moth_abandon("no kernel thread could be made in a branch");
}

void moth_thread_collect(struct moth_fiber *fiber)
{
    void *ignored;
    park_set(&fiber->park, PARK_RELEASED);
    if (fiber->parentless && moth_tid_word(fiber->handle) == NULL) {
        moth_fiber_free(fiber); /* libc could not be told that the thread has ended: its stack stays */
        return;
    }
    if (fiber->parentless)
        revive(fiber);
    moth_real.pthread_join(fiber->handle, &ignored);
    moth_fiber_free(fiber);
}

static int create_parked(struct moth_fiber *fiber, const pthread_attr_t *attr)
{
    pthread_attr_t joinable;
    if (attr != NULL) {
        int state;
        memcpy(&joinable, attr, sizeof joinable);
        pthread_attr_getdetachstate(attr, &state);
        fiber->detached = state == PTHREAD_CREATE_DETACHED;
        pthread_attr_setdetachstate(&joinable, PTHREAD_CREATE_JOINABLE);
        pthread_attr_setinheritsched(&joinable, PTHREAD_INHERIT_SCHED);
    }
    uint64_t all = ~moth_crash_signals(), before; /* a sanitizer's wrapper around the original may trap */
    arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, 8, 0, 0);
    int error = moth_real.pthread_create(&fiber->handle, attr != NULL ? &joinable : NULL, parked, fiber);
    if (error == 0)
        park_wait(&fiber->park, PARK_STARTING);
    arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&before, 0, 8, 0, 0);
    return error;
}

MOTH_HOOK int pthread_create(pthread_t *handle, const pthread_attr_t *attr, void *(*start)(void *),
                             void *argument)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_create(handle, attr, start, argument);
    struct moth_fiber *fiber = moth_fiber_new();
    if (fiber == NULL) {
        moth_warn("the game made more threads than moth has room for", NULL);
        return EAGAIN;
    }
    fiber->start = start;
    fiber->argument = argument;
    fiber->mask = moth_current->mask;
    memcpy(fiber->record->name, moth_current->record->name, sizeof fiber->record->name);
    int error = create_parked(fiber, attr);
    if (error != 0) {
        moth_fiber_free(fiber);
        return error;
    }
    *handle = fiber->handle;
    moth_channel->threads_created++;
    moth_fiber_make_ready(fiber);
    moth_sync_point();
    return 0;
}

static int join_until(pthread_t handle, void **result, uint64_t deadline_ns)
{
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (fiber == NULL)
        return ESRCH;
    if (fiber == moth_current)
        return EDEADLK;
    if (fiber->detached || fiber->joining)
        return EINVAL;
    fiber->joining = true;
    moth_cancel_point();
    while (!fiber->finished) {
        enum moth_wake why = moth_wait(MOTH_WAIT_JOIN, fiber, deadline_ns);
        if (why != MOTH_WAKE_SIGNALLED) {
            fiber->joining = false;
            moth_cancel_point();
            if (why == MOTH_WAKE_TIMEOUT)
                return ETIMEDOUT;
            fiber->joining = true;
        }
    }
    if (result != NULL)
        *result = fiber->result;
    moth_thread_collect(fiber);
    return 0;
}

MOTH_HOOK int pthread_join(pthread_t handle, void **result)
{
    if (!moth_active())
        return moth_real.pthread_join(handle, result);
    return join_until(handle, result, MOTH_FOREVER);
}

MOTH_HOOK int pthread_tryjoin_np(pthread_t handle, void **result)
{
    if (!moth_active())
        return moth_real.pthread_tryjoin_np(handle, result);
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (fiber != NULL && !fiber->finished) {
        moth_clock_query();
        moth_yield();
        return EBUSY;
    }
    return join_until(handle, result, MOTH_FOREVER);
}

MOTH_HOOK int pthread_timedjoin_np(pthread_t handle, void **result, const struct timespec *at)
{
    if (!moth_active())
        return moth_real.pthread_timedjoin_np(handle, result, at);
    return join_until(handle, result, moth_deadline_of(CLOCK_REALTIME, at, true));
}

MOTH_HOOK int pthread_clockjoin_np(pthread_t handle, void **result, clockid_t clock,
                                   const struct timespec *at)
{
    if (!moth_active())
        return moth_real.pthread_clockjoin_np(handle, result, clock, at);
    return join_until(handle, result, moth_deadline_of(clock, at, true));
}

MOTH_HOOK int pthread_detach(pthread_t handle)
{
    if (!moth_active())
        return moth_real.pthread_detach(handle);
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (fiber == NULL)
        return ESRCH;
    if (fiber->detached)
        return EINVAL;
    fiber->detached = true;
    if (fiber->finished)
        moth_thread_collect(fiber);
    return 0;
}

/* The main thread's pthread_exit: the process lives as long as any other thread does. */
static _Noreturn void main_exit(struct moth_fiber *self)
{
    self->exiting = true;
    key_destructors_run();
    for (;;) {
        bool others = false;
        for (uint32_t i = 1; i < moth_channel->n_fibers; i++)
            others |= moth_fibers[i].used && !moth_fibers[i].finished;
        if (!others)
            exit(0);
        moth_wait(MOTH_WAIT_JOIN, NULL, moth_now_ns + MOTH_NS_PER_MS);
    }
}

MOTH_HOOK void pthread_exit(void *result)
{
    moth_real_init();
    if (moth_active()) {
        moth_current->result = result;
        moth_current->exiting = true;
        if (moth_current == &moth_fibers[0])
            main_exit(moth_current);
    }
    moth_real.pthread_exit(result);
    __builtin_unreachable();
}

/* ---- cancellation ---- */

void moth_cancel_point(void)
{
    struct moth_fiber *self = moth_current;
    if (self->cancel_pending && !self->cancel_disabled && !self->exiting)
        pthread_exit(PTHREAD_CANCELED);
}

MOTH_HOOK int pthread_cancel(pthread_t handle)
{
    if (!moth_active())
        return moth_real.pthread_cancel(handle);
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (fiber == NULL)
        return ESRCH;
    if (!fiber->finished)
        moth_fiber_cancel(fiber);
    return 0;
}

MOTH_HOOK int pthread_setcancelstate(int state, int *old)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_setcancelstate(state, old);
    if (state != PTHREAD_CANCEL_ENABLE && state != PTHREAD_CANCEL_DISABLE)
        return EINVAL;
    if (old != NULL)
        *old = moth_current->cancel_disabled ? PTHREAD_CANCEL_DISABLE : PTHREAD_CANCEL_ENABLE;
    moth_current->cancel_disabled = state == PTHREAD_CANCEL_DISABLE;
    return 0;
}

MOTH_HOOK int pthread_setcanceltype(int type, int *old)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_setcanceltype(type, old);
    if (type != PTHREAD_CANCEL_DEFERRED && type != PTHREAD_CANCEL_ASYNCHRONOUS)
        return EINVAL;
    if (old != NULL)
        *old = moth_current->cancel_async ? PTHREAD_CANCEL_ASYNCHRONOUS : PTHREAD_CANCEL_DEFERRED;
    moth_current->cancel_async = type == PTHREAD_CANCEL_ASYNCHRONOUS;
    if (moth_current->cancel_async)
        moth_cancel_point();
    return 0;
}

MOTH_HOOK void pthread_testcancel(void)
{
    if (!moth_active()) {
        moth_real.pthread_testcancel();
        return;
    }
    moth_cancel_point();
}

/* ---- thread-local destructors ---- */

MOTH_HOOK int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_key_create(key, destructor);
    int error = moth_real.pthread_key_create(key, NULL);
    if (error == 0 && *key < KEYS_MAX)
        key_destructors[*key] = destructor;
    return error;
}

MOTH_HOOK int pthread_key_delete(pthread_key_t key)
{
    moth_real_init();
    if (key < KEYS_MAX)
        key_destructors[key] = NULL;
    return moth_real.pthread_key_delete(key);
}

int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *dso);
MOTH_HOOK int __cxa_thread_atexit_impl(void (*run)(void *), void *object, void *dso)
{
    moth_real_init();
    bool fiber = moth_active() && moth_current != &moth_fibers[0];
    if (!fiber || (exits_free == NULL && exits_used == EXITS_MAX))
        return moth_real.__cxa_thread_atexit_impl(run, object, dso);
    struct moth_thread_exit *entry = exits_free;
    if (entry != NULL)
        exits_free = entry->next;
    else
        entry = &exits[exits_used++];
    entry->run = run;
    entry->object = object;
    entry->next = moth_current->exits;
    moth_current->exits = entry;
    return 0;
}

MOTH_HOOK int pthread_setname_np(pthread_t handle, const char *name)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_setname_np(handle, name);
    size_t n = strlen(name);
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (n > 15)
        return ERANGE;
    if (fiber == NULL)
        return ESRCH;
    memcpy(fiber->record->name, name, n + 1);
    return 0;
}

MOTH_HOOK int pthread_getname_np(pthread_t handle, char *name, size_t size)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_getname_np(handle, name, size);
    struct moth_fiber *fiber = moth_fiber_of(handle);
    if (fiber == NULL)
        return ESRCH;
    size_t n = strnlen(fiber->record->name, sizeof fiber->record->name - 1);
    if (size <= n)
        return ERANGE;
    memcpy(name, fiber->record->name, n);
    name[n] = '\0';
    return 0;
}

/* Asks the kernel for the thread's processors by the id in its descriptor: it gets one that the kernel knows.
 */
MOTH_HOOK int pthread_getattr_np(pthread_t handle, pthread_attr_t *attr)
{
    moth_real_init();
    int *word = moth_active() ? moth_tid_word(handle) : NULL;
    if (word == NULL)
        return moth_real.pthread_getattr_np(handle, attr);
    int told = *word;
    *word = (int)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    int error = moth_real.pthread_getattr_np(handle, attr);
    *word = told;
    return error;
}

MOTH_HOOK int pthread_getschedparam(pthread_t handle, int *policy, struct sched_param *param)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_getschedparam(handle, policy, param);
    *policy = SCHED_OTHER;
    memset(param, 0, sizeof *param);
    return 0;
}

MOTH_HOOK int pthread_setschedprio(pthread_t handle, int priority)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.pthread_setschedprio(handle, priority);
}

MOTH_HOOK int pthread_getcpuclockid(pthread_t handle, clockid_t *clock)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_getcpuclockid(handle, clock);
    *clock = CLOCK_THREAD_CPUTIME_ID;
    return moth_fiber_of(handle) != NULL ? 0 : ESRCH;
}

MOTH_HOOK int pthread_setschedparam(pthread_t handle, int policy, const struct sched_param *param)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.pthread_setschedparam(handle, policy, param);
    return 0; /* one kernel thread: priorities mean nothing */
}
