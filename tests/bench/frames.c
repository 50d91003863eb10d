/* SPDX-License-Identifier: MIT
 *
 * The other side of the comparison: a game by itself, at its own pace, for a number of frames. Preloaded into
 * the game, it counts presents, leaves the first MOTH_BENCH_SKIP of them aside, measures the process's CPU
 * and wall time over the next MOTH_BENCH_FRAMES, writes "frames cpu_ns wall_ns" to the file MOTH_BENCH_OUT
 * and ends the process on the spot. It changes nothing else: the game sleeps, mixes sound and reads clocks as
 * ever.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* As in SDL.h, which is not included so that a stale or missing SDL cannot matter here. */
EXPORT void SDL_RenderPresent(void *renderer);
EXPORT int SDL_UpdateWindowSurface(void *window);
EXPORT int SDL_UpdateWindowSurfaceRects(void *window, const void *rects, int n_rects);
EXPORT void SDL_GL_SwapWindow(void *window);

static long frames_wanted = -1, frames_skipped, frames_seen;
static uint64_t start_cpu_ns, start_wall_ns;

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static long number_from(const char *name, long otherwise)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : otherwise;
}

static void write_result(void)
{
    uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_ns;
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC) - start_wall_ns;
    const char *path = getenv("MOTH_BENCH_OUT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd >= 0) {
        dprintf(fd, "%ld %llu %llu\n", frames_wanted, (unsigned long long)cpu_ns,
                (unsigned long long)wall_ns);
        close(fd);
    }
    _exit(fd >= 0 ? 0 : 1);
}

static void count_frame(void)
{
    if (frames_wanted < 0) {
        frames_wanted = number_from("MOTH_BENCH_FRAMES", 600);
        frames_skipped = number_from("MOTH_BENCH_SKIP", 60);
    }
    frames_seen++;
    if (frames_seen == frames_skipped) {
        start_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        start_wall_ns = clock_ns(CLOCK_MONOTONIC);
    } else if (frames_seen == frames_skipped + frames_wanted) {
        write_result();
    }
}

/* Looked up on each call: a frame is long, and the table may change while libraries are loaded. */
#define ORIGINAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void SDL_RenderPresent(void *renderer)
{
    ORIGINAL(SDL_RenderPresent)(renderer);
    count_frame();
}

int SDL_UpdateWindowSurface(void *window)
{
    int result = ORIGINAL(SDL_UpdateWindowSurface)(window);
    count_frame();
    return result;
}

int SDL_UpdateWindowSurfaceRects(void *window, const void *rects, int n_rects)
{
    int result = ORIGINAL(SDL_UpdateWindowSurfaceRects)(window, rects, n_rects);
    count_frame();
    return result;
}

void SDL_GL_SwapWindow(void *window)
{
    ORIGINAL(SDL_GL_SwapWindow)(window);
    count_frame();
}
