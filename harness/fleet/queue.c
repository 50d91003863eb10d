/* SPDX-License-Identifier: MIT */
#include "fleet/queue.h"

#include <stdlib.h>
#include <string.h>

void moth_queue_push(struct moth_queue *queue, const struct moth_task *task)
{
    struct moth_task *grown = realloc(queue->at, (queue->n + 1) * sizeof *grown);
    if (!grown)
        return;
    queue->at = grown;
    grown[queue->n++] = *task;
}

bool moth_queue_pop(struct moth_queue *queue, struct moth_task *task)
{
    if (queue->n == 0)
        return false;
    *task = queue->at[0];
    memmove(queue->at, queue->at + 1, --queue->n * sizeof *queue->at);
    return true;
}
