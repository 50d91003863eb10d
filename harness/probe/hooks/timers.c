/* SPDX-License-Identifier: MIT
 *
 * Timers on virtual time: alarm, setitimer, timer_create (signals), timerfd (an eventfd underneath,
 * which counts, polls and reads the same way).
 */
#include <errno.h>
#include <string.h>

#include "core/probe.h"
#include "core/real.h"

#define TIMERS_MAX 64

static struct moth_timer posix_timers[TIMERS_MAX], fd_timers[TIMERS_MAX], interval_timer;

static uint64_t ns_of(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * MOTH_NS_PER_S + (uint64_t)t->tv_nsec;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / MOTH_NS_PER_S), (long)(ns % MOTH_NS_PER_S)};
}

static uint64_t left_ns(const struct moth_timer *timer)
{
    return timer->armed && timer->due_ns > moth_now_ns ? timer->due_ns - moth_now_ns : 0;
}

static void fire_signal(struct moth_timer *timer)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = timer->signal_number;
    info.si_code = SI_TIMER;
    info.si_timerid = timer->id;
    info.si_value.sival_ptr = timer->value;
    moth_signal_process(&info);
}

/* ---- alarm and setitimer ---- */

static void set_interval(uint64_t value_ns, uint64_t interval_ns)
{
    interval_timer.fire = fire_signal;
    interval_timer.signal_number = SIGALRM;
    if (value_ns == 0)
        moth_timer_disarm(&interval_timer);
    else
        moth_timer_arm(&interval_timer, moth_now_ns + value_ns, interval_ns);
}

MOTH_HOOK unsigned alarm(unsigned seconds)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.alarm(seconds);
    unsigned left = (unsigned)((left_ns(&interval_timer) + MOTH_NS_PER_S - 1) / MOTH_NS_PER_S);
    set_interval(seconds * MOTH_NS_PER_S, 0);
    return left;
}

static struct itimerval interval_state(void)
{
    uint64_t left = left_ns(&interval_timer), each = interval_timer.armed ? interval_timer.interval_ns : 0;
    struct itimerval state = {
        .it_value = {(time_t)(left / MOTH_NS_PER_S), (suseconds_t)(left % MOTH_NS_PER_S / 1000)},
        .it_interval = {(time_t)(each / MOTH_NS_PER_S), (suseconds_t)(each % MOTH_NS_PER_S / 1000)}};
    return state;
}

/* CPU-time timers run on virtual time as well: a game's CPU clock is the virtual one. */
MOTH_HOOK int setitimer(__itimer_which_t which, const struct itimerval *restrict value,
                        struct itimerval *restrict old)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.setitimer(which, value, old);
    if (old != NULL)
        *old = interval_state();
    if (value != NULL)
        set_interval((uint64_t)value->it_value.tv_sec * MOTH_NS_PER_S + (uint64_t)value->it_value.tv_usec * 1000,
                     (uint64_t)value->it_interval.tv_sec * MOTH_NS_PER_S +
                         (uint64_t)value->it_interval.tv_usec * 1000);
    if (which != ITIMER_REAL)
        interval_timer.signal_number = which == ITIMER_PROF ? SIGPROF : SIGVTALRM;
    return 0;
}

MOTH_HOOK int getitimer(__itimer_which_t which, struct itimerval *value)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.getitimer(which, value);
    *value = interval_state();
    return 0;
}

/* ---- timer_create ---- */

static struct moth_timer *posix_timer(timer_t id)
{
    uintptr_t index = (uintptr_t)id - 1;
    return index < TIMERS_MAX && posix_timers[index].used ? &posix_timers[index] : NULL;
}

struct thread_call {
    void (*fn)(union sigval);
    union sigval value;
};

static struct thread_call thread_calls[TIMERS_MAX];

static void *thread_call_run(void *argument)
{
    struct thread_call *call = argument;
    call->fn(call->value);
    return NULL;
}

/* SIGEV_THREAD: a fresh detached thread each time, as glibc does it. */
static void fire_thread(struct moth_timer *timer)
{
    pthread_attr_t attr;
    pthread_t handle;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_create(&handle, &attr, thread_call_run, &thread_calls[timer->id]);
    pthread_attr_destroy(&attr);
}

static void fire_nothing(struct moth_timer *timer)
{
    (void)timer;
}

MOTH_HOOK int timer_create(clockid_t clock, struct sigevent *restrict event, timer_t *restrict id)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.timer_create(clock, event, id);
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        struct moth_timer *timer = &posix_timers[i];
        if (timer->used)
            continue;
        *timer = (struct moth_timer){.used = 1, .id = (int)i, .signal_number = SIGALRM, .fire = fire_signal};
        timer->value = (void *)(uintptr_t)(i + 1);
        if (event != NULL) {
            timer->signal_number = event->sigev_signo;
            timer->value = event->sigev_value.sival_ptr;
            if (event->sigev_notify == SIGEV_NONE)
                timer->fire = fire_nothing;
            if (event->sigev_notify == SIGEV_THREAD) {
                timer->fire = fire_thread;
                thread_calls[i] = (struct thread_call){event->sigev_notify_function, event->sigev_value};
            }
        }
        *id = (timer_t)(uintptr_t)(i + 1);
        return 0;
    }
    errno = EAGAIN;
    return -1;
}

static struct itimerspec timer_state(const struct moth_timer *timer)
{
    return (struct itimerspec){.it_value = timespec_of(left_ns(timer)),
                               .it_interval = timespec_of(timer->interval_ns)};
}

static void timer_set(struct moth_timer *timer, int clock, bool absolute, const struct itimerspec *value)
{
    if (value->it_value.tv_sec == 0 && value->it_value.tv_nsec == 0)
        moth_timer_disarm(timer);
    else
        moth_timer_arm(timer, moth_deadline_of(clock, &value->it_value, absolute), ns_of(&value->it_interval));
}

MOTH_HOOK int timer_settime(timer_t id, int flags, const struct itimerspec *restrict value,
                            struct itimerspec *restrict old)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.timer_settime(id, flags, value, old);
    struct moth_timer *timer = posix_timer(id);
    if (timer == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (old != NULL)
        *old = timer_state(timer);
    timer_set(timer, CLOCK_REALTIME, (flags & TIMER_ABSTIME) != 0, value);
    return 0;
}

MOTH_HOOK int timer_gettime(timer_t id, struct itimerspec *value)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.timer_gettime(id, value);
    struct moth_timer *timer = posix_timer(id);
    if (timer == NULL) {
        errno = EINVAL;
        return -1;
    }
    *value = timer_state(timer);
    return 0;
}

MOTH_HOOK int timer_getoverrun(timer_t id)
{
    moth_real_init();
    return moth_active() ? 0 : moth_real.timer_getoverrun(id);
}

MOTH_HOOK int timer_delete(timer_t id)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.timer_delete(id);
    struct moth_timer *timer = posix_timer(id);
    if (timer == NULL) {
        errno = EINVAL;
        return -1;
    }
    moth_timer_disarm(timer);
    timer->used = 0;
    return 0;
}

/* ---- timerfd ---- */

static struct moth_timer *fd_timer(int fd)
{
    for (unsigned i = 0; i < TIMERS_MAX; i++)
        if (fd_timers[i].used && fd_timers[i].fd == (uint32_t)fd)
            return &fd_timers[i];
    return NULL;
}

static void fire_fd(struct moth_timer *timer)
{
    uint64_t one = 1;
    arch_syscall(SYS_write, (long)timer->fd, (long)&one, sizeof one, 0, 0, 0);
}

MOTH_HOOK int timerfd_create(clockid_t clock, int flags)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.timerfd_create(clock, flags);
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        if (fd_timers[i].used)
            continue;
        int fd = eventfd(0, ((flags & TFD_NONBLOCK) ? EFD_NONBLOCK : 0) | ((flags & TFD_CLOEXEC) ? EFD_CLOEXEC : 0));
        if (fd >= 0)
            fd_timers[i] = (struct moth_timer){.used = 1, .fd = (uint32_t)fd, .id = clock, .fire = fire_fd};
        return fd;
    }
    errno = EMFILE;
    return -1;
}

MOTH_HOOK int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
    moth_real_init();
    struct moth_timer *timer = moth_active() ? fd_timer(fd) : NULL;
    if (timer == NULL)
        return moth_real.timerfd_settime(fd, flags, value, old);
    if (old != NULL)
        *old = timer_state(timer);
    struct pollfd pollfd = {fd, POLLIN, 0};
    struct timespec now = {0, 0};
    uint64_t drained;
    if (arch_syscall(SYS_ppoll, (long)&pollfd, 1, (long)&now, 0, 8, 0) > 0)
        arch_syscall(SYS_read, fd, (long)&drained, sizeof drained, 0, 0, 0);
    timer_set(timer, timer->id, (flags & TFD_TIMER_ABSTIME) != 0, value);
    return 0;
}

MOTH_HOOK int timerfd_gettime(int fd, struct itimerspec *value)
{
    moth_real_init();
    struct moth_timer *timer = moth_active() ? fd_timer(fd) : NULL;
    if (timer == NULL)
        return moth_real.timerfd_gettime(fd, value);
    *value = timer_state(timer);
    return 0;
}

void moth_timerfd_closed(int fd)
{
    struct moth_timer *timer = fd_timer(fd);
    if (timer == NULL)
        return;
    moth_timer_disarm(timer);
    timer->used = 0;
}

/* A forked child has no timers of its own, and what stands behind a timerfd is its parent's to count. */
void moth_timers_forked(void)
{
    moth_timer_disarm(&interval_timer);
    for (unsigned i = 0; i < TIMERS_MAX; i++) {
        moth_timer_disarm(&posix_timers[i]);
        posix_timers[i].used = 0;
        moth_timer_disarm(&fd_timers[i]);
    }
}
