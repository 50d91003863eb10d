/* SPDX-License-Identifier: MIT
 *
 * Inside the game. Rules for everything below harness/probe:
 *
 * - We are guests. No allocation, no stdio, no libc locks in a hook; no thread of our own.
 * - Hidden visibility; only hooks (MOTH_HOOK) and the moth_probe_… symbols of moth.h are exported.
 * - A hook is a few lines: step aside when not active, act, call the original from `moth_real`.
 *   Originals come from dlsym(RTLD_NEXT) once, never from a second hook.
 * - No thread-local storage: a fiber switch changes the thread pointer under our feet. The running
 *   fiber is `moth_current`, a plain global, because exactly one kernel thread runs.
 * - Anything the game can observe must be a function of build, files, seed and inputs.
 * - errno is the game's: hooks that succeed leave it alone.
 */
#ifndef MOTH_PROBE_PROBE_H
#define MOTH_PROBE_PROBE_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"
#include "base/rng.h"
#include "wire/channel.h"

#define MOTH_HOOK __attribute__((visibility("default")))
#define MOTH_FOREVER UINT64_MAX
#define MOTH_NS_PER_S 1000000000ULL
#define MOTH_NS_PER_MS 1000000ULL

/* What the game believes. The pid lies above the kernel's highest, so that it never names another
 * process by accident. */
#define MOTH_VIRTUAL_PID 5000000
#define MOTH_VIRTUAL_CHILD 5010000 /* the first child's; a child sees its own */
#define MOTH_REALTIME_EPOCH_NS (1577836800ULL * MOTH_NS_PER_S) /* 2020-01-01 00:00 UTC */
#define MOTH_MONOTONIC_EPOCH_NS (1000ULL * MOTH_NS_PER_S)

/* How far the probe is awake in this process. */
enum moth_mode {
    MOTH_DORMANT,   /* every hook passes through */
    MOTH_NATIVE,    /* real threads and real time; frames and input only */
    MOTH_ACTIVE     /* fibers, virtual time, all of it */
};

extern enum moth_mode moth_mode;
extern struct moth_channel *moth_channel; /* never NULL: private memory where there is no runner */
extern bool moth_have_runner;

static inline bool moth_active(void)
{
    return moth_mode == MOTH_ACTIVE;
}

extern int32_t moth_virtual_pid; /* hooks/children.c */

/* ---- fibers (core/fiber.c) ---- */

enum moth_wake {
    MOTH_WAKE_NONE,
    MOTH_WAKE_SIGNALLED,
    MOTH_WAKE_TIMEOUT,
    MOTH_WAKE_CANCELLED,
    MOTH_WAKE_INTERRUPTED /* a signal handler ran; only sleeps and waits for descriptors or signals end so */
};

struct moth_fiber;

/* One wait. Lies on the waiting fiber's stack; a boundary may run inside a wait and wait itself, so
 * waits nest. */
struct moth_waiter {
    struct moth_waiter *next, *previous; /* all waits, in the order they began */
    struct moth_waiter *outer;
    struct moth_fiber *fiber;
    const void *key;
    uint64_t deadline_ns;
    uint32_t kind; /* enum moth_wait_kind */
    uint32_t bits; /* futex bit set */
    enum moth_wake woken;
    void *fds; /* MOTH_WAIT_FD: struct pollfd array … */
    unsigned n_fds;
};

struct moth_fiber {
    struct moth_fiber_record *record; /* the runner's view of it, in the channel */
    uint64_t sp, tp;                  /* valid while switched out */
    struct moth_fiber *ready_next;
    struct moth_waiter *top;
    bool ready, running, used, detached, finished, joining;
    bool cancel_disabled, cancel_pending, cancel_async, exiting;
    uint32_t index;
    uint32_t queries; /* of the clock, since it last waited */
    uint32_t priority;
    pthread_t handle;
    void *(*start)(void *);
    void *argument, *result;
    uint64_t stack_low; /* lowest address of its stack, 0 when unknown */
    uint64_t signals_pending;
    sigset_t mask;
    _Atomic uint32_t park; /* futex of the parked kernel thread */
    struct robust_list_head *robust; /* libc's list of robust locks it holds, or NULL */
    bool preempted;        /* in the middle of anything: what runs on its stack now is a signal handler */
    bool parentless;       /* the kernel thread stayed behind in the game this one was forked from … */
    uint64_t parked_at[MOTH_ARCH_CONTEXT_WORDS]; /* … and this is where a new one takes its place */
    struct moth_thread_exit *exits; /* thread_local destructors */
};

extern struct moth_fiber *moth_current;
extern unsigned moth_n_waiting[MOTH_WAIT_OTHER + 1]; /* waits by kind */
extern struct moth_fiber moth_fibers[MOTH_FIBERS_MAX];

void moth_fibers_init(void);
/* Give the calling thread's descriptor an id of ours: the fiber's. */
void moth_fiber_name_thread(struct moth_fiber *fiber);
/* Where libc keeps a thread's id; NULL when that is not known. */
int *moth_tid_word(pthread_t handle);
/* In a forked child: only the running fiber was taken along. */
void moth_fibers_forked(void);
/* In a branch: all of them were, but none of the kernel threads behind them. */
void moth_fibers_branched(void);
/* Wait until woken through `key`, cancelled, or the virtual deadline. */
enum moth_wake moth_wait(enum moth_wait_kind kind, const void *key, uint64_t deadline_ns);
enum moth_wake moth_wait_on(struct moth_waiter *waiter);
/* Wake up to n fibers that wait on `key` in the order they began waiting; how many. */
int moth_wake(const void *key, int n);
int moth_wake_bits(const void *key, int n, uint32_t bits);
/* Move waiters to another key; how many. */
int moth_requeue(const void *key, const void *to, int n);
/* Have a fiber run its handler for a signal when it runs next, and end a wait that signals interrupt. */
void moth_fiber_signal(struct moth_fiber *fiber, const siginfo_t *info);
/* Ask a fiber to end at its next cancellation point, or in the wait it is in. */
void moth_fiber_cancel(struct moth_fiber *fiber);
/* Let the others run. The fiber stays runnable. */
void moth_yield(void);
/* A point at which a schedule seed may switch fibers; nothing without one. */
void moth_sync_point(void);
/* Give the running fiber away for good. */
_Noreturn void moth_fiber_leave(void);
struct moth_fiber *moth_fiber_new(void);
struct moth_fiber *moth_fiber_of(pthread_t handle);
void moth_fiber_make_ready(struct moth_fiber *fiber);
void moth_fiber_free(struct moth_fiber *fiber);
/* Fiber that holds the mutex, or NULL. */
struct moth_fiber *moth_mutex_owner(const void *mutex);
/* First call on a fresh fiber's stack. */
void moth_fiber_started(void);
/* Wake what is due at `now_ns`. */
void moth_waiters_expire(uint64_t now_ns);
/* Ask fn of each wait for descriptors; wake those for which it says true; whether any. */
bool moth_waiters_each_fd(bool (*fn)(struct moth_waiter *waiter));

/* ---- virtual time (core/clock.c) ---- */

extern uint64_t moth_now_ns; /* since launch */
/* The clock was asked: now and then that costs a little, so that loops on it end. */
void moth_clock_query(void);
/* Move on to `to_ns` and make due what is due. */
void moth_clock_advance(uint64_t to_ns);
uint64_t moth_clock_value(int clock_id);
/* Virtual deadline of an absolute or relative timespec on a clock. */
uint64_t moth_deadline_of(int clock_id, const struct timespec *at, bool absolute);
bool moth_time_valid(const struct timespec *at);
/* False: a signal handler ran before the deadline. */
bool moth_sleep_until(uint64_t deadline_ns);

struct moth_timer {
    struct moth_timer *next;
    uint64_t due_ns, interval_ns;
    void (*fire)(struct moth_timer *timer);
    int id;
    int signal_number;
    void *value;
    uint64_t overruns;
    uint32_t armed, used, fd;
};
void moth_timer_arm(struct moth_timer *timer, uint64_t due_ns, uint64_t interval_ns);
void moth_timer_disarm(struct moth_timer *timer);
uint64_t moth_timers_next(void);
void moth_timers_fire(uint64_t now_ns);

/* ---- boundaries (core/boundary.c) ---- */

/* A picture was shown. Waits for the next tick of virtual time and stands at a boundary. */
void moth_boundary_present(void *presenter);
/* When the next boundary is due without a present; MOTH_FOREVER while none can be. */
uint64_t moth_boundary_due(void);
/* Stand at a boundary if one is due. Main fiber only. */
void moth_boundary_poll(void);
void moth_boundary_enable(void); /* video is there */
void moth_boundary_disable(void);
void moth_native_poll(void);     /* --threads native: the real clock moved on */
/* Become the process the runner talks to. False: another one is. */
bool moth_claim(void);
bool moth_claimed(void);
extern bool moth_in_boundary;
void moth_give_turn(uint32_t state); /* and wait for it to come back */
_Noreturn void moth_give_turn_for_good(uint32_t state);

/* ---- work time of frames (core/work.c, core/count.c) ---- */

#define MOTH_WORK_SAMPLE 1 /* value that comes with the preemption signal when its timer is the sampling one */

void moth_work_begin(uint32_t want); /* a frame begins; bits of enum moth_want */
void moth_work_end(struct moth_observation *o);
void moth_work_pause(void); /* what comes now is not the game's, until the frame's end or another fiber */
void moth_work_switch(const struct moth_fiber *from);
void moth_work_waits(uint32_t kind); /* a fiber begins to wait: enum moth_wait_kind */
void moth_work_sample(const void *context); /* in a signal handler */
void moth_count_start(void);
void moth_count_stop(void);

/* ---- watched variables (core/peek.c) ---- */

void moth_peeks_sample(void); /* at a boundary */
/* Whether a value, published or watched, is another one than at moth_peeks_begin. */
void moth_peeks_begin(void);
bool moth_peeks_changed(void);
bool moth_peek_fault(ucontext_t *context); /* a fault while one was read: it is not one of the game's */

/* ---- branches (branch/) ---- */

/* The runner asked for a branch: fork here. In the branch it returns too, with a channel of its own. */
void moth_branch(void);

/* ---- calls (call/) ---- */

extern bool moth_in_call;   /* the game is in a function that the runner asked for */
extern bool moth_call_asked; /* the main fiber is to make a call when it runs next */
void moth_call(void);       /* the one that is asked for, where the game stands at a boundary */
void moth_call_serve(void); /* on the main fiber */
void moth_call_over(void);  /* the boundary is over: the main fiber goes on where it was */
void moth_entries_arm(void); /* where the game stands: have the calls in channel.entries announced, in all modules */

/* ---- chains and warnings (core/observe.c) ---- */

extern uint64_t moth_chain_audio, moth_chain_random, moth_chain_calls;
uint64_t moth_hash(const void *bytes, size_t size, uint64_t seed);
static inline void moth_chain_add(uint64_t *chain, uint64_t value)
{
    *chain = (*chain ^ value) * 0x9fb21c651e98df25ULL;
    *chain ^= *chain >> 29;
}
/* A sentence for the runner; the same sentence is kept once. `detail` may be NULL. */
void moth_warn(const char *sentence, const char *detail);

/* ---- crashes and traps (core/crash.c, core/trap.c) ---- */

void moth_crash_init(void);
void moth_crash_on_fatal(int number, siginfo_t *info, void *context);
bool moth_crash_candidate(void); /* a fatal signal is being handled by the game's own handler */
_Noreturn void moth_crash_report_candidate(void);
void moth_crash_forget(void);
int moth_crash_sigaction(int number, const struct sigaction *action, struct sigaction *old);
bool moth_crash_owns(int number);
uint64_t moth_crash_signals(void); /* as a kernel mask */
void moth_trap_init(void);
/* Around the start of another program: what traps must not be inherited by it. */
void moth_trap_pause(void);
void moth_trap_resume(void);
bool moth_trap_counter(ucontext_t *context);
bool moth_trap_call(const siginfo_t *info, ucontext_t *context);
bool moth_trap_calls_again(void);
void moth_preempt_init(void);
void moth_preempt_again(void);
int moth_preempt_signal(void);
void moth_preempt_pass(void); /* core/fiber.c */
extern uint64_t moth_points;  /* scheduling points so far */
void moth_preempt_stop(void);
void moth_forked_child(void);
_Noreturn void moth_deadlock(const char *text);
_Noreturn void moth_abandon(const char *why);

/* ---- entropy (hooks/entropy.c, core/allocator.c) ---- */
void moth_entropy_init(void);
void moth_allocator_init(void); /* after the entropy */
void moth_allocator_count(void); /* at a boundary: what the heap holds, into the channel */
void moth_entropy_fill(void *buffer, size_t size);

/* ---- descriptors (hooks/fd.c) ---- */
void moth_fd_mark(int fd); /* reads and writes on it may block */
bool moth_fd_poll_waiters(int timeout_ms);
void moth_fd_init(void);
void moth_timerfd_closed(int fd); /* hooks/timers.c */
void moth_timers_forked(void);    /* in a forked child */

/* ---- children (hooks/children.c) ---- */
int32_t moth_child_real(int32_t told); /* the kernel's id of a process the game was told another of */

/* ---- signals (hooks/signals.c) ---- */
/* A signal for the process: taken by the first fiber that does not block it. */
void moth_signal_process(const siginfo_t *info);

/* ---- thread ends (hooks/threads.c, hooks/sync.c) ---- */
void moth_locks_leave(struct moth_fiber *fiber); /* robust locks that it still holds */
void moth_fiber_main(void);
void moth_thread_collect(struct moth_fiber *fiber); /* let its kernel thread end */
void moth_cancel_point(void);

/* ---- system calls answered in the kernel's place (hooks/syscall.c) ---- */

/* Whether this call is answered from virtual time, fibers or entropy; then *result is the kernel's
 * kind of result (negative errno). */
bool moth_syscall_virtual(long number, const long args[6], long *result);

#endif
