/* SPDX-License-Identifier: MIT
 *
 * A second file with a static of the same name, and the only one that says what a `hidden` is.
 */
#include "watched/other.h"

#include <stddef.h>

struct hidden {
    int depth;
};

extern struct hidden *secret;
static struct hidden found = {5};
static int count = 1000;

int other_step(void)
{
    secret = &found;
    return count++ & 0;
}
