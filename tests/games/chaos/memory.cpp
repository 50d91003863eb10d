/* SPDX-License-Identifier: MIT
 *
 * Where things lie, and what lies in memory nobody has written.
 */
#include "chaos/chaos.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <string>
#include <sys/mman.h>
#include <thread>
#include <unordered_set>
#include <vector>

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

const std::vector<source> memory_sources = {
    {"malloc_address", from_malloc_address, false},
    {"mmap_address", from_mmap_address, false},
    {"stack_address", from_stack_address, false},
    {"code_address", from_code_address, false},
    {"address_order", from_address_order, false},
    {"uninitialized", from_uninitialized, false},
};
