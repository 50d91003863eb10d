/* SPDX-License-Identifier: MIT
 *
 * C++ threads: thread_local objects with destructors, futures, and conditions of the standard library.
 */
#include "branch/area.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

using std::chrono::milliseconds;

namespace
{

std::mutex log_mutex;
uint64_t log_value;

void say(uint64_t word)
{
    std::lock_guard<std::mutex> lock(log_mutex);
    log_value = mixed(log_value, word);
}

uint64_t said()
{
    std::lock_guard<std::mutex> lock(log_mutex);
    return log_value;
}

/* --- objects that end with their thread --- */

struct belonging {
    std::string text = "a string that is too long to lie in the object itself";
    uint64_t word = 0;
    ~belonging()
    {
        say(mixed(word, text.size()));
    }
};

thread_local belonging mine;

uint64_t frame_local(long frame, uint64_t keys)
{
    static auto &threads = *new std::vector<std::thread>; /* outlives the program's end */
    if (frame % 6 == 0) {
        threads.emplace_back([word = keys + static_cast<uint64_t>(frame)] {
            mine.word = word;
            mine.text += std::to_string(word);
            std::this_thread::sleep_for(milliseconds(200 + word % 200));
            say(mixed(mine.word, mine.text.size()));
        });
    }
    if (frame % 30 == 29) {
        for (auto &thread : threads)
            thread.join();
        threads.clear();
    }
    return said();
}

/* --- results that come later --- */

uint64_t frame_future(long frame, uint64_t keys)
{
    static std::future<uint64_t> result;
    static std::mt19937_64 random{std::random_device{}()};
    uint64_t value = random();
    if (result.valid() && (frame % 20 == 19 || result.wait_for(milliseconds(0)) == std::future_status::ready))
        return mixed(value, result.get());
    if (!result.valid() && frame % 4 == 0) {
        result = std::async(std::launch::async, [keys, frame] {
            auto block = std::make_unique<std::vector<uint64_t>>(100, keys);
            std::this_thread::sleep_for(milliseconds(120));
            return mixed((*block)[99], static_cast<uint64_t>(frame));
        });
    }
    return value;
}

/* --- a worker with a queue --- */

std::mutex queue_mutex;
std::condition_variable queue_filled;
std::vector<uint64_t> queue;

void begin_queue()
{
    std::thread([] {
        for (;;) {
            std::unique_lock<std::mutex> lock(queue_mutex);
            if (!queue_filled.wait_for(lock, milliseconds(70), [] { return queue.size() > 3; })) {
                say(1);
                continue;
            }
            for (uint64_t word : queue)
                say(word);
            queue.clear();
        }
    }).detach();
}

uint64_t frame_queue(long frame, uint64_t keys)
{
    std::lock_guard<std::mutex> lock(queue_mutex);
    if (frame % 3 == static_cast<long>(keys % 3)) {
        queue.push_back(mixed(keys, static_cast<uint64_t>(frame)));
        queue_filled.notify_one();
    }
    return mixed(said(), queue.size());
}

} // namespace

extern "C" {
extern const struct area cxx_areas[];
const struct area cxx_areas[] = {
    {"local", nullptr, frame_local, 0},
    {"future", nullptr, frame_future, 0},
    {"queue", begin_queue, frame_queue, 0},
    {nullptr, nullptr, nullptr, 0},
};
}
