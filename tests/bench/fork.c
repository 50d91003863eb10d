/* SPDX-License-Identifier: MIT
 *
 * What the system takes for a copy of a process: fork, _exit and wait, of one with so many bytes resident.
 *
 *     bench_fork BYTES [TIMES]      prints the median in nanoseconds
 *
 * In pages of the usual size, as a game's memory is: many allocations, hardly one of them a huge page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TIMES_MAX 1000

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static long long fork_once(void)
{
    long long began = now_ns();
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child < 0 || waitpid(child, NULL, 0) != child)
        exit(1);
    return now_ns() - began;
}

static int compare(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static long long took[TIMES_MAX];
    size_t size = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    int times = argc > 2 ? atoi(argv[2]) : 20;
    if (size == 0 || times < 1 || times > TIMES_MAX)
        return 2;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    madvise(memory, size, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
        memory[at] = (char)(at >> 12 | 1);
    for (int i = 0; i < times; i++)
        took[i] = fork_once();
    qsort(took, (size_t)times, sizeof *took, compare);
    printf("%lld\n", took[times / 2]);
    return 0;
}
