/* SPDX-License-Identifier: MIT
 *
 * Who comes first.
 */
#include "chaos/chaos.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <unistd.h>
#include <vector>

#define RACERS 4
#define LAPS 200

static std::vector<int> race_log;
static std::mutex race_mutex;
static std::atomic<int> race_tickets;
static int race_plain;

static void spin_a_little(int rounds)
{
    for (int i = 0; i < rounds; i++)
        asm volatile("");
}

static void *race_locked(void *arg)
{
    int id = static_cast<int>(reinterpret_cast<intptr_t>(arg));
    for (int i = 0; i < LAPS; i++) {
        spin_a_little(id * 13 + i % 17);
        std::lock_guard<std::mutex> guard(race_mutex);
        race_log.push_back(id);
    }
    return nullptr;
}

static void *race_unlocked(void *arg)
{
    int id = static_cast<int>(reinterpret_cast<intptr_t>(arg));
    for (int i = 0; i < LAPS; i++) {
        int seen = race_plain;
        spin_a_little(id * 3);
        race_plain = seen + id + 1;
        if (i % 50 == id)
            sched_yield();
        race_tickets.fetch_add(race_plain & 3);
    }
    return nullptr;
}

static void race(void *(*body)(void *))
{
    pthread_t threads[RACERS];
    for (intptr_t i = 0; i < RACERS; i++)
        pthread_create(&threads[i], nullptr, body, reinterpret_cast<void *>(i));
    for (pthread_t thread : threads)
        pthread_join(thread, nullptr);
}

static uint64_t from_locked_race()
{
    race_log.clear();
    race(race_locked);
    return hash_bytes(race_log.data(), race_log.size() * sizeof(int));
}

static uint64_t from_unlocked_race()
{
    race(race_unlocked);
    return game_mix(static_cast<uint64_t>(race_plain), static_cast<uint64_t>(race_tickets.load()));
}

/* A worker that goes on by itself while the main thread draws frames. */
static uint64_t from_background_thread()
{
    static std::atomic<uint64_t> count;
    static pthread_t worker;
    if (!worker)
        pthread_create(
            &worker, nullptr,
            [](void *) -> void * {
                for (;;) {
                    count++;
                    usleep(700);
                }
                return nullptr;
            },
            nullptr);
    return count.load();
}

static uint64_t from_sdl_timer()
{
    static std::atomic<uint64_t> ticks;
    static SDL_TimerID timer;
    if (!timer) {
        SDL_InitSubSystem(SDL_INIT_TIMER);
        timer = SDL_AddTimer(
            3,
            [](Uint32 interval, void *) -> Uint32 {
                ticks = game_mix(ticks, SDL_GetTicks());
                return interval;
            },
            nullptr);
    }
    return ticks.load();
}

static uint64_t from_audio()
{
    static std::atomic<uint64_t> bytes;
    static SDL_AudioDeviceID device;
    if (!device) {
        SDL_InitSubSystem(SDL_INIT_AUDIO);
        SDL_AudioSpec want{};
        want.freq = 22050;
        want.format = AUDIO_S16SYS;
        want.channels = 1;
        want.samples = 512;
        want.callback = [](void *, Uint8 *stream, int length) {
            bytes = game_mix(bytes, SDL_GetTicks() ^ static_cast<uint64_t>(length));
            SDL_memset(stream, static_cast<int>(bytes & 0x3f), static_cast<size_t>(length));
        };
        device = SDL_OpenAudioDevice(nullptr, 0, &want, nullptr, 0);
        if (!device)
            game_die("SDL_OpenAudioDevice");
        SDL_PauseAudioDevice(device, 0);
    }
    return bytes.load();
}

/* How often a thread gets round while another one waits for it by the clock. */
static uint64_t from_clock_wait()
{
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> rounds{0};
    std::thread worker([&] {
        while (!stop) {
            rounds++;
            std::this_thread::yield();
        }
    });
    uint64_t until = SDL_GetTicks64() + 5;
    while (SDL_GetTicks64() < until)
        ;
    stop = true;
    worker.join();
    return rounds.load();
}

const std::vector<source> threads_sources = {
    {"locked_race", from_locked_race, false},
    {"unlocked_race", from_unlocked_race, false},
    {"background_thread", from_background_thread, false},
    {"sdl_timer", from_sdl_timer, false},
    {"audio", from_audio, false},
    {"clock_wait", from_clock_wait, false},
};
