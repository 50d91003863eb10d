/* SPDX-License-Identifier: MIT
 *
 * What the areas of the conformance test share: CHECK, which ends the program with status 3 at the first
 * wrong answer, short ways to start, join and sleep, and the tables of areas, one a file.
 */
#ifndef TESTS_GAMES_THREADS_CHECK_H
#define TESTS_GAMES_THREADS_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __cplusplus
#include <atomic>
extern "C" {
#else
#include <stdatomic.h>
#endif

struct area {
    const char *name; /* NULL ends a table */
    void (*check)(void);
};

extern const struct area lock_areas[], sync_areas[], life_areas[], cancel_areas[], own_areas[], wait_areas[],
    signal_areas[], library_areas[], cxx_areas[];

/* The area being checked. */
extern const char *area_name;

#define CHECK(condition)                          \
    do {                                          \
        if (!(condition))                         \
            fail(#condition, __FILE__, __LINE__); \
    } while (0)

__attribute__((noreturn)) static inline void fail(const char *condition, const char *file, int line)
{
    int saved = errno;
    const char *slash = strrchr(file, '/');
    fprintf(stderr, "threads: %s: %s:%d: wrong: %s (errno %d)\n", area_name, slash ? slash + 1 : file, line,
            condition, saved);
    fflush(stderr);
    _exit(3);
}

static inline uint64_t now_ns(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t mono_ms(void)
{
    return now_ns(CLOCK_MONOTONIC) / 1000000u;
}

static inline struct timespec span_ms(long ms)
{
    struct timespec span;
    span.tv_sec = ms / 1000;
    span.tv_nsec = ms % 1000 * 1000000;
    return span;
}

static inline struct timespec after_ms(clockid_t id, long ms)
{
    uint64_t t = now_ns(id) + (uint64_t)(ms * 1000000);
    struct timespec until;
    until.tv_sec = (time_t)(t / 1000000000u);
    until.tv_nsec = (long)(t % 1000000000u);
    return until;
}

static inline void sleep_ms(long ms)
{
    struct timespec t = span_ms(ms);
    while (nanosleep(&t, &t) != 0)
        CHECK(errno == EINTR);
}

/* A wait of `ms` that began at `start_ms` took that long, and not absurdly longer. */
#define CHECK_TOOK(start_ms, ms)                   \
    do {                                           \
        uint64_t took_ms = mono_ms() - (start_ms); \
        CHECK(took_ms + 1 >= (uint64_t)(ms));      \
        CHECK(took_ms <= (uint64_t)(ms) + 3000);   \
    } while (0)

static inline pthread_t start(void *(*body)(void *), void *arg)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, arg) == 0);
    return thread;
}

static inline void *join(pthread_t thread)
{
    void *result = NULL;
    CHECK(pthread_join(thread, &result) == 0);
    return result;
}

#ifdef __cplusplus
}
#endif
#endif
