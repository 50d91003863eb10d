/* SPDX-License-Identifier: MIT
 *
 * What the areas of the branch game share. Each keeps something that a copy of the process could share
 * with, or lose from, the one it was copied of, and turns what it sees of it into a value a frame. What it
 * does depends on the keys pressed so far, so that two branches do different things to whatever they share.
 */
#ifndef TESTS_GAMES_BRANCH_AREA_H
#define TESTS_GAMES_BRANCH_AREA_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct area {
    const char *name; /* NULL ends a table */
    void (*begin)(void);
    uint64_t (*frame)(long frame, uint64_t keys);
    int alone; /* it disturbs others: played only when named */
};

extern const struct area file_areas[], folder_areas[], pipe_areas[], thread_areas[], own_areas[],
    child_areas[], cxx_areas[];

/* A path below HOME; static storage for the last few. */
const char *home_path(const char *name);

uint64_t mixed(uint64_t hash, uint64_t value);
uint64_t mixed_bytes(uint64_t hash, const void *bytes, size_t size);

/* A wrong answer ends the program with status 3. */
#define NEED(condition)                                  \
    do {                                                 \
        if (!(condition))                                \
            need_failed(#condition, __FILE__, __LINE__); \
    } while (0)

__attribute__((noreturn)) void need_failed(const char *condition, const char *file, int line);

#ifdef __cplusplus
}
#endif
#endif
