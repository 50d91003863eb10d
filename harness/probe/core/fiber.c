/* SPDX-License-Identifier: MIT
 *
 * Fibers: every thread of the game, run by one kernel thread, one after the other.
 *
 * A fiber runs until it waits, yields or ends. Ready fibers run in the order they became ready; with a
 * schedule seed the one with the highest random priority runs, and priorities change at random
 * synchronisation points (PCT: Burckhardt et al., "A randomized scheduler with probabilistic
 * guarantees of finding bugs", 2010). When none is ready, virtual time jumps to the next deadline.
 */
#include "core/probe.h"

#include <stdio.h>
#include <string.h>

#include "core/real.h"
#include "net/net.h"

struct moth_fiber moth_fibers[MOTH_FIBERS_MAX];
struct moth_fiber *moth_current = &moth_fibers[0];

static struct moth_fiber *ready_head, *ready_tail;
static struct moth_waiter waiters; /* head of the ring of all waits */
unsigned moth_n_waiting[MOTH_WAIT_OTHER + 1];
static struct moth_fiber *switched_from;
static struct moth_rng schedule_rng;
static uint32_t schedule_gap;
static bool idling; /* time passes on a fiber that waits: nothing may switch away from it */

#define MAIN (&moth_fibers[0])
#define SIGNALS 64

static bool shuffled(void)
{
    return moth_channel->config.schedule_seed != 0;
}

static uint32_t fresh_priority(void)
{
    return shuffled() ? 0x40000000u + (uint32_t)moth_rng_below(&schedule_rng, 0x40000000u) : 0;
}

/*
 * Where libc keeps a thread's id: what locks write into memory as their owner. The kernel's ids are
 * another thing in each run, and in a branch they are those of the game it was forked from, so libc is
 * given ids of ours. It passes them to the kernel only for calls that are hooked.
 */
static size_t tid_offset; /* in libc's descriptor of a thread; 0: not found */

#define DESCRIPTOR_BYTES 2048

static void find_tid_word(void)
{
    int tid = (int)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    const char *descriptor = (const char *)pthread_self();
    size_t found = 0;
    for (size_t at = sizeof tid; at < DESCRIPTOR_BYTES; at += sizeof tid) {
        int word;
        memcpy(&word, descriptor + at, sizeof word);
        if (word != tid)
            continue;
        if (found != 0) /* something else looks like it */
            return;
        found = at;
    }
    tid_offset = found;
}

int *moth_tid_word(pthread_t handle)
{
    return tid_offset != 0 ? (int *)((char *)handle + tid_offset) : NULL;
}

/* Calls nothing: see parked(). */
void moth_fiber_name_thread(struct moth_fiber *fiber)
{
    int *word = moth_tid_word(pthread_self());
    fiber->record->tid = (int32_t)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
    if (word != NULL && *word == fiber->record->tid)
        *word = fiber->record->tid = MOTH_VIRTUAL_PID + (int32_t)fiber->index;
}

void moth_fibers_init(void)
{
    waiters.next = waiters.previous = &waiters;
    uint64_t seed = moth_channel->config.schedule_seed;
    moth_rng_seed(&schedule_rng, seed);
    schedule_gap = 2u << (2 * (seed & 3)); /* different seeds look at different densities of change */
    struct moth_fiber *fiber = moth_fiber_new();
    fiber->handle = pthread_self();
    fiber->tp = fiber->record->fs_base = arch_tp_get();
    find_tid_word();
    moth_fiber_name_thread(fiber);
    memcpy(fiber->record->name, "main", 5);
    fiber->running = true;
    moth_current = fiber;
}

void moth_fibers_forked(void)
{
    waiters.next = waiters.previous = &waiters;
    memset(moth_n_waiting, 0, sizeof moth_n_waiting);
    ready_head = ready_tail = NULL;
    for (uint32_t i = 0; i < MOTH_FIBERS_MAX; i++) {
        struct moth_fiber *fiber = &moth_fibers[i];
        if (fiber == moth_current) {
            struct moth_fiber_record *record = &moth_channel->fibers[i];
            *record = *fiber->record;
            record->tid = (int32_t)arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
            fiber->record = record;
            fiber->top = NULL;
        } else if (fiber->used) {
            fiber->used = false;
            fiber->top = NULL;
            fiber->ready = false;
        }
    }
}

void moth_fibers_branched(void)
{
    for (uint32_t i = 0; i < moth_channel->n_fibers && i < MOTH_FIBERS_MAX; i++)
        moth_fibers[i].parentless = moth_fibers[i].used && i != 0;
}

struct moth_fiber *moth_fiber_new(void)
{
    for (uint32_t i = 0; i < MOTH_FIBERS_MAX; i++) {
        struct moth_fiber *fiber = &moth_fibers[i];
        if (fiber->used)
            continue;
        memset(fiber, 0, sizeof *fiber);
        fiber->used = true;
        fiber->index = i;
        fiber->priority = fresh_priority();
        fiber->record = &moth_channel->fibers[i];
        memset(fiber->record, 0, sizeof *fiber->record);
        fiber->record->state = MOTH_FIBER_ALIVE;
        fiber->record->owner = -1;
        if (i >= moth_channel->n_fibers)
            moth_channel->n_fibers = i + 1;
        return fiber;
    }
    return NULL;
}

void moth_fiber_free(struct moth_fiber *fiber)
{
    fiber->record->state = MOTH_FIBER_FREE;
    fiber->used = false;
}

struct moth_fiber *moth_fiber_of(pthread_t handle)
{
    for (uint32_t i = 0; i < moth_channel->n_fibers && i < MOTH_FIBERS_MAX; i++)
        if (moth_fibers[i].used && moth_fibers[i].handle == handle)
            return &moth_fibers[i];
    return NULL;
}

struct moth_fiber *moth_mutex_owner(const void *mutex)
{
    int tid = ((const pthread_mutex_t *)mutex)->__data.__owner;
    for (uint32_t i = 0; tid != 0 && i < moth_channel->n_fibers && i < MOTH_FIBERS_MAX; i++)
        if (moth_fibers[i].used && moth_fibers[i].record->tid == tid)
            return &moth_fibers[i];
    return NULL;
}

/* ---- the ready queue ---- */

void moth_fiber_make_ready(struct moth_fiber *fiber)
{
    if (fiber->ready || fiber->running)
        return;
    fiber->ready = true;
    fiber->ready_next = NULL;
    if (ready_tail != NULL)
        ready_tail->ready_next = fiber;
    else
        ready_head = fiber;
    ready_tail = fiber;
}

static struct moth_fiber *take_ready(void)
{
    struct moth_fiber *best = ready_head, *before_best = NULL;
    if (best != NULL && shuffled())
        for (struct moth_fiber *f = best; f->ready_next != NULL; f = f->ready_next)
            if (f->ready_next->priority > best->priority) {
                best = f->ready_next;
                before_best = f;
            }
    if (best == NULL)
        return NULL;
    if (before_best != NULL)
        before_best->ready_next = best->ready_next;
    else
        ready_head = best->ready_next;
    if (ready_tail == best)
        ready_tail = before_best;
    best->ready = false;
    return best;
}

/* ---- switching ---- */

static void settle(void);

static siginfo_t pending_info[SIGNALS];

/* Signals go through the kernel, so that handlers, their masks and flags are the kernel's business. */
static void take_signals(void)
{
    struct moth_fiber *self = moth_current;
    while (self->signals_pending != 0) {
        int number = __builtin_ctzll(self->signals_pending) + 1;
        self->signals_pending &= ~(1ULL << (number - 1));
        arch_syscall(SYS_rt_tgsigqueueinfo, arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0),
                     arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0), number, (long)&pending_info[number - 1], 0,
                     0);
    }
}

void moth_fiber_signal(struct moth_fiber *fiber, const siginfo_t *info)
{
    int number = info->si_signo;
    pending_info[number - 1] = *info;
    fiber->signals_pending |= 1ULL << (number - 1);
    if (fiber == moth_current && fiber->running) {
        take_signals();
        return;
    }
    struct moth_waiter *top = fiber->top;
    if (top == NULL || top->woken)
        return;
    if (top->kind == MOTH_WAIT_SLEEP || top->kind == MOTH_WAIT_FD || top->kind == MOTH_WAIT_SIGNAL)
        top->woken = MOTH_WAKE_INTERRUPTED;
    moth_fiber_make_ready(fiber); /* other waits go on after the handler */
}

static void switch_to(struct moth_fiber *next)
{
    struct moth_fiber *previous = moth_current;
    moth_chain_add(&moth_chain_calls, next->index);
    next->running = true;
    if (next == previous)
        return;
    moth_work_switch(previous);
    switched_from = previous;
    moth_current = next;
    moth_channel->fiber_current = next->index;
    arch_tp_set(next->tp);
    moth_arch_switch(&previous->sp, next->sp);
    settle();
}

/* First thing on the fiber that was switched to: what must wait until the other stack is at rest. */
static void settle(void)
{
    struct moth_fiber *from = switched_from;
    from->record->sp = from->sp;
    if (from->finished && from->detached)
        moth_thread_collect(from);
    take_signals();
    if (moth_call_asked && moth_current == MAIN && !MAIN->preempted)
        moth_call_serve();
    if (moth_current->cancel_async)
        moth_cancel_point();
}

void moth_fiber_started(void)
{
    settle();
}

/* ---- waiting ---- */

static void wake(struct moth_waiter *waiter, enum moth_wake why)
{
    waiter->woken = why;
    if (waiter->fiber->top == waiter)
        moth_fiber_make_ready(waiter->fiber);
}

/* Make due what is due, in the order of the deadlines, then of the waits' beginnings. */
void moth_waiters_expire(uint64_t now_ns)
{
    for (;;) {
        struct moth_waiter *first = NULL;
        for (struct moth_waiter *w = waiters.next; w != &waiters; w = w->next)
            if (!w->woken && w->deadline_ns <= now_ns &&
                (first == NULL || w->deadline_ns < first->deadline_ns))
                first = w;
        if (first == NULL)
            break;
        wake(first, MOTH_WAKE_TIMEOUT);
    }
    if (MAIN->top != NULL && now_ns >= moth_boundary_due())
        moth_fiber_make_ready(MAIN);
}

static uint64_t next_deadline(void)
{
    uint64_t next = moth_timers_next();
    for (struct moth_waiter *w = waiters.next; w != &waiters; w = w->next)
        if (!w->woken && w->deadline_ns < next)
            next = w->deadline_ns;
    return next;
}

static const char *const wait_names[] = {"nothing",   "sleep",           "mutex",   "condition variable",
                                         "semaphore", "rwlock",          "barrier", "the end of a thread",
                                         "futex",     "file descriptor", "once",    "signal",
                                         "something"};

static size_t describe(char *out, size_t size, const struct moth_fiber *fiber)
{
    const struct moth_waiter *w = fiber->top;
    const char *name = fiber->record->name[0] != '\0' ? fiber->record->name : "thread";
    int n;
    if (w == NULL)
        n = snprintf(out, size, "%.15s (#%u) runs", name, fiber->index);
    else if (w->kind == MOTH_WAIT_MUTEX && moth_mutex_owner(w->key) != NULL)
        n = snprintf(out, size, "%.15s (#%u) waits for a mutex held by %.15s (#%u)", name, fiber->index,
                     moth_mutex_owner(w->key)->record->name, moth_mutex_owner(w->key)->index);
    else
        n = snprintf(out, size, "%.15s (#%u) waits for a %s", name, fiber->index,
                     w->kind < sizeof wait_names / sizeof *wait_names ? wait_names[w->kind] : "?");
    return n < 0 ? 0 : (size_t)n;
}

static _Noreturn void all_wait(void)
{
    static char text[sizeof moth_channel->deadlock_text];
    size_t used = 0;
    for (uint32_t i = 0; i < moth_channel->n_fibers && used + 160 < sizeof text; i++)
        if (moth_fibers[i].used && !moth_fibers[i].finished) {
            if (used > 0)
                used += (size_t)snprintf(text + used, sizeof text - used, "; ");
            used += describe(text + used, sizeof text - used, &moth_fibers[i]);
        }
    moth_deadlock(text);
}

/* A ring of fibers, each waiting for a mutex that the next one holds, never ends, whoever else lives on. */
static void check_cycle(const struct moth_waiter *waiter)
{
    static char text[sizeof moth_channel->deadlock_text];
    const struct moth_waiter *w = waiter;
    size_t used = 0;
    for (unsigned steps = 0; steps < MOTH_FIBERS_MAX; steps++) {
        if (w == NULL || w->woken || w->kind != MOTH_WAIT_MUTEX || w->deadline_ns != MOTH_FOREVER)
            return;
        const struct moth_fiber *owner = moth_mutex_owner(w->key);
        if (owner == NULL || owner->finished)
            return;
        if (used + 160 < sizeof text) {
            if (used > 0)
                used += (size_t)snprintf(text + used, sizeof text - used, "; ");
            used += describe(text + used, sizeof text - used, w->fiber);
        }
        if (owner == waiter->fiber)
            moth_deadlock(text);
        w = owner->top;
    }
}

static bool waits_for_members(void)
{
    for (const struct moth_waiter *w = waiters.next; w != &waiters; w = w->next)
        if (!w->woken && w->kind == MOTH_WAIT_FD && moth_net_waits(w))
            return true;
    return false;
}

/* Nobody can run: let time pass until somebody can. */
static void idle(void)
{
    if (moth_n_waiting[MOTH_WAIT_FD] > 0 && moth_fd_poll_waiters(0))
        return;
    uint64_t next = next_deadline();
    bool from_members =
        moth_net_linked() && moth_boundary_due() != MOTH_FOREVER && MAIN->top != NULL && waits_for_members();
    if (next == MOTH_FOREVER && from_members) {
        moth_clock_advance(moth_boundary_due()); /* what comes from another member comes with a boundary */
        return;
    }
    if (next == MOTH_FOREVER && moth_n_waiting[MOTH_WAIT_FD] > 0) {
        moth_fd_poll_waiters(50); /* only the world outside can help; the runner watches the wall clock */
        return;
    }
    if (next == MOTH_FOREVER)
        all_wait();
    if (MAIN->top != NULL && moth_boundary_due() < next)
        next = moth_boundary_due();
    moth_clock_advance(next);
}

static void schedule(void)
{
    struct moth_fiber *next;
    moth_current->running = false; /* it may be the next to become ready itself */
    while ((next = take_ready()) == NULL) {
        idling = true;
        idle();
        idling = false;
    }
    switch_to(next);
}

/* Locks are no cancellation points. */
static bool cancellable(uint32_t kind)
{
    return kind != MOTH_WAIT_MUTEX && kind != MOTH_WAIT_RWLOCK && kind != MOTH_WAIT_BARRIER &&
           kind != MOTH_WAIT_ONCE;
}

enum moth_wake moth_wait_on(struct moth_waiter *waiter)
{
    struct moth_fiber *self = moth_current;
    if (self->cancel_pending && !self->cancel_disabled && !self->exiting && cancellable(waiter->kind))
        return MOTH_WAKE_CANCELLED;
    waiter->fiber = self;
    waiter->woken = MOTH_WAKE_NONE;
    waiter->outer = self->top;
    waiter->next = &waiters;
    waiter->previous = waiters.previous;
    waiters.previous->next = waiter;
    waiters.previous = waiter;
    self->top = waiter;
    self->record->wait = waiter->kind;
    self->record->wait_key = (uint64_t)waiter->key;
    self->queries = 0;
    moth_points++;
    moth_work_waits(waiter->kind);
    if (waiter->kind == MOTH_WAIT_MUTEX) {
        const struct moth_fiber *owner = moth_mutex_owner(waiter->key);
        self->record->owner = owner != NULL ? (int32_t)owner->index : -1;
        check_cycle(waiter);
    }
    moth_n_waiting[waiter->kind]++;
    while (waiter->woken == MOTH_WAKE_NONE) {
        schedule();
        take_signals();
        if (self == MAIN && waiter->woken == MOTH_WAKE_NONE)
            moth_boundary_poll();
    }
    moth_n_waiting[waiter->kind]--;
    waiter->previous->next = waiter->next;
    waiter->next->previous = waiter->previous;
    self->top = waiter->outer;
    self->record->wait = self->top != NULL ? self->top->kind : MOTH_WAIT_NONE;
    return waiter->woken;
}

enum moth_wake moth_wait(enum moth_wait_kind kind, const void *key, uint64_t deadline_ns)
{
    struct moth_waiter waiter = {.kind = kind, .key = key, .deadline_ns = deadline_ns, .bits = UINT32_MAX};
    return moth_wait_on(&waiter);
}

int moth_wake_bits(const void *key, int n, uint32_t bits)
{
    int woken = 0;
    for (struct moth_waiter *w = waiters.next; w != &waiters && woken < n; w = w->next)
        if (!w->woken && w->key == key && (w->bits & bits) != 0) {
            wake(w, MOTH_WAKE_SIGNALLED);
            woken++;
        }
    return woken;
}

int moth_wake(const void *key, int n)
{
    return moth_wake_bits(key, n, UINT32_MAX);
}

int moth_requeue(const void *key, const void *to, int n)
{
    int moved = 0;
    for (struct moth_waiter *w = waiters.next; w != &waiters && moved < n; w = w->next)
        if (!w->woken && w->key == key) {
            w->key = to;
            moved++;
        }
    return moved;
}

void moth_fiber_cancel(struct moth_fiber *fiber)
{
    fiber->cancel_pending = true;
    if (fiber->cancel_disabled || fiber->top == NULL || fiber->top->woken)
        return;
    if (cancellable(fiber->top->kind))
        wake(fiber->top, MOTH_WAKE_CANCELLED);
}

bool moth_waiters_each_fd(bool (*fn)(struct moth_waiter *waiter))
{
    bool any = false;
    for (struct moth_waiter *w = waiters.next; w != &waiters; w = w->next)
        if (!w->woken && w->kind == MOTH_WAIT_FD && fn(w)) {
            wake(w, MOTH_WAKE_SIGNALLED);
            any = true;
        }
    return any;
}

void moth_yield(void)
{
    struct moth_fiber *self = moth_current;
    moth_points++;
    if (idling)
        return;
    if (shuffled()) /* below all that did not give way, but in no fixed order: two that do would go on for
                       ever */
        self->priority = (uint32_t)moth_rng_below(&schedule_rng, 0x40000000u);
    if (moth_n_waiting[MOTH_WAIT_FD] > 0)
        moth_fd_poll_waiters(0);
    if (ready_head == NULL)
        return;
    self->running = false;
    moth_fiber_make_ready(self);
    switch_to(take_ready());
}

/* The fiber spins: if nobody else is ready, let time pass until somebody is. */
void moth_preempt_pass(void)
{
    uint64_t next = next_deadline();
    if (ready_head == NULL && next != MOTH_FOREVER)
        moth_clock_advance(next);
    if (ready_head == NULL)
        return;
    struct moth_fiber *self = moth_current;
    self->priority = 0; /* two that spin for each other must take turns */
    self->running = false;
    self->preempted = true;
    moth_fiber_make_ready(self);
    switch_to(take_ready());
    self->preempted = false;
}

void moth_sync_point(void)
{
    if (!shuffled() || moth_in_boundary || idling || moth_rng_below(&schedule_rng, schedule_gap) != 0)
        return;
    struct moth_fiber *self = moth_current;
    self->priority = fresh_priority();
    self->running = false;
    moth_fiber_make_ready(self);
    switch_to(take_ready());
}

_Noreturn void moth_fiber_leave(void)
{
    schedule();
    __builtin_trap(); /* nobody switches back to a finished fiber */
}
