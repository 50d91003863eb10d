/* SPDX-License-Identifier: MIT
 *
 * Makes allocations fail on purpose. For programs linked with WRAP malloc calloc realloc strdup: only calls made
 * by moth's own code go through here, not those of libc and other libraries.
 */
#ifndef MOTH_TEST_ALLOC_H
#define MOTH_TEST_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th allocation from now on fails (1 is the next one), and all after it; 0: none. */
void test_alloc_fail_at(size_t n);
/* Whether one has failed since. */
bool test_alloc_failed(void);
/* The largest single request since test_alloc_fail_at was last called. */
size_t test_alloc_largest(void);

#endif
