/* SPDX-License-Identifier: MIT
 *
 * Which part of a run this process is to play: said as I/N, or told by the engine that started it as one of
 * many (Slurm, Kubernetes, GitHub, GitLab, …) in its environment. No state.
 */
#ifndef MOTH_CLI_SHARD_H
#define MOTH_CLI_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define MOTH_SHARDS_MAX 100000u

struct moth_shard {
    uint32_t index; /* from 1 */
    uint32_t of;
};

/* "I/N" with 1 ≤ I ≤ N ≤ MOTH_SHARDS_MAX. */
bool moth_shard_parse(const char *text, struct moth_shard *shard);
/* Ask the environment. 0, or -1 (MOTH_ERR_USAGE) when nobody there says anything, says nonsense, or two say
 * different things; err then names the variables. */
int moth_shard_auto(const char *(*variable)(const char *name), struct moth_shard *shard,
                    struct moth_err *err);

#endif
