/* SPDX-License-Identifier: MIT */
#include "runner/watch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void moth_watch_fill_limits(struct moth_limits *limits)
{
    if (limits->boundary_cpu_ms == 0)
        limits->boundary_cpu_ms = 5000;
    if (limits->boundary_wall_ms == 0)
        limits->boundary_wall_ms = 20000;
    if (limits->boot_wall_ms == 0)
        limits->boot_wall_ms = 60000;
    if (limits->memory_mb == 0)
        limits->memory_mb = 4096;
    if (limits->file_mb == 0)
        limits->file_mb = 1024;
}

static uint64_t cpu_ms(pid_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t moth_watch_rss_bytes(pid_t pid)
{
    char path[64], text[128];
    unsigned long long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    return sscanf(text, "%*s %llu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

uint64_t moth_watch_pss_bytes(pid_t pid)
{
    char path[64], text[2048];
    unsigned long long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, "\nPss:");
    if (at != NULL)
        sscanf(at, "\nPss: %llu", &kb);
    return kb << 10;
}

void moth_watch_begin(struct moth_watch *watch, pid_t pid)
{
    *watch = (struct moth_watch){.pid = pid};
    watch->began_ns = moth_awake_ns(&watch->awake);
    watch->cpu_began_ms = watch->cpu_last_ms = cpu_ms(pid);
    watch->idle_since_ns = watch->began_ns;
}

enum moth_watch_verdict moth_watch_look(struct moth_watch *watch, pid_t pid, uint32_t frame,
                                        const struct moth_limits *limits, bool boot, char *text, size_t size)
{
    if (pid != watch->pid)
        moth_watch_begin(watch, pid);
    uint64_t now = moth_awake_ns(&watch->awake), cpu = cpu_ms(pid);
    /* The limit is one boundary's: a long program of slow frames is not a hang. */
    if (frame != watch->frame) {
        watch->frame = frame;
        watch->cpu_began_ms = cpu;
    }
    if (cpu != watch->cpu_last_ms) {
        watch->cpu_last_ms = cpu;
        watch->idle_since_ns = now;
    }
    if (moth_watch_rss_bytes(pid) >> 20 > limits->memory_mb) {
        snprintf(text, size, "more than %u MB of memory", limits->memory_mb);
        return MOTH_WATCH_MEMORY;
    }
    if (boot && (now - watch->began_ns) / 1000000 > limits->boot_wall_ms)
        snprintf(text, size, "no first frame within %u s", limits->boot_wall_ms / 1000);
    else if (!boot && cpu - watch->cpu_began_ms > limits->boundary_cpu_ms)
        snprintf(text, size, "no frame within %u ms of CPU time", limits->boundary_cpu_ms);
    else if ((now - watch->idle_since_ns) / 1000000 > limits->boundary_wall_ms)
        snprintf(text, size, "no frame, and nothing done, for %u s", limits->boundary_wall_ms / 1000);
    else
        return MOTH_WATCH_FINE;
    return MOTH_WATCH_STUCK;
}
