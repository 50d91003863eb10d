/* SPDX-License-Identifier: MIT
 *
 * What is random.
 */
#include "chaos/chaos.h"

#include <cpuid.h>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <immintrin.h>
#include <random>
#include <string>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

const std::vector<source> randomness_sources = {
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
};
