/* SPDX-License-Identifier: MIT
 *
 * Places that were seen, of whatever agent: keys of the fixed grid (explore/grid.h), looked at where the
 * game is looked at anyway, or of what the game publishes where its picture cannot be read. A set that grows;
 * zeroed, it is empty. When memory is out or MOTH_PLACES_MAX is reached, nothing is new any more.
 */
#ifndef MOTH_FLEET_PLACES_H
#define MOTH_FLEET_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "branch/view.h"

#define MOTH_PLACES_MAX (1u << 20)

struct moth_places {
    uint64_t *keys; /* open addressing, 0: free */
    size_t n, room;
};

/* What names the place of a view; 0: nothing does. */
uint64_t moth_places_key(const struct moth_view *view);
/* Whether it is new. 0 never is. */
bool moth_places_add(struct moth_places *cells, uint64_t key);
void moth_places_fini(struct moth_places *cells);

#endif
