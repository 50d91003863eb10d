/* SPDX-License-Identifier: MIT
 *
 * What branches of a game cost.
 *
 *     bench_branches costs FRAMES TIMES VIDEO GAME…   snapshot and restore at that depth, nanoseconds, medians
 *     bench_branches depth FRAMES TIMES VIDEO GAME…   a restore against a replay from boot, nanoseconds
 *     bench_branches chain FRAMES COUNT VIDEO GAME…   a restore, when each of so many places is reached from the
 *                                                     one before: the first ten and the last, medians
 *     bench_branches live  FRAMES COUNT VIDEO GAME…   memory of so many live snapshots, FRAMES apart, and the
 *                                                     game, when they may have MEMORY together
 *
 * Prints `name value` lines. Restored games play a frame, so that what was put off is paid for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "branch/tree.h"
#include "runner/cookie.h"
#include "runner/snapshot.h"

#define TIMES_MAX 1000
#define PLENTY (1ull << 42)
#define MEMORY 440000000ull

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t median(uint64_t *took, unsigned n)
{
    qsort(took, n, sizeof *took, compare);
    return took[n / 2];
}

static _Noreturn void stop(const char *what, const char *why)
{
    fprintf(stderr, "bench_branches: %s: %s\n", what, why);
    moth_cookie_sweep(moth_cookie());
    exit(1);
}

static uint64_t now(void)
{
    return moth_clock_monotonic_ns();
}

/* A line's figure of a /proc file, in bytes. */
static uint64_t kilobytes(pid_t pid, const char *file, const char *name)
{
    char path[64], line[256];
    unsigned long long kb = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *lines = fopen(path, "r");
    while (lines && kb == 0 && fgets(line, sizeof line, lines))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), " %llu", &kb);
    if (lines)
        fclose(lines);
    return kb << 10;
}

static struct moth_tree *launch(const struct moth_instance_config *config, uint64_t memory_bytes)
{
    struct moth_tree_config tree_config = {.launch = *config, .memory_bytes = memory_bytes};
    struct moth_err err;
    struct moth_tree *tree = moth_tree_launch(&tree_config, &err);
    if (!tree)
        stop("launching", err.message);
    return tree;
}

/* Right, left, fire and nothing, in turns: something has to happen in the game. */
static void play(struct moth_tree *tree, uint32_t frames)
{
    static const uint16_t keys[] = {79, 80, 44}; /* right, left, space */
    struct moth_err err = {.message = ""};
    for (uint32_t done = 0; done < frames; done += 20) {
        uint32_t part = frames - done < 20 ? frames - done : 20;
        uint16_t key = keys[moth_tree_frame(tree) / 20 % 3];
        struct moth_input_event events[2] = {{.type = MOTH_INPUT_KEY_DOWN, .code = key},
                                             {.frame = part / 2, .type = MOTH_INPUT_KEY_UP, .code = key}};
        if (moth_tree_step(tree, part, events, 2, &err) != MOTH_STEP_OK)
            stop("playing", "the game ended");
    }
}

static void costs(const struct moth_instance_config *config, uint32_t frames, unsigned times)
{
    static uint64_t created[TIMES_MAX], restored[TIMES_MAX];
    struct moth_tree *tree = launch(config, PLENTY);
    struct moth_instance *instance = moth_tree_instance(tree);
    struct moth_err err;
    play(tree, frames);
    /* Now: a copy has its program's and libraries' pages only once it has come by them. */
    uint64_t resident = kilobytes(moth_instance_pid(instance), "status", "VmRSS:");
    for (unsigned i = 0; i < times; i++) {
        uint64_t began = now();
        struct moth_snapshot *snapshot = moth_instance_snapshot(instance, &err);
        created[i] = now() - began;
        if (!snapshot)
            stop("a snapshot", err.message);
        if (moth_instance_step(instance, 1, NULL, 0, 0, 0, NULL, NULL, &err) != MOTH_STEP_OK)
            stop("a snapshot", "the game ended after it");
        began = now();
        if (moth_instance_restore(instance, snapshot, &err) != 0)
            stop("a restore", err.message);
        restored[i] = now() - began;
        if (moth_instance_step(instance, 1, NULL, 0, 0, 0, NULL, NULL, &err) != MOTH_STEP_OK)
            stop("a restore", "the game ended after it");
        moth_snapshot_release(snapshot);
    }
    printf("resident_bytes %llu\n", (unsigned long long)resident);
    printf("create_ns %llu\nrestore_ns %llu\n", (unsigned long long)median(created, times),
           (unsigned long long)median(restored, times));
    moth_tree_close(tree);
}

static uint64_t time_restore(struct moth_tree *tree, struct moth_node *node)
{
    struct moth_err err = {.message = ""};
    uint64_t began = now();
    if (moth_tree_restore(tree, node, &err) != 0)
        stop("a restore", err.message);
    play(tree, 1);
    return now() - began;
}

static void depth(const struct moth_instance_config *config, uint32_t frames, unsigned times)
{
    static const uint64_t memory[] = {PLENTY, 0};
    static const char *const names[] = {"restore_ns", "replay_ns"};
    uint64_t took[TIMES_MAX];
    for (int i = 0; i < 2; i++) {
        struct moth_tree *tree = launch(config, memory[i]);
        struct moth_err err;
        play(tree, frames);
        struct moth_node *node = moth_tree_snapshot(tree, &err);
        if (!node || moth_node_live(node) != (memory[i] > 0))
            stop("a snapshot", "it is not of the kind that was wanted");
        play(tree, 10);
        for (unsigned n = 0; n < times; n++)
            took[n] = time_restore(tree, node);
        printf("%s %llu\n", names[i], (unsigned long long)median(took, times));
        moth_tree_close(tree);
    }
}

/* Each place is reached from the one before: medians of the first and of the last of so many restores. */
static void chain(const struct moth_instance_config *config, uint32_t frames, unsigned count)
{
    enum { PART = 10 };
    static uint64_t took[TIMES_MAX];
    struct moth_tree *tree = launch(config, PLENTY);
    struct moth_err err = {.message = ""};
    play(tree, frames);
    for (unsigned i = 0; i < count; i++) {
        struct moth_node *node = moth_tree_snapshot(tree, &err);
        if (!node)
            stop("a snapshot", err.message);
        uint64_t began = now();
        if (moth_tree_restore(tree, node, &err) != 0)
            stop("a restore", err.message);
        took[i] = now() - began;
        play(tree, 1);
    }
    unsigned part = count < PART ? count : PART;
    printf("first_ns %llu\n", (unsigned long long)median(took, part));
    printf("last_ns %llu\n", (unsigned long long)median(took + count - part, part));
    moth_tree_close(tree);
}

static void live(const struct moth_instance_config *config, uint32_t frames, unsigned count)
{
    struct moth_tree *tree = launch(config, MEMORY);
    struct moth_tree_counts counts;
    struct moth_err err;
    for (unsigned i = 0; i < count; i++) {
        play(tree, frames);
        if (!moth_tree_snapshot(tree, &err))
            stop("a snapshot", err.message);
    }
    moth_tree_read_memory(tree);
    moth_tree_counts(tree, &counts);
    uint64_t game = kilobytes(moth_instance_pid(moth_tree_instance(tree)), "smaps_rollup", "Pss:");
    printf("live %u\npacked %llu\nbytes %llu\n", counts.live, (unsigned long long)counts.packed,
           (unsigned long long)(counts.pss_bytes + game));
    moth_tree_close(tree);
}

int main(int argc, char **argv)
{
    struct moth_instance_config config = {.channel = {.seed = 1, .hz = 60}};
    if (argc < 6)
        return 2;
    uint32_t frames = (uint32_t)strtoul(argv[2], NULL, 10);
    unsigned times = (unsigned)strtoul(argv[3], NULL, 10);
    config.channel.video = strcmp(argv[4], "gl") == 0 ? MOTH_VIDEO_GL : MOTH_VIDEO_NONE;
    config.argv = (const char *const *)&argv[5];
    if (times < 1 || times > TIMES_MAX)
        return 2;
    if (strcmp(argv[1], "costs") == 0)
        costs(&config, frames, times);
    else if (strcmp(argv[1], "depth") == 0)
        depth(&config, frames, times);
    else if (strcmp(argv[1], "chain") == 0)
        chain(&config, frames, times);
    else if (strcmp(argv[1], "live") == 0)
        live(&config, frames, times);
    else
        return 2;
    moth_cookie_sweep(moth_cookie());
    return 0;
}
