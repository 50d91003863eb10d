/* SPDX-License-Identifier: MIT
 *
 * What a fuzzer's fork server forks: a program with so many megabytes resident (BENCH_MEGABYTES) that reads its
 * input, writes to a few pages, and ends. Built with afl-clang-fast by tests/bench/run, which is why it knows of no
 * harness.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef __AFL_INIT
#define __AFL_INIT() ((void)0)
#endif

int main(void)
{
    const char *text = getenv("BENCH_MEGABYTES");
    size_t size = (size_t)(text ? atoi(text) : 8) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    madvise(memory, size, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
        memory[at] = (char)(at >> 12 | 1);
    __AFL_INIT();
    unsigned char input[64];
    ssize_t n = read(0, input, sizeof input);
    for (ssize_t i = 0; i < n; i++)
        memory[((size_t)input[i] << 12) % size] = 1;
    if (n > 2 && input[0] == 'a' && input[1] == 'b')
        return 1;
    return 0;
}
