/* SPDX-License-Identifier: MIT
 *
 * The least a round trip between two processes can cost: one futex word in shared memory, handed to and
 * fro between two processes pinned to one core. Prints the median of five rounds in nanoseconds.
 *
 *     bench_pingpong [ROUND_TRIPS]
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

enum { TURN_FIRST, TURN_SECOND };

static void give(_Atomic unsigned *turn, unsigned to)
{
    atomic_store_explicit(turn, to, memory_order_release);
    syscall(SYS_futex, turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void await(_Atomic unsigned *turn, unsigned mine)
{
    unsigned now;
    while ((now = atomic_load_explicit(turn, memory_order_acquire)) != mine)
        syscall(SYS_futex, turn, FUTEX_WAIT, now, NULL, NULL, 0);
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void pin_to_one_core(void)
{
    cpu_set_t allowed;
    sched_getaffinity(0, sizeof allowed, &allowed);
    size_t core = 0;
    while (core < CPU_SETSIZE - 1 && !CPU_ISSET(core, &allowed))
        core++;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static int by_value(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    long trips = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
    if (trips < 1)
        return 2;
    _Atomic unsigned *turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turn == MAP_FAILED)
        return 1;
    pin_to_one_core();
    pid_t other = fork();
    if (other < 0)
        return 1;
    if (other == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            await(turn, TURN_SECOND);
            give(turn, TURN_FIRST);
        }
    }
    long long taken_ns[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        long long start = now_ns();
        for (long i = 0; i < trips; i++) {
            give(turn, TURN_SECOND);
            await(turn, TURN_FIRST);
        }
        taken_ns[round] = now_ns() - start;
    }
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    qsort(taken_ns, ROUNDS, sizeof taken_ns[0], by_value);
    printf("%.0f\n", (double)taken_ns[ROUNDS / 2] / (double)trips);
    return 0;
}
