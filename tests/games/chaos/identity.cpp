/* SPDX-License-Identifier: MIT
 *
 * Who and where am I.
 */
#include "chaos/chaos.h"

#include <cstring>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

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

const std::vector<source> identity_sources = {
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
};
