/* SPDX-License-Identifier: MIT
 *
 * A search over a game's memory for a number of which is known only how it changes: "100 now, less after that
 * hit, still the same". What is left in the end is told as watch expressions that hold in the next process too:
 * by module and offset, or from there through pointers.
 *
 * Life cycle: moth_scan_create → moth_scan_step whenever the game stands where something is known →
 * moth_scan_find for what is left → moth_scan_destroy. Memory is read from outside, through the kernel; the
 * game does not notice. The first step holds for all that is writable; the later ones for what the ones before
 * left. One thread. Takes as much memory as the game has, until a step leaves little.
 */
#ifndef MOTH_SCAN_SCAN_H
#define MOTH_SCAN_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define MOTH_SCAN_MEMORY_MAX (2ULL << 30)
#define MOTH_SCAN_EXPRESSION_BYTES 256u

/* X(name, text, numbers it needs, may come first) */
#define MOTH_SCAN_RELATIONS(X)          \
    X(ANY, "any", 0, true)              \
    X(EQUAL, "equal", 1, true)          \
    X(BETWEEN, "between", 2, true)      \
    X(CHANGED, "changed", 0, false)     \
    X(UNCHANGED, "unchanged", 0, false) \
    X(INCREASED, "increased", 0, false) \
    X(DECREASED, "decreased", 0, false)

enum moth_scan_relation {
#define X(name, text, numbers, first) MOTH_SCAN_##name,
    MOTH_SCAN_RELATIONS(X)
#undef X
        MOTH_SCAN_RELATIONS_END
};

/* increased and decreased take one number if there is one: by so much. */
struct moth_scan_step {
    enum moth_scan_relation relation;
    size_t n_numbers;
    double numbers[2];
    int64_t integers[2]; /* the same, exact, for types of whole numbers */
};

struct moth_scan; /* opaque */

/* `type`: "i8" … "u64", "f32", "f64", or as C calls them. NULL and err when it is none of a number. */
struct moth_scan *moth_scan_create(const char *type, struct moth_err *err);
void moth_scan_destroy(struct moth_scan *scan); /* NULL is ignored */
/* "equal 100", "decreased", "increased 5", "between 1 10": 0, or -1 with err. */
int moth_scan_parse(const char *text, struct moth_scan_step *step, struct moth_err *err);
/* Hold what is left against the process `pid`, which stands still. 0, or -1 with err. */
int moth_scan_step(struct moth_scan *scan, pid_t pid, const struct moth_scan_step *step, struct moth_err *err);
uint64_t moth_scan_count(const struct moth_scan *scan);

#define MOTH_SCAN_WAYS_MAX 6u

/* One way to it that began in a module's own data. It led there when it was looked for; a pointer that does so by
 * chance does not always. */
struct moth_scan_way {
    char expression[MOTH_SCAN_EXPRESSION_BYTES];
    unsigned pointers; /* followed: 0 in a module's own data */
    bool system;       /* the module is a library of the system */
};

struct moth_scan_hit {
    uint64_t address;
    size_t n_ways; /* those with the fewest pointers first; a place in a module's own data has one */
    struct moth_scan_way ways[MOTH_SCAN_WAYS_MAX];
    int64_t integer;                             /* its value at the last step … */
    double number;                               /* … or this, where `floating` */
    bool floating;
};

/* Does a step hold for a number that was `was` at the one before and is `is` now? Each is as large as the type. */
bool moth_scan_holds(const struct moth_scan *scan, const struct moth_scan_step *step, const uint8_t *was,
                     const uint8_t *is);
size_t moth_scan_size(const struct moth_scan *scan); /* bytes of the type */
/* Fill up to `room` of what is left, those first that are reached with the fewest pointers; how many. */
size_t moth_scan_find(const struct moth_scan *scan, pid_t pid, struct moth_scan_hit *hits, size_t room);

#endif
