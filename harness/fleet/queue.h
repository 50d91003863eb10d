/* SPDX-License-Identifier: MIT
 *
 * What there is to do, in order. Owns the memory of its entries; a queue that is zeroed is empty.
 */
#ifndef MOTH_FLEET_QUEUE_H
#define MOTH_FLEET_QUEUE_H

#include <stdbool.h>

#include "fleet/workers.h"

struct moth_queue {
    struct moth_task *at;
    size_t n;
};

void moth_queue_push(struct moth_queue *queue, const struct moth_task *task);
/* Take the first. False when there is none. */
bool moth_queue_pop(struct moth_queue *queue, struct moth_task *task);

#endif
