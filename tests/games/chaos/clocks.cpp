/* SPDX-License-Identifier: MIT
 *
 * What time is it, by every way to ask.
 */
#include "chaos/chaos.h"

#include <chrono>
#include <cstring>
#include <ctime>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

static uint64_t from_time()
{
    return static_cast<uint64_t>(time(nullptr));
}

static uint64_t from_clock_gettime()
{
    uint64_t hash = 0;
    for (clockid_t id : {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
                         CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_TAI})
        hash = game_mix(hash, clock_ns(id));
    return hash;
}

static uint64_t from_gettimeofday()
{
    timeval t{};
    gettimeofday(&t, nullptr);
    return static_cast<uint64_t>(t.tv_sec) * 1000000u + static_cast<uint64_t>(t.tv_usec);
}

static uint64_t from_timespec_get()
{
    timespec t{};
    timespec_get(&t, TIME_UTC);
    return timespec_ns(t);
}

static uint64_t from_clock()
{
    return static_cast<uint64_t>(clock());
}

static uint64_t from_chrono()
{
    auto steady = std::chrono::steady_clock::now().time_since_epoch().count();
    auto system = std::chrono::system_clock::now().time_since_epoch().count();
    return game_mix(static_cast<uint64_t>(steady), static_cast<uint64_t>(system));
}

static uint64_t from_localtime()
{
    time_t now = time(nullptr);
    tm broken{};
    localtime_r(&now, &broken);
    char text[64];
    strftime(text, sizeof text, "%c %Z", &broken);
    return hash_bytes(text, strlen(text));
}

static uint64_t from_sdl_ticks()
{
    return game_mix(SDL_GetTicks(), game_mix(SDL_GetTicks64(), SDL_GetPerformanceCounter()));
}

static uint64_t from_rdtsc()
{
    unsigned aux = 0;
    return game_mix(__rdtsc(), __rdtscp(&aux));
}

static uint64_t from_raw_syscall()
{
    timespec t{};
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return timespec_ns(t);
}

static uint64_t from_raw_asm()
{
    timespec t{};
    long result;
    register long id asm("rdi") = CLOCK_MONOTONIC;
    register timespec *where asm("rsi") = &t;
    asm volatile("syscall"
                 : "=a"(result)
                 : "0"(static_cast<long>(SYS_clock_gettime)), "r"(id), "r"(where)
                 : "rcx", "r11", "memory");
    return timespec_ns(t) + static_cast<uint64_t>(result);
}

static uint64_t from_cpu_clock()
{
    return game_mix(clock_ns(CLOCK_PROCESS_CPUTIME_ID), clock_ns(CLOCK_THREAD_CPUTIME_ID));
}

static uint64_t from_rusage()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<uint64_t>(usage.ru_utime.tv_usec) ^ static_cast<uint64_t>(usage.ru_minflt) << 32;
}

static uint64_t from_times()
{
    tms buffer{};
    return static_cast<uint64_t>(times(&buffer));
}

/* How late a sleep ends, in the game's own eyes. */
static uint64_t from_sleep()
{
    uint64_t before = clock_ns(CLOCK_MONOTONIC);
    usleep(1500);
    timespec request{0, 700000};
    nanosleep(&request, nullptr);
    SDL_Delay(1);
    return clock_ns(CLOCK_MONOTONIC) - before;
}

const std::vector<source> clocks_sources = {
    {"time", from_time, false},
    {"clock_gettime", from_clock_gettime, false},
    {"gettimeofday", from_gettimeofday, false},
    {"timespec_get", from_timespec_get, false},
    {"clock", from_clock, false},
    {"chrono", from_chrono, false},
    {"localtime", from_localtime, false},
    {"sdl_ticks", from_sdl_ticks, false},
    {"rdtsc", from_rdtsc, false},
    {"raw_syscall", from_raw_syscall, false},
    {"raw_asm", from_raw_asm, true},
    {"cpu_clock", from_cpu_clock, true},
    {"rusage", from_rusage, true},
    {"times", from_times, false},
    {"sleep", from_sleep, false},
};
