/* SPDX-License-Identifier: MIT
 *
 * Short runs of key and button edges that led somewhere new, with how often they did.
 *
 * A table of bounded size: when it is full all weights are halved and what falls below one is forgotten.
 * Two runs are the same when their edges are, and the times between them of the same magnitude.
 */
#ifndef MOTH_EXPLORE_NGRAM_H
#define MOTH_EXPLORE_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "wire/input.h"

#define MOTH_NGRAM_EDGES 4u
#define MOTH_NGRAMS_MAX 2048u
#define MOTH_NGRAM_FRAMES 120u /* older edges than that had no part in it */

struct moth_ngram {
    uint64_t hash;
    uint32_t weight, n;
    uint32_t after; /* frames from the last edge to what was new */
    struct moth_input_event edges[MOTH_NGRAM_EDGES]; /* frames count from the first */
};

struct moth_ngrams {
    struct moth_ngram *at;
    size_t n;
    uint64_t weight; /* sum */
};

void moth_ngrams_fini(struct moth_ngrams *ngrams);
/* The inputs before `frame` opened something: learn from their last edges. */
void moth_ngrams_learn(struct moth_ngrams *ngrams, const struct moth_input_event *events, size_t n_events,
                       uint32_t frame);
/* One by weight; NULL while nothing is known. */
const struct moth_ngram *moth_ngrams_sample(const struct moth_ngrams *ngrams, struct moth_rng *rng);

#endif
