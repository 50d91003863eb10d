/* SPDX-License-Identifier: MIT
 *
 * Conformance: C11's threads, SDL's threads and timers, and futexes used directly.
 */
#include "threads/check.h"

#include <SDL.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <threads.h>

/* --- C11 --- */

static mtx_t c11_mutex;
static cnd_t c11_cond;
static tss_t c11_key;
static once_flag c11_once = ONCE_FLAG_INIT;
static atomic_int c11_once_calls, c11_destroyed;
static int c11_count;

static void c11_init(void)
{
    c11_once_calls++;
    thrd_sleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
}

static void c11_destroy(void *value)
{
    CHECK(value == (void *)11);
    c11_destroyed++;
}

static int c11_body(void *arg)
{
    call_once(&c11_once, c11_init);
    CHECK(c11_once_calls == 1);
    CHECK(tss_set(c11_key, (void *)11) == thrd_success);
    for (int i = 0; i < 50; i++) {
        CHECK(mtx_lock(&c11_mutex) == thrd_success);
        int seen = c11_count;
        thrd_yield();
        c11_count = seen + 1;
        CHECK(cnd_signal(&c11_cond) == thrd_success);
        CHECK(mtx_unlock(&c11_mutex) == thrd_success);
    }
    CHECK(tss_get(c11_key) == (void *)11);
    if ((intptr_t)arg % 2)
        thrd_exit((int)(intptr_t)arg);
    return (int)(intptr_t)arg;
}

static void area_c11(void)
{
    thrd_t threads[4];
    c11_count = 0;
    c11_destroyed = 0;
    CHECK(mtx_init(&c11_mutex, mtx_timed) == thrd_success && cnd_init(&c11_cond) == thrd_success);
    CHECK(tss_create(&c11_key, c11_destroy) == thrd_success);
    for (intptr_t i = 0; i < 4; i++)
        CHECK(thrd_create(&threads[i], c11_body, (void *)(i + 40)) == thrd_success);
    CHECK(mtx_lock(&c11_mutex) == thrd_success);
    while (c11_count < 200)
        CHECK(cnd_wait(&c11_cond, &c11_mutex) == thrd_success);
    struct timespec until = after_ms(CLOCK_REALTIME, 20);
    uint64_t begin = mono_ms();
    CHECK(cnd_timedwait(&c11_cond, &c11_mutex, &until) == thrd_timedout);
    CHECK_TOOK(begin, 20);
    CHECK(mtx_trylock(&c11_mutex) == thrd_busy);
    until = after_ms(CLOCK_REALTIME, 10);
    CHECK(mtx_timedlock(&c11_mutex, &until) == thrd_timedout);
    CHECK(mtx_unlock(&c11_mutex) == thrd_success);
    for (int i = 0; i < 4; i++) {
        int result = 0;
        CHECK(thrd_join(threads[i], &result) == thrd_success && result == i + 40);
    }
    CHECK(c11_destroyed == 4);
    tss_delete(c11_key);
    cnd_destroy(&c11_cond);
    mtx_destroy(&c11_mutex);
    begin = mono_ms();
    CHECK(thrd_sleep(&(struct timespec){.tv_nsec = 12000000}, NULL) == 0);
    CHECK_TOOK(begin, 12);
}

/* --- SDL --- */

struct sdl_shared {
    SDL_mutex *mutex;
    SDL_cond *cond;
    SDL_sem *sem;
    int turn;
};

static int sdl_body(void *arg)
{
    struct sdl_shared *shared = arg;
    for (int i = 0; i < 20; i++) {
        CHECK(SDL_LockMutex(shared->mutex) == 0);
        while (shared->turn != 1)
            CHECK(SDL_CondWait(shared->cond, shared->mutex) == 0);
        shared->turn = 0;
        CHECK(SDL_CondBroadcast(shared->cond) == 0);
        CHECK(SDL_UnlockMutex(shared->mutex) == 0);
        CHECK(SDL_SemPost(shared->sem) == 0);
    }
    return 33;
}

static void take_turns(struct sdl_shared *shared)
{
    SDL_Thread *thread = SDL_CreateThread(sdl_body, "turns", shared);
    int result = 0;
    CHECK(thread && strcmp(SDL_GetThreadName(thread), "turns") == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(SDL_LockMutex(shared->mutex) == 0);
        while (shared->turn != 0)
            CHECK(SDL_CondWait(shared->cond, shared->mutex) == 0);
        shared->turn = 1;
        SDL_CondSignal(shared->cond);
        SDL_UnlockMutex(shared->mutex);
        CHECK(SDL_SemWait(shared->sem) == 0);
    }
    SDL_WaitThread(thread, &result);
    CHECK(result == 33);
}

static void area_sdl_threads(void)
{
    struct sdl_shared shared = {SDL_CreateMutex(), SDL_CreateCond(), SDL_CreateSemaphore(0), 0};
    take_turns(&shared);
    SDL_LockMutex(shared.mutex);
    SDL_LockMutex(shared.mutex); /* recursive */
    SDL_UnlockMutex(shared.mutex);
    uint64_t begin = mono_ms();
    CHECK(SDL_CondWaitTimeout(shared.cond, shared.mutex, 20) == SDL_MUTEX_TIMEDOUT);
    CHECK_TOOK(begin, 20);
    SDL_UnlockMutex(shared.mutex);
    begin = mono_ms();
    CHECK(SDL_SemWaitTimeout(shared.sem, 20) == SDL_MUTEX_TIMEDOUT);
    CHECK_TOOK(begin, 20);
    CHECK(SDL_SemTryWait(shared.sem) == SDL_MUTEX_TIMEDOUT && SDL_SemValue(shared.sem) == 0);
    SDL_DestroySemaphore(shared.sem);
    SDL_DestroyCond(shared.cond);
    SDL_DestroyMutex(shared.mutex);
}

static SDL_atomic_t sdl_timer_calls;

static Uint32 count_sdl_timer(Uint32 interval, void *arg)
{
    CHECK(arg == (void *)7);
    return SDL_AtomicAdd(&sdl_timer_calls, 1) < 3 ? interval : 0;
}

static void area_sdl_timer(void)
{
    SDL_AtomicSet(&sdl_timer_calls, 0);
    uint64_t begin = mono_ms();
    CHECK(SDL_AddTimer(10, count_sdl_timer, (void *)7) != 0);
    while (SDL_AtomicGet(&sdl_timer_calls) < 4)
        SDL_Delay(1);
    CHECK_TOOK(begin, 38);
    SDL_Delay(40);
    CHECK(SDL_AtomicGet(&sdl_timer_calls) == 4); /* it ended itself */
    SDL_TimerID never = SDL_AddTimer(50, count_sdl_timer, (void *)7);
    CHECK(SDL_RemoveTimer(never));
    SDL_Delay(80);
    CHECK(SDL_AtomicGet(&sdl_timer_calls) == 4);
}

static void area_sdl_ticks(void)
{
    Uint32 ticks = SDL_GetTicks();
    Uint64 counter = SDL_GetPerformanceCounter();
    SDL_Delay(50);
    CHECK(SDL_GetTicks() - ticks >= 49 && SDL_GetTicks() - ticks < 3000);
    double seconds = (double)(SDL_GetPerformanceCounter() - counter) / (double)SDL_GetPerformanceFrequency();
    CHECK(seconds > 0.045 && seconds < 3.0);
    ticks = SDL_GetTicks();
    while (SDL_GetTicks() == ticks)
        ;
}

static SDL_atomic_t audio_bytes;

static void count_audio(void *arg, Uint8 *stream, int size)
{
    (void)arg;
    SDL_memset(stream, 0, (size_t)size);
    SDL_AtomicAdd(&audio_bytes, size);
}

/* The callback keeps pace with the clock: 44100 stereo samples of two bytes a second. */
static void area_sdl_audio(void)
{
    SDL_AudioSpec want = {
        .freq = 44100, .format = AUDIO_S16SYS, .channels = 2, .samples = 512, .callback = count_audio};
    CHECK(SDL_InitSubSystem(SDL_INIT_AUDIO) == 0);
    SDL_AudioDeviceID device = SDL_OpenAudioDevice(NULL, 0, &want, NULL, 0);
    CHECK(device != 0);
    SDL_AtomicSet(&audio_bytes, 0);
    uint64_t begin = mono_ms();
    SDL_PauseAudioDevice(device, 0);
    while (SDL_AtomicGet(&audio_bytes) < 44100 * 4 / 2)
        SDL_Delay(1);
    uint64_t took = mono_ms() - begin;
    CHECK(took > 350 && took < 3500);
    SDL_LockAudioDevice(device);
    int bytes = SDL_AtomicGet(&audio_bytes);
    SDL_Delay(50);
    CHECK(SDL_AtomicGet(&audio_bytes) == bytes); /* locked: no callback */
    SDL_UnlockAudioDevice(device);
    SDL_CloseAudioDevice(device);
    SDL_QuitSubSystem(SDL_INIT_AUDIO);
}

/* --- futexes --- */

static _Atomic uint32_t futex_word;

static long futex(int op, uint32_t value, const struct timespec *timeout, uint32_t bits)
{
    return syscall(SYS_futex, &futex_word, op | FUTEX_PRIVATE_FLAG, value, timeout, NULL, bits);
}

static void *wake_futex(void *arg)
{
    (void)arg;
    sleep_ms(10);
    futex_word = 1;
    CHECK(futex(FUTEX_WAKE, 1, NULL, 0) == 1);
    return NULL;
}

static void area_futex(void)
{
    futex_word = 0;
    CHECK(futex(FUTEX_WAIT, 5, NULL, 0) == -1 && errno == EAGAIN);
    CHECK(futex(FUTEX_WAKE, INT32_MAX, NULL, 0) == 0);
    struct timespec timeout = span_ms(20);
    uint64_t begin = mono_ms();
    CHECK(futex(FUTEX_WAIT, 0, &timeout, 0) == -1 && errno == ETIMEDOUT);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    timeout = after_ms(CLOCK_MONOTONIC, 20);
    CHECK(futex(FUTEX_WAIT_BITSET, 0, &timeout, FUTEX_BITSET_MATCH_ANY) == -1 && errno == ETIMEDOUT);
    CHECK_TOOK(begin, 20);
    begin = mono_ms();
    timeout = after_ms(CLOCK_REALTIME, 20);
    CHECK(futex(FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &timeout, FUTEX_BITSET_MATCH_ANY) == -1 &&
          errno == ETIMEDOUT);
    CHECK_TOOK(begin, 20);
    pthread_t thread = start(wake_futex, NULL);
    while (futex_word == 0)
        CHECK(futex(FUTEX_WAIT, 0, NULL, 0) == 0 || errno == EAGAIN);
    join(thread);
}

const struct area library_areas[] = {
    {"c11", area_c11},
    {"sdl_threads", area_sdl_threads},
    {"sdl_timer", area_sdl_timer},
    {"sdl_ticks", area_sdl_ticks},
    {"sdl_audio", area_sdl_audio},
    {"futex", area_futex},
    {NULL, NULL},
};
