/* SPDX-License-Identifier: MIT
 *
 * A game that lets everything into its logic that differs from run to run: `chaos SOURCE…`, or `chaos all`,
 * or `chaos list`. Each frame every chosen source gives a number, the numbers are folded into one, and the
 * picture shows it; so a source that leaks changes every picture from there on. With CHAOS_LOG set each
 * number is printed, which names the leak.
 *
 * Built with LUCK it crashes on an unlucky number (one frame in 32, by any of the sources): a bug that
 * comes and goes by itself, and which only a run that repeats everything can repeat.
 *
 * `all` leaves out the sources marked as beyond reach: those no hook in user space can answer.
 */
#include "game.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cpuid.h>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <immintrin.h>
#include <map>
#include <mutex>
#include <pthread.h>
#include <random>
#include <sched.h>
#include <string>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <unordered_set>
#include <vector>
#include <x86intrin.h>

static uint64_t hash_bytes(const void *bytes, size_t size)
{
    uint64_t hash = size;
    for (size_t i = 0; i < size; i++)
        hash = game_mix(hash, static_cast<const unsigned char *>(bytes)[i]);
    return hash;
}

static uint64_t timespec_ns(const timespec &t)
{
    return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

static uint64_t clock_ns(clockid_t id)
{
    timespec t{};
    clock_gettime(id, &t);
    return timespec_ns(t);
}

/* --- time --- */

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

/* --- identity --- */

static uint64_t from_getpid()
{
    return static_cast<uint64_t>(getpid());
}

static uint64_t from_getppid()
{
    return game_mix(static_cast<uint64_t>(getppid()), static_cast<uint64_t>(getpgrp()));
}

static uint64_t from_gettid()
{
    uint64_t other = 0;
    std::thread([&] { other = static_cast<uint64_t>(gettid()); }).join();
    return game_mix(static_cast<uint64_t>(gettid()), other);
}

static uint64_t from_raw_ids()
{
    return game_mix(static_cast<uint64_t>(syscall(SYS_getpid)), static_cast<uint64_t>(syscall(SYS_gettid)));
}

static uint64_t from_thread_id()
{
    std::thread thread([] {});
    uint64_t hash = std::hash<std::thread::id>{}(thread.get_id());
    thread.join();
    return game_mix(hash, SDL_ThreadID());
}

static uint64_t from_uname()
{
    utsname name{};
    uname(&name);
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return game_mix(hash_bytes(&name, sizeof name), hash_bytes(host, sizeof host));
}

static uint64_t from_cpus()
{
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    uint64_t hash = static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_ONLN));
    hash = game_mix(hash, static_cast<uint64_t>(sysconf(_SC_NPROCESSORS_CONF)));
    hash = game_mix(hash, static_cast<uint64_t>(get_nprocs()));
    hash = game_mix(hash, std::thread::hardware_concurrency());
    hash = game_mix(hash, static_cast<uint64_t>(SDL_GetCPUCount()));
    return game_mix(hash, static_cast<uint64_t>(CPU_COUNT(&set)));
}

static uint64_t from_sched_getcpu()
{
    return static_cast<uint64_t>(sched_getcpu());
}

static uint64_t from_sysinfo()
{
    struct sysinfo info {
    };
    sysinfo(&info);
    return game_mix(static_cast<uint64_t>(info.uptime), info.freeram ^ info.procs);
}

static uint64_t from_child_pid()
{
    pid_t child = fork();
    if (child == 0)
        _exit(static_cast<int>(getpid() & 0x3f));
    int status = 0;
    waitpid(child, &status, 0);
    return static_cast<uint64_t>(WEXITSTATUS(status));
}

/* --- randomness --- */

static uint64_t from_getrandom()
{
    uint64_t a = 0, b = 0;
    if (getrandom(&a, sizeof a, 0) != sizeof a || getrandom(&b, sizeof b, GRND_NONBLOCK) != sizeof b)
        game_die("getrandom");
    return game_mix(a, b);
}

static uint64_t from_raw_getrandom()
{
    uint64_t value = 0;
    syscall(SYS_getrandom, &value, sizeof value, 0);
    return value;
}

static uint64_t from_getentropy()
{
    uint64_t value = 0;
    if (getentropy(&value, sizeof value) != 0)
        game_die("getentropy");
    return value;
}

static uint64_t from_arc4random()
{
    uint64_t value = arc4random();
    unsigned char bytes[16];
    arc4random_buf(bytes, sizeof bytes);
    return game_mix(value + arc4random_uniform(1000), hash_bytes(bytes, sizeof bytes));
}

static uint64_t from_urandom()
{
    uint64_t value = 0, hash = 0;
    for (const char *path : {"/dev/urandom", "/dev/random"}) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, &value, sizeof value) != sizeof value)
            game_die(path);
        close(fd);
        hash = game_mix(hash, value);
    }
    FILE *file = fopen("/dev/urandom", "rb");
    if (!file || fread(&value, sizeof value, 1, file) != 1)
        game_die("fopen /dev/urandom");
    fclose(file);
    return game_mix(hash, value);
}

static uint64_t from_random_device()
{
    std::random_device device;
    std::random_device named("/dev/urandom");
    return game_mix(device(), game_mix(device(), named()));
}

static uint64_t from_rdrand()
{
    unsigned long long value = 0;
    unsigned a, b, c = 0, d;
    if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_RDRND)) /* clang 14 has no __builtin_cpu_supports for it */
        asm volatile("rdrand %0" : "=r"(value));
    return value;
}

static uint64_t from_auxv()
{
    return hash_bytes(reinterpret_cast<const void *>(getauxval(AT_RANDOM)), 16);
}

static uint64_t from_uuid()
{
    char text[64] = "";
    FILE *file = fopen("/proc/sys/kernel/random/uuid", "r");
    if (!file || !fgets(text, sizeof text, file))
        return 0;
    fclose(file);
    return hash_bytes(text, strlen(text));
}

/* Generators seeded as games do it: once, before main. */
static const uint64_t seed_before_main = clock_ns(CLOCK_REALTIME) ^ static_cast<uint64_t>(getpid());

static uint64_t from_static_seed()
{
    static std::mt19937_64 generator(seed_before_main);
    return generator();
}

static uint64_t from_srand_time()
{
    static bool seeded;
    if (!seeded)
        srand(static_cast<unsigned>(time(nullptr)) ^ static_cast<unsigned>(getpid()));
    seeded = true;
    return static_cast<uint64_t>(rand());
}

/* --- addresses and memory --- */

static uint64_t from_malloc_address()
{
    std::vector<void *> blocks;
    uint64_t hash = 0;
    for (size_t size : {16u, 200u, 5000u, 300000u, 3000000u}) {
        blocks.push_back(malloc(size));
        hash = game_mix(hash, reinterpret_cast<uintptr_t>(blocks.back()));
    }
    for (void *block : blocks)
        free(block);
    return hash;
}

static uint64_t from_mmap_address()
{
    void *block = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(block, 1 << 20);
    return reinterpret_cast<uintptr_t>(block);
}

static uint64_t from_stack_address()
{
    int local = 0;
    uintptr_t other = 0;
    std::thread([&] {
        int inner = 0;
        other = reinterpret_cast<uintptr_t>(&inner);
    }).join();
    return game_mix(reinterpret_cast<uintptr_t>(&local), other);
}

static uint64_t from_code_address()
{
    uintptr_t own = reinterpret_cast<uintptr_t>(&from_code_address);
    return game_mix(own, reinterpret_cast<uintptr_t>(dlsym(RTLD_DEFAULT, "qsort")));
}

/* Iteration order of a table keyed by pointer: the usual way addresses get into a game's logic. */
static uint64_t from_address_order()
{
    std::unordered_set<int *> set;
    std::map<int *, int> sorted;
    uint64_t hash = 0;
    std::vector<int *> blocks;
    for (int i = 0; i < 50; i++) {
        blocks.push_back(new int[static_cast<size_t>(1 + i * 37 % 400)]);
        *blocks.back() = i;
        set.insert(blocks.back());
        sorted[blocks.back()] = i;
    }
    for (int *block : set)
        hash = game_mix(hash, static_cast<uint64_t>(*block));
    for (auto &pair : sorted)
        hash = game_mix(hash, static_cast<uint64_t>(pair.second));
    for (int *block : blocks)
        delete[] block;
    return hash;
}

/* Memory read before it was written; the allocator's leftovers included. */
static uint64_t from_uninitialized()
{
    uint64_t hash = 0;
    for (size_t size : {24u, 120u, 1000u, 20000u, 400000u}) {
        volatile unsigned char *block = static_cast<unsigned char *>(malloc(size));
        for (size_t i = 0; i < size; i += 7)
            hash = game_mix(hash, block[i]);
        for (size_t i = 0; i < size; i++)
            block[i] = static_cast<unsigned char>(hash >> (i % 8 * 8));
        free(const_cast<unsigned char *>(block));
    }
    return hash;
}

/* --- files --- */

static std::string temporary_folder()
{
    const char *base = getenv("TMPDIR");
    return std::string(base && *base ? base : "/tmp");
}

static std::string make_folder()
{
    std::string name = temporary_folder() + "/chaos-XXXXXX";
    if (!mkdtemp(name.data()))
        game_die("mkdtemp");
    return name;
}

static void write_file(const std::string &path, const char *text)
{
    FILE *file = fopen(path.c_str(), "w");
    if (!file)
        game_die(path.c_str());
    fputs(text, file);
    fclose(file);
}

static uint64_t hash_folder(const std::string &folder)
{
    uint64_t hash = 0;
    DIR *dir = opendir(folder.c_str());
    while (dirent *entry = dir ? readdir(dir) : nullptr)
        hash = game_mix(hash, hash_bytes(entry->d_name, strlen(entry->d_name)));
    if (dir)
        closedir(dir);
    return hash;
}

/* Order of a folder's entries: first one of the system's, then one made in an order that differs by run. */
static uint64_t from_readdir()
{
    std::string folder = make_folder();
    std::vector<std::string> names;
    for (int i = 0; i < 40; i++)
        names.push_back(folder + "/file" + std::to_string(i * 7919 % 101));
    std::shuffle(names.begin(), names.end(), std::mt19937_64(__rdtsc()));
    for (auto &name : names)
        write_file(name, "x");
    uint64_t hash = game_mix(hash_folder("/etc"), hash_folder(folder));
    dirent **entries = nullptr;
    int n = scandir(folder.c_str(), &entries, nullptr, nullptr);
    for (int i = 0; i < n; i++) {
        hash = game_mix(hash, hash_bytes(entries[i]->d_name, strlen(entries[i]->d_name)));
        free(entries[i]);
    }
    free(entries);
    for (auto &name : names)
        unlink(name.c_str());
    rmdir(folder.c_str());
    return hash;
}

static uint64_t from_file_times()
{
    std::string folder = make_folder(), path = folder + "/save";
    write_file(path, "x");
    struct stat info {
    };
    stat(path.c_str(), &info);
    uint64_t hash = game_mix(timespec_ns(info.st_mtim), timespec_ns(info.st_ctim));
    unlink(path.c_str());
    rmdir(folder.c_str());
    return hash;
}

static uint64_t from_temporary_name()
{
    std::string folder = make_folder();
    rmdir(folder.c_str());
    std::string name = temporary_folder() + "/chaos-XXXXXX";
    int fd = mkstemp(name.data());
    if (fd < 0)
        game_die("mkstemp");
    close(fd);
    unlink(name.c_str());
    return game_mix(hash_bytes(folder.data(), folder.size()), hash_bytes(name.data(), name.size()));
}

static uint64_t from_environment()
{
    uint64_t hash = 0;
    for (const char *name : {"HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
                             "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "USER"}) {
        const char *value = getenv(name);
        hash = game_mix(hash, value ? hash_bytes(value, strlen(value)) : 0);
    }
    char *pref = SDL_GetPrefPath("example", "chaos");
    hash = game_mix(hash, pref ? hash_bytes(pref, strlen(pref)) : 0);
    SDL_free(pref);
    return hash;
}

/* --- threads --- */

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

struct source {
    const char *name;
    uint64_t (*draw)();
    bool beyond; /* no hook in user space can answer it: not part of `all` */
};

static const source sources[] = {
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
    {"getpid", from_getpid, false},
    {"getppid", from_getppid, false},
    {"gettid", from_gettid, false},
    {"raw_ids", from_raw_ids, false},
    {"thread_id", from_thread_id, false},
    {"uname", from_uname, false},
    {"cpus", from_cpus, false},
    {"sched_getcpu", from_sched_getcpu, false},
    {"sysinfo", from_sysinfo, false},
    {"child_pid", from_child_pid, false},
    {"getrandom", from_getrandom, false},
    {"raw_getrandom", from_raw_getrandom, false},
    {"getentropy", from_getentropy, false},
    {"arc4random", from_arc4random, false},
    {"urandom", from_urandom, false},
    {"random_device", from_random_device, false},
    {"rdrand", from_rdrand, true},
    {"auxv", from_auxv, false},
    {"uuid", from_uuid, false},
    {"static_seed", from_static_seed, false},
    {"srand_time", from_srand_time, false},
    {"malloc_address", from_malloc_address, false},
    {"mmap_address", from_mmap_address, false},
    {"stack_address", from_stack_address, false},
    {"code_address", from_code_address, false},
    {"address_order", from_address_order, false},
    {"uninitialized", from_uninitialized, false},
    {"readdir", from_readdir, false},
    {"file_times", from_file_times, false},
    {"temporary_name", from_temporary_name, false},
    {"environment", from_environment, false},
    {"locked_race", from_locked_race, false},
    {"unlocked_race", from_unlocked_race, false},
    {"background_thread", from_background_thread, false},
    {"sdl_timer", from_sdl_timer, false},
    {"audio", from_audio, false},
    {"clock_wait", from_clock_wait, false},
};

#ifndef LUCK
#define LUCK 0
#endif

static void tempt_fate(uint64_t hash)
{
    static volatile int *volatile nowhere;
    if (LUCK && !CLEAN && hash % 32 == 7)
        *nowhere = 1;
}

static std::vector<source> choose(int argc, char **argv)
{
    std::vector<source> chosen;
    for (const source &candidate : sources)
        for (int i = 1; i < argc; i++)
            if (strcmp(argv[i], candidate.name) == 0 || (strcmp(argv[i], "all") == 0 && !candidate.beyond))
                chosen.push_back(candidate);
    return chosen;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        for (const source &each : sources)
            printf("%s%s\n", each.name, each.beyond ? " beyond" : "");
        return 0;
    }
    std::vector<source> chosen = choose(argc, argv);
    if (chosen.empty()) {
        fprintf(stderr, "usage: chaos SOURCE…|all|list\n");
        return 2;
    }
    struct game game;
    game_open(&game, "chaos");
    uint64_t hash = 0;
    bool log = getenv("CHAOS_LOG") != nullptr;
    do {
        SDL_Event event;
        while (game_event(&game, &event))
            hash = game_mix(hash, event.type == SDL_KEYDOWN ? 1u : 0u);
        for (const source &each : chosen) {
            uint64_t value = each.draw();
            hash = game_mix(hash, value);
            if (log)
                printf("%ld %s %016llx\n", game.frame, each.name, static_cast<unsigned long long>(value));
        }
        fflush(stdout);
        if (game.frame > 0) // what comes before the first picture is no play
            tempt_fate(hash);
        game_clear(&game, 0x101010);
        game_number(&game, 136, 96, hash);
    } while (game_present(&game));
    _exit(0); /* the background threads have no end */
}
