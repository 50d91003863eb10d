/* SPDX-License-Identifier: MIT
 *
 * Conformance: C++'s threads, futures, locks, atomic waits, stop tokens, and objects that live as long as
 * their thread.
 */
#include "threads/check.h"

#include <barrier>
#include <chrono>
#include <condition_variable>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void area_cxx_thread()
{
    std::vector<std::thread> threads;
    std::mutex mutex;
    std::recursive_mutex recursive;
    int count = 0;
    for (int i = 0; i < 6; i++)
        threads.emplace_back([&, i] {
            for (int n = 0; n < 50; n++) {
                std::scoped_lock lock(mutex, recursive);
                std::lock_guard<std::recursive_mutex> again(recursive);
                int seen = count;
                if (n % 10 == i)
                    std::this_thread::yield();
                count = seen + 1;
            }
        });
    for (auto &thread : threads)
        thread.join();
    CHECK(count == 300);
    CHECK(std::thread::hardware_concurrency() >= 1);
    uint64_t begin = mono_ms();
    std::this_thread::sleep_for(15ms);
    std::this_thread::sleep_until(std::chrono::steady_clock::now() + 15ms);
    std::this_thread::sleep_until(std::chrono::system_clock::now() + 15ms);
    CHECK_TOOK(begin, 45);
}

static void area_cxx_timed()
{
    std::timed_mutex mutex;
    std::shared_timed_mutex shared;
    std::condition_variable cond;
    std::condition_variable_any any;
    std::unique_lock<std::timed_mutex> held(mutex);
    std::unique_lock<std::shared_timed_mutex> held_shared(shared);
    std::thread([&] {
        uint64_t begin = mono_ms();
        CHECK(!mutex.try_lock_for(15ms));
        CHECK(!mutex.try_lock_until(std::chrono::system_clock::now() + 15ms));
        CHECK(!shared.try_lock_shared_for(15ms));
        CHECK_TOOK(begin, 45);
    }).join();
    uint64_t begin = mono_ms();
    std::mutex plain;
    std::unique_lock<std::mutex> lock(plain);
    CHECK(cond.wait_for(lock, 15ms) == std::cv_status::timeout);
    CHECK(!cond.wait_until(lock, std::chrono::system_clock::now() + 15ms, [] { return false; }));
    CHECK(any.wait_for(held, 15ms) == std::cv_status::timeout);
    CHECK_TOOK(begin, 45);
}

static void area_cxx_future()
{
    auto answer = std::async(std::launch::async, [] {
        std::this_thread::sleep_for(10ms);
        return 42;
    });
    CHECK(answer.wait_for(1ms) == std::future_status::timeout);
    CHECK(answer.get() == 42);
    auto lazy = std::async(std::launch::deferred, [] { return 43; });
    CHECK(lazy.wait_for(0ms) == std::future_status::deferred && lazy.get() == 43);

    auto broken = std::async(std::launch::async, []() -> int { throw std::runtime_error("as planned"); });
    std::string message;
    try {
        broken.get();
    } catch (const std::runtime_error &error) {
        message = error.what();
    }
    CHECK(message == "as planned");

    std::promise<std::string> promise;
    auto future = promise.get_future().share();
    std::thread setter([&] {
        std::this_thread::sleep_for(5ms);
        promise.set_value_at_thread_exit("at exit");
    });
    CHECK(future.get() == "at exit");
    setter.join();
    std::packaged_task<int(int)> task([](int x) { return x * 2; });
    auto doubled = task.get_future();
    std::thread(std::move(task), 21).join();
    CHECK(doubled.get() == 42);
}

static void area_cxx_atomic_wait()
{
    std::atomic<int> small{0};
    std::atomic<long> wide{0};
    std::atomic_flag flag;
    std::thread other([&] {
        small.wait(0);
        wide = 1;
        wide.notify_one();
        flag.wait(false);
        small = 2;
        small.notify_all();
    });
    std::this_thread::sleep_for(5ms);
    small = 1;
    small.notify_one();
    wide.wait(0);
    flag.test_and_set();
    flag.notify_all();
    small.wait(1);
    other.join();
    CHECK(small == 2 && wide == 1);
}

static void area_cxx_sync()
{
    std::counting_semaphore<10> semaphore(0);
    std::latch latch(4);
    std::barrier barrier(3);
    std::shared_mutex shared;
    std::atomic<int> passed{0};
    int written = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; i++)
        threads.emplace_back([&] {
            latch.arrive_and_wait();
            for (int round = 1; round <= 10; round++) {
                passed++;
                barrier.arrive_and_wait();
                CHECK(passed >= 3 * round);
                {
                    std::unique_lock<std::shared_mutex> lock(shared);
                    written++;
                }
                std::shared_lock<std::shared_mutex> lock(shared);
                CHECK(written >= 1);
                lock.unlock();
                barrier.arrive_and_wait();
            }
            semaphore.release();
        });
    CHECK(passed == 0);
    latch.count_down();
    for (int i = 0; i < 3; i++)
        semaphore.acquire();
    CHECK(written == 30 && passed == 30);
    uint64_t begin = mono_ms();
    CHECK(!semaphore.try_acquire_for(15ms));
    CHECK_TOOK(begin, 15);
}

static void area_cxx_stop()
{
    std::atomic<int> rounds{0};
    std::condition_variable_any cond;
    std::mutex mutex;
    std::atomic<bool> stopped{false};
    {
        std::jthread worker([&](std::stop_token token) {
            std::stop_callback callback(token, [&] { stopped = true; });
            std::unique_lock<std::mutex> lock(mutex);
            while (!token.stop_requested()) {
                rounds++;
                cond.wait(lock, token, [] { return false; });
            }
        });
        while (rounds == 0)
            std::this_thread::sleep_for(1ms);
    }
    CHECK(rounds == 1); /* the callback may be taken away between the request and its call */
}

static std::atomic<int> alive;

struct living {
    int id = 0;
    living()
    {
        alive++;
    }
    ~living()
    {
        std::this_thread::sleep_for(1ms); /* a destructor may wait */
        alive--;
    }
};

static thread_local living first;
static thread_local std::unique_ptr<living> second;

static void area_cxx_thread_local()
{
    alive = 0;
    std::vector<std::thread> threads;
    for (int i = 1; i <= 5; i++)
        threads.emplace_back([i] {
            CHECK(first.id == 0 && !second);
            first.id = i;
            second = std::make_unique<living>();
            std::this_thread::sleep_for(2ms);
            CHECK(first.id == i && second->id == 0);
        });
    for (auto &thread : threads)
        thread.join();
    CHECK(alive == 0);
    std::thread detached([] {
        first.id = 9;
        std::this_thread::sleep_for(2ms);
    });
    detached.detach();
    for (int i = 0; i < 20; i++)
        std::this_thread::sleep_for(1ms);
    for (int i = 0; alive > 0; i++, std::this_thread::sleep_for(1ms))
        CHECK(i < 20000);
}

static int slow_static()
{
    static const int value = [] {
        std::this_thread::sleep_for(10ms);
        return 5;
    }();
    return value;
}

static void area_cxx_once()
{
    std::once_flag flag;
    std::atomic<int> tries{0}, caught{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 5; i++)
        threads.emplace_back([&] {
            CHECK(slow_static() == 5);
            try {
                std::call_once(flag, [&] {
                    std::this_thread::sleep_for(2ms);
                    if (++tries < 3)
                        throw std::runtime_error("not yet");
                });
            } catch (const std::runtime_error &) {
                caught++;
            }
        });
    for (auto &thread : threads)
        thread.join();
    CHECK(tries == 3 && caught == 2);
}

static int throw_deep(int depth)
{
    std::this_thread::yield();
    if (depth == 0)
        throw std::out_of_range("deep");
    return throw_deep(depth - 1) + 1;
}

/* Exceptions in flight in several threads at once. */
static void area_cxx_exceptions()
{
    std::vector<std::thread> threads;
    std::atomic<int> caught{0};
    for (int i = 0; i < 5; i++)
        threads.emplace_back([&, i] {
            for (int n = 0; n < 10; n++)
                try {
                    throw_deep(i + 3);
                } catch (const std::out_of_range &error) {
                    std::this_thread::yield();
                    CHECK(std::string(error.what()) == "deep" && std::uncaught_exceptions() == 0);
                    caught++;
                }
        });
    for (auto &thread : threads)
        thread.join();
    CHECK(caught == 50);
}

struct unwinder {
    int &unwound;
    ~unwinder()
    {
        unwound++;
    }
};

/* pthread_exit unwinds C++ frames. */
static void area_cxx_exit()
{
    static int unwound;
    unwound = 0;
    pthread_t thread = start(
        [](void *) -> void * {
            unwinder outer{unwound};
            [] {
                unwinder inner{unwound};
                pthread_exit(reinterpret_cast<void *>(8));
            }();
            return nullptr;
        },
        nullptr);
    CHECK(join(thread) == reinterpret_cast<void *>(8));
    CHECK(unwound == 2);
}

extern "C" const area cxx_areas[] = {
    {"cxx_thread", area_cxx_thread},
    {"cxx_timed", area_cxx_timed},
    {"cxx_future", area_cxx_future},
    {"cxx_atomic_wait", area_cxx_atomic_wait},
    {"cxx_sync", area_cxx_sync},
    {"cxx_stop", area_cxx_stop},
    {"cxx_thread_local", area_cxx_thread_local},
    {"cxx_once", area_cxx_once},
    {"cxx_exceptions", area_cxx_exceptions},
    {"cxx_exit", area_cxx_exit},
    {nullptr, nullptr},
};
