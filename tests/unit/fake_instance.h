/* SPDX-License-Identifier: MIT
 *
 * What a test may tell the fake instance about forking, and ask it. By default it cannot be forked.
 */
#ifndef TESTS_UNIT_FAKE_INSTANCE_H
#define TESTS_UNIT_FAKE_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>

struct fake_forks {
    bool can, can_pack;     /* snapshots may be taken; packed */
    uint64_t pss_bytes;     /* of each; a quarter when it is packed */
    unsigned kill_restores; /* so many restores find their process killed */
    unsigned live, most_live, taken, restored, launched, packed; /* counted */
};

extern struct fake_forks fake_forks;

#endif
