/* SPDX-License-Identifier: MIT
 *
 * What a process has of its own: random numbers, clocks, ids, the heap, sound, timers, signals.
 */
#include "branch/area.h"

#include <SDL.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* --- random numbers --- */

static int urandom_fd;
static FILE *urandom_file;

static void begin_random(void)
{
    NEED((urandom_fd = open("/dev/urandom", O_RDONLY)) >= 0);
    NEED(urandom_file = fopen("/dev/random", "r"));
    srand(time(NULL));
}

static uint64_t frame_random(long frame, uint64_t keys)
{
    uint64_t from_kernel, from_file;
    NEED(getrandom(&from_kernel, sizeof from_kernel, 0) == sizeof from_kernel);
    NEED(read(urandom_fd, &from_file, sizeof from_file) == sizeof from_file);
    uint64_t value = mixed(from_kernel, from_file);
    for (uint64_t i = 0; i <= keys % 3; i++)
        value = mixed(value, (uint64_t)rand() + ((uint64_t)random() << 32));
    if (frame % 11 == 0)
        value = mixed(value, (uint64_t)fgetc(urandom_file));
    return mixed(value, arc4random());
}

/* --- addresses --- */

#define BLOCKS 64

static uint64_t frame_heap(long frame, uint64_t keys)
{
    static void *blocks[BLOCKS];
    uint64_t value = 0;
    for (uint64_t i = 0; i < 4; i++) {
        uint64_t draw = mixed(keys + i, (uint64_t)frame);
        void **block = &blocks[draw % BLOCKS];
        free(*block);
        *block = malloc(16 + (draw >> 8) % (draw % 50 ? 3000 : 400000));
        NEED(*block);
        value = mixed(value, (uintptr_t)*block);
    }
    if (frame % 10 == 0) {
        void *pages = mmap(NULL, 3 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        value = mixed(value, (uintptr_t)pages);
        NEED(pages != MAP_FAILED && munmap(pages, 1 << 12) == 0);
    }
    if (frame % 60 == 59)
        malloc_trim(0);
    return mixed(value, (uintptr_t)sbrk(0));
}

/* --- clocks and ids --- */

static uint64_t frame_clock(long frame, uint64_t keys)
{
    static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
                                    CLOCK_PROCESS_CPUTIME_ID};
    uint64_t value = (uint64_t)time(NULL) + (uint64_t)frame;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        struct timespec now;
        NEED(clock_gettime(ids[i], &now) == 0);
        value = mixed(value, (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
    }
    if (keys % 2)
        SDL_Delay(1);
    return mixed(mixed(value, SDL_GetTicks()), SDL_GetPerformanceCounter());
}

static uint64_t frame_ids(long frame, uint64_t keys)
{
    (void)frame, (void)keys;
    uint64_t value = mixed((uint64_t)getpid(), (uint64_t)gettid());
    value = mixed(value, (uint64_t)getppid());
    value = mixed(value, (uint64_t)getpgrp());
    return mixed(value, (uint64_t)getsid(0));
}

/* --- sound --- */

static uint64_t sound_state;

static void fill(void *unused, Uint8 *stream, int size)
{
    (void)unused;
    for (int i = 0; i < size; i++) {
        sound_state = sound_state * 6364136223846793005u + 1442695040888963407u;
        stream[i] = (Uint8)(sound_state >> 56);
    }
}

static void begin_sound(void)
{
    SDL_AudioSpec wanted = {
        .freq = 22050, .format = AUDIO_U8, .channels = 1, .samples = 512, .callback = fill};
    NEED(SDL_InitSubSystem(SDL_INIT_AUDIO) == 0);
    SDL_AudioDeviceID device = SDL_OpenAudioDevice(NULL, 0, &wanted, NULL, 0);
    NEED(device);
    SDL_PauseAudioDevice(device, 0);
}

static uint64_t frame_sound(long frame, uint64_t keys)
{
    SDL_LockAudio();
    uint64_t value = sound_state;
    if (frame % 10 == 0)
        sound_state ^= keys;
    SDL_UnlockAudio();
    return value;
}

/* --- SDL's timers and events --- */

static SDL_atomic_t timer_calls;

static Uint32 on_timer(Uint32 interval, void *unused)
{
    SDL_Event event = {.type = SDL_USEREVENT};
    event.user.code = SDL_AtomicAdd(&timer_calls, 1);
    SDL_PushEvent(&event);
    (void)unused;
    return interval + 1 - (Uint32)(event.user.code % 3);
}

static void begin_timers(void)
{
    SDL_AddTimer(25, on_timer, NULL);
    SDL_AddTimer(70, on_timer, NULL);
}

static uint64_t frame_timers(long frame, uint64_t keys)
{
    SDL_Event events[3];
    uint64_t value = (uint64_t)SDL_AtomicGet(&timer_calls);
    if (frame % 50 == 10)
        SDL_RemoveTimer(SDL_AddTimer(40 + (Uint32)(keys % 9), on_timer, NULL));
    int n = SDL_PeepEvents(events, frame % 20 ? 1 : 3, SDL_GETEVENT, SDL_USEREVENT, SDL_USEREVENT);
    for (int i = 0; i < n; i++)
        value = mixed(value, (uint64_t)events[i].user.code);
    return value;
}

/* --- signals by the clock --- */

static volatile sig_atomic_t alarms, beats;
static timer_t beat_timer;

static void on_alarm(int number)
{
    alarms++;
    (void)number;
}

static void on_beat(int number, siginfo_t *info, void *context)
{
    beats += 1 + info->si_value.sival_int;
    (void)number, (void)context;
}

static void begin_signals(void)
{
    struct sigaction alarm_action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    struct sigaction beat_action = {.sa_sigaction = on_beat, .sa_flags = SA_RESTART | SA_SIGINFO};
    struct itimerval every = {{0, 33000}, {0, 33000}};
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value = {.sival_int = 6}};
    struct itimerspec beat = {{0, 51000000}, {0, 20000000}};
    NEED(sigaction(SIGALRM, &alarm_action, NULL) == 0 && sigaction(SIGRTMIN + 2, &beat_action, NULL) == 0);
    NEED(setitimer(ITIMER_REAL, &every, NULL) == 0);
    NEED(timer_create(CLOCK_MONOTONIC, &event, &beat_timer) == 0);
    NEED(timer_settime(beat_timer, 0, &beat, NULL) == 0);
}

static uint64_t frame_signals(long frame, uint64_t keys)
{
    struct itimerspec left;
    struct itimerval other = {{0, 21000 + (long)(keys % 9) * 1000}, {0, 9000}};
    if (frame % 35 == 34)
        NEED(setitimer(ITIMER_REAL, &other, NULL) == 0);
    NEED(timer_gettime(beat_timer, &left) == 0);
    return mixed(mixed((uint64_t)alarms, (uint64_t)beats), (uint64_t)left.it_value.tv_nsec);
}

const struct area own_areas[] = {
    {"random", begin_random, frame_random, 0},
    {"heap", NULL, frame_heap, 0},
    {"clock", NULL, frame_clock, 0},
    {"ids", NULL, frame_ids, 0},
    {"sound", begin_sound, frame_sound, 0},
    {"timers", begin_timers, frame_timers, 0},
    {"signals", begin_signals, frame_signals, 0},
    {NULL, NULL, NULL, 0},
};
