/* SPDX-License-Identifier: MIT
 *
 * What differs from run to run, by where it comes from.
 */
#ifndef CHAOS_H
#define CHAOS_H

#include <cstdint>
#include <ctime>
#include <vector>

#include "game.h"

struct source {
    const char *name;
    uint64_t (*draw)();
    bool beyond; /* no hook in user space can answer it: not part of `all` */
};

extern const std::vector<source> clocks_sources, identity_sources, randomness_sources, memory_sources, files_sources, threads_sources;

inline uint64_t hash_bytes(const void *bytes, size_t size)
{
    uint64_t hash = size;
    for (size_t i = 0; i < size; i++)
        hash = game_mix(hash, static_cast<const unsigned char *>(bytes)[i]);
    return hash;
}

inline uint64_t timespec_ns(const timespec &t)
{
    return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

inline uint64_t clock_ns(clockid_t id)
{
    timespec t{};
    clock_gettime(id, &t);
    return timespec_ns(t);
}

#endif
