/* SPDX-License-Identifier: MIT
 *
 * Asking the time, and sleeping.
 */
#include <errno.h>
#include <sys/timeb.h>

#include "core/probe.h"
#include "core/real.h"

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / MOTH_NS_PER_S), (long)(ns % MOTH_NS_PER_S)};
}

static struct timeval timeval_of(uint64_t ns)
{
    return (struct timeval){(time_t)(ns / MOTH_NS_PER_S), (suseconds_t)(ns % MOTH_NS_PER_S / 1000)};
}

MOTH_HOOK int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.clock_gettime(clock, now);
    }
    moth_clock_query();
    *now = timespec_of(moth_clock_value(clock));
    return 0;
}

MOTH_HOOK int clock_getres(clockid_t clock, struct timespec *resolution)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.clock_getres(clock, resolution);
    if (resolution != NULL)
        *resolution = timespec_of(1);
    return 0;
}

MOTH_HOOK int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.gettimeofday(now, zone);
    }
    moth_clock_query();
    *now = timeval_of(moth_clock_value(CLOCK_REALTIME));
    return 0;
}

MOTH_HOOK time_t time(time_t *out)
{
    if (!moth_active()) {
        moth_real_init();
        return moth_real.time(out);
    }
    moth_clock_query();
    time_t now = (time_t)(moth_clock_value(CLOCK_REALTIME) / MOTH_NS_PER_S);
    if (out != NULL)
        *out = now;
    return now;
}

MOTH_HOOK clock_t clock(void)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.clock();
    moth_clock_query();
    return (clock_t)(moth_now_ns / (MOTH_NS_PER_S / CLOCKS_PER_SEC));
}

MOTH_HOOK clock_t times(struct tms *out)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.times(out);
    moth_clock_query();
    clock_t ticks = (clock_t)(moth_now_ns / (MOTH_NS_PER_S / 100));
    if (out != NULL)
        *out = (struct tms){.tms_utime = ticks};
    return ticks;
}

MOTH_HOOK int timespec_get(struct timespec *now, int base)
{
    moth_real_init();
    if (!moth_active() || base != TIME_UTC)
        return moth_real.timespec_get(now, base);
    clock_gettime(CLOCK_REALTIME, now);
    return base;
}

int ftime(struct timeb *out);
MOTH_HOOK int ftime(struct timeb *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeb){.time = now.tv_sec, .millitm = (unsigned short)(now.tv_nsec / 1000000)};
    return 0;
}

MOTH_HOOK int getrusage(__rusage_who_t who, struct rusage *usage)
{
    moth_real_init();
    int result = moth_real.getrusage(who, usage);
    if (result == 0 && moth_active()) {
        *usage = (struct rusage){.ru_maxrss = 65536};
        usage->ru_utime = timeval_of(moth_now_ns);
    }
    return result;
}

/* ---- sleeping ---- */

MOTH_HOOK int clock_nanosleep(clockid_t clock, int flags, const struct timespec *length, struct timespec *left)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.clock_nanosleep(clock, flags, length, left);
    if (!moth_time_valid(length) || length->tv_sec < 0)
        return EINVAL;
    moth_cancel_point();
    uint64_t deadline = moth_deadline_of(clock, length, (flags & TIMER_ABSTIME) != 0);
    bool whole = moth_sleep_until(deadline);
    moth_cancel_point();
    if (!whole && left != NULL && !(flags & TIMER_ABSTIME))
        *left = timespec_of(deadline > moth_now_ns ? deadline - moth_now_ns : 0);
    return whole ? 0 : EINTR;
}

MOTH_HOOK int nanosleep(const struct timespec *length, struct timespec *left)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.nanosleep(length, left);
    int error = clock_nanosleep(CLOCK_MONOTONIC, 0, length, left);
    if (error == 0)
        return 0;
    errno = error;
    return -1;
}

MOTH_HOOK int usleep(useconds_t us)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.usleep(us);
    struct timespec length = {us / 1000000, (long)(us % 1000000) * 1000};
    return nanosleep(&length, NULL);
}

MOTH_HOOK unsigned sleep(unsigned seconds)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sleep(seconds);
    struct timespec length = {(time_t)seconds, 0};
    struct timespec left = {0, 0};
    return nanosleep(&length, &left) == 0 ? 0 : (unsigned)left.tv_sec + (left.tv_nsec >= 500000000L);
}

MOTH_HOOK int sched_yield(void)
{
    moth_real_init();
    if (!moth_active())
        return moth_real.sched_yield();
    moth_clock_query(); /* a loop on it waits for something: time must pass */
    moth_yield();
    return 0;
}
