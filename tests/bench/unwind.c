/* SPDX-License-Identifier: MIT
 *
 * What it takes to unwind a game that stands still, each time from nothing, as after a crash.
 *
 *     bench_unwind FRAMES TIMES VIDEO GAME…     prints "unwind_ns N" (median), "fibers N" and "frames N"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "runner/cookie.h"
#include "runner/instance.h"
#include "unwind/unwind.h"

#define TIMES_MAX 100

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static _Noreturn void stop(const char *what, const char *why)
{
    fprintf(stderr, "bench_unwind: %s: %s\n", what, why);
    moth_cookie_sweep(moth_cookie());
    exit(1);
}

static size_t unwind_once(const struct moth_instance *instance, size_t *fibers)
{
    struct moth_err err;
    struct moth_stacks *stacks = moth_unwind(moth_instance_pid(instance), moth_instance_channel(instance), NULL, &err);
    if (stacks == NULL)
        stop("unwinding", err.message);
    size_t frames = 0;
    for (size_t i = 0; i < stacks->n_fibers; i++)
        frames += stacks->fibers[i].n_frames;
    *fibers = stacks->n_fibers;
    moth_stacks_free(stacks);
    return frames;
}

int main(int argc, char **argv)
{
    static uint64_t took[TIMES_MAX];
    if (argc < 5)
        return 2;
    uint32_t frames = (uint32_t)strtoul(argv[1], NULL, 10);
    unsigned times = (unsigned)strtoul(argv[2], NULL, 10);
    if (frames == 0 || times == 0 || times > TIMES_MAX)
        return 2;
    struct moth_instance_config config = {.argv = (const char *const *)argv + 4, .channel = {.seed = 1, .hz = 60}};
    config.channel.video = strcmp(argv[3], "gl") == 0 ? MOTH_VIDEO_GL : MOTH_VIDEO_NONE;
    struct moth_err err = {.message = ""};
    struct moth_instance *instance = moth_instance_launch(&config, &err);
    if (instance == NULL)
        stop("launching", err.message);
    if (moth_instance_step(instance, frames, NULL, 0, 0, 0, NULL, NULL, &err) != MOTH_STEP_OK)
        stop("playing", err.message);
    size_t fibers = 0, found = 0;
    for (unsigned i = 0; i < times; i++) {
        uint64_t began = moth_clock_monotonic_ns();
        found = unwind_once(instance, &fibers);
        took[i] = moth_clock_monotonic_ns() - began;
    }
    qsort(took, times, sizeof *took, compare);
    printf("unwind_ns %llu\nfibers %zu\nframes %zu\n", (unsigned long long)took[times / 2], fibers, found);
    moth_instance_close(instance);
    return 0;
}
